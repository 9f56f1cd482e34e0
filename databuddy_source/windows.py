"""Windows: the days of a time zone as instants.

A day is a day where the user lives: it begins with the first instant whose local date it is and
ends where the next one begins. So days have 23, 24 or 25 hours, 23.5 or 24.5 on Lord Howe, start
at 01:00 where the clock jumps over midnight, and a date that a zone skipped (Samoa, 2011-12-30)
has no instants and no window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

ONE_DAY = timedelta(days=1)
ONE_SECOND = timedelta(seconds=1)


class Grain(StrEnum):
    """The length of a window."""

    DAY = "day"


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Start and end of one aggregate.

    Attributes:
        date: local date of the first instant.
        start: first instant, in UTC.
        end: first instant after it, in UTC.
        zone: IANA name of the reporting time zone.
    """

    date: date
    start: datetime
    end: datetime
    zone: str

    def __str__(self) -> str:
        return self.date.isoformat()


def day_start(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local date, in UTC.

    Where midnight happens twice it is the first one; where the clock jumps over midnight it is
    the instant of the jump.
    """
    midnight = datetime.combine(day, time(), zone)
    instant = midnight.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return instant
    # inside a gap the offset after the jump (fold=1) gives an instant before it and vice versa
    before = midnight.replace(fold=1).astimezone(UTC)
    after = instant
    offset = before.astimezone(zone).utcoffset()
    while after - before > ONE_SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def day(date_: date, zone_name: str) -> Window | None:
    """The window of a local date, or None when the zone skipped that date."""
    zone = ZoneInfo(zone_name)
    start, end = day_start(date_, zone), day_start(date_ + ONE_DAY, zone)
    return Window(date_, start, end, zone_name) if start < end else None


def days(first: date, last: date, zone_name: str) -> Iterator[Window]:
    """The windows of all local dates from `first` to `last`, both included, oldest first."""
    for offset in range((last - first).days + 1):
        if window := day(first + timedelta(days=offset), zone_name):
            yield window


def today(zone_name: str, now: datetime | None = None) -> date:
    """The local date of this instant."""
    return (now or datetime.now(UTC)).astimezone(ZoneInfo(zone_name)).date()


@dataclass(frozen=True, slots=True)
class Asked:
    """A range as it is sent: `start` and `end` are both inside it."""

    start: str
    end: str


def asked(first: Window, last: Window, *, offsets: bool, beyond: bool = False) -> Asked:
    """How to ask for everything from one window to another.

    Servers read ends as whole seconds, so what happens in the last fraction of a second before
    the end is in no window. It is what Databuddy's own dashboard shows.

    Args:
        first: the window that starts the range.
        last: the window that ends it.
        offsets: whether the server takes instants; else plain dates are sent, which it reads as
            whole UTC days.
        beyond: ask up to and including the first second (without offsets: the first day) after
            the range, for answers whose rows bring their own date, and for servers that read the
            end date as its first instant.
    """
    if not offsets or (first.zone == "UTC" and not beyond):
        end = last.date + ONE_DAY if beyond else last.date
        return Asked(first.date.isoformat(), end.isoformat())
    zone = ZoneInfo(first.zone)
    end_instant = last.end if beyond else last.end - ONE_SECOND
    return Asked(first.start.astimezone(zone).isoformat(), end_instant.astimezone(zone).isoformat())
