"""The shared rate budget: never too many requests in a minute, never one too few."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.api import budget as budgets
from databuddy_source.api.budget import Budget, Clock, budget_for
from databuddy_source.api.limiter import MARGIN, WINDOW
from tests.campaign import examples

Run = Callable[[Coroutine[Any, Any, Any]], Any]

gaps = st.lists(st.floats(0, 90, allow_subnormal=False), min_size=1, max_size=40)


async def one_request(budget: Budget) -> None:
    """Answered the moment it leaves."""
    async with budget.slot():
        pass


async def departures(budget: Budget, clock: Clock, arrivals: list[float]) -> list[float]:
    """When requests leave that want to leave at these times, each in a task of its own."""
    left: list[float] = []

    async def one(arrival: float) -> None:
        await clock.sleep(arrival)
        async with budget.slot():
            left.append(clock.monotonic())

    await asyncio.gather(*(one(arrival) for arrival in arrivals))
    return left


@given(gaps, st.integers(1, 7))
@examples(150)
def test_no_minute_ever_holds_more_requests_than_the_plan_allows(
    timeless: Run, loop_clock: Clock, gaps: list[float], per_minute: int
) -> None:
    budget = Budget(per_minute, loop_clock)
    left = timeless(departures(budget, loop_clock, list(accumulate(gaps))))
    for first in left:
        assert sum(first <= moment <= first + WINDOW for moment in left) <= per_minute
    assert budget.spent == len(left) == len(gaps)


@given(gaps, st.integers(1, 7))
@examples(150)
def test_a_request_waits_only_while_the_minute_is_full(
    timeless: Run, loop_clock: Clock, gaps: list[float], per_minute: int
) -> None:
    arrivals = list(accumulate(gaps))
    left = timeless(departures(Budget(per_minute, loop_clock), loop_clock, arrivals))
    earliest: list[float] = []
    for number, arrival in enumerate(arrivals):
        room = earliest[number - per_minute] + WINDOW + MARGIN if number >= per_minute else 0.0
        earliest.append(max(arrival, room))
    assert sorted(left) == pytest.approx(earliest, abs=1e-6)


@given(gaps, st.floats(0, 300), st.floats(0, 300))
@examples(75)
def test_nothing_leaves_in_a_silence_and_everything_after_it(
    timeless: Run, loop_clock: Clock, gaps: list[float], begins: float, lasts: float
) -> None:
    budget = Budget(1000, loop_clock)
    arrivals = list(accumulate(gaps))

    async def scenario() -> list[float]:
        async def silence() -> None:
            await loop_clock.sleep(begins)
            budget.stay_silent(lasts)

        left, _ = await asyncio.gather(departures(budget, loop_clock, arrivals), silence())
        return left

    left = timeless(scenario())
    assert not [moment for moment in left if begins + 1e-6 < moment < begins + lasts - 1e-6]
    for arrival, moment in zip(arrivals, sorted(left), strict=True):
        assert moment <= max(arrival, begins + lasts) + 1e-6


def test_a_shorter_silence_does_not_end_a_longer_one(timeless: Run, loop_clock: Clock) -> None:
    budget = Budget(10, loop_clock)

    async def scenario() -> list[float]:
        budget.stay_silent(60)
        budget.stay_silent(5)
        return await departures(budget, loop_clock, [0.0])

    assert timeless(scenario()) == [60.0]


def test_a_request_that_waited_is_counted() -> None:
    """0.3 + 60 + 1 - 60 - 1 is less than 0.3: a wait of nothing must not slip through."""
    for sent_at in (tenths / 10 for tenths in range(200)):
        again_at = sent_at + WINDOW + MARGIN
        moments = iter([sent_at, sent_at, again_at, again_at])  # each leaves and lands at once
        budget = Budget(1, Clock(monotonic=moments.__next__))
        asyncio.run(one_request(budget))
        asyncio.run(one_request(budget))
        assert budget.spent == 2, sent_at


def test_users_of_one_key_share_a_budget_in_the_process(base_url: str, key: str) -> None:
    ours = budget_for(base_url, key, 100)
    assert budget_for(base_url, key, 100) is ours
    assert budget_for(base_url, key + "_other", 100) is not ours
    assert budget_for(base_url.replace("databuddy", "self-hosted"), key, 100) is not ours


def test_the_last_configured_ceiling_holds(base_url: str, key: str) -> None:
    ours = budget_for(base_url, key, 100)
    budget_for(base_url, key, 30)
    assert ours.per_minute == 30


def test_a_lower_ceiling_counts_what_was_sent_before(timeless: Run, loop_clock: Clock) -> None:
    budget = Budget(5, loop_clock)

    async def scenario() -> list[float]:
        await departures(budget, loop_clock, [0.0, 1.0, 2.0, 3.0])
        budget.per_minute = 2
        await one_request(budget)
        return [loop_clock.monotonic()]

    assert timeless(scenario()) == [pytest.approx(2.0 + WINDOW + MARGIN)]


def test_the_module_keeps_no_key(base_url: str, key: str) -> None:
    budget_for(base_url, key, 100)
    assert key not in repr(vars(budgets))


class Ceiling(int):
    """Lets the other thread run between the look at the budget and the decision."""

    def __le__(self, other: int) -> bool:
        full = super().__le__(other)
        time.sleep(0)
        return full


def test_two_threads_together_stay_within_the_budget() -> None:
    class Full(Exception):
        pass

    async def no_room(seconds: float) -> None:
        raise Full

    budget = Budget(Ceiling(500), Clock(monotonic=lambda: 5.0, sleep=no_room))
    taken: list[int] = []

    async def take_all() -> None:
        for count in range(500):
            try:
                await one_request(budget)
            except Full:
                taken.append(count)
                return
        taken.append(500)

    threads = [threading.Thread(target=lambda: asyncio.run(take_all())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == 2
    assert sum(taken) == budget.spent == 500


def test_a_silence_reaches_the_other_thread() -> None:
    waited: list[float] = []

    class Silent(Exception):
        pass

    async def told(seconds: float) -> None:
        waited.append(seconds)
        raise Silent

    budget = Budget(100, Clock(monotonic=lambda: 5.0, sleep=told))
    thread = threading.Thread(target=lambda: budget.stay_silent(42))
    thread.start()
    thread.join()
    with pytest.raises(Silent):
        asyncio.run(one_request(budget))
    assert waited == [42]
