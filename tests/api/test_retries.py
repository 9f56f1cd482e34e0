"""What is tried again, after how long, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import httpx
import pytest
import respx

from databuddy_source.api.budget import Budget, Clock
from databuddy_source.api.client import Client
from databuddy_source.api.credential import Credential
from databuddy_source.api.models import ParameterResult
from databuddy_source.api.retry import DIVISIBLE, FIRST_CONTACT, SETTLED, UNHEARD, Patience
from databuddy_source.api.traffic import CONNECT_SECONDS
from databuddy_source.errors import (
    DatabuddyError,
    Retriable,
    ServerFailed,
    ServiceUnavailable,
    TimedOut,
    Unreachable,
)

Ask = Callable[..., Coroutine[Any, Any, dict[str, ParameterResult]]]
Outcome = httpx.Response | Exception

WEBSITES = {"success": True, "websites": [], "total": 0}
ANSWER = {"success": True, "data": [{"parameter": "c0", "success": True, "data": []}]}

PASSING = [
    pytest.param(httpx.ConnectError("refused"), id="connection refused"),
    pytest.param(httpx.ConnectTimeout("slow"), id="connection timeout"),
    pytest.param(httpx.ReadError("reset"), id="connection reset"),
    pytest.param(httpx.WriteError("broken pipe"), id="broken pipe"),
    pytest.param(httpx.RemoteProtocolError("disconnected"), id="closed without an answer"),
    pytest.param(httpx.ProxyError("503 no upstream"), id="proxy"),
    pytest.param(httpx.ReadTimeout("slow"), id="timeout"),
    pytest.param(httpx.Response(408), id="408"),
    pytest.param(httpx.Response(429), id="429"),
    pytest.param(httpx.Response(500), id="500"),
    pytest.param(httpx.Response(502, html="<html>Bad Gateway</html>"), id="502 from a proxy"),
    pytest.param(httpx.Response(503), id="503"),
    pytest.param(httpx.Response(504), id="504"),
    pytest.param(httpx.Response(500, json={"code": "INTERNAL_SERVER_ERROR"}), id="its own code"),
]

FINAL = [
    pytest.param(httpx.Response(400, json={"code": "VALIDATION_ERROR"}), id="validation"),
    pytest.param(httpx.Response(400, json={"code": "INVALID_QUERY_TYPE"}), id="unknown type"),
    pytest.param(httpx.Response(401, json={"code": "AUTH_REQUIRED"}), id="rejected key"),
    pytest.param(httpx.Response(403, json={"code": "INSUFFICIENT_SCOPE"}), id="scope"),
    pytest.param(httpx.Response(403, json={"code": "FORBIDDEN_OPERATION"}), id="forbidden"),
    pytest.param(httpx.Response(403, json={"code": "ACCESS_DENIED"}), id="no access"),
    pytest.param(httpx.Response(403, json={"code": "CLIENT_ACCESS_DENIED"}), id="client denied"),
    pytest.param(httpx.Response(404, json={"code": "WEBSITE_NOT_FOUND"}), id="no website"),
    pytest.param(httpx.Response(500, json={"error": "x", "code": "VALIDATION"}), id="500 refusal"),
    pytest.param(httpx.Response(404), id="404"),
    pytest.param(httpx.Response(422), id="422"),
    pytest.param(httpx.Response(302, headers={"location": "https://else.test/"}), id="redirect"),
    pytest.param(httpx.Response(200, html="<html>Log in</html>"), id="HTML"),
    pytest.param(httpx.Response(200), id="empty body"),
    pytest.param(httpx.Response(200, text='{"websites": ['), id="cut off JSON"),
    pytest.param(httpx.Response(200, json=[]), id="another shape"),
]


class Told:
    """Answers with these outcomes in turn, the last one for ever, and notes when it was asked."""

    def __init__(self, clock: Clock, outcomes: Iterable[Outcome], seconds: float = 0.0) -> None:
        self._clock, self._outcomes, self._seconds = clock, list(outcomes), seconds
        self.asked_at: list[float] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked_at.append(self._clock.monotonic())
        await self._clock.sleep(self._seconds)
        first = self._outcomes[0] if len(self._outcomes) == 1 else self._outcomes.pop(0)
        if isinstance(first, Exception):
            raise first
        return first

    @property
    def gaps(self) -> list[float]:
        pairs = zip(self.asked_at, self.asked_at[1:], strict=False)
        return [later - earlier for earlier, later in pairs]


@pytest.mark.parametrize("outcome", PASSING)
def test_what_may_pass_is_asked_again(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask, outcome: Outcome
) -> None:
    told = Told(clock, [outcome, httpx.Response(200, json=ANSWER)])
    server.post("/query").mock(side_effect=told)
    assert asyncio.run(one_question(client))["c0"].success
    assert len(told.asked_at) == 2
    assert told.gaps[0] >= 0.5


@pytest.mark.parametrize(
    ("outcome", "seconds", "tries"),
    [
        (httpx.Response(500, json={"code": "INTERNAL_SERVER_ERROR"}), 0.0, 1),
        (httpx.Response(500, json={"code": "INTERNAL_SERVER_ERROR"}), 1.0, 2),
        (httpx.Response(502, html="<html>Bad Gateway</html>"), 0.0, 5),
    ],
)
def test_what_the_api_itself_fails_for_has_a_patience_of_its_own(
    server: respx.MockRouter,
    client: Client,
    clock: Clock,
    one_question: Ask,
    outcome: Outcome,
    seconds: float,
    tries: int,
) -> None:
    told = Told(clock, [outcome])
    server.post("/query").mock(side_effect=told)
    with pytest.raises(ServerFailed):
        asyncio.run(one_question(client, DIVISIBLE.for_what_throws(seconds)))
    assert len(told.asked_at) == tries


def test_what_may_be_down_altogether_is_asked_few_times_in_the_same_time(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask
) -> None:
    told = Told(clock, [httpx.Response(502)])
    server.post("/query").mock(side_effect=told)
    with pytest.raises(ServerFailed):
        asyncio.run(one_question(client, UNHEARD))
    assert len(told.asked_at) == 4
    assert 30 < sum(told.gaps) <= UNHEARD.failing == SETTLED.failing


@pytest.mark.parametrize("outcome", PASSING)
def test_a_first_contact_is_asked_again_too(
    server: respx.MockRouter, client: Client, clock: Clock, outcome: Outcome
) -> None:
    told = Told(clock, [outcome, httpx.Response(200, json=WEBSITES)])
    server.get("/query/websites").mock(side_effect=told)
    assert asyncio.run(client.websites()) == []
    assert len(told.asked_at) == 2


@pytest.mark.parametrize("outcome", FINAL)
def test_what_asking_again_cannot_change_is_asked_once(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask, outcome: Outcome
) -> None:
    began = clock.monotonic()
    told = Told(clock, [outcome])
    server.post("/query").mock(side_effect=told)
    server.get("/query/websites").mock(side_effect=told)
    for work in (client.websites, lambda: one_question(client)):
        with pytest.raises(DatabuddyError) as caught:
            asyncio.run(work())
        assert not isinstance(caught.value, Retriable)
    assert told.asked_at == [began, began]


def test_waits_double_with_jitter_up_to_a_ceiling(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask
) -> None:
    told = Told(clock, [httpx.ConnectError("refused")])
    server.post("/query").mock(side_effect=told)
    with pytest.raises(Unreachable):
        asyncio.run(one_question(client, Patience(unreachable=600, failing=0, answer=1)))
    assert len(told.gaps) > 10
    for number, gap in enumerate(told.gaps):
        exact = min(60.0, 0.5 * 2**number)
        assert exact - 1e-6 <= gap <= exact + 0.5 + 1e-6
    assert 60.0 <= told.gaps[-1] <= 60.5


def test_clients_that_failed_together_do_not_come_back_together(
    server: respx.MockRouter, client: Client, clock: Clock
) -> None:
    first_waits = set()
    for _ in range(10):
        told = Told(clock, [httpx.Response(503), httpx.Response(200, json=WEBSITES)])
        server.get("/query/websites").mock(side_effect=told)
        asyncio.run(client.websites())
        first_waits.add(round(told.gaps[0], 6))
    assert len(first_waits) > 5


@pytest.mark.parametrize(
    ("outcome", "seconds", "error"),
    [
        pytest.param(httpx.ConnectError("refused"), 0.0, Unreachable, id="refused"),
        pytest.param(
            httpx.ConnectTimeout("slow"), CONNECT_SECONDS, Unreachable, id="no connection"
        ),
        pytest.param(httpx.ReadTimeout("slow"), FIRST_CONTACT.answer, TimedOut, id="no answer"),
        pytest.param(httpx.Response(503), 0.0, ServerFailed, id="failing"),
        pytest.param(httpx.Response(503), 3.0, ServerFailed, id="failing slowly"),
    ],
)
def test_a_server_that_never_answered_is_given_up_after_ten_seconds(
    server: respx.MockRouter,
    client: Client,
    clock: Clock,
    outcome: Outcome,
    seconds: float,
    error: type[DatabuddyError],
) -> None:
    began = clock.monotonic()
    server.get("/query/websites").mock(side_effect=Told(clock, [outcome], seconds))
    with pytest.raises(error):
        asyncio.run(client.websites())
    assert 7.0 <= clock.monotonic() - began <= 10.0 + CONNECT_SECONDS


@pytest.mark.parametrize(
    ("outcome", "minutes"),
    [
        pytest.param(httpx.ConnectError("refused"), 4.0, id="a restart of four minutes"),
        pytest.param(httpx.Response(503), 0.5, id="half a minute of failing"),
    ],
)
def test_later_requests_outlast_a_server_that_comes_back(
    server: respx.MockRouter,
    client: Client,
    clock: Clock,
    one_question: Ask,
    outcome: Outcome,
    minutes: float,
) -> None:
    back_at = clock.monotonic() + minutes * 60

    def answer(request: httpx.Request) -> httpx.Response:
        if clock.monotonic() >= back_at:
            return httpx.Response(200, json=ANSWER)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    server.post("/query").mock(side_effect=answer)
    assert asyncio.run(one_question(client))["c0"].success


def test_later_requests_do_not_wait_for_ever(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask
) -> None:
    began = clock.monotonic()
    server.post("/query").mock(side_effect=httpx.ConnectError("refused"))
    with pytest.raises(Unreachable):
        asyncio.run(one_question(client))
    assert 180 <= clock.monotonic() - began <= 300


def test_what_can_be_halved_is_not_tried_for_long(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask
) -> None:
    began = clock.monotonic()
    server.post("/query").mock(return_value=httpx.Response(500))
    with pytest.raises(ServerFailed):
        asyncio.run(one_question(client, DIVISIBLE))
    assert clock.monotonic() - began <= 15


def test_waiting_for_the_budget_costs_no_patience(
    server: respx.MockRouter, base_url: str, key: str, clock: Clock, one_question: Ask
) -> None:
    client = Client(base_url, Credential(key), Budget(1, clock), clock)
    told = Told(clock, [httpx.Response(200, json=ANSWER), httpx.Response(503)] * 2)
    server.post("/query").mock(side_effect=told)
    asyncio.run(one_question(client, DIVISIBLE))
    assert asyncio.run(one_question(client, DIVISIBLE))["c0"].success
    assert told.gaps == [pytest.approx(61), pytest.approx(61)]


def test_waiting_for_the_rate_limit_costs_no_patience_with_a_failing_server(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask
) -> None:
    told = Told(clock, [httpx.Response(429), httpx.Response(503), httpx.Response(200, json=ANSWER)])
    server.post("/query").mock(side_effect=told)
    assert asyncio.run(one_question(client))["c0"].success
    assert told.gaps[0] > 60


@pytest.mark.parametrize(
    "closed",
    [
        httpx.Response(503, headers={"retry-after": "30"}),
        httpx.Response(503, json={"code": "SERVICE_UNAVAILABLE", "retryAfter": 30}),
    ],
    ids=["in its header", "in its body"],
)
def test_a_server_that_says_when_to_come_back_is_left_alone_until_then(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask, closed: Outcome
) -> None:
    told = Told(clock, [closed, closed, httpx.Response(200, json=ANSWER)])
    server.post("/query").mock(side_effect=told)
    assert asyncio.run(one_question(client, DIVISIBLE))["c0"].success
    assert told.gaps == [pytest.approx(31), pytest.approx(31)]


def test_a_server_that_is_closed_for_ever_is_given_up_as_one_that_limits(
    server: respx.MockRouter, client: Client, clock: Clock, one_question: Ask
) -> None:
    told = Told(clock, [httpx.Response(503, headers={"retry-after": "30"})])
    server.post("/query").mock(side_effect=told)
    with pytest.raises(ServiceUnavailable, match="is closed for a while"):
        asyncio.run(one_question(client, DIVISIBLE))
    assert sum(told.gaps) <= DIVISIBLE.told_to_wait


def test_each_try_is_counted_in_the_budget(
    server: respx.MockRouter, client: Client, clock: Clock, budget: Budget, one_question: Ask
) -> None:
    failing: list[Outcome] = [httpx.Response(503), httpx.ReadError("reset")]
    told = Told(clock, [*failing, httpx.Response(200, json=ANSWER)])
    server.post("/query").mock(side_effect=told)
    asyncio.run(one_question(client))
    assert budget.spent == 3


def test_lists_are_not_counted_in_the_budget(
    server: respx.MockRouter, client: Client, budget: Budget
) -> None:
    server.get("/query/websites").respond(json=WEBSITES)
    asyncio.run(client.websites())
    assert budget.spent == 0


def test_an_answer_that_trickles_in_times_out(
    server: respx.MockRouter,
    base_url: str,
    key: str,
    loop_clock: Clock,
    timeless: Callable[[Coroutine[Any, Any, Any]], Any],
) -> None:
    """Each byte is in time, the whole never comes."""

    async def trickle(request: httpx.Request) -> httpx.Response:
        while True:
            await asyncio.sleep(1)

    async def scenario() -> float:
        server.get("/query/websites").mock(side_effect=trickle)
        client = Client(base_url, Credential(key), Budget(9, loop_clock), loop_clock)
        with pytest.raises(TimedOut):
            await client.websites()
        return loop_clock.monotonic()

    assert timeless(scenario()) == pytest.approx(FIRST_CONTACT.answer)
