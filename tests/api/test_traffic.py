"""Answers are read up to a bound, and what they took is taken down."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable

import httpx
import orjson
import pytest
import respx

from databuddy_source.api.answers import decoded_size
from databuddy_source.api.budget import Budget, Clock
from databuddy_source.api.client import Client
from databuddy_source.api.credential import Credential
from databuddy_source.api.models import Parameter, QueryBody, Website
from databuddy_source.api.retry import DIVIDED, DIVISIBLE, SETTLED, Patience
from databuddy_source.api.traffic import Traffic
from databuddy_source.errors import (
    NotTheApi,
    RequestRefused,
    ServerFailed,
    Skippable,
    TimedOut,
    TooLarge,
)
from tests.api.bodies import OnTheLine

BOUND = 10_000
DAY = "2026-11-11"
BODY = QueryBody(
    id="b0",
    parameters=[Parameter(name="top_pages", id="c0", start_date=DAY, end_date=DAY)],
    startDate=DAY,
    endDate=DAY,
    limit=100,
)


@pytest.fixture(autouse=True)
def _small_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("databuddy_source.api.traffic.LARGEST_ANSWER", BOUND)


def answer_of(size: int) -> bytes:
    """An answer of so many bytes."""
    shell = orjson.dumps({"data": [{"parameter": "c0", "data": [{"name": ""}]}]})
    return shell.replace(b'""', b'"' + b"x" * (size - len(shell)) + b'"')


def ask(client: Client, patience: Patience = SETTLED) -> Traffic:
    traffic = Traffic()
    asyncio.run(client.query("web_1", [BODY], "UTC", patience, traffic))
    return traffic


def test_an_answer_up_to_the_bound_is_read(server: respx.MockRouter, client: Client) -> None:
    server.post("/query").respond(content=answer_of(BOUND))
    assert ask(client).size == BOUND


def test_a_larger_one_is_refused_and_not_asked_for_again(
    server: respx.MockRouter, client: Client
) -> None:
    route = server.post("/query").respond(content=answer_of(BOUND + 1))
    with pytest.raises(TooLarge, match=r"has more than .* website web_1") as caught:
        ask(client)
    assert isinstance(caught.value, Skippable)
    assert route.call_count == 1


def test_the_rest_of_it_is_not_read(server: respx.MockRouter, client: Client) -> None:
    sent = 0
    closed = False

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 1_000
                yield b" " * 1_000

        async def aclose(self) -> None:
            nonlocal closed
            closed = True

    server.post("/query").mock(return_value=httpx.Response(200, stream=Endless()))
    with pytest.raises(TooLarge):
        ask(client)
    assert sent <= BOUND + 1_000
    assert closed


def test_bytes_count_as_they_are_when_decompressed(
    server: respx.MockRouter, client: Client
) -> None:
    packed = {"headers": {"content-encoding": "gzip"}}
    server.post("/query").respond(content=gzip.compress(answer_of(BOUND)), **packed)
    assert ask(client).size == BOUND
    server.post("/query").respond(content=gzip.compress(answer_of(100 * BOUND)), **packed)
    with pytest.raises(TooLarge):
        ask(client)


def test_what_is_unpacked_is_bounded_however_much_it_is(
    server: respx.MockRouter, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousandth of the memory that it would take whole is enough to refuse it."""
    monkeypatch.setattr("databuddy_source.api.traffic.PIECE", 1_000)
    packing = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    bomb = packing.compress(b" " * 100 * 1024**2) + packing.flush()
    headers = {"content-encoding": "gzip"}
    server.post("/query").respond(headers=headers, stream=OnTheLine(bomb))
    tracemalloc.start()
    with pytest.raises(TooLarge):
        ask(client)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * 1024**2


@pytest.mark.parametrize(
    "encoding", ["gzip, gzip", "gzip,identity", "deflate", "br", "zstd", "compress", "no such"]
)
def test_what_is_compressed_otherwise_than_it_was_asked_for_is_refused(
    server: respx.MockRouter, client: Client, encoding: str
) -> None:
    twice = OnTheLine(gzip.compress(gzip.compress(answer_of(100))))
    headers = {"content-encoding": encoding}
    route = server.post("/query").respond(headers=headers, stream=twice)
    with pytest.raises(NotTheApi, match=f"by '{encoding}', which was not asked for"):
        ask(client)
    assert route.calls.last.request.headers["accept-encoding"] == "gzip"


def test_what_is_packed_twice_under_one_name_is_unpacked_once(
    server: respx.MockRouter, client: Client
) -> None:
    twice = OnTheLine(gzip.compress(gzip.compress(answer_of(100))))
    server.post("/query").respond(headers={"content-encoding": "gzip"}, stream=twice)
    with pytest.raises(NotTheApi, match="text that is not JSON"):
        ask(client)


@pytest.mark.parametrize("pieces", [1, 7, 1_000])
@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", "identity", ""])
def test_an_answer_is_whole_however_it_comes(
    server: respx.MockRouter,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    pieces: int,
) -> None:
    monkeypatch.setattr("databuddy_source.api.traffic.PIECE", 100)
    whole = answer_of(BOUND)
    sent = gzip.compress(whole) if "gzip" in encoding.lower() else whole
    parts = [sent[start : start + pieces] for start in range(0, len(sent), pieces)]
    server.post("/query").respond(headers={"content-encoding": encoding}, stream=OnTheLine(*parts))
    assert ask(client).size == BOUND


def test_a_compressed_answer_that_is_cut_off_is_broken(
    server: respx.MockRouter, client: Client
) -> None:
    cut = OnTheLine(gzip.compress(answer_of(100))[:-8])  # its sum and length
    server.post("/query").respond(headers={"content-encoding": "gzip"}, stream=cut)
    with pytest.raises(NotTheApi, match="compressed answer that is broken"):
        ask(client)


def test_a_chunked_answer_of_no_known_length_is_read_up_to_the_bound(
    loopback: Callable[[bytes], str], key: str, clock: Clock
) -> None:
    async def websites(size: int) -> list[Website]:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        body = b'{"success":true,"websites":[]}'.ljust(size)
        answer = head + b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
        async with Client(loopback(answer), Credential(key), Budget(10), clock) as client:
            return await client.websites()

    assert asyncio.run(websites(BOUND)) == []
    with pytest.raises(TooLarge):
        asyncio.run(websites(BOUND + 1))


def test_values_that_would_take_too_much_memory_are_not_decoded(
    server: respx.MockRouter, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    nested = b'{"data":[{"parameter":"c0","data":[%b[]]}]}' % (b"[[]]," * 1_000)
    monkeypatch.setattr("databuddy_source.api.answers.LARGEST_DECODED", decoded_size(nested))
    server.post("/query").respond(content=nested)
    assert ask(client).size == len(nested)
    more = nested.replace(b"[[]]", b"[[]],[[]]", 1)
    route = server.post("/query").respond(content=more)
    with pytest.raises(TooLarge, match="of memory") as caught:
        ask(client)
    assert isinstance(caught.value, Skippable)
    assert route.call_count == 2


def test_no_code_is_looked_for_in_an_error_of_megabytes(
    server: respx.MockRouter, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databuddy_source.api.answers.LARGEST_ERROR", 100)
    told = {"error": "No", "code": "UNKNOWN", "more": ""}
    server.post("/query").respond(400, json=told)
    with pytest.raises(RequestRefused, match="UNKNOWN"):
        ask(client)
    server.post("/query").respond(400, json={**told, "more": " " * 100})
    with pytest.raises(RequestRefused, match=r"refuses the request \(HTTP 400\)"):
        ask(client)


def test_seconds_are_those_of_the_last_try(
    server: respx.MockRouter, client: Client, clock: Clock
) -> None:
    took = iter([2.0, 3.0, 5.0])

    async def slowly(request: httpx.Request) -> httpx.Response:
        await clock.sleep(seconds := next(took))
        return httpx.Response(502) if seconds < 5 else httpx.Response(200, content=answer_of(100))

    server.post("/query").mock(side_effect=slowly)
    took_last = ask(client)  # the wait before it is drawn, so the clock shows any fraction
    assert (took_last.seconds, took_last.size) == (pytest.approx(5), 100)


def test_answers_of_several_tries_are_not_added_up(
    server: respx.MockRouter, client: Client
) -> None:
    failed = httpx.Response(502, content=b"x" * (BOUND - 1))
    whole = httpx.Response(200, content=answer_of(BOUND))
    server.post("/query").mock(side_effect=[failed, failed, whole])
    assert ask(client).size == BOUND


@pytest.mark.parametrize(
    ("outcome", "error"),
    [(httpx.ReadTimeout("slow"), TimedOut), (httpx.Response(504), ServerFailed)],
)
def test_seconds_are_known_of_what_failed(
    server: respx.MockRouter,
    client: Client,
    clock: Clock,
    outcome: httpx.Response | httpx.ReadTimeout,
    error: type[Exception],
) -> None:
    async def slowly(request: httpx.Request) -> httpx.Response:
        await clock.sleep(60)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    server.post("/query").mock(side_effect=slowly)
    traffic = Traffic()
    with pytest.raises(error):
        asyncio.run(client.query("web_1", [BODY], "UTC", DIVISIBLE, traffic))
    assert traffic.seconds == pytest.approx(60)


def test_a_part_of_what_failed_is_divided_without_another_try(
    server: respx.MockRouter, client: Client
) -> None:
    route = server.post("/query").respond(500)
    with pytest.raises(ServerFailed):
        ask(client, DIVIDED)
    assert route.call_count == 1
