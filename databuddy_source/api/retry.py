"""The one retry policy: what is tried again, after how long, and until when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_exponential, wait_random

from databuddy_source.api.budget import Clock, Slot
from databuddy_source.errors import (
    RateLimited,
    Retriable,
    ServerFailed,
    ServiceUnavailable,
    Unreachable,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """For how many seconds a request is tried again.

    Attributes:
        unreachable: while nobody answers.
        failing: while the server says that it fails, or takes too long.
        answer: for how long one answer may take.
        told_to_wait: while the server says when to come back.
        throwing: while the API itself says that it failed, with a code, and no proxy before it;
            None: as long as for others that fail.
        pause: seconds before the second try; before each later one twice as many.
    """

    unreachable: float
    failing: float
    answer: float
    told_to_wait: float = 300.0
    """Five windows of the rate limit: it says that the server is there."""
    throwing: float | None = None
    pause: float = 0.5

    def for_what_throws(self, seconds: float) -> Patience:
        """The same, but for a request that the API itself says it fails for."""
        return replace(self, throwing=seconds)


FIRST_CONTACT = Patience(unreachable=10.0, failing=10.0, answer=10.0)
"""A server that never answered in this run is given up soon."""

SETTLED = Patience(unreachable=300.0, failing=60.0, answer=180.0)
"""A request of 100 heavy cells takes 2 to 11 s on a small server, four at once over a minute. A
client that gives up has spent the request and left the server working."""

DIVISIBLE = Patience(unreachable=300.0, failing=15.0, answer=180.0)
"""What fails as a whole may pass in halves, so it is not tried for long."""

BRIEF = Patience(unreachable=300.0, failing=2.0, answer=180.0)
"""Where another question tells whether the server fails, or only this one."""

DIVIDED = Patience(unreachable=300.0, failing=0.0, answer=180.0)
"""A part of what failed goes on being divided at once, until it passes or is a single question."""

UNHEARD = Patience(unreachable=300.0, failing=60.0, answer=180.0, pause=5.0)
"""The same time as `SETTLED` in half as many tries, for what may be down altogether: nothing of it
has been answered yet."""


async def retrying(
    send: Callable[[Slot | None], Awaitable[T]],
    clock: Clock,
    patience: Patience,
    admit: Callable[[], AbstractAsyncContextManager[Slot | None]] = nullcontext,
) -> T:
    """Call `send` until it returns, fails for good, or the patience is over.

    Args:
        send: one try, with what `admit` gives.
        clock: the time.
        patience: for how long to try.
        admit: entered before each try and left after it. The time to enter is our own queue, and
            costs no patience.

    Raises:
        Retriable: the last failure, when the patience is over.
        DatabuddyError: at once, everything that is not worth another try.
    """
    started = failing_since = clock.monotonic()
    # a jitter over the whole wait would make the patience end anywhere between 1 and 10 s
    pauses = wait_exponential(multiplier=patience.pause, max=60.0) + wait_random(0.0, 0.5)

    def wait(state: RetryCallState) -> float:
        error = _failure(state)
        backoff = pauses(state)
        return max(error.retry_after or 0.0, backoff) if error else backoff

    def stop(state: RetryCallState) -> bool:
        nonlocal failing_since
        error = _failure(state)
        next_try = clock.monotonic() + state.upcoming_sleep
        if isinstance(error, RateLimited | ServiceUnavailable):
            failing_since = next_try  # a server that says when is neither out of reach nor failing
            return next_try - started > patience.told_to_wait
        if isinstance(error, Unreachable):
            limit = patience.unreachable
        elif isinstance(error, ServerFailed) and error.code and patience.throwing is not None:
            limit = patience.throwing
        else:
            limit = patience.failing
        return next_try - failing_since > limit

    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(Retriable),
        wait=wait,
        stop=stop,
        sleep=clock.sleep,
        reraise=True,
    ):
        with attempt:
            queued = clock.monotonic()
            async with admit() as slot:
                failing_since += clock.monotonic() - queued
                return await send(slot)
    raise AssertionError("tenacity ends with a result or an error")


def _failure(state: RetryCallState) -> Retriable | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, Retriable) else None
