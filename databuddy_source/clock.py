"""The one clock: this instant, today, first days of weeks and months, lengths of time in words, and
the machine's zone.

pendulum does the calendar, and all that leaves is plain: `date`, and `datetime` in UTC. The
instants of local midnights are no affair of the calendar: `model.windows` has them, by zoneinfo.
"""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from zoneinfo import ZoneInfo, available_timezones

if TYPE_CHECKING:
    import pendulum

Period: TypeAlias = Literal["day", "week", "month"]

MONDAY, SUNDAY = 0, 6

FIRST_DAY = date(2000, 1, 1)
"""No website has older visitors, imported ones included."""

HALF_HOUR = timedelta(minutes=30)
"""No zone changes its clock within one that UTC shows."""


def now() -> datetime:
    """This instant, in UTC."""
    return datetime.now(UTC)


def today(zone: str, at: datetime | None = None) -> date:
    """The local date of an instant, by default of this one.

    Args:
        zone: IANA name.
        at: with a time zone.
    """
    return (at or now()).astimezone(ZoneInfo(zone)).date()


@cache
def same_days(one: str, other: str) -> bool:
    """Whether two zones have the same days since `FIRST_DAY`, as two names of one zone do:
    Europe/Kiev and Europe/Kyiv, Asia/Calcutta and Asia/Kolkata.

    Args:
        one: IANA name.
        other: IANA name.
    """
    first = datetime.combine(FIRST_DAY, time.min, UTC)
    last = datetime(now().year + 2, 1, 1, tzinfo=UTC)
    half_hours = (first + HALF_HOUR * each for each in range((last - first) // HALF_HOUR))
    zones = ZoneInfo(one), ZoneInfo(other)
    return all(
        at.astimezone(zones[0]).utcoffset() == at.astimezone(zones[1]).utcoffset()
        for at in half_hours
    )


def first_day(of: Period, day: date, week_begins: int = MONDAY) -> date:
    """The first day of the week or month that a day is in; of a day, itself.

    Args:
        of: what begins with it.
        day: any day of it.
        week_begins: number of the weekday with which weeks begin; Monday is 0.
    """
    at = _calendar(day)
    if of == "week":
        return _plain(at if at.weekday() == week_begins else at.previous(_weekday(week_begins)))
    return _plain(at.start_of(of))


def day_after(of: Period, first: date) -> date:
    """The first day after a day, week or month that begins on a day."""
    return _plain(_calendar(first).add(**{f"{of}s": 1}))


def in_words(seconds: float) -> str:
    """A length of time, as short as it may be said: `80 s`, `14 min`, `2.3 h`,
    `20.0 days`."""
    if seconds >= 172_800:
        return f"{seconds / 86_400:.1f} days"
    if seconds >= 5_400:
        return f"{seconds / 3_600:.1f} h"
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def machine_zone() -> str:
    """The IANA name of the machine's time zone; UTC where it has none."""
    import pendulum

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a machine without any zone
        told: Any = None
        try:
            told = pendulum.tz.get_local_timezone()  # UTC, once dlt is there: it tells pendulum so
            pendulum.set_local_timezone(None)
            name = pendulum.tz.get_local_timezone().name
        except (LookupError, OSError, ValueError):  # an unknown one
            return "UTC"
        finally:
            pendulum.set_local_timezone(told)
    return name if name in available_timezones() else "UTC"


def _calendar(day: date) -> pendulum.Date:
    import pendulum  # takes a while, and not every command has a calendar to look at

    return pendulum.Date(day.year, day.month, day.day)


def _weekday(number: int) -> pendulum.WeekDay:
    import pendulum

    return pendulum.WeekDay(number)


def _plain(day: pendulum.Date) -> date:
    return date(day.year, day.month, day.day)
