"""Every form in which a server says "not now", and the silence that follows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime, formatdate
from typing import Any

import httpx
import pytest
import respx

from databuddy_source.api.budget import Budget, Clock
from databuddy_source.api.client import Client
from databuddy_source.api.credential import Credential
from databuddy_source.api.limits import server_time
from databuddy_source.api.models import ParameterResult
from databuddy_source.errors import RateLimited, RequestRefused

Ask = Callable[..., Coroutine[Any, Any, dict[str, ParameterResult]]]
Headers = dict[str, str]

ANSWER = {"success": True, "data": [{"parameter": "c0", "success": True, "data": []}]}
WHOLE_WINDOW = 61.0

AHEAD, BEHIND = 3600.0, -3600.0


def http_date(moment: float) -> str:
    return formatdate(moment, usegmt=True)


def asctime(moment: float) -> str:
    """The oldest form of an HTTP date, still allowed, which names no zone."""
    return time.asctime(time.gmtime(moment))


def silence_after(
    server: respx.MockRouter,
    clock: Clock,
    ask: Coroutine[Any, Any, object],
    answered: httpx.Response,
) -> float:
    """Seconds between a request that is answered so and the next one."""
    asked_at: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked_at.append(clock.monotonic())
        return answered if len(asked_at) == 1 else httpx.Response(200, json=ANSWER)

    server.post("/query").mock(side_effect=answer)
    asyncio.run(ask)
    return asked_at[1] - asked_at[0]


# what the server sends, given its own time; the silence that it asks for
Form = Callable[[float], httpx.Response]
FORMS: list[tuple[str, Form, float]] = [
    (
        "Retry-After in seconds",
        lambda now: httpx.Response(429, headers={"retry-after": "7"}),
        7,
    ),
    (
        "Retry-After in parts of a second",
        lambda now: httpx.Response(429, headers={"retry-after": "7.5"}),
        7.5,
    ),
    (
        "Retry-After as an HTTP date",
        lambda now: httpx.Response(429, headers={"retry-after": http_date(now + 20)}),
        20,
    ),
    (
        "Retry-After as an HTTP date of the oldest form",
        lambda now: httpx.Response(429, headers={"retry-after": asctime(now + 20)}),
        20,
    ),
    (
        "X-RateLimit-Reset in epoch seconds, as documented",
        lambda now: httpx.Response(
            429,
            headers={"x-ratelimit-reset": f"{now + 31:.0f}"},
            json={"success": False, "code": "RATE_LIMIT_EXCEEDED", "error": "Too many requests"},
        ),
        31,
    ),
    (
        "X-RateLimit-Reset in epoch milliseconds, as 2026 servers send it",
        lambda now: httpx.Response(
            429,
            headers={"x-ratelimit-reset": f"{(now + 45) * 1000:.0f}"},
            json={"success": False, "code": "RATE_LIMITED", "error": "Rate limit exceeded"},
        ),
        45,
    ),
    (
        "X-RateLimit-Reset in seconds from now",
        lambda now: httpx.Response(429, headers={"x-ratelimit-reset": "12"}),
        12,
    ),
    (
        "retryAfter in the body",
        lambda now: httpx.Response(429, json={"code": "RATE_LIMIT_EXCEEDED", "retryAfter": 9}),
        9,
    ),
    (
        "retryAfter in the body, as text",
        lambda now: httpx.Response(429, json={"code": "RATE_LIMIT_EXCEEDED", "retryAfter": "9"}),
        9,
    ),
    ("none at all", lambda now: httpx.Response(429), 60),
    ("none at all, from a proxy", lambda now: httpx.Response(429, html="<html>Slow</html>"), 60),
    (
        "its code under another status",
        lambda now: httpx.Response(403, json={"code": "RATE_LIMIT_EXCEEDED", "retryAfter": 5}),
        5,
    ),
    (
        "Retry-After before all others",
        lambda now: httpx.Response(
            429,
            headers={"retry-after": "4", "x-ratelimit-reset": f"{now + 40:.0f}"},
            json={"retryAfter": 50},
        ),
        4,
    ),
    (
        "X-RateLimit-Reset before the body",
        lambda now: httpx.Response(
            429, headers={"x-ratelimit-reset": f"{now + 40:.0f}"}, json={"retryAfter": 50}
        ),
        40,
    ),
    (
        "longer than the window",
        lambda now: httpx.Response(429, headers={"retry-after": "150"}),
        150,
    ),
    (
        "nonsense, then something",
        lambda now: httpx.Response(429, headers={"retry-after": "soon"}, json={"retryAfter": 3}),
        3,
    ),
    (
        "a day, which is not believed",
        lambda now: httpx.Response(429, headers={"retry-after": "86400"}),
        60,
    ),
    (
        "less than nothing",
        lambda now: httpx.Response(429, headers={"retry-after": "-5"}),
        60,
    ),
    (
        "a reset before there were clocks",
        lambda now: httpx.Response(429, headers={"x-ratelimit-reset": "-30"}),
        60,
    ),
    (
        "no number",
        lambda now: httpx.Response(429, headers={"retry-after": "nan"}, json={"retryAfter": {}}),
        60,
    ),
]


@pytest.mark.parametrize(("form", "seconds"), [pytest.param(f, s, id=n) for n, f, s in FORMS])
@pytest.mark.parametrize(
    "skew", [pytest.param(AHEAD, id="server ahead"), pytest.param(BEHIND, id="server behind")]
)
def test_a_limited_client_waits_as_long_as_the_server_wants(
    server: respx.MockRouter,
    client: Client,
    clock: Clock,
    one_question: Ask,
    form: Form,
    seconds: float,
    skew: float,
) -> None:
    """Times are the server's own, which its `Date` header tells; ours is an hour off."""
    servers_now = clock.wall() + skew
    limited = form(servers_now)
    limited.headers["date"] = http_date(servers_now)
    assert silence_after(server, clock, one_question(client), limited) == seconds + 1


@pytest.mark.parametrize(("form", "seconds"), [pytest.param(f, s, id=n) for n, f, s in FORMS])
def test_without_a_date_header_our_own_clock_is_taken(
    server: respx.MockRouter,
    client: Client,
    clock: Clock,
    one_question: Ask,
    form: Form,
    seconds: float,
) -> None:
    silence = silence_after(server, clock, one_question(client), form(clock.wall()))
    assert silence == seconds + 1


def test_a_reset_that_our_wrong_clock_puts_far_away_is_not_believed(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask
) -> None:
    reset = f"{clock.wall() + AHEAD:.0f}"
    limited = httpx.Response(429, headers={"x-ratelimit-reset": reset})
    assert silence_after(server, clock, one_question(client), limited) == WHOLE_WINDOW


@pytest.fixture
def _in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as there:
        there.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("_in_new_york")
@pytest.mark.parametrize(
    "written",
    [
        pytest.param(http_date, id="GMT"),
        pytest.param(asctime, id="without a zone"),
        pytest.param(
            lambda moment: format_datetime(datetime.fromtimestamp(moment, UTC)), id="+0000"
        ),
    ],
)
def test_http_dates_are_utc_wherever_we_are(
    server: respx.MockRouter,
    client: Client,
    clock: Clock,
    one_question: Ask,
    written: Callable[[float], str],
) -> None:
    limited = httpx.Response(429, headers={"retry-after": written(clock.wall() + 25)})
    assert silence_after(server, clock, one_question(client), limited) == 26


def test_all_users_of_a_budget_stay_silent_when_one_is_limited(
    server: respx.MockRouter,
    base_url: str,
    key: str,
    loop_clock: Clock,
    one_question: Ask,
    timeless: Callable[[Coroutine[Any, Any, Any]], Any],
) -> None:
    budget = Budget(120, loop_clock)
    asked_at: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked_at.append(loop_clock.monotonic())
        if len(asked_at) == 1:
            return httpx.Response(429, headers={"retry-after": "30"})
        return httpx.Response(200, json=ANSWER)

    async def scenario() -> None:
        server.post("/query").mock(side_effect=answer)
        clients = [Client(base_url, Credential(key), budget, loop_clock) for _ in range(3)]

        async def later(client: Client, seconds: float) -> None:
            await asyncio.sleep(seconds)
            await one_question(client)

        await asyncio.gather(*(later(each, 5.0 * number) for number, each in enumerate(clients)))

    timeless(scenario())
    assert asked_at == [0.0, 31.0, 31.0, 31.0]


def test_a_limited_list_silences_queries_too(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask
) -> None:
    began = clock.monotonic()
    limited = httpx.Response(429, headers={"retry-after": "400"})
    server.get("/query/websites").mock(return_value=limited)
    with pytest.raises(RateLimited):
        asyncio.run(client.websites())
    server.post("/query").respond(json=ANSWER)
    asyncio.run(one_question(client))
    assert clock.monotonic() - began == 401


@pytest.mark.parametrize(
    ("retry_after", "tries"),
    [
        pytest.param("60", 5, id="a window, again and again"),
        pytest.param("150", 2, id="longer than the window"),
        pytest.param("400", 1, id="longer than anybody waits"),
        pytest.param("86400", 5, id="not believed"),
    ],
)
def test_a_limit_that_never_ends_is_given_up_after_five_minutes(
    server: respx.MockRouter,
    client: Client,
    clock: Clock,
    one_question: Ask,
    retry_after: str,
    tries: int,
) -> None:
    began = clock.monotonic()
    route = server.post("/query").respond(
        429, headers={"retry-after": retry_after}, json={"error": "Rate limit exceeded"}
    )
    with pytest.raises(RateLimited) as caught:
        asyncio.run(one_question(client))
    assert clock.monotonic() - began <= 300
    assert route.call_count == tries
    assert str(caught.value) == (
        "The server limits the rate of requests (HTTP 429): Rate limit exceeded "
        "(https://databuddy.test/v1/query, website web_1). "
        "Lower sources.databuddy.requests_per_minute, or stop other programs that use this key."
    )


def test_a_limited_first_contact_waits_longer_than_ten_seconds(
    server: respx.MockRouter, client: Client, clock: Clock
) -> None:
    """A server that limits is there, so it is waited for."""
    began = clock.monotonic()
    found = httpx.Response(200, json={"websites": []})
    server.get("/query/websites").mock(side_effect=[httpx.Response(429), found])
    asyncio.run(client.websites())
    assert clock.monotonic() - began == WHOLE_WINDOW


def test_a_rejected_request_counts_as_the_server_counts_it(
    server: respx.MockRouter, base_url: str, key: str, clock: Clock, one_question: Ask
) -> None:
    budget = Budget(2, clock)
    client = Client(base_url, Credential(key), budget, clock)
    began = clock.monotonic()
    limited = httpx.Response(429, headers={"retry-after": "1"})
    found = httpx.Response(200, json=ANSWER)
    server.post("/query").mock(side_effect=[limited, found, found])
    asyncio.run(one_question(client))
    asyncio.run(one_question(client))
    assert budget.spent == 3
    assert clock.monotonic() - began >= 61


def told(now: float, remaining: object = 0, reset: object = None, date: object = None) -> Headers:
    """What an answer says at the server's `now`: unless given, that nothing remains for 30 s."""
    said = {
        "x-ratelimit-limit": 50,
        "x-ratelimit-remaining": remaining,
        "x-ratelimit-reset": int(now + 30) if reset is None else reset,
        "date": http_date(now) if date is None else date,
    }
    return {name: str(value) for name, value in said.items()}


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda now: told(now), id="epoch seconds"),
        pytest.param(lambda now: told(now, reset=int((now + 30) * 1000)), id="epoch milliseconds"),
        pytest.param(lambda now: told(now, reset=30), id="seconds from now"),
        pytest.param(lambda now: told(now, remaining="0.0"), id="a fraction"),
    ],
)
@pytest.mark.parametrize("status", [200, 400, 503])
@pytest.mark.parametrize("skew", [AHEAD, 0.0, BEHIND])
def test_nothing_leaves_when_an_answer_says_that_nothing_remains(
    server: respx.MockRouter,
    client: Client,
    clock: Clock,
    one_question: Ask,
    written: Callable[[float], Headers],
    status: int,
    skew: float,
) -> None:
    """Times are the server's own; ours is an hour off."""
    first = httpx.Response(status, json=ANSWER, headers=written(clock.wall() + skew))
    silence = silence_after(server, clock, twice(client, one_question), first)
    assert silence == pytest.approx(30, abs=1e-3)


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda now: {}, id="nothing"),
        pytest.param(lambda now: told(now, remaining=1), id="one remains"),
        pytest.param(lambda now: told(now, remaining="none"), id="no number remains"),
        pytest.param(lambda now: told(now, remaining=-1), id="less than nothing"),
        pytest.param(lambda now: told(now, remaining="nan"), id="NaN remain"),
        pytest.param(lambda now: told(now, remaining="inf"), id="infinitely many remain"),
        pytest.param(lambda now: told(now, remaining=""), id="an empty field"),
        pytest.param(lambda now: told(now, reset=""), id="an empty reset"),
        pytest.param(lambda now: told(now, reset="soon"), id="a reset in words"),
        pytest.param(lambda now: told(now, reset="nan"), id="a reset that is no number"),
        pytest.param(lambda now: told(now, reset=-30), id="a negative reset"),
        pytest.param(lambda now: told(now, reset="1e999"), id="an infinite reset"),
        pytest.param(lambda now: told(now, reset=int(now + 7200)), id="hours ahead"),
        pytest.param(lambda now: told(now, reset=int(now - 7200)), id="hours ago"),
        pytest.param(lambda now: told(now, reset=int(now - 1)), id="a second ago"),
        pytest.param(
            lambda now: told(now, date="Mon, 01 Jan 99999999999999999999 00:00:00 GMT", reset="x"),
            id="a date beyond all",
        ),
    ],
)
def test_nobody_waits_for_nonsense(
    server: respx.MockRouter,
    client: Client,
    clock: Clock,
    one_question: Ask,
    written: Callable[[float], Headers],
) -> None:
    first = httpx.Response(200, json=ANSWER, headers=written(clock.wall()))
    assert silence_after(server, clock, twice(client, one_question), first) == 0


async def twice(client: Client, ask: Ask) -> None:
    with suppress(RequestRefused):
        await ask(client)
    await ask(client)


def test_lists_tell_nothing_of_the_limit_on_queries(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask
) -> None:
    """They are not limited where queries are."""
    began = clock.monotonic()
    headers = told(clock.wall())
    server.get("/query/websites").respond(json={"websites": []}, headers=headers)
    server.post("/query").respond(json=ANSWER)
    asyncio.run(client.websites())
    asyncio.run(one_question(client))
    assert clock.monotonic() == began


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"date": "Fri, 20 Mar 2026 18:00:00 GMT"}, datetime(2026, 3, 20, 18, tzinfo=UTC)),
        ({"date": "Fri Mar 20 18:00:00 2026"}, datetime(2026, 3, 20, 18, tzinfo=UTC)),
        ({"date": "Fri, 20 Mar 2026 18:00:00 GMT", "age": "7200"}, None),
        ({"date": "Thu, 01 Jan 1970 00:00:00 GMT"}, None),
        ({"date": "18:00"}, None),
        ({}, None),
    ],
)
def test_the_servers_time_is_told_by_fresh_answers(headers: Headers, told: datetime | None) -> None:
    assert server_time(headers) == (told and told.timestamp())
