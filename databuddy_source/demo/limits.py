"""Rate limits: what the 2026 server enforces, and the plans of the documentation."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock


class Plan(Enum):
    """`(requests, seconds)` for each key, sliding."""

    SERVER = (120, 60)
    FREE = (50, 10)
    HOBBY = (100, 10)
    PRO = (200, 10)
    SCALE = (500, 10)

    @property
    def requests(self) -> int:
        """How many requests fit."""
        return int(self.value[0])

    @property
    def seconds(self) -> int:
        """In how long a time."""
        return int(self.value[1])


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the limiter says of one request.

    `refusal` is the body of a 429, None when the request may pass.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    refusal: Mapping[str, object] | None = None


PASSED = Verdict()


class RateLimiter:
    """Counts the requests of each credential.

    `time_scale` shrinks the seconds of a plan: 0.01 makes 60 s 0.6 s. `clock` counts seconds.
    """

    def __init__(
        self,
        plan: Plan | None,
        time_scale: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self.plan = plan
        self._seconds = plan.seconds * time_scale if plan else 0.0
        self._taken: dict[str, deque[float]] = defaultdict(deque)
        self._lock = Lock()

    def take(self, credential: str, method: str, path: str) -> Verdict:
        """Judge one request the moment it arrives, before anybody knows whether it is valid."""
        if self.plan is None:
            return PASSED
        if self.plan is Plan.SERVER:
            return (
                self._as_the_server(credential)
                if (method, path) == ("POST", "/v1/query")
                else PASSED
            )
        return self._as_documented(self.plan, credential) if path.startswith("/v1/") else PASSED

    def _as_the_server(self, credential: str) -> Verdict:
        with self._lock:
            taken = self._recent(credential)
            # Refused requests count too: whoever keeps knocking stays outside.
            taken.append(self._clock())
            refused = len(taken) > Plan.SERVER.requests
        if not refused:
            return PASSED
        reset = str(round((time.time() + self._seconds) * 1000))
        return Verdict(
            {
                "X-RateLimit-Limit": str(Plan.SERVER.requests),
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": reset,
            },
            {"success": False, "error": "Rate limit exceeded", "code": "RATE_LIMITED"},
        )

    def _as_documented(self, plan: Plan, credential: str) -> Verdict:
        with self._lock:
            taken = self._recent(credential)
            refused = len(taken) >= plan.requests
            if not refused:
                taken.append(self._clock())
            wait = max(0.0, taken[0] + self._seconds - self._clock())
            remaining = plan.requests - len(taken)
        headers = {
            "X-RateLimit-Limit": str(plan.requests),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": str(math.ceil(time.time() + wait)),
        }
        if not refused:
            return Verdict(headers)
        refusal = {
            "success": False,
            "error": "Too many requests",
            "code": "RATE_LIMIT_EXCEEDED",
            "retryAfter": math.ceil(wait),
        }
        return Verdict(headers, refusal)

    def _recent(self, credential: str) -> deque[float]:
        taken = self._taken[credential]
        horizon = self._clock() - self._seconds
        while taken and taken[0] <= horizon:
            taken.popleft()
        return taken
