"""Which hours, weeks and months a sync asks for, until they are final."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.clock import today
from databuddy_source.coverage.table import coverage_table
from databuddy_source.extract.cursor import MAX_ATTEMPTS
from databuddy_source.extract.session import Extraction
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Report
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY, Grain, Weeks, Window, tile
from tests.campaign import examples
from tests.cells import a_result
from tests.extract.test_cursor import REPORT, START, TODAY, Cursor, Resource, between


@dataclass
class Sync(Resource):
    """A resource of any grain, with the coverage that its runs record."""

    report: Report = REPORT
    zone: str = "UTC"
    weeks: Weeks = Weeks.ISO
    final: dict[Window, bool] = field(default_factory=dict)

    def sync(
        self,
        now: datetime,
        *fates: Status,
        failing: set[str] | None = None,
        start: date = START,
    ) -> list[Window]:
        """One run, in which cells fare as told, in turn. Returns what it asked for."""
        day = today(self.zone, now)
        extraction = cast(
            Extraction,
            SimpleNamespace(
                today=lambda report: day,
                zone=lambda report: self.zone,
                now=now,
                final_windows=lambda report, website_id: {
                    window.start for window, final in self.final.items() if final
                },
                covered=None,
            ),
        )
        progress = self.progress(start, weeks=self.weeks)
        cells = progress.cells(extraction, self.report, "shop")
        fates = fates or (Status.COMPLETE,)
        results = [
            a_result(
                cell,
                status=Status.FAILED
                if str(cell.window) in (failing or ())
                else fates[number % len(fates)],
            )
            for number, cell in enumerate(cells)
        ]
        recorded = coverage_table(results, progress.last_final(day), Generation.G2026_04)
        final = recorded.column("final").to_pylist()
        self.final |= dict(zip((cell.window for cell in cells), final, strict=True))
        progress.done(results, last=True)
        return [cell.window for cell in cells]


def a_sync(grain: Grain, **given: Any) -> Sync:
    return Sync(report=replace(REPORT, grain=grain), **given)


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


@dataclass(frozen=True)
class Daily:
    later: int
    hour: int
    fates: list[Status]


dailies = st.lists(
    st.builds(
        Daily,
        later=st.one_of(st.integers(0, 2), st.integers(0, 45)),
        hour=st.integers(0, 23),
        fates=st.lists(
            st.sampled_from([Status.COMPLETE, Status.COMPLETE, Status.TRUNCATED, Status.FAILED]),
            min_size=1,
            max_size=5,
        ),
    ),
    min_size=1,
    max_size=MAX_ATTEMPTS,  # runs in which a failing cell is not forgotten
)


@examples(200)
@given(
    story=dailies,
    grain=st.sampled_from(Grain),
    weeks=st.sampled_from(Weeks),
    lookback=st.one_of(st.integers(0, 5), st.integers(0, 40)),
    zone=st.sampled_from(["UTC", "America/New_York", "Pacific/Kiritimati"]),
)
def test_each_run_asks_for_exactly_what_is_not_final(
    story: list[Daily], grain: Grain, weeks: Weeks, lookback: int, zone: str
) -> None:
    resource = a_sync(grain, lookback=lookback, zone=zone, weeks=weeks)
    now = at(START + 9 * ONE_DAY)
    for run in story:
        now = max(now, (now + run.later * ONE_DAY).replace(hour=run.hour))
        day = today(zone, now)
        before = dict(resource.final)
        # with an hour that failed its whole day is asked for again
        fates = [Status.COMPLETE] if grain is Grain.HOUR else run.fates
        asked = resource.sync(now, *fates)
        begun = [each for each in tile(START, day, zone, grain, weeks) if each.start <= now]
        assert asked == [each for each in begun if not before.get(each)]
        for window in asked:
            old = (day - window.last_date).days > lookback
            assert not resource.final[window] or old
            assert resource.final[window] or not old or Status.FAILED in fates


@pytest.mark.parametrize(
    ("grain", "first", "last"),
    [
        (Grain.WEEK, date(2026, 3, 9), date(2026, 3, 15)),
        (Grain.MONTH, date(2026, 3, 1), date(2026, 3, 31)),
    ],
)
@pytest.mark.parametrize("lookback", [0, 3])
def test_the_running_week_and_month_are_asked_again_until_they_are_final(
    grain: Grain, first: date, last: date, lookback: int
) -> None:
    resource = a_sync(grain, lookback=lookback)
    asked_on = {
        day
        for day in between(TODAY, last + timedelta(days=20))
        if first in [window.date for window in resource.sync(at(day))]
    }
    # up to the first run for which its last day is older than the lookback
    assert asked_on == set(between(TODAY, last + timedelta(days=lookback + 1)))


def test_the_cursor_of_weeks_is_never_after_today() -> None:
    resource = a_sync(Grain.WEEK)
    resource.sync(at(TODAY))  # a Tuesday
    assert resource.cursor == Cursor(TODAY)


def test_a_week_of_two_ranges_is_asked_once() -> None:
    resource = a_sync(Grain.WEEK)
    resource.sync(at(TODAY), failing={"2026-01-26"})
    # the failed week ends on the day of the old start, and the new start brings it, too
    asked = resource.sync(at(TODAY), start=START - timedelta(days=9))
    assert [str(window) for window in asked] == [
        *("2026-01-19", "2026-01-26"),
        *("2026-03-02", "2026-03-09"),
    ]


def test_a_failed_week_is_asked_first_in_the_next_run() -> None:
    resource = a_sync(Grain.WEEK)
    resource.sync(at(TODAY), failing={"2026-02-09"})
    asked = [window.date for window in resource.sync(at(TODAY + ONE_DAY))]
    assert asked == [date(2026, 2, 9), date(2026, 3, 2), date(2026, 3, 9)]
    assert resource.failed == {}


def test_weeks_and_months_of_a_start_in_their_middle_are_whole() -> None:
    assert a_sync(Grain.WEEK).sync(at(TODAY))[0].date == date(2026, 1, 26)
    months = a_sync(Grain.MONTH).sync(at(TODAY), start=START + timedelta(days=9))
    assert [window.date for window in months] == [START, date(2026, 3, 1)]


@pytest.mark.parametrize(("hour", "count"), [(0, 1), (12, 13), (23, 24)])
def test_hours_are_asked_for_once_they_have_begun(hour: int, count: int) -> None:
    resource = a_sync(Grain.HOUR, lookback=0)
    asked = resource.sync(at(TODAY, hour))
    assert asked[-1].start == at(TODAY, hour)
    assert [window.date for window in asked].count(TODAY) == count
    tomorrow = resource.sync(at(TODAY + ONE_DAY, 0))
    assert [window.date for window in tomorrow] == [TODAY] * 24 + [TODAY + ONE_DAY]


@pytest.mark.parametrize("failed", ["2026-03-08T01:00-05:00", "2026-02-20T23:00-05:00"])
def test_a_failed_hour_is_asked_again_with_its_day(failed: str) -> None:
    resource = a_sync(Grain.HOUR, lookback=0, zone="America/New_York")
    resource.sync(at(TODAY), failing={failed})
    assert resource.failed == {failed: 1}
    again = resource.sync(at(TODAY), failing={failed})
    assert failed in [str(window) for window in again]
    assert {window.date for window in again} == {date.fromisoformat(failed[:10]), TODAY}
    final = [window for window in again if resource.final[window]]
    assert not final, "hours of the day that came are left alone"
    assert resource.failed == {failed: 2}
    resource.sync(at(TODAY))
    assert resource.failed == {}


def test_the_hour_that_a_clock_repeats_is_listed_by_its_offset() -> None:
    resource = a_sync(Grain.HOUR, zone="America/New_York")
    change = date(2025, 11, 2)
    resource.sync(at(change + ONE_DAY, 4), Status.FAILED, start=change)
    assert len(resource.failed) == 25
    assert resource.failed.keys() > {"2025-11-02T01:00-04:00", "2025-11-02T01:00-05:00"}
