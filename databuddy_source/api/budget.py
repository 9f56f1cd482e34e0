"""The shared rate budget: how many requests may leave, and when.

The server counts requests in a sliding minute and counts the ones it rejects, too
(measured: at four requests a second a limited client never recovered in 100 s; after
silence it took 58 s). So the budget stays below the limit, and after a rejection all
users of the key in this process stay silent until it is over. Where answers say how many
requests remain, no more than those leave: other programs may use the key, and the plans of
the documentation count over ten seconds. No answer ever raises the configured ceiling.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from databuddy_source.api.limiter import (
    LATEST_ARRIVAL,
    MARGIN,
    WINDOW,
    Limiter,
    Share,
    SharedPlaces,
)

SHORTEST_SLEEP = 1e-7
"""Seconds; asyncio's timers ring up to 1e-9 early, and many tasks that each sleep for such a rest
would keep the loop turning."""

LOOK_AGAIN = 0.1
"""Seconds between two looks while an answer is under way that may tell of more room. asyncio has
nothing that wakes the tasks of several loops and threads."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The one clock. Tests pass another one.

    Attributes:
        monotonic: seconds that only grow.
        wall: seconds since 1970 in UTC, to read a server's absolute times.
        sleep: waits that many seconds.
    """

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an answer says of its server's own count.

    Attributes:
        remaining: requests that the server takes after this one, until the reset.
        reset: when it takes more, in seconds since 1970 of its own clock.
        seconds: from the answer until then; negative when the answer was slow.
    """

    remaining: int
    reset: float
    seconds: float


@dataclass(eq=False, slots=True)
class Slot:
    """One request's place in the window. Times are seconds of the monotonic clock.

    Attributes:
        sent: when the request left.
        landed: when its answer came, or the failure; None while it is under way.
        allowance: what the answer said; None without an answer, or when it said nothing.
    """

    sent: float
    landed: float | None = None
    allowance: Allowance | None = None

    def free_at(self, now: float) -> float:
        """When the request is out of the server's window, at the latest; of one that is under
        way, the earliest moment at which that can be.

        The server counts when a request arrives, and only the answer proves that it has: were a
        slow one counted when it was sent, its slot would be free too soon.
        """
        answered = now if self.landed is None else self.landed
        return min(answered, self.sent + LATEST_ARRIVAL) + WINDOW + MARGIN


class ServerCount:
    """How many more requests the server takes, by its own count.

    A server's last word is the answer with the latest reset, and of those the one with the fewest
    remaining, in whatever order they come here: until a reset that number only falls.
    """

    def __init__(self) -> None:
        self._last: Allowance | None = None
        self._remaining = 0
        self._granted = 0
        self._reset_at = self._more_at = 0.0

    def closed_for(self, now: float, under_way: int, workers: int = 1) -> float:
        """Seconds until it is worth to look again; 0 when a request may leave.

        Args:
            now: seconds of the monotonic clock.
            under_way: requests without an answer, which the server may still have to count.
            workers: processes that share what remains: each takes its part of it.
        """
        if self._last is None:
            return 0.0
        if now >= self._more_at:
            # a sliding window has room for one more at its reset, and the answer to that one
            # tells for how many; the time is for answers that do not come
            self._granted += 1
            self._more_at = now + LATEST_ARRIVAL
        if (under_way + 1) * workers <= self._remaining + self._granted:
            return 0.0
        wait = self._more_at - now
        return min(wait, LOOK_AGAIN) if under_way else wait

    def learn(self, slot: Slot, now: float) -> None:
        """Take in the answer to a request, or that it had none."""
        said = slot.allowance
        if self._last is None or slot.sent >= self._reset_at:
            self._follow(said, now)
        elif said is None:
            self._remaining = max(0, self._remaining - 1)
        elif said.reset > self._last.reset:
            self._follow(said, now)
        elif said.reset == self._last.reset:
            self._remaining = min(self._remaining, said.remaining)

    def _follow(self, said: Allowance | None, now: float) -> None:
        self._last = said
        if said:
            self._remaining, self._granted = said.remaining, 0
            self._reset_at = self._more_at = now + said.seconds


class Budget:
    """Lets at most `per_minute` requests reach the server in any minute.

    One object serves every event loop and thread of the process.

    Attributes:
        per_minute: how many may leave.
        spent: how many have left.
        shared: where other processes count theirs, too.
    """

    def __init__(self, per_minute: int, clock: Clock | None = None) -> None:
        self.per_minute = per_minute
        self.spent = 0
        self.shared: SharedPlaces | None = None
        self._clock = clock or Clock()
        self._slots: list[Slot] = []
        self._silent_until = 0.0
        self._server = ServerCount()
        self._lock = threading.Lock()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Wait until one more request may leave, and count it. The block sends it, notes what the
        answer allows, and ends."""
        taken, place = await self._take()
        try:
            yield taken
        finally:
            self._land(taken)
            if self.shared:
                silence = max(0.0, self._silent_until - self._clock.monotonic())
                await self.shared.land(place, silence)

    async def _take(self) -> tuple[Slot, str]:
        """A slot, and the place that others count; empty where nobody does."""
        while True:
            taken = self._try_take()
            if isinstance(taken, Slot):
                if not self.shared:
                    return taken, ""
                place = await self._placed(taken, self.shared)
                if isinstance(place, str):
                    return taken, place
                taken = place
            await self._clock.sleep(max(taken, SHORTEST_SLEEP))

    async def _placed(self, taken: Slot, shared: SharedPlaces) -> str | float:
        """The place of a slot, or seconds to wait and no slot."""
        place: str | float = 0.0
        try:
            place = await shared.take(self.per_minute)
        finally:
            with self._lock:
                self._slots = [slot for slot in self._slots if slot is not taken]
                if isinstance(place, str):
                    taken.sent = self._clock.monotonic()
                    self._slots.append(taken)
                else:
                    self.spent -= 1
        return place

    def share_by(self, limiter: Limiter | None, name: str, most_workers: int) -> None:
        """Let a limiter count, too.

        Args:
            limiter: None for nobody else.
            name: of what is counted together.
            most_workers: processes that share it at most.
        """
        if not limiter:
            self.shared = None
        elif not self.shared or self.shared.limiter is not limiter:
            self.shared = SharedPlaces(limiter, name, most_workers, self._clock.monotonic)
        if self.shared:
            self.shared.most_workers = most_workers

    @property
    def left(self) -> int:
        """How many requests may leave at once, as far as we count ourselves."""
        with self._lock:
            now = self._clock.monotonic()
            if now < self._silent_until:
                return 0
            return max(0, self.per_minute - sum(slot.free_at(now) > now for slot in self._slots))

    def stay_silent(self, seconds: float) -> None:
        """Let nothing leave for this long."""
        with self._lock:
            self._silent_until = max(self._silent_until, self._clock.monotonic() + seconds)

    def _try_take(self) -> Slot | float:
        """A slot, when the request was counted and may leave; else seconds to wait."""
        with self._lock:
            now = self._clock.monotonic()
            if now < self._silent_until:
                return self._silent_until - now
            # one expression for both questions: two that round differently let requests through
            share = self.shared.share(self.per_minute) if self.shared else Share(self.per_minute)
            held = now - share.longer
            self._slots = [slot for slot in self._slots if slot.free_at(now) > held]
            if len(self._slots) >= share.requests:
                return sorted(slot.free_at(now) for slot in self._slots)[-share.requests] - held
            under_way = sum(slot.landed is None for slot in self._slots)
            workers = self.shared.seen if self.shared else 1
            if closed_for := self._server.closed_for(now, under_way, workers):
                return closed_for
            slot = Slot(now)
            self._slots.append(slot)
            self.spent += 1
            return slot

    def _land(self, slot: Slot) -> None:
        with self._lock:
            slot.landed = self._clock.monotonic()
            self._server.learn(slot, slot.landed)


_budgets: dict[str, Budget] = {}


def budget_for(
    base_url: str,
    credential: str,
    per_minute: int,
    limiter: Limiter | None = None,
    most_workers: int = 1,
) -> Budget:
    """The budget that all users of this key at this server share in this process.

    The last caller's `per_minute` and limiter hold.

    Args:
        base_url: of the server.
        credential: the key, or the cookie.
        per_minute: requests.
        limiter: counts those of other processes, too.
        most_workers: processes that share it at most.
    """
    # a digest, so that no key is kept in a module
    name = hashlib.sha256(f"{base_url}\n{credential}".encode()).hexdigest()
    budget = _budgets.setdefault(name, Budget(per_minute))
    budget.per_minute = per_minute
    budget.share_by(limiter, name, most_workers)
    return budget
