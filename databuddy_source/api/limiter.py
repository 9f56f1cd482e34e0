"""One budget for many processes: the protocol of what counts their requests together, and what a
process does when that is gone.

A place is taken before a request leaves, and is free again a window after its answer, as the server
counts. Whoever cannot ask keeps to a share of the limit that is safe without asking: one over the
number of processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable
from uuid import uuid4

logger = logging.getLogger(__name__)

WINDOW = 60.0
"""Seconds of the server's sliding window."""

MARGIN = 1.0
"""Seconds by which our window is longer: two clocks never run quite alike, and servers round."""

LATEST_ARRIVAL = 5.0
"""Seconds after which a request has reached the server, answered or not. Waiting for each answer
instead would let slow answers, of seconds to minutes, halve the rate of a small budget."""

HELD: Final = WINDOW + MARGIN
"""Seconds for which a place is taken after its request was answered."""

LONGEST_HELD: Final = HELD + LATEST_ARRIVAL
"""Seconds for which a place is taken whose request has no answer yet, or never gets one: so long
does one last that a dead process leaves."""

LONGEST_NAP: Final = 2.0
"""Seconds after which whoever waits asks again, by which others know that it still waits."""

FORGOTTEN: Final = 3 * LONGEST_NAP
"""Seconds after which one that waited and asked no more has lost its turn."""

ASK_AGAIN: Final = 10.0
"""Seconds between two looks whether a store that is gone is there again."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a limiter says to a process that wants to send a request.

    Attributes:
        place: the name of the place that was taken for it; empty when there is none.
        wait: seconds after which to ask again, where there is none.
        workers: how many processes share the budget, this one included: those that asked in the
            last minute.
        age: seconds since it began to count: what was taken before is forgotten.
    """

    place: str = ""
    wait: float = 0.0
    workers: int = 1
    age: float = math.inf


@runtime_checkable
class Limiter(Protocol):
    """Counts the requests of many processes together. Both methods are called from threads, one
    call at a time, and may take a while. Whatever they raise means that nobody counts now.
    """

    def take(self, budget: str, worker: str, per_minute: int) -> Turn:
        """Take a place for a request that leaves at once. It is taken for 66 s, or until 61 s after
        its request was answered, if that is earlier.

        Args:
            budget: what is counted together: stands for a server and a key, and tells neither.
            worker: the process that asks.
            per_minute: how many places there are.
        """

    def land(self, budget: str, place: str, silence: float) -> None:
        """The request of a place was answered, or failed.

        Args:
            budget: as it was for the place.
            place: that was taken; empty where there is only a silence to tell.
            silence: seconds for which nobody may take a place of the budget; mostly 0.
        """


@dataclass(frozen=True, slots=True)
class Share:
    """What a process may send that cannot ask.

    Attributes:
        requests: in a window.
        longer: seconds by which the window is longer than the server's.
    """

    requests: int
    longer: float = 0.0

    @classmethod
    def of(cls, per_minute: int, workers: int) -> Share:
        """One over so many of the budget; of less than one request a minute, one in longer."""
        return cls(max(1, per_minute // workers), max(0.0, (workers / per_minute - 1) * WINDOW))


class SharedPlaces:
    """A limiter as one budget of a process uses it.

    Where the limiter is gone, or has forgotten, the process is silent for a window, since nobody
    knows what others have sent, and then keeps to its share until all others must have noticed.

    Args:
        limiter: counts.
        budget: see `Limiter.take`.
        most_workers: processes that share it at most, as configured.
        monotonic: seconds that only grow.
        call: calls a function that takes a while.

    Attributes:
        lost: the kind of error for which the limiter is gone; empty while it answers.
        seen: processes that share the budget, this one included, as the limiter said last.
    """

    def __init__(
        self,
        limiter: Limiter,
        budget: str,
        most_workers: int,
        monotonic: Callable[[], float],
        call: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:
        self.limiter = limiter
        self.most_workers = most_workers
        self._budget = budget
        self._monotonic = monotonic
        self._call = call
        self._lock = threading.Lock()
        self._worker = ("", 0)
        self.seen = 1
        self.lost = ""
        self._ask_at = self._silent_until = self._doubt_until = self._last_sent = -math.inf

    async def take(self, per_minute: int) -> str | float:
        """A place for one request, empty where nobody counts; else seconds to wait."""
        if (wait := self._silent_until - self._monotonic()) > 0:
            return wait
        try:
            turn: Turn = await self._ask(self.limiter.take, self._name(), per_minute)
        except _Gone:
            if (wait := self._silent_until - self._monotonic()) > 0:
                return wait
            self._last_sent = self._monotonic()
            return ""
        now = self._monotonic()
        self.seen = turn.workers
        if now - turn.age > self._last_sent > now - LONGEST_HELD and now >= self._doubt_until:
            logger.warning("The shared budget has forgotten what was sent. %s", self._consequence)
            self._doubt(now)
            await self.land(turn.place, LONGEST_HELD)
            return LONGEST_HELD
        if turn.age < LONGEST_HELD:  # who knows what those sent who took places before
            self._doubt_until = max(self._doubt_until, now + LONGEST_HELD - turn.age)
        if not turn.place:
            return turn.wait
        self._last_sent = now
        return turn.place

    async def land(self, place: str, silence: float) -> None:
        """The request of a place was answered, or failed; see `Limiter.land`."""
        if place or silence:
            with contextlib.suppress(_Gone):
                await self._ask(self.limiter.land, place, silence)

    def share(self, per_minute: int) -> Share:
        """What this process may send now, whatever the limiter says."""
        if self._monotonic() >= self._doubt_until:
            return Share(per_minute)
        return Share.of(per_minute, self.workers)

    @property
    def workers(self) -> int:
        """How many processes share it, as far as we know, or may do so."""
        return max(self.seen, self.most_workers)

    @property
    def _consequence(self) -> str:
        share = f"one part in {self.workers} of the limit"
        return f"Nothing is sent for {LONGEST_HELD:.0f} s, then {share}, until all know it again."

    async def _ask(self, what: Callable[..., Any], *words: object) -> Any:
        """Call the limiter.

        Raises:
            _Gone: it cannot be asked, or could not lately.
        """
        if self._monotonic() < self._ask_at:
            raise _Gone
        return await self._call(self._alone, what, self._budget, *words)

    def _alone(self, what: Callable[..., Any], *words: object) -> Any:
        with self._lock:
            if self._monotonic() < self._ask_at:  # others found so meanwhile
                raise _Gone
            try:
                found = what(*words)
            except Exception as error:  # of whatever library counts
                self._lose(error)
                raise _Gone from None
            if self.lost:
                logger.info("The shared budget is there again.")
            self.lost = ""
            return found

    def _lose(self, error: Exception) -> None:
        # the words of a driver may have the address, and that a password
        kind = type(error).__name__
        if not self.lost:
            logger.warning("The shared budget is gone (%s). %s", kind, self._consequence)
        self.lost = kind
        self._ask_at = self._monotonic() + ASK_AGAIN
        self._doubt(self._monotonic())

    def _doubt(self, now: float) -> None:
        if now >= self._doubt_until:
            self._silent_until = now + LONGEST_HELD
        self._doubt_until = now + LONGEST_HELD + ASK_AGAIN

    def _name(self) -> str:
        name, process = self._worker
        if process != os.getpid():  # a fork is another one
            name, process = self._worker = uuid4().hex, os.getpid()
        return name


class _Gone(Exception):
    """Nobody counts."""
