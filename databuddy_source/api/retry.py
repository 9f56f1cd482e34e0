"""The one retry policy: what is tried again, after how long, and until when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type
from tenacity.wait import wait_exponential, wait_random

from databuddy_source.api.budget import MARGIN, WINDOW, Clock
from databuddy_source.api.errors import RateLimited, Retriable, Unreachable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """For how many seconds a request is tried again.

    Attributes:
        unreachable: while nobody answers.
        failing: while the server says that it fails, or takes too long.
        answer: for how long one answer may take.
    """

    unreachable: float
    failing: float
    answer: float


RATE_LIMIT_PATIENCE = 300.0
"""Seconds, five windows of the limit. A limit says that the server is there, so it is always
waited for."""

FIRST_CONTACT = Patience(unreachable=10.0, failing=10.0, answer=10.0)
"""A server that never answered in this run is given up soon."""

SETTLED = Patience(unreachable=300.0, failing=60.0, answer=180.0)
"""A request of 100 heavy cells takes 2 to 11 s on a small server, four at once over a minute. A
client that gives up has spent the request and left the server working."""

DIVISIBLE = Patience(unreachable=300.0, failing=15.0, answer=180.0)
"""What fails as a whole may pass in halves, so it is not tried for long."""

LONGEST_SILENCE = 600.0
"""A server that asks for more seconds than this is not believed."""

# a jitter over the whole wait would make the patience end anywhere between 1 and 10 s
_backoff = wait_exponential(multiplier=0.5, max=60.0) + wait_random(0.0, 0.5)


async def retrying(
    send: Callable[[], Awaitable[T]],
    clock: Clock,
    patience: Patience,
    admit: Callable[[], Awaitable[None]] | None = None,
) -> T:
    """Call `send` until it returns, fails for good, or the patience is over.

    Args:
        send: one try.
        clock: the time.
        patience: for how long to try.
        admit: awaited before each try. Its time is our own queue, and costs no patience.

    Raises:
        Retriable: the last failure, when the patience is over.
        DatabuddyError: at once, everything that is not worth another try.
    """
    started = failing_since = clock.monotonic()

    def wait(state: RetryCallState) -> float:
        error = _failure(state)
        backoff = _backoff(state)
        return max(error.retry_after or 0.0, backoff) if error else backoff

    def stop(state: RetryCallState) -> bool:
        nonlocal failing_since
        error = _failure(state)
        next_try = clock.monotonic() + state.upcoming_sleep
        if isinstance(error, RateLimited):
            failing_since = next_try  # a server that limits is neither out of reach nor failing
            return next_try - started > RATE_LIMIT_PATIENCE
        limit = patience.unreachable if isinstance(error, Unreachable) else patience.failing
        return next_try - failing_since > limit

    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(Retriable),
        wait=wait,
        stop=stop,
        sleep=clock.sleep,
        reraise=True,
    ):
        with attempt:
            if admit:
                queued = clock.monotonic()
                await admit()
                failing_since += clock.monotonic() - queued
            return await send()
    raise AssertionError("tenacity ends with a result or an error")


def _failure(state: RetryCallState) -> Retriable | None:
    error = state.outcome.exception() if state.outcome else None
    return error if isinstance(error, Retriable) else None


def seconds_to_wait(headers: Mapping[str, str], body_retry_after: object, wall: float) -> float:
    """For how long a limited client has to be silent.

    Reads, in this order, `Retry-After` (seconds or an HTTP date), `X-RateLimit-Reset` (epoch
    milliseconds from 2026 servers, epoch seconds in the documentation, or seconds from now),
    and `retryAfter` of the body. The server's `Date` header is its own clock, so clocks that
    differ do no harm. Without any of them: one whole window.

    Args:
        headers: of the answer, with lower-case names.
        body_retry_after: seconds, as the body's `retryAfter` gives them, or None.
        wall: our clock, seconds since 1970.
    """
    now = _http_date(headers.get("date")) or wall
    for found in (
        _retry_after(headers.get("retry-after"), now),
        _reset(_number(headers.get("x-ratelimit-reset")), now),
        _number(body_retry_after),
    ):
        if found is not None and 0 <= found <= LONGEST_SILENCE:
            return found + MARGIN
    return WINDOW + MARGIN


def _retry_after(text: str | None, now: float) -> float | None:
    seconds = _number(text)
    if seconds is not None:
        return seconds
    moment = _http_date(text)
    return None if moment is None else max(0.0, moment - now)


def _reset(value: float | None, now: float) -> float | None:
    if value is None:
        return None
    if value > 1e11:  # an epoch in milliseconds: in seconds this is the year 5138
        return max(0.0, value / 1000 - now)
    if value > 1e9:  # an epoch in seconds: later than 2001
        return max(0.0, value - now)
    return value


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]  # None and objects are the except branch
    except (TypeError, ValueError):
        return None


def _http_date(text: str | None) -> float | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    if moment and moment.tzinfo is None:  # the oldest form of HTTP dates names no zone; it is UTC
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() if moment else None
