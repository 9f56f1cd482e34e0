"""Each window of a report has one mark, and what is lacking is told as it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.config.settings import Settings
from databuddy_source.coverage.calendar import Held, calendar_of, within
from databuddy_source.coverage.marks import (
    Known,
    Marked,
    Stretch,
    by_date,
    marked,
    slot_of,
    stretches,
)
from databuddy_source.model.statuses import Mark, Status
from databuddy_source.model.windows import ONE_DAY, Grain, Weeks, tile

MONDAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
SETTLED = date(2026, 3, 16)
"""With a lookback of three days."""

marks = st.sampled_from([mark for mark in Mark if mark not in {Mark.MISSING, Mark.DUE}])
grains = st.sampled_from(list(Grain))
zones = st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"])
days = st.dates(date(2025, 10, 20), date(2025, 11, 10))


def a_report(known: dict[date, Mark], grain: Grain = Grain.DAY, zone: str = "UTC") -> Held:
    return Held(
        grain,
        zone,
        min(known),
        max(known),
        NOW,
        "1",
        {day: Known(mark, rows=1) for day, mark in known.items()},
    )


def calendar(held: Held | None, **settings: object) -> list[tuple[date, Mark]]:
    found = calendar_of(held, Settings.of(**settings), zone="UTC", grain=Grain.DAY, now=NOW)
    return [(each.window.date, each.mark) for each in found]


@given(st.data(), grains, zones, days, st.integers(0, 10), st.integers(-5, 15))
def test_every_window_has_exactly_one_mark(
    data: st.DataObject, grain: Grain, zone: str, first: date, length: int, settled: int
) -> None:
    windows = tile(first, first + timedelta(days=length), zone, grain)
    covered = {
        slot_of(window): Known(data.draw(marks)) for window in windows if data.draw(st.booleans())
    }
    last = first + timedelta(days=settled)
    found = marked(windows, covered, last)
    assert [each.window for each in found] == list(windows)
    for each in found:
        expected = covered.get(slot_of(each.window))
        if expected is None:
            assert each.mark is (Mark.MISSING if each.window.last_date <= last else Mark.DUE)
        else:
            assert each.known == expected


@given(st.lists(st.sampled_from(list(Mark)), min_size=1, max_size=40))
def test_stretches_hold_each_lacking_window_once(row: list[Mark]) -> None:
    windows = tile(MONDAY, MONDAY + (len(row) - 1) * ONE_DAY, "UTC")
    own = [Marked(w, Known(mark)) for w, mark in zip(windows, row, strict=True)]
    told = {
        stretch.first + number * ONE_DAY: stretch.mark
        for stretch in stretches(own)
        for number in range((stretch.last - stretch.first).days + 1)
    }
    assert told == {each.window.date: each.mark for each in own if each.mark.is_gap}
    assert sum(stretch.cells for stretch in stretches(own)) == len(told)


@pytest.mark.parametrize(
    ("status", "final", "silent", "expected"),
    [
        (Status.COMPLETE, True, False, Mark.COMPLETE),
        (Status.COMPLETE, True, True, Mark.EMPTY),
        (Status.COMPLETE, False, True, Mark.RESTATED),
        # rows of an earlier run stay, and with them that the day is final
        (Status.FAILED, True, False, Mark.FAILED),
        (Status.SUSPECT, True, False, Mark.SUSPECT),
        (Status.TRUNCATED, True, False, Mark.TRUNCATED),
        (Status.UNAVAILABLE, False, True, Mark.UNAVAILABLE),
    ],
)
def test_what_coverage_says_becomes_a_mark(
    status: Status, final: bool, silent: bool, expected: Mark
) -> None:
    assert Mark.of(status, final=final, silent=silent) is expected


def test_a_day_is_as_bad_as_its_worst_hour() -> None:
    hours = tile(MONDAY, MONDAY + ONE_DAY, "America/New_York", Grain.HOUR)
    good = [Marked(each, Known(Mark.COMPLETE)) for each in hours]
    quiet = [Marked(each, Known(Mark.EMPTY)) for each in hours[:5]]
    bad = [Marked(hours[7], Known(Mark.FAILED, "no"))]
    assert by_date([*quiet, *good[5:7], *bad, *good[8:]]) == {
        MONDAY: Mark.FAILED,
        MONDAY + ONE_DAY: Mark.COMPLETE,
    }


def test_of_two_marks_of_a_day_the_worse_one_counts_in_any_order() -> None:
    first, second = tile(MONDAY, MONDAY, "UTC", Grain.HOUR)[:2]
    for worse, better in pairwise(sorted(Mark, key=lambda mark: mark.badness, reverse=True)):
        for one, other in ((worse, better), (better, worse)):
            hours = [Marked(first, Known(one)), Marked(second, Known(other))]
            assert by_date(hours) == {MONDAY: worse}


def test_neighbours_with_different_reasons_are_told_apart() -> None:
    windows = tile(MONDAY, MONDAY + 3 * ONE_DAY, "UTC")
    reasons = ["out of memory", "out of memory", "too long", "too long"]
    own = [Marked(w, Known(Mark.FAILED, why)) for w, why in zip(windows, reasons, strict=True)]
    assert stretches(own) == [
        Stretch(Mark.FAILED, MONDAY, MONDAY + ONE_DAY, 2, "out of memory"),
        Stretch(Mark.FAILED, MONDAY + 2 * ONE_DAY, MONDAY + 3 * ONE_DAY, 2, "too long"),
    ]


# -- where a calendar begins and ends


def test_missing_are_settled_days_from_the_first_known_one_on() -> None:
    found = calendar(a_report({date(2026, 3, 12): Mark.COMPLETE, date(2026, 3, 14): Mark.FAILED}))
    assert found == [
        (date(2026, 3, 12), Mark.COMPLETE),
        (date(2026, 3, 13), Mark.MISSING),
        (date(2026, 3, 14), Mark.FAILED),
        (date(2026, 3, 15), Mark.MISSING),
        (SETTLED, Mark.MISSING),
    ]


def test_a_day_of_the_lookback_is_due_and_not_missing() -> None:
    found = calendar(a_report({SETTLED: Mark.COMPLETE, date(2026, 3, 19): Mark.RESTATED}))
    assert [mark for _, mark in found] == [Mark.COMPLETE, Mark.DUE, Mark.DUE, Mark.RESTATED]
    assert calendar(a_report({SETTLED: Mark.COMPLETE}), lookback_days=0)[1:] == [
        (SETTLED + number * ONE_DAY, Mark.MISSING) for number in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("start", "missing"), [(date(2026, 3, 10), 2), (date(2026, 3, 13), 0), (None, 0)]
)
def test_a_start_before_the_first_known_day_is_missing(start: date | None, missing: int) -> None:
    known = dict.fromkeys((date(2026, 3, d) for d in range(12, 17)), Mark.COMPLETE)
    found = calendar(a_report(known), **({"start_date": start} if start else {}))
    assert sum(mark is Mark.MISSING for _, mark in found) == missing
    assert found[0][0] == (start if missing else date(2026, 3, 12))


def test_a_report_without_any_day_begins_where_its_first_sync_would() -> None:
    assert calendar(None)[0] == (NOW.date() - timedelta(days=30), Mark.MISSING)
    assert calendar(None)[-1] == (SETTLED, Mark.MISSING)
    assert calendar(None, start_date=SETTLED) == [(SETTLED, Mark.MISSING)]
    assert calendar(None, start_date=SETTLED + ONE_DAY) == []


def test_weeks_begin_as_those_that_are_held_do() -> None:
    sunday = date(2026, 3, 1)
    own = a_report({sunday: Mark.COMPLETE}, Grain.WEEK)
    found = calendar_of(own, Settings(weeks=Weeks.ISO), zone="UTC", grain=Grain.WEEK, now=NOW)
    assert [(each.window.date, each.mark) for each in found] == [
        (sunday, Mark.COMPLETE),
        (date(2026, 3, 8), Mark.MISSING),
        (date(2026, 3, 15), Mark.DUE),
    ]


@pytest.mark.parametrize("minute", [0, 30])
def test_hours_that_have_not_begun_are_no_part_of_it(minute: int) -> None:
    now = NOW.replace(hour=3, minute=minute)
    held = Held(Grain.HOUR, "UTC", now.date(), now.date(), now, "1")
    found = calendar_of(held, Settings(), zone="UTC", grain=Grain.HOUR, now=now)
    assert [(each.window.start.hour, each.mark) for each in found] == [
        (hour, Mark.DUE) for hour in range(4)
    ]


def test_a_view_has_the_windows_that_touch_its_days() -> None:
    weeks = [Marked(w, Known(Mark.COMPLETE)) for w in tile(MONDAY, SETTLED, "UTC", Grain.WEEK)]
    seen = within(weeks, date(2026, 3, 8), date(2026, 3, 9))
    assert [each.window.date for each in seen] == [MONDAY, date(2026, 3, 9)]
    assert within(weeks, None, None) == weeks


@pytest.mark.parametrize(
    ("zone", "hour", "settled"),
    [
        ("UTC", 12, 19),
        ("America/New_York", 3, 18),  # still the day before
        ("America/New_York", 12, 19),
        ("Pacific/Kiritimati", 12, 20),  # the day after already
    ],
)
def test_what_is_missing_ends_by_the_clock_of_the_zone_that_cuts_the_days(
    zone: str, hour: int, settled: int
) -> None:
    settings = Settings.of(start_date=MONDAY, lookback_days=0)
    found = calendar_of(None, settings, zone=zone, grain=Grain.DAY, now=NOW.replace(hour=hour))
    assert {each.mark for each in found} == {Mark.MISSING}
    assert found[-1].window.date == date(2026, 3, settled)
