"""What days that are cut otherwise lack, by what both sets of days have."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.coverage.lacking import Filled, Lacking, Windows, lacking, refuse_left_out
from databuddy_source.errors import BadConfiguration

FIRST = date(2026, 3, 20)
DAYS = [FIRST + timedelta(days=number) for number in range(16)]
"""With a change of clocks in Europe."""

ZONES = ["UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"]


def cut(
    events: Collection[datetime],
    zone: str,
    days: Collection[date] = DAYS,
    report: str = "pages",
    length: int = 1,
) -> Windows:
    """The windows of these days, of which those have data in which something happens."""

    def midnight(day: date) -> datetime:
        return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)

    found = []
    for day in sorted(days):
        start, end = midnight(day), midnight(day + timedelta(days=length))
        has_data = any(start <= each < end for each in events)
        found.append(Filled(start, end, day, has_data))
    return {("shop", report): found}


def named(old: Windows, new: Windows) -> list[str]:
    return [str(each) for each in lacking(old, new)]


NOON = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in DAYS]

instants = st.lists(
    st.integers(0, 12 * 24 * 60).map(
        lambda minutes: datetime(2026, 3, 22, tzinfo=UTC) + timedelta(minutes=minutes)
    )
)


@given(instants, st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_the_same_events_lack_nothing_however_their_days_are_cut(
    events: list[datetime], one: str, other: str
) -> None:
    assert named(cut(events, one), cut(events, other)) == []


@given(st.integers(2, 10), st.integers(2, 4), st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_days_that_are_gone_are_named_but_for_the_edges(
    first: int, count: int, one: str, other: str
) -> None:
    gone = DAYS[first : first + count]
    left = [each for each in NOON if each.date() not in gone]
    found = list(lacking(cut(NOON, one), cut(left, other)))
    assert sum(each.windows for each in found) >= count - 2
    for each in found:
        assert (
            gone[0] - timedelta(days=1) <= each.first <= each.last <= gone[-1] + timedelta(days=1)
        )


def test_what_was_never_asked_for_is_lacking() -> None:
    less = cut(NOON, "Europe/Paris", DAYS[5:])
    assert named(cut(NOON, "UTC"), less) == [
        "pages of shop, 2026-03-20 to 2026-03-23 (4 windows)"
    ], "an hour of the fifth is in the first day that is there"
    assert named(cut(NOON, "UTC", DAYS[:1]), {}) == ["pages of shop, 2026-03-20 (1 windows)"]


def test_a_report_that_lost_little_to_the_cut_lacks_nothing_beside_one_that_has_data() -> None:
    old = cut(NOON, "UTC", report="often")
    never = cut([], "Europe/Paris", report="often")
    assert named(old, never) == ["often of shop, 2026-03-20 to 2026-04-04 (16 windows)"]
    assert named(old, {**never, **cut(NOON, "Europe/Paris")}) == []
    # where it was not asked for, others do not help; and a month says nothing of a day
    assert named(old, cut(NOON, "Europe/Paris"))
    month = cut(NOON, "Europe/Paris", DAYS[:1], "monthly", length=31)
    assert named(old, {**never, **month})


def test_what_is_left_out_is_refused_with_the_first_of_it() -> None:
    refuse_left_out("web", [])
    found = [Lacking("shop", f"report_{number}", FIRST, FIRST, 1) for number in range(5)]
    with pytest.raises(BadConfiguration, match=r"web has: report_0 .*report_2 .*; and 2 more\. C"):
        refuse_left_out("web", found)
