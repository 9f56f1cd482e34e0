"""A server that limits the rate of requests, in simulated time and without a line of HTTP."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from enum import Enum

from databuddy_source.api.budget import Budget, Clock
from databuddy_source.api.limiter import WINDOW
from databuddy_source.api.limits import allowance, seconds_to_wait


class Tells(Enum):
    """What a server says of its count."""

    REFUSALS = "with what it refuses, in milliseconds and a whole window from then: 2026"
    SECONDS = "with each answer, in whole seconds: the documentation"
    MILLISECONDS = "with each answer, in milliseconds"


@dataclass(frozen=True)
class Verdict:
    """What the server makes of one request.

    Attributes:
        taken: not refused.
        remaining: requests that it takes until the reset.
        reset: when it takes more; seconds of the simulated clock.
    """

    taken: bool
    remaining: int
    reset: float


@dataclass
class LimitedServer:
    """Counts what reaches it in a sliding window, or in windows one after the other.

    Attributes:
        clock: tells the time of an event loop that runs.
        limit: requests that it takes in a window.
        seconds: the window's length.
        tells: what it says of that.
        sliding: otherwise all requests of a window are forgotten at its end.
        skew: seconds by which its own clock is ahead of ours.
        dated: whether answers have a date.
        arrivals: when our requests reached it, and of those of others.
        refusals: how many of ours it refused.
    """

    clock: Clock
    limit: int
    seconds: float = WINDOW
    tells: Tells = Tells.REFUSALS
    sliding: bool = True
    skew: float = 0.0
    dated: bool = True
    arrivals: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)
    refusals: int = 0
    _counted: list[float] = field(default_factory=list)

    def arrive(self, ours: bool = True) -> Verdict:
        """Judge a request that reaches the server now."""
        now = self.clock.monotonic()
        (self.arrivals if ours else self.others).append(now)
        begins = now - self.seconds if self.sliding else now // self.seconds * self.seconds
        self._counted = [
            moment
            for moment in self._counted
            if (moment > begins if self.sliding else moment >= begins)
        ]
        taken = len(self._counted) < self.limit
        self.refusals += ours and not taken
        if taken or self.tells is Tells.REFUSALS:  # there, whoever keeps knocking stays outside
            self._counted.append(now)
        if self.tells is Tells.REFUSALS:
            reset = now + self.seconds
        else:
            reset = (self._counted[0] if self.sliding else begins) + self.seconds
        return Verdict(taken, max(0, self.limit - len(self._counted)), reset)

    def headers(self, verdict: Verdict) -> Mapping[str, str]:
        """What an answer says that leaves now."""
        headers = {"date": formatdate(self.clock.wall() + self.skew)} if self.dated else {}
        if verdict.taken and self.tells is Tells.REFUSALS:
            return headers
        reset = self.clock.wall() - self.clock.monotonic() + self.skew + verdict.reset
        unit = 1 if self.tells is Tells.SECONDS else 1000
        return headers | {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(verdict.remaining),
            "x-ratelimit-reset": str(math.ceil(reset * unit)),
        }


@dataclass(frozen=True)
class Request:
    """What a test sends.

    Attributes:
        wanted: seconds from the beginning until somebody wants to send it.
        out: seconds from leaving to reaching the server.
        back: seconds from there to its answer.
    """

    wanted: float
    out: float
    back: float


@dataclass(frozen=True)
class Trip:
    """What came of one try: when it was wanted, left and was answered, and what the server said."""

    wanted: float
    sent: float
    landed: float
    verdict: Verdict


async def send(budget: Budget, server: LimitedServer, request: Request) -> list[Trip]:
    """Send a request through the budget until the server takes it. Returns all tries."""
    clock = server.clock
    await clock.sleep(request.wanted - clock.monotonic())
    trips: list[Trip] = []
    while not trips or not trips[-1].verdict.taken:
        wanted = clock.monotonic()
        async with budget.slot() as slot:
            sent = clock.monotonic()
            await clock.sleep(request.out)
            verdict = server.arrive()
            await clock.sleep(request.back)
            headers = server.headers(verdict)
            slot.allowance = allowance(headers, clock.wall())
            if not verdict.taken:
                budget.stay_silent(seconds_to_wait(headers, None, clock.wall()))
            trips.append(Trip(wanted, sent, clock.monotonic(), verdict))
    return trips


async def at_once(budget: Budget, server: LimitedServer, requests: Sequence[Request]) -> list[Trip]:
    """Each request in a task of its own."""
    tries = await asyncio.gather(*(send(budget, server, request) for request in requests))
    return [trip for trips in tries for trip in trips]


async def in_turn(
    budget: Budget, server: LimitedServer, requests: Sequence[Request], workers: int
) -> list[Trip]:
    """So many at once, each worker taking the next."""
    waiting = deque(requests)
    trips: list[Trip] = []

    async def work() -> None:
        while waiting:
            request = waiting.popleft()
            now = server.clock.monotonic()
            trips.extend(await send(budget, server, replace(request, wanted=now)))

    await asyncio.gather(*(work() for _ in range(workers)))
    return trips


def most_in_a_window(moments: Sequence[float], seconds: float) -> int:
    """The largest number of moments in any window of this length, its end left out."""
    return max(sum(first <= each < first + seconds for each in moments) for first in moments)
