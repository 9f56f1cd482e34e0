"""One exchange over HTTP: streamed, bounded and measured."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from databuddy_source.api.budget import Clock
from databuddy_source.errors import NotTheApi, TimedOut, TooLarge, Unreachable, Where

CONNECT_SECONDS = 5.0

LARGEST_ANSWER = 256 * 1024**2
"""Bytes. Decoded, so much JSON takes six times the memory."""


@dataclass(slots=True)
class Traffic:
    """What the last try of a request took.

    Attributes:
        seconds: from its sending to the end of the answer, or to the failure.
        size: bytes of the answer, decompressed, as far as they were read.
    """

    seconds: float = 0.0
    size: int = 0


async def exchange(
    http: httpx.AsyncClient,
    request: httpx.Request,
    seconds: float,
    clock: Clock,
    where: Where,
    traffic: Traffic,
) -> httpx.Response:
    """Send a request and read its answer to the end, whatever its status.

    Args:
        http: the connections.
        request: to be sent.
        seconds: for how long the answer may take.
        clock: measures it.
        where: for errors.
        traffic: takes down what it took.

    Raises:
        Unreachable: no connection, or one that broke.
        TimedOut: no whole answer in time.
        TooLarge: the answer has more than 256 MB.
        NotTheApi: it is compressed and broken.
    """
    started = clock.monotonic()
    traffic.size = 0
    try:
        # httpx counts from byte to byte, so an answer that trickles in would never time out
        with failures(where, seconds):
            async with asyncio.timeout(seconds):
                return await _read(http, request, where, traffic)
    finally:
        traffic.seconds = clock.monotonic() - started


async def opened(
    http: httpx.AsyncClient, request: httpx.Request, seconds: float, where: Where
) -> httpx.Response:
    """Send a request. Returns its answer once it begins; what is no success is read to the end.

    Raises:
        Unreachable, TimedOut, NotTheApi: as `exchange`.
    """
    with failures(where, seconds):
        async with asyncio.timeout(seconds):
            answer = await http.send(request, stream=True)
            if not answer.is_success:
                await answer.aread()
            return answer


@contextlib.contextmanager
def failures(where: Where, seconds: float) -> Iterator[None]:
    """The HTTP library's errors as ours. `from None`: they hold the request, and with it the key.

    Args:
        where: for errors.
        seconds: for how long the answer may take.
    """
    try:
        yield
    except httpx.ConnectTimeout:
        raise Unreachable(f"No connection in {CONNECT_SECONDS:.0f} s", where=where) from None
    except (httpx.TimeoutException, TimeoutError):
        raise TimedOut(f"No answer in {seconds:.0f} s", where=where) from None
    except httpx.DecodingError:
        raise NotTheApi("The server sent a compressed answer that is broken", where=where) from None
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        raise Unreachable(f"The server cannot be reached: {reason}", where=where) from None


async def _read(
    http: httpx.AsyncClient, request: httpx.Request, where: Where, traffic: Traffic
) -> httpx.Response:
    answer = await http.send(request, stream=True)
    try:
        parts = []
        async for part in answer.aiter_bytes():
            traffic.size += len(part)
            if traffic.size > LARGEST_ANSWER:
                raise TooLarge(
                    f"The answer has more than {LARGEST_ANSWER // 1024**2} MB", where=where
                )
            parts.append(part)
    finally:
        await answer.aclose()
    # httpx's own answer and its stream hold each other, so megabytes would wait for the garbage
    # collector. What is read here is decompressed, so the headers must not say otherwise
    headers = [
        (name, value)
        for name, value in answer.headers.multi_items()
        if name not in {"content-encoding", "content-length", "transfer-encoding"}
    ]
    return httpx.Response(
        answer.status_code, headers=headers, content=b"".join(parts), request=answer.request
    )
