"""Which stretch of time a request asks for, the way each generation of the server reads it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

Granularity = Literal["daily", "hourly"]

_LAST_SECOND = time(23, 59, 59)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})[T ](?P<clock>\d{2}:\d{2}(:\d{2})?)(\.\d+)?"
    r"(?P<offset>Z|[+-]\d{2}:?\d{2})?"
)


class UnreadableDateError(ValueError):
    """The text is no date at all: the whole request is refused."""


class ImpossibleDateError(ValueError):
    """The text looks like a date, but no calendar has it: only its parameter fails."""


@dataclass(frozen=True, slots=True)
class Window:
    """Both ends inclusive, in UTC without a zone, whole seconds.

    An event at 23:59:59.7 is in no window that ends at 23:59:59, as on the real server.
    """

    start: datetime
    end: datetime

    @property
    def days(self) -> int:
        """How many days the window touches, rounded up."""
        return max(0, math.ceil((self.end - self.start) / timedelta(days=1)))

    def labels(self, granularity: Granularity, timezone: str = "UTC") -> Iterator[str]:
        """The label of each bucket of this time zone, empty ones too."""
        step = timedelta(hours=1) if granularity == "hourly" else timedelta(days=1)
        wall = self.wall(ZoneInfo(timezone))
        at = wall.start.replace(minute=0, second=0)
        if granularity == "daily":
            at = at.replace(hour=0)
        while at <= wall.end:
            yield f"{at:%Y-%m-%d %H}:00:00" if granularity == "hourly" else f"{at:%Y-%m-%d}"
            at += step

    def wall(self, zone: ZoneInfo) -> Window:
        """Both ends as clocks of the zone show them."""
        return self._moved(UTC, zone)

    def as_wall_time_of(self, zone: ZoneInfo) -> Window:
        """Both ends in UTC, if they are what clocks of the zone show."""
        return self._moved(zone, UTC)

    def _moved(self, given: tzinfo, wanted: tzinfo) -> Window:
        ends = (self.start, self.end)
        return Window(
            *(at.replace(tzinfo=given).astimezone(wanted).replace(tzinfo=None) for at in ends)
        )


def instants(start: str, end: str) -> Window:
    """2026: plain dates are UTC days, datetimes move by their offset, fractions are cut.

    Until June that is the window. In October its ends, which have forgotten the offset by then, are
    taken `as_wall_time_of` the request's zone: plain dates become local days, and a datetime with
    an offset moves twice.
    """
    return Window(_instant(start, time()), _instant(end, _LAST_SECOND))


def _instant(text: str, clock_of_a_plain_date: time) -> datetime:
    if _DAY.fullmatch(text):
        return datetime.combine(_day(text), clock_of_a_plain_date)
    found = _MOMENT.fullmatch(text)
    if not found:
        raise UnreadableDateError(text)
    _day(found["day"])
    try:
        moment = datetime.fromisoformat(f"{found['day']}T{found['clock']}{found['offset'] or 'Z'}")
        return moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise ImpossibleDateError(text) from error


def plain_days(start: str, end: str, *, midnight_end: bool, zone: ZoneInfo | None) -> Window:
    """2025: plain dates only, since the server appends its own time of day.

    `midnight_end` reads the end date as 00:00:00, as three types do. `zone` moves both ends, as it
    does for types that read the time zone in their own way.
    """
    for text in (start, end):
        if not _DAY.fullmatch(text):
            raise ImpossibleDateError(f"{text} 23:59:59")
    first = datetime.combine(_day(start), time())
    last = datetime.combine(_day(end), time() if midnight_end else _LAST_SECOND)
    window = Window(first, last)
    return window if zone is None else window.as_wall_time_of(zone)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ImpossibleDateError(text) from error


def is_readable(text: str) -> bool:
    """Whether the text has the form of a date or a datetime, be it on a calendar or not."""
    return bool(_DAY.fullmatch(text) or _MOMENT.fullmatch(text))
