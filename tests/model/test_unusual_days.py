"""Days that are not 24 hours long, in all zones and twenty years: why instants of local midnights
are zoneinfo's and not pendulum's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pendulum
import pytest

from databuddy_source.model.windows import ONE_DAY, ONE_SECOND, day_start

FIRST, LAST = date(2005, 1, 1), date(2025, 12, 31)
NOONS = [datetime(2004, 12, 31, 12) + n * ONE_DAY for n in range((LAST - FIRST).days + 3)]
"""Local ones."""

TWO_MIDNIGHTS = [
    ("America/Havana", date(2015, 11, 1)),
    ("America/Havana", date(2024, 11, 3)),
    ("America/Goose_Bay", date(2005, 10, 30)),
]
"""The clock goes back from 01:00 to midnight, or over midnight, so midnight comes twice."""

SKIPPED = {
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Pacific/Fakaofo", date(2011, 12, 30)),
}
"""Dates that nobody lived through there."""


def near_changes(zone: ZoneInfo) -> Iterator[date]:
    """The days around each change of the offset: one of another length is among them."""
    offsets = pairwise(map(zone.utcoffset, NOONS))
    changes = [
        noon for noon, (now, next_day) in zip(NOONS[:-1], offsets, strict=True) if now != next_day
    ]
    days = {noon.date() + n * ONE_DAY for noon in changes for n in (0, 1)}
    return (day for day in sorted(days) if FIRST <= day <= LAST)


def unusual_days() -> list[tuple[str, date]]:
    """Zones and days."""
    return [
        (name, day)
        for name in sorted(available_timezones())
        for zone in [ZoneInfo(name)]
        for day in near_changes(zone)
        if day_start(day + ONE_DAY, zone) - day_start(day, zone) != ONE_DAY
    ]


def is_first_instant(instant: datetime, day: date, zone: ZoneInfo) -> bool:
    """By definition: it is of that day, and the second before it is not."""
    before = (instant - ONE_SECOND).astimezone(zone).date()
    return instant.astimezone(zone).date() == day and before < day


def by_pendulum(day: date, zone: str, fold: int = 1) -> datetime:
    """pendulum's midnight; `fold=1` is its default."""
    midnight = pendulum.datetime(day.year, day.month, day.day, tz=zone, fold=fold)
    return datetime.fromtimestamp(midnight.timestamp(), UTC)


@pytest.fixture(scope="module")
def unusual() -> Sequence[tuple[str, date]]:
    found = unusual_days()
    assert len(found) > 5_000  # else nothing was looked at
    return found


def test_a_day_of_any_length_begins_with_the_first_instant_whose_date_it_is(
    unusual: Sequence[tuple[str, date]],
) -> None:
    lived = [each for each in unusual if each not in SKIPPED]
    wrong = [
        (name, day)
        for name, day in lived
        if not is_first_instant(day_start(day, zone := ZoneInfo(name)), day, zone)
    ]
    assert wrong == []


def test_a_date_that_was_skipped_begins_where_the_next_one_does() -> None:
    for name, day in SKIPPED:
        zone = ZoneInfo(name)
        assert day_start(day, zone) == day_start(day + ONE_DAY, zone)


def test_pendulums_midnight_is_another_instant_on_some_of_them(
    unusual: Sequence[tuple[str, date]],
) -> None:
    for fold in (0, 1):
        others = (
            (name, day)
            for name, day in unusual
            if by_pendulum(day, name, fold) != day_start(day, ZoneInfo(name))
        )
        found = next(others, None)
        assert found, f"fold={fold}: nothing keeps pendulum from giving midnights any more"


@pytest.mark.parametrize(("name", "day"), TWO_MIDNIGHTS)
def test_of_two_midnights_pendulum_takes_the_second(name: str, day: date) -> None:
    zone = ZoneInfo(name)
    assert is_first_instant(day_start(day, zone), day, zone)
    assert by_pendulum(day, name) - day_start(day, zone) >= timedelta(minutes=59)
