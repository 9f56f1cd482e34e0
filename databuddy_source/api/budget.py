"""The shared rate budget: how many requests may leave, and when.

The server counts requests in a sliding minute and counts the ones it rejects, too
(measured: at four requests a second a limited client never recovered in 100 s; after
silence it took 58 s). So the budget stays below the limit, and after a rejection all
users of the key in this process stay silent until it is over.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

WINDOW = 60.0
"""Seconds of the server's sliding window."""

MARGIN = 1.0
"""Seconds by which our window is longer: a request arrives later than it was sent."""


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


class Budget:
    """Lets at most `per_minute` requests leave in any 61 seconds.

    One object serves every event loop and thread of the process.
    """

    def __init__(self, per_minute: int, clock: Clock | None = None) -> None:
        self.per_minute = per_minute
        self.spent = 0
        self._clock = clock or Clock()
        self._sent: deque[float] = deque()
        self._silent_until = 0.0
        self._lock = threading.Lock()

    async def take(self) -> None:
        """Wait until one more request may leave, and count it."""
        while (wait := self._try_take()) > 0:
            await self._clock.sleep(wait)

    def stay_silent(self, seconds: float) -> None:
        """Let nothing leave for this long."""
        with self._lock:
            self._silent_until = max(self._silent_until, self._clock.monotonic() + seconds)

    def _try_take(self) -> float:
        """Seconds to wait; 0 when the request was counted and may leave."""
        with self._lock:
            now = self._clock.monotonic()
            if now < self._silent_until:
                return self._silent_until - now
            # one expression for both questions: two that round differently let requests through
            while self._sent and (free_at := self._sent[0] + WINDOW + MARGIN) <= now:
                self._sent.popleft()
            if len(self._sent) >= self.per_minute:
                return free_at - now
            self._sent.append(now)
            self.spent += 1
            return 0.0


_budgets: dict[str, Budget] = {}


def budget_for(base_url: str, credential: str, per_minute: int) -> Budget:
    """The budget that all users of this key at this server share in this process.

    The last caller's `per_minute` holds.
    """
    # a digest, so that no key is kept in a module
    name = hashlib.sha256(f"{base_url}\n{credential}".encode()).hexdigest()
    budget = _budgets.setdefault(name, Budget(per_minute))
    budget.per_minute = per_minute
    return budget
