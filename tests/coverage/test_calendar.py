"""Each window of a report has one mark, and what is lacking is told as it is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from databuddy_source.config.settings import Settings
from databuddy_source.coverage.calendar import Held, calendar_of
from databuddy_source.coverage.marks import Stretch, by_date, joined
from databuddy_source.model.statuses import Mark, Status
from databuddy_source.model.windows import ONE_DAY, Grain, Weeks, Window, tile

MONDAY = date(2026, 3, 2)
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
SETTLED = date(2026, 3, 16)
"""With a lookback of three days."""


def one_by_one(
    windows: Iterable[Window], marks: Iterable[Mark], reasons: Iterable[str] | None = None
) -> list[Stretch]:
    own = list(windows)
    told = reasons or [""] * len(own)
    return [
        Stretch.of([window], mark, why, 1)
        for window, mark, why in zip(own, marks, told, strict=True)
    ]


def a_report(known: dict[date, Mark], grain: Grain = Grain.DAY, zone: str = "UTC") -> Held:
    windows = [tile(day, day, zone, grain, Weeks.SUNDAY)[0] for day in known]
    own = one_by_one(windows, known.values())
    return Held(grain, zone, min(known), max(known), NOW, "1", own)


def calendar(held: Held | None, **settings: object) -> list[tuple[date, Mark]]:
    found = calendar_of(held, Settings.of(**settings), zone="UTC", grain=Grain.DAY, now=NOW)
    return [(day, each.mark) for each in found for day in each.dates]


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
    marks = [Mark.EMPTY] * 5 + [Mark.COMPLETE] * 2 + [Mark.FAILED]
    marks += [Mark.COMPLETE] * (len(hours) - len(marks))
    assert by_date(joined(one_by_one(hours, marks))) == {
        MONDAY: Mark.FAILED,
        MONDAY + ONE_DAY: Mark.COMPLETE,
    }


def test_of_two_marks_of_a_day_the_worse_one_counts_in_any_order() -> None:
    two = tile(MONDAY, MONDAY, "UTC", Grain.HOUR)[:2]
    for worse, better in pairwise(sorted(Mark, key=lambda mark: mark.badness, reverse=True)):
        for marks in ((worse, better), (better, worse)):
            assert by_date(one_by_one(two, marks)) == {MONDAY: worse}


def test_neighbours_with_different_reasons_are_told_apart() -> None:
    windows = tile(MONDAY, MONDAY + 3 * ONE_DAY, "UTC")
    reasons = ["out of memory", "out of memory", "too long", "too long"]
    assert joined(one_by_one(windows, [Mark.FAILED] * 4, reasons)) == [
        Stretch.of(windows[:2], Mark.FAILED, "out of memory", 2),
        Stretch.of(windows[2:], Mark.FAILED, "too long", 2),
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
    assert [(day, each.mark) for each in found for day in each.dates] == [
        (sunday, Mark.COMPLETE),
        (date(2026, 3, 8), Mark.MISSING),
        (date(2026, 3, 15), Mark.DUE),
    ]


@pytest.mark.parametrize("minute", [0, 30])
def test_hours_that_have_not_begun_are_no_part_of_it(minute: int) -> None:
    now = NOW.replace(hour=3, minute=minute)
    held = Held(Grain.HOUR, "UTC", now.date(), now.date(), now, "1")
    found = calendar_of(held, Settings(), zone="UTC", grain=Grain.HOUR, now=now)
    (own,) = found
    assert own.mark is Mark.DUE
    assert [each.start.hour for each in own.windows("UTC", Weeks.ISO)] == [0, 1, 2, 3]


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
    assert found[-1].newest == date(2026, 3, settled)
