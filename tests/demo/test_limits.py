"""Rate limits of the 2026 server and of the documented plans."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import httpx
import pytest

from databuddy_source.demo import DemoServer, Fault, Generation, Plan
from databuddy_source.demo.limits import RateLimiter
from tests.demo.conftest import TODAY, Client
from tests.traffic import demo_server

BODY = {"parameters": ["link_total_clicks"], "startDate": "2026-11-20", "endDate": "2026-11-20"}


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with demo_server(today=TODAY, days=1, rate_limit=Plan.SERVER) as server:
        yield server


@pytest.fixture
def limited(server: DemoServer, http: httpx.Client) -> Client:
    """A client whose key has 120 requests in a minute."""
    return Client(server, http)


def test_the_121st_request_is_refused_for_a_minute_from_now(limited: Client) -> None:
    answers = [limited.post(BODY) for _ in range(121)]
    assert {answer.status_code for answer in answers[:120]} == {200}
    assert not any("x-ratelimit-reset" in answer.headers for answer in answers[:120])
    refused = answers[120]
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert "retry-after" not in refused.headers
    reset_ms = int(refused.headers["x-ratelimit-reset"])
    assert reset_ms / 1000 - limited.server.now.timestamp() == 60


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_after_silence_the_window_is_open_again() -> None:
    clock = Clock()
    limiter = RateLimiter(Plan.SERVER, clock=clock)
    verdicts = [limiter.take("key", "POST", "/v1/query") for _ in range(121)]
    assert verdicts[-1].refusal
    clock.seconds += 59
    assert limiter.take("key", "POST", "/v1/query").refusal
    clock.seconds += 60
    assert not limiter.take("key", "POST", "/v1/query").refusal


def test_whoever_keeps_knocking_stays_outside() -> None:
    clock = Clock()
    limiter = RateLimiter(Plan.SERVER, clock=clock)
    for _ in range(120):
        limiter.take("key", "POST", "/v1/query")
    for _ in range(4 * 100):
        clock.seconds += 0.25
        assert limiter.take("key", "POST", "/v1/query").refusal


def test_the_seconds_of_a_plan_can_be_shrunk() -> None:
    clock = Clock()
    limiter = RateLimiter(Plan.SERVER, time_scale=0.01, clock=clock)
    for _ in range(121):
        limiter.take("key", "POST", "/v1/query")
    clock.seconds += 0.6
    assert not limiter.take("key", "POST", "/v1/query").refusal


def test_invalid_requests_count_and_each_key_has_its_own_budget(limited: Client) -> None:
    key = {"Authorization": f"Bearer {limited.server.api_key_without_resources}"}
    statuses = [limited.post("invalid", website=1, headers=key).status_code for _ in range(121)]
    assert (statuses[0], statuses[-1]) == (500, 429)
    other = {"x-api-key": limited.server.api_key_of_another_organisation}
    assert limited.post(BODY, headers=other).status_code == 403


def test_listing_websites_and_types_costs_nothing(limited: Client) -> None:
    key = {"x-api-key": limited.server.api_key_without_scope}
    statuses = [limited.get("/query/types", key).status_code for _ in range(121)]
    assert set(statuses) == {200}


NEWEST = {"retry_after": True, "compile_requests": 300}


def test_in_october_a_refusal_says_when_to_come_back() -> None:
    limiter = RateLimiter(Plan.SERVER, clock=Clock(), **NEWEST)
    *_, last = [limiter.take("key", "POST", "/v1/query") for _ in range(121)]
    assert last.headers["Retry-After"] == "60"
    assert last.refusal
    assert last.refusal["retryAfter"] == 60
    assert (last.refusal["limit"], last.refusal["remaining"]) == (120, 0)
    assert str(last.refusal["reset"]) == last.headers["X-RateLimit-Reset"]


@pytest.mark.parametrize("generation", ["2026-04", "2026-06", "2026-10"])
def test_only_october_sends_retry_after(generation: Generation, http: httpx.Client) -> None:
    with demo_server(today=TODAY, days=1, rate_limit=Plan.SERVER, generation=generation) as server:
        client = Client(server, http)
        answers = [client.post("invalid") for _ in range(121)]
    assert answers[-1].status_code == 429
    assert ("retry-after" in answers[-1].headers) is (generation == "2026-10")
    assert not any("x-ratelimit-limit" in answer.headers for answer in answers[:-1])


def test_compile_has_a_budget_of_its_own_in_october() -> None:
    newest = RateLimiter(Plan.SERVER, **NEWEST)
    verdicts = [newest.take("key", "POST", "/v1/query/compile") for _ in range(301)]
    assert [verdict.refusal is None for verdict in verdicts[-2:]] == [True, False]
    assert newest.take("key", "POST", "/v1/query").refusal is None
    april = RateLimiter(Plan.SERVER)
    assert not any(april.take("key", "POST", "/v1/query/compile").refusal for _ in range(500))


def test_the_headers_of_a_keys_quota_hide_the_budget_that_ends_sooner() -> None:
    limiter = RateLimiter(Plan.QUOTA, clock=Clock(), **NEWEST)
    verdicts = [limiter.take("key", "POST", "/v1/query") for _ in range(121)]
    assert verdicts[119].refusal is None
    assert verdicts[119].headers["X-RateLimit-Remaining"] == "180"
    assert verdicts[120].refusal
    lists = [limiter.take("key", "GET", "/v1/query/types") for _ in range(180)]
    assert [verdict.refusal is None for verdict in lists[-2:]] == [True, False]
    assert lists[-1].refusal
    assert lists[-1].refusal["error"] == "API key rate limit exceeded"


@pytest.mark.parametrize(("generation", "refused"), [("2026-06", 0), ("2026-10", 5)])
def test_twenty_requests_of_a_key_at_a_time(generation: Generation, refused: int) -> None:
    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(server.app)
        key = {"x-api-key": server.api_key}
        other = {"x-api-key": server.api_key_without_resources}
        async with httpx.AsyncClient(transport=transport, base_url="http://demo/v1") as client:
            asked = [client.get("/query/types", headers=key) for _ in range(25)]
            asked += [client.get("/query/types", headers=other) for _ in range(20)]
            return [*await asyncio.gather(*asked), await client.get("/query/types", headers=key)]

    server = demo_server(today=TODAY, days=1, generation=generation)
    server.faults.add(Fault(path=None, delay=0.3, times=None))
    answers = asyncio.run(ask())
    server.close()
    too_many = [answer for answer in answers if answer.status_code == 429]
    assert len(too_many) == refused
    assert too_many == [answer for answer in answers[20:25] if refused]
    for answer in too_many:
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["error"] == "Too many concurrent API key requests"


@pytest.mark.parametrize(
    ("plan", "requests"),
    [(Plan.FREE, 50), (Plan.HOBBY, 100), (Plan.PRO, 200), (Plan.SCALE, 500)],
)
def test_documented_plans_count_in_ten_seconds(plan: Plan, requests: int) -> None:
    limiter = RateLimiter(plan)
    verdicts = [limiter.take("key", "GET", "/v1/query/types") for _ in range(requests + 1)]
    first, last = verdicts[0], verdicts[-1]
    assert first.headers["X-RateLimit-Limit"] == str(requests)
    assert first.headers["X-RateLimit-Remaining"] == str(requests - 1)
    assert 8 < int(first.headers["X-RateLimit-Reset"]) - time.time() <= 11
    assert [verdict.refusal is None for verdict in verdicts[-2:]] == [True, False]
    assert last.refusal
    assert last.refusal["code"] == "RATE_LIMIT_EXCEEDED"
    assert last.refusal["retryAfter"] in (9, 10)


def test_documented_plans_put_headers_on_each_answer(http: httpx.Client) -> None:
    with demo_server(today=TODAY, days=1, rate_limit=Plan.FREE) as server:
        client = Client(server, http)
        answers = [client.get("/query/types") for _ in range(51)]
    remaining = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    assert remaining == [*range(49, -1, -1), 0]
    assert [answer.status_code for answer in answers[-2:]] == [200, 429]


def test_no_plan_no_limit(api: Client) -> None:
    limiter = RateLimiter(None)
    assert not any(limiter.take("k", "POST", "/v1/query").refusal for _ in range(1000))
