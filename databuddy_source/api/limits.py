"""What a server says of its rate limit, in all its forms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from databuddy_source.api.budget import Allowance
from databuddy_source.api.limiter import MARGIN, WINDOW

LONGEST_SILENCE = 600.0
"""A server that asks for more seconds than this is not believed."""

LONGEST_RESET = 2 * WINDOW
"""Seconds. No window of the API is longer than a minute: a reset that is further away, or longer
ago, comes from a clock that is wrong."""

EARLIEST, LATEST = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (2000, 2100))
"""A date outside of these is no time of a server."""


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
    now = http_date(headers.get("date")) or wall
    for found in (
        _retry_after(headers.get("retry-after"), now),
        _seconds_until(_reset(headers, now), now),
        _number(body_retry_after),
    ):
        if found is not None and 0 <= found <= LONGEST_SILENCE:
            return found + MARGIN
    return WINDOW + MARGIN


def allowance(headers: Mapping[str, str], wall: float) -> Allowance | None:
    """What any answer says of the requests that remain; None when it says nothing or nonsense.

    Reads `X-RateLimit-Remaining` and `X-RateLimit-Reset`, the latter as `seconds_to_wait` does.
    Servers' dates are cut to whole seconds, so a reset seems up to a second later than it is,
    never earlier.

    Args:
        headers: of the answer, with lower-case names.
        wall: our clock, seconds since 1970.
    """
    now = http_date(headers.get("date")) or wall
    remaining = _number(headers.get("x-ratelimit-remaining"))
    reset = _reset(headers, now)
    if remaining is None or reset is None or not 0 <= remaining < math.inf:
        return None
    if not -LONGEST_RESET <= reset - now <= LONGEST_RESET:
        return None
    return Allowance(int(remaining), reset, reset - now)


def server_time(headers: Mapping[str, str]) -> float | None:
    """The server's time by its `Date` header, in seconds since 1970; None where it tells none, or
    nonsense, or where the answer comes out of a cache.

    Args:
        headers: of the answer, with lower-case names.
    """
    told = http_date(headers.get("date"))
    return told if told and "age" not in headers and EARLIEST <= told < LATEST else None


def _retry_after(text: str | None, now: float) -> float | None:
    seconds = _number(text)
    if seconds is not None:
        return seconds
    return _seconds_until(http_date(text), now)


def _reset(headers: Mapping[str, str], now: float) -> float | None:
    """When the limit is over, in seconds since 1970 of the server's clock."""
    value = _number(headers.get("x-ratelimit-reset"))
    if value is None or not value >= 0:
        return None
    if value > 1e11:  # an epoch in milliseconds: in seconds this is the year 5138
        return value / 1000
    if value > 1e9:  # an epoch in seconds: later than 2001
        return value
    return now + value


def _seconds_until(moment: float | None, now: float) -> float | None:
    return None if moment is None else max(0.0, moment - now)


def _number(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]  # None and objects are the except branch
    except (TypeError, ValueError):
        return None


def http_date(text: str | None) -> float | None:
    """The date of a header in seconds since 1970, or None when it is none."""
    try:
        moment = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    if moment and moment.tzinfo is None:  # the oldest form of HTTP dates names no zone; it is UTC
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp() if moment else None
