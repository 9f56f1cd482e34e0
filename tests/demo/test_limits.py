"""Rate limits of the 2026 server and of the documented plans."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from databuddy_source.demo import DemoServer, Plan
from databuddy_source.demo.limits import RateLimiter
from tests.demo.conftest import TODAY, Client

BODY = {"parameters": ["link_total_clicks"], "startDate": "2026-11-20", "endDate": "2026-11-20"}


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer(today=TODAY, days=1, rate_limit=Plan.SERVER) as server:
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
    assert 55_000 < reset_ms - time.time() * 1000 <= 60_000


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
    with DemoServer(today=TODAY, days=1, rate_limit=Plan.FREE) as server:
        client = Client(server, http)
        answers = [client.get("/query/types") for _ in range(51)]
    remaining = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    assert remaining == [*range(49, -1, -1), 0]
    assert [answer.status_code for answer in answers[-2:]] == [200, 429]


def test_no_plan_no_limit(api: Client) -> None:
    limiter = RateLimiter(None)
    assert not any(limiter.take("k", "POST", "/v1/query").refusal for _ in range(1000))
