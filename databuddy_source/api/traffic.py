"""One exchange over HTTP: streamed, bounded and measured."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass

import httpx

from databuddy_source.api.budget import Clock
from databuddy_source.errors import NotTheApi, TimedOut, TooLarge, Unreachable, Where

CONNECT_SECONDS = 5.0

LARGEST_ANSWER = 32 * 1024**2
"""Bytes, decompressed. Rows take six times as much once they are decoded."""

ENCODING = "gzip"
"""What answers may be compressed with, once: each kind has to be unpacked in bounded pieces."""

ACCEPTED = {"accept": "application/json", "accept-encoding": ENCODING}
"""Headers that say what answers may be."""

LONGEST_ID = 100
"""Letters of a request's id that are kept."""

PIECE = 1024**2
"""Bytes that are unpacked at once. A thousand times as much may be in what came."""


@dataclass(slots=True)
class Traffic:
    """What the last try of a request took.

    Attributes:
        seconds: from its sending to the end of the answer, or to the failure.
        size: bytes of the answer, decompressed, as far as they were read.
        request_id: what the server calls the request; empty where it does not say.
    """

    seconds: float = 0.0
    size: int = 0
    request_id: str = ""


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
        TooLarge: the answer has more than `LARGEST_ANSWER`.
        NotTheApi: it is compressed and broken, or otherwise than it was asked for.
    """
    started = clock.monotonic()
    traffic.size, traffic.request_id = 0, ""
    try:
        # httpx counts from byte to byte, so an answer that trickles in would never time out
        with failures(where, seconds):
            async with asyncio.timeout(seconds):
                answer = await http.send(request, stream=True)
                traffic.request_id = answer.headers.get("x-request-id", "")[:LONGEST_ID]
                return await read(answer, where, traffic)
    finally:
        traffic.seconds = clock.monotonic() - started


async def opened(
    http: httpx.AsyncClient, request: httpx.Request, seconds: float, where: Where
) -> httpx.Response:
    """Send a request. Returns its answer once it begins; what is no success is read to the end.

    Raises:
        Unreachable, TimedOut, TooLarge, NotTheApi: as `exchange`.
    """
    with failures(where, seconds):
        async with asyncio.timeout(seconds):
            answer = await http.send(request, stream=True)
            return answer if answer.is_success else await read(answer, where, Traffic())


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
    except httpx.TransportError as error:
        reason = str(error) or type(error).__name__
        if "WRONG_VERSION_NUMBER" in reason:  # what OpenSSL calls an answer without TLS
            reason = "it speaks http at this address, and not https"
        raise Unreachable(f"The server cannot be reached: {reason}", where=where) from None


async def read(answer: httpx.Response, where: Where, traffic: Traffic) -> httpx.Response:
    """An answer that has begun, read to its end.

    Args:
        answer: closed afterwards.
        where: for errors.
        traffic: takes down its size.

    Raises:
        TooLarge, NotTheApi: as `exchange`.
    """
    parts = []
    try:
        async with aclosing(unpacked(answer, where)) as pieces:
            async for piece in pieces:
                traffic.size += len(piece)
                if traffic.size > LARGEST_ANSWER:
                    megabytes = LARGEST_ANSWER // 1024**2
                    raise TooLarge(f"The answer has more than {megabytes} MB", where=where)
                parts.append(piece)
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


async def unpacked(answer: httpx.Response, where: Where) -> AsyncGenerator[bytes, None]:
    """The body of an answer, decompressed. httpx would unpack all that came at once, and what is
    compressed twice a million times larger.

    Args:
        answer: that has begun; not closed.
        where: for errors.

    Raises:
        NotTheApi: it is compressed and broken, or otherwise than it was asked for.
    """
    encoding = answer.headers.get("content-encoding", "").strip().lower()
    if encoding in {"", "identity"}:
        async for part in _raw(answer):
            if part:
                yield part
        return
    if encoding not in {ENCODING, f"x-{ENCODING}"}:
        raise NotTheApi(
            f"The server compresses its answer by {encoding[:40]!r}, which was not asked for",
            where=where,
        )
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        async for part in _raw(answer):
            while part and not unpacking.eof:
                if piece := unpacking.decompress(part, PIECE):
                    yield piece
                part = unpacking.unconsumed_tail
        if rest := unpacking.flush():  # of a copy that the last piece had no room for
            yield rest
    except zlib.error:
        pass
    if not unpacking.eof:
        raise NotTheApi("The server sent a compressed answer that is broken", where=where)


def _raw(answer: httpx.Response) -> httpx.AsyncByteStream:
    """What came over the line. `aiter_raw` has nothing of an answer that was read before."""
    assert isinstance(answer.stream, httpx.AsyncByteStream)
    return answer.stream
