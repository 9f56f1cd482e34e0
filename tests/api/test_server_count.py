"""What answers say of the server's own count: it is followed, and never believed too much."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.api.budget import Allowance, Budget, Clock
from databuddy_source.api.client import Client
from databuddy_source.api.credential import Credential
from databuddy_source.api.limiter import LATEST_ARRIVAL, MARGIN, WINDOW
from databuddy_source.api.limits import LONGEST_RESET, LONGEST_SILENCE, allowance, seconds_to_wait
from databuddy_source.demo import DemoServer, Plan
from tests.api.bodies import a_body
from tests.api.limited_server import (
    LimitedServer,
    Request,
    Tells,
    Trip,
    at_once,
    in_turn,
    most_in_a_window,
    send,
)
from tests.campaign import examples

Run = Callable[[Coroutine[Any, Any, Any]], Any]

HOUR = 3600.0


def seconds(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most, allow_subnormal=False)


@st.composite
def telling(draw: st.DrawFn, clock: Clock) -> LimitedServer:
    """An honest server that says with each answer what remains. Its clock may be an hour off, but
    then it dates its answers."""
    skew = draw(st.one_of(st.just(0.0), seconds(-HOUR, HOUR)))
    return LimitedServer(
        clock,
        limit=draw(st.integers(2, 8)),
        seconds=draw(st.sampled_from([10.0, 60.0])),
        tells=draw(st.sampled_from([Tells.SECONDS, Tells.MILLISECONDS])),
        sliding=draw(st.booleans()),
        skew=skew,
        dated=skew != 0 or draw(st.booleans()),
    )


asked = st.lists(
    st.builds(
        Request,
        wanted=st.one_of(st.just(0.0), seconds(0, 60)),
        out=seconds(0.001, 2),
        back=seconds(0, 2),
    ),
    min_size=1,
    max_size=25,
)

FIRST = Request(0, 0.01, 0.01)
PLENTY = 6000
SLOWEST = 4.0


async def after_a_first(
    budget: Budget, server: LimitedServer, requests: list[Request]
) -> list[Trip]:
    """All at once, when one answer has told of the limit: before it nobody can know."""
    return [*await send(budget, server, FIRST), *await at_once(budget, server, requests)]


async def others(server: LimitedServer, moments: list[float]) -> None:
    """Requests of another program with the same key."""
    for moment in sorted(moments):
        await server.clock.sleep(moment - server.clock.monotonic())
        server.arrive(ours=False)


@given(st.data(), asked)
@examples(150)
def test_a_server_that_tells_refuses_nothing(
    timeless: Run, loop_clock: Clock, data: st.DataObject, requests: list[Request]
) -> None:
    server = data.draw(telling(loop_clock))
    trips = timeless(after_a_first(Budget(PLENTY, loop_clock), server, requests))
    assert server.refusals == 0
    assert len(trips) == len(requests) + 1
    # cut and rounded seconds, and one answer to wait for before the others may go
    windows = math.ceil(len(trips) / server.limit)
    assert max(trip.sent for trip in trips) <= 60 + windows * (server.seconds + 2 + SLOWEST)


@given(st.data(), asked, st.lists(seconds(0, 60), max_size=40))
@examples(150)
def test_no_more_leave_than_the_server_says_remain(
    timeless: Run,
    loop_clock: Clock,
    data: st.DataObject,
    requests: list[Request],
    foreign: list[float],
) -> None:
    """Other users of the key included: what they take, the server tells."""
    server = data.draw(telling(loop_clock))

    async def scenario() -> list[Trip]:
        budget = Budget(PLENTY, loop_clock)
        trips, _ = await asyncio.gather(
            after_a_first(budget, server, requests), others(server, foreign)
        )
        return trips

    trips = timeless(scenario())
    assert sum(trip.verdict.taken for trip in trips) == len(requests) + 1
    for told in trips:
        until = told.verdict.reset - 1e-6  # as fine as seconds since 1970 are told apart
        later = sum(told.landed < trip.sent < until for trip in trips)
        assert later <= told.verdict.remaining


@pytest.mark.parametrize("skew", [0.0, 0.77, -HOUR])
@pytest.mark.parametrize("sliding", [True, False])
@pytest.mark.parametrize("tells", [Tells.SECONDS, Tells.MILLISECONDS])
def test_a_backfill_runs_at_a_limit_that_is_only_told(
    timeless: Run, loop_clock: Clock, tells: Tells, sliding: bool, skew: float
) -> None:
    """50 in 10 s, the smallest plan of the documentation, with the same rate configured."""
    server = LimitedServer(loop_clock, 50, 10.0, tells, sliding, skew)
    requests = [Request(0, 0.1, 0.2)] * 500
    trips = timeless(in_turn(Budget(300, loop_clock), server, requests, workers=4))
    assert server.refusals == 0
    assert max(trip.landed for trip in trips) <= 1.15 * 500 / 5


@given(st.data(), asked, st.integers(1, 4))
@examples(100)
def test_no_answer_raises_the_configured_ceiling(
    timeless: Run, loop_clock: Clock, data: st.DataObject, requests: list[Request], ceiling: int
) -> None:
    server = data.draw(telling(loop_clock))
    timeless(at_once(Budget(ceiling, loop_clock), server, requests))
    assert most_in_a_window(server.arrivals, WINDOW) <= ceiling


@given(
    st.lists(st.builds(Request, seconds(0, 100), seconds(0.001, 2), seconds(0, 2)), max_size=20),
    st.lists(seconds(0, 100), min_size=5, max_size=60),
    st.integers(2, 6),
)
@examples(150)
def test_a_refusal_is_followed_by_silence_until_it_is_over(
    timeless: Run, loop_clock: Clock, requests: list[Request], foreign: list[float], limit: int
) -> None:
    """A server that tells nothing before, and another program that takes what there is."""
    server = LimitedServer(loop_clock, limit)

    async def scenario() -> list[Trip]:
        ours = at_once(Budget(limit, loop_clock), server, requests)
        trips, _ = await asyncio.gather(ours, others(server, foreign))
        return trips

    trips = timeless(scenario())
    for refused in (trip for trip in trips if not trip.verdict.taken):
        assert not any(refused.landed < trip.sent < refused.verdict.reset for trip in trips)
    # when the others are gone a window has to pass, and the last silence; then ours alone count
    windows = math.ceil(len(requests) / limit)
    gone = max(foreign) + WINDOW + SLOWEST + WINDOW + 2 * MARGIN
    assert all(trip.sent <= gone + windows * (WINDOW + 2 * SLOWEST) for trip in trips)


SOON = 10.0
"""When the window of the answers below ends, and its reset by the server's clock."""


def left(remaining: int, window: int = 0) -> Callable[[float], Allowance]:
    """That so many remain, said at a moment, of the window now, the one before or the one after."""
    return lambda now: Allowance(remaining, SOON + window, SOON + window - now)


Answer = tuple[float, float, Callable[[float], Allowance] | None]
"""When its request left, when it came, and what it said."""


@pytest.mark.parametrize(
    ("answers", "leaves"),
    [
        pytest.param([(0, 1, left(0))], SOON, id="nothing remains"),
        pytest.param([(0, 1, left(1))], 4, id="one remains"),
        pytest.param([(0, 1, left(2)), (0, 99, None)], 4, id="more remain than are under way"),
        pytest.param(
            [(0, 1, left(2)), (0, 99, None), (0, 99, None)], SOON, id="no more than are under way"
        ),
        pytest.param([(0, 1, left(5)), (0, 2, left(0))], SOON, id="another user took the rest"),
        pytest.param([(0, 1, left(0)), (0, 2, left(5))], SOON, id="overtaken in the window"),
        pytest.param([(0, 1, left(0)), (0, 2, left(5, -1))], SOON, id="overtaken by a new window"),
        pytest.param([(0, 1, left(0)), (0, 2, left(5, +1))], 4, id="a new window"),
        pytest.param([(0, 1, left(0)), (1, 2, None)], SOON, id="then an answer that tells nothing"),
        pytest.param([(0, 1, left(1)), (0, 2, None)], SOON, id="an answer that never came"),
        pytest.param([(0, 1, left(2)), (0, 2, None)], 4, id="one that never came, one remains"),
        pytest.param([(0, 3, left(0, -8))], 4, id="a reset that is over when the answer comes"),
    ],
)
def test_the_servers_last_word_counts(
    timeless: Run, loop_clock: Clock, answers: list[Answer], leaves: float
) -> None:
    """A request wants to leave at second 4."""
    budget = Budget(PLENTY, loop_clock)

    async def told(answer: Answer) -> None:
        sent, landed, say = answer
        await asyncio.sleep(sent)
        async with budget.slot() as slot:
            await asyncio.sleep(landed - sent)
            slot.allowance = say(landed) if say else None

    async def scenario() -> float:
        telling = [asyncio.create_task(told(answer)) for answer in answers]
        await asyncio.sleep(4)
        async with budget.slot():
            left_at = loop_clock.monotonic()
        for task in telling:
            task.cancel()
        return left_at

    assert timeless(scenario()) == pytest.approx(leaves)


async def waiting_at_a_reset(
    budget: Budget, clock: Clock, seconds: float, said: Allowance | None
) -> list[float]:
    """When five requests leave that wait for a reset at `SOON`; each takes so many seconds, and
    its answer says this."""
    left_at: list[float] = []

    async def one() -> None:
        async with budget.slot() as slot:
            left_at.append(clock.monotonic())
            await clock.sleep(seconds)
            slot.allowance = said

    async with budget.slot() as slot:
        slot.allowance = left(0)(0)
    await asyncio.gather(*(one() for _ in range(5)))
    return left_at


def test_at_a_reset_one_leaves_and_its_answer_tells_for_the_others(
    timeless: Run, loop_clock: Clock
) -> None:
    """In a sliding window there may be room for one only."""
    said = Allowance(3, 2 * SOON, SOON)
    left_at = timeless(waiting_at_a_reset(Budget(PLENTY, loop_clock), loop_clock, 0.05, said))
    assert left_at[0] == pytest.approx(SOON)
    assert all(SOON + 0.05 <= moment <= SOON + 0.2 for moment in left_at[1:4])


def test_a_server_that_tells_no_more_is_asked_as_before(timeless: Run, loop_clock: Clock) -> None:
    left_at = timeless(waiting_at_a_reset(Budget(PLENTY, loop_clock), loop_clock, 0.05, None))
    assert left_at[0] == pytest.approx(SOON)
    assert all(SOON + 0.05 <= moment <= SOON + 0.2 for moment in left_at[1:])


def test_a_slow_answer_at_a_reset_does_not_stop_the_others(
    timeless: Run, loop_clock: Clock
) -> None:
    left_at = timeless(waiting_at_a_reset(Budget(PLENTY, loop_clock), loop_clock, 180, None))
    assert left_at == pytest.approx([SOON + LATEST_ARRIVAL * number for number in range(5)])


anything = st.one_of(
    st.text(max_size=20),
    st.floats().map(str),
    st.integers().map(str),
    st.integers(0, 4_000_000_000).map(str),
    st.integers(0, 4_000_000_000_000).map(str),
    st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S GMT")),
)
NAMES = ["date", "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]


@given(st.lists(st.dictionaries(st.sampled_from(NAMES), anything), min_size=1, max_size=5))
@examples(300)
def test_whatever_a_server_says_is_no_error_and_no_long_wait(
    timeless: Run, loop_clock: Clock, answers: list[dict[str, str]]
) -> None:
    async def scenario() -> None:
        budget = Budget(PLENTY, loop_clock)
        for headers in answers:
            began = loop_clock.monotonic()
            async with budget.slot() as slot:
                slot.allowance = allowance(headers, loop_clock.wall())
            assert loop_clock.monotonic() - began <= LONGEST_RESET
            assert seconds_to_wait(headers, None, loop_clock.wall()) <= LONGEST_SILENCE + MARGIN

    timeless(scenario())


def test_a_real_server_with_a_documented_plan_refuses_nothing() -> None:
    """50 in a second, for once with lines of HTTP."""
    with DemoServer(days=1, rate_limit=Plan.FREE, time_scale=0.1) as server:
        website_id = server.websites[0].id

        async def scenario() -> None:
            async with Client(server.url, Credential(server.api_key), Budget(PLENTY)) as client:

                async def ask() -> None:
                    for _ in range(20):
                        await client.compile(website_id, a_body("2026-11-19"), "UTC")

                await asyncio.gather(*(ask() for _ in range(4)))

        asyncio.run(scenario())
        assert [arrival.status for arrival in server.log] == [200] * 80
