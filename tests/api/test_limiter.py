"""A budget that other processes count, too: what leaves when they can be asked, and when not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from databuddy_source.api.budget import Budget, Clock, budget_for
from databuddy_source.api.limiter import (
    ASK_AGAIN,
    HELD,
    LONGEST_HELD,
    Share,
    SharedPlaces,
    Turn,
)
from tests.api.limited_server import LimitedServer, Request, Tells, in_turn

Run = Callable[[Coroutine[Any, Any, Any]], Any]


@dataclass
class Store:
    """Counts in memory.

    Attributes:
        clock: tells the time of an event loop that runs.
        workers: how many it says there are.
        gone: whether it fails.
        began: when it began to count.
        landed: what it was told of places.
        taken: until when places are.
        silent_until: when a silence ends.
    """

    clock: Clock
    workers: int = 2
    gone: bool = False
    began: float = -1000.0
    landed: list[tuple[str, float]] = field(default_factory=list)
    taken: list[float] = field(default_factory=list)
    silent_until: float = 0.0

    def take(self, budget: str, worker: str, per_minute: int) -> Turn:
        now = self.clock.monotonic()
        if self.gone:
            raise ConnectionError("no route to redis://:a_password@host")
        self.taken = [until for until in self.taken if until > now]
        age = now - self.began
        if now < self.silent_until:
            return Turn(wait=self.silent_until - now, workers=self.workers, age=age)
        if len(self.taken) < per_minute:
            self.taken.append(now + HELD)
            return Turn(f"{now}", workers=self.workers, age=age)
        return Turn(wait=min(self.taken) - now, workers=self.workers, age=age)

    def land(self, budget: str, place: str, silence: float) -> None:
        if self.gone:
            raise ConnectionError
        self.landed.append((place, silence))
        self.silent_until = max(self.silent_until, self.clock.monotonic() + silence)

    def forget(self) -> None:
        """As after a restart."""
        self.taken, self.began = [], self.clock.monotonic()


async def at_once(what: Callable[..., Any], *words: object) -> Any:
    """Simulated time has no threads."""
    return what(*words)


def a_budget(store: Store, per_minute: int, most_workers: int = 4) -> Budget:
    budget = Budget(per_minute, store.clock)
    budget.shared = SharedPlaces(store, "b", most_workers, store.clock.monotonic, at_once)
    return budget


async def leave(budget: Budget, store: Store, number: int) -> list[float]:
    """When so many requests leave that all want to leave now, each answered at once."""
    left: list[float] = []

    async def one() -> None:
        async with budget.slot():
            left.append(store.clock.monotonic())

    await asyncio.gather(*(one() for _ in range(number)))
    return sorted(left)


@pytest.fixture
def store(loop_clock: Clock) -> Store:
    return Store(loop_clock)


def test_what_others_sent_counts(timeless: Run, store: Store) -> None:
    async def scenario() -> list[float]:
        store.taken = [10.0, 20.0]
        return await leave(a_budget(store, 3), store, 4)

    assert timeless(scenario()) == pytest.approx([0, 10, 20, HELD])


def test_what_waits_for_others_is_not_spent(timeless: Run, store: Store) -> None:
    async def scenario() -> tuple[int, int]:
        store.taken = [50.0, 50.0]
        budget = a_budget(store, 2)
        task = asyncio.create_task(leave(budget, store, 1))
        await store.clock.sleep(49)
        before = budget.spent
        await task
        return before, budget.spent

    assert timeless(scenario()) == (0, 1)


def test_each_answer_is_told_with_a_silence_that_it_asked_for(timeless: Run, store: Store) -> None:
    async def scenario() -> None:
        budget = a_budget(store, 3)
        async with budget.slot():
            await store.clock.sleep(1)
        async with budget.slot():
            budget.stay_silent(30)

    timeless(scenario())
    assert store.landed == [("0.0", 0.0), ("1.0", 30.0)]


def test_a_request_that_is_given_up_while_it_waits_takes_nothing(
    timeless: Run, store: Store
) -> None:
    async def scenario() -> tuple[int, int]:
        store.taken = [50.0]
        budget = a_budget(store, 1)
        task = asyncio.create_task(leave(budget, store, 1))
        await store.clock.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return budget.spent, budget.left

    assert timeless(scenario()) == (0, 1)


def test_where_the_store_is_gone_it_is_silent_and_then_keeps_to_its_share(
    timeless: Run, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> list[float]:
        budget = a_budget(store, 8, most_workers=4)
        await leave(budget, store, 6)
        store.gone = True
        return await leave(budget, store, 5)

    with caplog.at_level(logging.INFO):
        left = timeless(scenario())
    begins = LONGEST_HELD
    assert left == pytest.approx([begins, begins, begins + HELD, begins + HELD, begins + 2 * HELD])
    (told,) = [each for each in caplog.messages if "budget" in each]
    assert told == (
        "The shared budget is gone (ConnectionError). Nothing is sent for 66 s, then one part in "
        "4 of the limit, until all know it again."
    )


def test_more_workers_than_were_configured_have_smaller_shares(timeless: Run, store: Store) -> None:
    async def scenario() -> list[float]:
        budget = a_budget(store, 8, most_workers=2)
        store.workers = 8
        await leave(budget, store, 1)
        store.gone = True
        return await leave(budget, store, 2)

    first, second = timeless(scenario())
    assert (first, second - first) == pytest.approx((LONGEST_HELD, HELD))


def test_a_store_that_never_was_there_is_no_reason_to_send_more(
    timeless: Run, store: Store
) -> None:
    async def scenario() -> list[float]:
        store.gone = True
        return await leave(a_budget(store, 8, most_workers=4), store, 3)

    begins = LONGEST_HELD
    assert timeless(scenario()) == pytest.approx([begins, begins, begins + HELD])


def test_it_is_there_again(timeless: Run, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """The share holds until whoever sends must have noticed."""

    async def scenario() -> tuple[list[float], list[float]]:
        budget = a_budget(store, 8, most_workers=4)
        store.gone = True
        await leave(budget, store, 2)
        store.gone = False
        again = store.clock.monotonic()
        soon = await leave(budget, store, 4)
        await store.clock.sleep(again + LONGEST_HELD + ASK_AGAIN + 1 - store.clock.monotonic())
        await store.clock.sleep(HELD)
        begins = store.clock.monotonic()
        later = await leave(budget, store, 8)
        return [each - again for each in soon], [each - begins for each in later]

    with caplog.at_level(logging.INFO):
        soon, later = timeless(scenario())
    assert soon == pytest.approx([HELD, HELD, 2 * HELD, 2 * HELD])
    assert later == pytest.approx([0] * 8)
    assert caplog.messages[-1] == "The shared budget is there again."


def test_a_store_that_lost_what_it_knew_silences_all(
    timeless: Run, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> list[float]:
        budget = a_budget(store, 8, most_workers=4)
        await leave(budget, store, 1)
        await store.clock.sleep(20)
        store.forget()
        await store.clock.sleep(1)
        return await leave(budget, store, 2)

    assert timeless(scenario()) == pytest.approx([21 + LONGEST_HELD] * 2)
    assert (store.landed[1][1]) == LONGEST_HELD
    assert "has forgotten what was sent" in caplog.text


def test_a_store_that_just_began_is_used_with_care(timeless: Run, store: Store) -> None:
    async def scenario() -> list[float]:
        store.began = 0.0
        return await leave(a_budget(store, 8, most_workers=4), store, 3)

    assert timeless(scenario()) == pytest.approx([0, 0, HELD])


@pytest.mark.parametrize("workers", [2, 4, 8])
def test_what_a_server_says_that_remains_is_for_all_workers(
    timeless: Run, store: Store, workers: int
) -> None:
    """Its limit is another one than ours, and it tells. Whoever took all of it for his own would
    have sixty refused."""
    server = LimitedServer(store.clock, 50, 10.0, Tells.SECONDS)
    store.workers = workers
    requests = [Request(0.0, 0.05, 0.2)] * (320 // workers)

    async def scenario() -> None:
        budgets = (a_budget(store, 120) for _ in range(workers))
        await asyncio.gather(*(in_turn(budget, server, requests, 4) for budget in budgets))

    timeless(scenario())
    assert server.refusals <= workers
    assert len(server.arrivals) == 320 + server.refusals


@pytest.mark.parametrize(
    ("per_minute", "workers", "share"),
    [
        (120, 8, Share(15)),
        (120, 7, Share(17)),
        (120, 120, Share(1)),
        (4, 8, Share(1, 60)),
        (1, 3, Share(1, 120)),
    ],
)
def test_shares_are_never_more_than_the_limit(per_minute: int, workers: int, share: Share) -> None:
    found = Share.of(per_minute, workers)
    assert found == share
    assert found.requests * workers / (60 + found.longer) <= per_minute / 60


def test_no_address_is_told(timeless: Run, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    store.gone = True
    with caplog.at_level(logging.DEBUG):
        timeless(leave(a_budget(store, 8), store, 1))
    assert "ConnectionError" in caplog.text
    assert "a_password" not in caplog.text


def test_the_last_limiter_holds(base_url: str, key: str, store: Store) -> None:
    ours = budget_for(base_url, key, 100, store, 3)
    shared = ours.shared
    assert shared
    assert budget_for(base_url, key, 100, store, 5).shared is shared
    assert shared.most_workers == 5
    assert budget_for(base_url, key, 100).shared is None


def test_a_hanging_store_is_asked_by_one_thread_at_a_time() -> None:
    """The others find it gone and do not wait for it, too."""
    calls: list[float] = []
    now = [0.0]

    class Hangs:
        def take(self, budget: str, worker: str, per_minute: int) -> Turn:
            calls.append(now[0])
            raise TimeoutError

        def land(self, budget: str, place: str, silence: float) -> None: ...

    async def scenario() -> None:
        async def sleep(seconds: float) -> None:
            now[0] += seconds
            await asyncio.sleep(0)

        budget = Budget(100, Clock(lambda: now[0], lambda: now[0], sleep))
        budget.share_by(Hangs(), "b", 1)

        async def one() -> None:
            async with budget.slot():
                pass

        await asyncio.gather(*(one() for _ in range(20)))

    asyncio.run(scenario())
    assert sum(at < ASK_AGAIN for at in calls) == 1
