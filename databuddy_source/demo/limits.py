"""Rate limits: what the 2026 server enforces, and the plans of the documentation."""

from __future__ import annotations

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from threading import Lock


class Plan(Enum):
    """`(requests, seconds)` for each key, sliding.

    `SERVER` is what servers of 2026 enforce on queries; `QUOTA` adds the quota that a key may have
    there on everything; the others are those of the documentation.
    """

    SERVER = (120, 60)
    QUOTA = (300, 60)
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

    `time_scale` shrinks the seconds of a plan: 0.01 makes 60 s 0.6 s. `clock` counts seconds,
    `wall` tells the time in seconds since 1970. `retry_after`: a refusal says when to come back.
    `compile_requests`: how many fit in a minute.
    """

    def __init__(
        self,
        plan: Plan | None,
        time_scale: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        *,
        wall: Callable[[], float] = time.time,
        retry_after: bool = False,
        compile_requests: int | None = None,
    ) -> None:
        self._clock = clock
        self._wall = wall
        self.plan = plan
        self._seconds = plan.seconds * time_scale if plan else 0.0
        self._retry_after = retry_after
        self._budgets = {("POST", "/v1/query"): Plan.SERVER.requests}
        if compile_requests is not None:
            self._budgets["POST", "/v1/query/compile"] = compile_requests
        self._taken: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._numbers = count(1)
        self._lock = Lock()

    def take(self, credential: str, method: str, path: str) -> Verdict:
        """Judge one request the moment it arrives, before anybody knows whether it is valid."""
        if self.plan is None or not path.startswith("/v1/"):
            return PASSED
        if self.plan not in (Plan.SERVER, Plan.QUOTA):
            return self._as_documented(self.plan, credential)
        quota = PASSED
        if self.plan is Plan.QUOTA:
            quota = self._counted(credential, "quota", Plan.QUOTA.requests)
        budget = self._budgets.get((method, path))
        if quota.refusal is not None or budget is None:
            return quota
        own = self._counted(credential, path, budget)
        # What successes tell is the quota, never the budget that ends sooner.
        return own if own.refusal is not None else quota

    def _counted(self, credential: str, what: str, limit: int) -> Verdict:
        with self._lock:
            taken = self._recent(credential, what)
            # Refused requests count too: whoever keeps knocking stays outside.
            taken.append(self._clock())
            used = len(taken)
        reset = round((self._wall() + self._seconds) * 1000)
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(max(0, limit - used)),
            "X-RateLimit-Reset": str(reset),
        }
        if used <= limit:
            return Verdict(headers) if what == "quota" else PASSED
        text = "API key rate limit exceeded" if what == "quota" else "Rate limit exceeded"
        refusal: dict[str, object] = {"success": False, "error": text, "code": "RATE_LIMITED"}
        if self._retry_after:
            seconds = math.ceil(self._seconds)
            headers["Retry-After"] = str(seconds)
            refusal |= {
                "requestId": f"req_demo_limited_{next(self._numbers):08d}",
                "limit": limit,
                "remaining": 0,
                "reset": reset,
                "retryAfter": seconds,
            }
        return Verdict(headers, refusal)

    def _as_documented(self, plan: Plan, credential: str) -> Verdict:
        with self._lock:
            taken = self._recent(credential, "plan")
            refused = len(taken) >= plan.requests
            if not refused:
                taken.append(self._clock())
            wait = max(0.0, taken[0] + self._seconds - self._clock())
            remaining = plan.requests - len(taken)
        headers = {
            "X-RateLimit-Limit": str(plan.requests),
            "X-RateLimit-Remaining": str(remaining),
            "X-RateLimit-Reset": str(math.ceil(self._wall() + wait)),
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

    def _recent(self, credential: str, what: str) -> deque[float]:
        taken = self._taken[credential, what]
        horizon = self._clock() - self._seconds
        while taken and taken[0] <= horizon:
            taken.popleft()
        return taken
