"""The budget against simulated servers: never one request too many, never idle without need."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.api.budget import Budget, Clock
from databuddy_source.api.limiter import LATEST_ARRIVAL, MARGIN, WINDOW
from tests.api.limited_server import (
    LimitedServer,
    Request,
    Trip,
    at_once,
    in_turn,
    most_in_a_window,
)
from tests.campaign import examples

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def seconds(least: float, most: float) -> st.SearchStrategy[float]:
    return st.floats(least, most, allow_subnormal=False)


punctual = st.builds(
    Request,
    wanted=seconds(0, 200),
    out=seconds(0, LATEST_ARRIVAL),
    back=st.one_of(seconds(0, 2), seconds(0, 180)),
)

"""Reaches the server in time; the answer may take minutes."""


@given(st.lists(punctual, min_size=1, max_size=30), st.integers(1, 5))
@examples(150)
def test_no_minute_at_the_server_holds_more_than_the_plan_allows(
    timeless: Run, loop_clock: Clock, requests: list[Request], limit: int
) -> None:
    server = LimitedServer(loop_clock, limit)
    timeless(at_once(Budget(limit, loop_clock), server, requests))
    assert len(server.arrivals) == len(requests)
    assert most_in_a_window(server.arrivals, WINDOW) <= limit
    assert server.refusals == 0


def test_a_request_that_was_stuck_is_counted_when_it_arrived(
    timeless: Run, loop_clock: Clock
) -> None:
    """Sent a minute ago, arrived just now: for the server it is new."""
    server = LimitedServer(loop_clock, 2)
    stuck, quick = Request(0, LATEST_ARRIVAL, 0), Request(0, 0.01, 0)
    timeless(at_once(Budget(2, loop_clock), server, [stuck, stuck, quick, quick]))
    assert server.refusals == 0
    assert server.arrivals[2] >= LATEST_ARRIVAL + WINDOW


@given(st.lists(punctual, min_size=1, max_size=30), st.integers(1, 5))
@examples(150)
def test_a_request_waits_only_while_the_window_may_be_full(
    timeless: Run, loop_clock: Clock, requests: list[Request], limit: int
) -> None:
    server = LimitedServer(loop_clock, limit)
    trips: list[Trip] = timeless(at_once(Budget(limit, loop_clock), server, requests))
    ends = [min(trip.landed, trip.sent + LATEST_ARRIVAL) + WINDOW + MARGIN for trip in trips]
    for trip in trips:
        moments = {trip.wanted, *(end for end in ends if trip.wanted < end)}
        for moment in (each + 1e-6 for each in moments if each < trip.sent - 1e-5):
            pairs = zip(trips, ends, strict=True)
            assert sum(each.sent <= moment < end for each, end in pairs) >= limit


@given(st.integers(1, 12), st.integers(2, 5), st.data())
@examples(100)
def test_a_limited_run_takes_hardly_longer_than_the_limit_asks(
    timeless: Run, loop_clock: Clock, limit: int, minutes: int, data: st.DataObject
) -> None:
    """Whatever the answers take, as long as enough requests are under way."""
    number = limit * minutes
    requests = data.draw(st.lists(punctual, min_size=number, max_size=number))
    server = LimitedServer(loop_clock, limit)
    trips = timeless(in_turn(Budget(limit, loop_clock), server, requests, workers=number))
    assert max(trip.sent for trip in trips) <= 1.15 * minutes * WINDOW


_dice = random.Random(0)
UNEVEN = [
    Request(0, _dice.choice([0.05] * 19 + [3.0]), _dice.choice([0.2, 0.3, 0.4]))
    for _ in range(1200)
]


@pytest.mark.parametrize(
    "requests",
    [
        pytest.param([Request(0, 0.01, 0.01)] * 1200, id="0.02 s"),
        pytest.param([Request(0, 0.1, 0.2)] * 1200, id="0.3 s"),
        pytest.param([Request(0, 0.1, 1.8)] * 1200, id="1.9 s"),
        pytest.param(UNEVEN, id="uneven, and one of twenty stuck"),
    ],
)
def test_a_backfill_with_four_requests_under_way_runs_at_the_limit(
    timeless: Run, loop_clock: Clock, requests: list[Request]
) -> None:
    """120 a minute; slower answers than these keep four workers below that anyway."""
    server = LimitedServer(loop_clock, 120)
    trips = timeless(in_turn(Budget(120, loop_clock), server, requests, workers=4))
    assert server.refusals == 0
    assert max(trip.landed for trip in trips) <= 1.15 * 1200 / 120 * WINDOW
