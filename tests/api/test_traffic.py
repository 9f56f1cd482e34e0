"""Answers are read up to a bound, and what they took is taken down."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator

import httpx
import orjson
import pytest
import respx

from databuddy_source.api.budget import Clock
from databuddy_source.api.client import Client
from databuddy_source.api.models import Parameter, QueryBody
from databuddy_source.api.retry import DIVIDED, DIVISIBLE, SETTLED, Patience
from databuddy_source.api.traffic import Traffic
from databuddy_source.errors import ServerFailed, Skippable, TimedOut, TooLarge

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
