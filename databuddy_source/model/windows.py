"""Windows: the hours, days, weeks and months of a time zone as instants.

A day is a day where the user lives: it begins with the first instant whose local date it is and
ends where the next one begins. So days have 23, 24 or 25 hours, 23.5 or 24.5 on Lord Howe, start
at 01:00 where the clock jumps over midnight, and a date that a zone skipped (Samoa, 2011-12-30)
has no instants and no window. Weeks and months are whole days. An hour is as long as the local
clock shows it with one offset from UTC: the hour that a clock repeats is two windows, and where
a clock moves by half an hour there is one of half an hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import TypeAlias
from zoneinfo import ZoneInfo

from databuddy_source.clock import MONDAY, SUNDAY, Period, day_after, first_day

LocalDate: TypeAlias = date

DEFAULT_DAYS = 30
"""How many days before today a first sync begins, where nobody chose the day."""

ONE_DAY = timedelta(days=1)
ONE_HOUR = timedelta(hours=1)
ONE_SECOND = timedelta(seconds=1)


class Grain(StrEnum):
    """The length of a window."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"

    @property
    def suffix(self) -> str:
        """What a table's name adds to its query type's."""
        return _SUFFIXES[self]


_SUFFIXES: Mapping[Grain, str] = {
    Grain.HOUR: "_hourly",
    Grain.DAY: "",
    Grain.WEEK: "_weekly",
    Grain.MONTH: "_monthly",
}


class Weeks(StrEnum):
    """The day that a week begins with: Monday (ISO) or Sunday."""

    ISO = "iso"
    SUNDAY = "sunday"


_PERIODS: Mapping[Grain, Period] = {
    Grain.HOUR: "day",  # hours are tiled a day at a time
    Grain.DAY: "day",
    Grain.WEEK: "week",
    Grain.MONTH: "month",
}


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Start and end of one aggregate.

    Attributes:
        date: local date of the first instant.
        start: first instant, in UTC.
        end: first instant after it, in UTC.
        zone: IANA name of the reporting time zone.
        grain: what it is one of.
    """

    date: date
    start: datetime
    end: datetime
    zone: str
    grain: Grain = Grain.DAY

    @property
    def last_date(self) -> LocalDate:
        """Local date of the last instant."""
        return (self.end - ONE_SECOND).astimezone(ZoneInfo(self.zone)).date()

    def meets(self, other: Window) -> bool:
        """Whether two windows have an instant in common."""
        return self.start < other.end and other.start < self.end

    @property
    def is_range(self) -> bool:
        """Whether it is a range of days that are compared with what is held of each."""
        return self.grain is Grain.DAY and self.last_date > self.date

    @property
    def bucket_zone(self) -> str | None:
        """IANA name of the time zone in which a series of days or hours has a bucket that is this
        window and no other; None where there is none.

        A day is a bucket of its own zone. An hour is one of UTC wherever clocks differ from UTC
        by whole hours, also when they change: there it has a label that no other hour has. Where
        they are half an hour off it is one of its own zone, but not on a day with a change, which
        may have two of one label.
        """
        if self.grain is Grain.DAY:
            return self.zone
        if self.grain is not Grain.HOUR:
            return None
        if self.start.minute == self.start.second == 0 and self.end - self.start == ONE_HOUR:
            return "UTC"
        # what is asked for as a window of its own comes under one day of UTC, or in two parts
        in_one_day = self.start.date() == (self.end - ONE_SECOND).date()
        return None if in_one_day and _has_a_change(self.date, self.zone) else self.zone

    def __str__(self) -> str:
        if self.grain is not Grain.HOUR:
            return self.date.isoformat()
        return self.start.astimezone(ZoneInfo(self.zone)).isoformat(timespec="minutes")


def label(instant: datetime, zone: str, grain: Grain) -> str:
    """The name of the bucket that an instant falls into, as servers write it."""
    local = instant.astimezone(ZoneInfo(zone))
    return f"{local:%Y-%m-%d %H}:00:00" if grain is Grain.HOUR else f"{local:%Y-%m-%d}"


def local_date(instant: datetime, zone: str) -> date:
    """The date that an instant has in a zone.

    Args:
        instant: with its own zone.
        zone: IANA name.
    """
    return instant.astimezone(ZoneInfo(zone)).date()


def last_date(first: date, grain: Grain) -> date:
    """The last day of the window that begins with a day."""
    if grain is Grain.WEEK:
        return first + 6 * ONE_DAY
    if grain is Grain.MONTH:
        return (first.replace(day=1) + 31 * ONE_DAY).replace(day=1) - ONE_DAY
    return first


def span(first: date, last: date) -> str:
    """A stretch of days in words."""
    return f"{first}" if first == last else f"{first} to {last}"


def dates(first: date, last: date, grain: Grain) -> Sequence[date]:
    """The dates with which windows begin, also those that a zone skipped.

    Args:
        first, last: those of the first and the last window.
        grain: their length. Hours have the date of their day.
    """
    if grain is Grain.MONTH:
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        return [date(number // 12, number % 12 + 1, 1) for number in months]
    step = 7 if grain is Grain.WEEK else 1
    return [first + timedelta(days=n) for n in range(0, (last - first).days + 1, step)]


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
    return _change(midnight.replace(fold=1).astimezone(UTC), instant, zone)


def _change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first instant at which the offset is no longer that of `before`, to the second."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > ONE_SECOND:
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


@lru_cache(64)  # all websites and most reports ask for the same ones
def tile(
    first: date,
    last: date,
    zone_name: str,
    grain: Grain = Grain.DAY,
    weeks: Weeks = Weeks.ISO,
) -> tuple[Window, ...]:
    """The windows that touch the local dates from `first` to `last`, both included: oldest first,
    without gap or overlap. Weeks and months are whole, so they may reach beyond both dates."""
    return tuple(_tiles(first, last, zone_name, grain, weeks))


def _tiles(first: date, last: date, zone_name: str, grain: Grain, weeks: Weeks) -> Iterator[Window]:
    period, zone = _PERIODS[grain], ZoneInfo(zone_name)
    at = first_day(period, first, SUNDAY if weeks is Weeks.SUNDAY else MONDAY)
    while at <= last:
        after = day_after(period, at)
        start, end = day_start(at, zone), day_start(after, zone)
        if grain is Grain.HOUR:
            yield from _hours(at, start, end, zone_name)
        elif start < end:
            yield Window(at, start, end, zone_name, grain)
        at = after


def _hours(day: date, start: datetime, end: datetime, zone_name: str) -> Iterator[Window]:
    zone = ZoneInfo(zone_name)
    while start < end:
        local = start.astimezone(zone)
        after = start + ONE_HOUR - timedelta(minutes=local.minute, seconds=local.second)
        if after.astimezone(zone).utcoffset() != local.utcoffset():
            after = _change(start, after, zone)
        yield Window(day, start, after, zone_name, Grain.HOUR)
        start = after


@lru_cache(4096)
def _has_a_change(day: date, zone_name: str) -> bool:
    """Whether clocks change that day, or at one of its midnights."""
    zone = ZoneInfo(zone_name)
    start, end = day_start(day, zone), day_start(day + ONE_DAY, zone)
    first, last = start.astimezone(zone), (end - ONE_SECOND).astimezone(zone)
    return end - start != ONE_DAY or first.utcoffset() != last.utcoffset()


@dataclass(frozen=True, slots=True)
class DateRange:
    """A range as it is sent: `start` and `end` are both inside it."""

    start: str
    end: str


def plain_dates(start: datetime, end: datetime, zone_name: str, margin_days: int) -> DateRange:
    """The local dates from one instant until another, and some more on either side. Servers read
    plain dates as days of UTC or of the request's time zone."""
    zone, margin = ZoneInfo(zone_name), margin_days * ONE_DAY
    first, last = start.astimezone(zone).date(), (end - ONE_SECOND).astimezone(zone).date()
    return DateRange((first - margin).isoformat(), (last + margin).isoformat())


def date_range(
    start: datetime, end: datetime, zone_name: str, *, offsets: bool, beyond: bool = False
) -> DateRange:
    """How to ask for everything from one instant until another.

    Servers read ends as whole seconds, so what happens in the last fraction of a second before
    the end is in no window. It is what Databuddy's own dashboard shows.

    Args:
        start: first instant.
        end: first instant after the range.
        zone_name: the zone to write them in.
        offsets: whether the server takes instants; else plain dates are sent, which it reads as
            whole UTC days.
        beyond: ask up to and including the first second (without offsets: the first day) after
            the range, for answers whose rows bring their own date, and for servers that read the
            end date as its first instant.
    """
    zone = ZoneInfo(zone_name)
    first, after = start.astimezone(zone), end.astimezone(zone)
    last = (end - ONE_SECOND).astimezone(zone)
    if not offsets:
        last_date = last.date() + ONE_DAY if beyond else last.date()
        return DateRange(first.date().isoformat(), last_date.isoformat())
    whole_days = first.time() == after.time() == time()
    if zone_name == "UTC" and whole_days and not beyond:
        return DateRange(first.date().isoformat(), last.date().isoformat())
    return DateRange(first.isoformat(), (after if beyond else last).isoformat())
