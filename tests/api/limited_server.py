"""A server that limits the rate of requests, in simulated time and without a line of HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from databuddy_source.api.budget import WINDOW, Budget, Clock


@dataclass
class LimitedServer:
    """Counts what reaches it in any minute, as the 2026 server does: what it refuses, too.

    Attributes:
        clock: tells the time of an event loop that runs.
        limit: requests that it takes in a minute.
        arrivals: when requests reached it.
        refusals: how many it refused.
    """

    clock: Clock
    limit: int
    arrivals: list[float] = field(default_factory=list)
    refusals: int = 0

    def arrive(self) -> bool:
        """Judge a request that reaches the server now. Returns whether it is taken."""
        now = self.clock.monotonic()
        self.arrivals.append(now)
        taken = sum(moment > now - WINDOW for moment in self.arrivals) <= self.limit
        self.refusals += not taken
        return taken


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


@dataclass
class Trip:
    """What came of a request: when it was wanted, left and was answered."""

    wanted: float
    sent: float
    landed: float


async def send(budget: Budget, server: LimitedServer, request: Request) -> Trip:
    """Send one request through the budget. Returns when it left and when it was answered."""
    clock = server.clock
    await clock.sleep(request.wanted - clock.monotonic())
    wanted = clock.monotonic()
    async with budget.slot():
        sent = clock.monotonic()
        await clock.sleep(request.out)
        server.arrive()
        await clock.sleep(request.back)
        landed = clock.monotonic()
    return Trip(wanted, sent, landed)


def most_in_a_window(moments: Sequence[float], seconds: float) -> int:
    """The largest number of moments in any window of this length, its end left out."""
    return max(sum(first <= each < first + seconds for each in moments) for first in moments)
