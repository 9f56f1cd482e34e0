"""Which windows a sync asks for, and that none is forgotten."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.config.resolve import checked
from databuddy_source.coverage.covered import Covered
from databuddy_source.extract.cursor import MAX_ATTEMPTS, Progress
from databuddy_source.extract.session import Extraction
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import Result
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from tests.campaign import examples
from tests.cells import a_report, a_result

REPORT = a_report("top_pages")
START = date(2026, 2, 1)
TODAY = date(2026, 3, 10)


@dataclass
class Cursor:
    """dlt's incremental, as far as it is used."""

    last_value: date | None = None

    def advance(self, value: date | None) -> None:
        self.last_value = value


@dataclass
class Resource:
    """What stays of a resource from run to run, and one run of it."""

    cursor: Cursor | None = field(default_factory=Cursor)
    state: dict[str, Any] = field(default_factory=dict)
    lookback: int = 3

    def progress(self, start: date = START, **given: Any) -> Progress:
        chosen = {"api_key": "k", "start_date": start, "lookback_days": self.lookback, **given}
        return Progress(*checked(**chosen), self.cursor, self.state)

    def asks(self, today: date = TODAY, start: date = START, **given: Any) -> list[date]:
        """The days that a run would ask for."""
        cells = self.progress(start, **given).cells(on(today), REPORT, "shop")
        return [cell.window.date for cell in cells]

    def run(
        self,
        today: date = TODAY,
        start: date = START,
        failing: dict[date, Status] | Status | None = None,
        unreached: Collection[date] = (),
        batch: int = 1000,
        batches: int = 1000,
        **given: Any,
    ) -> list[Result]:
        """One run, in which some days fail, and some are not reached in an outage. It hands over so
        many days at a time, and ends early after so many times."""
        progress = self.progress(start, **given)
        cells = progress.cells(on(today), REPORT, "shop")
        statuses = failing if isinstance(failing, dict) else {}
        otherwise = failing if isinstance(failing, Status) else Status.COMPLETE
        noon = on(today).now
        results = [
            replace(a_result(c, status=statuses.get(c.window.date, otherwise)), fetched_at=noon)
            for c in cells
        ]
        results = [
            replace(each, status=Status.FAILED, outage=True)
            if each.cell.window.date in unreached
            else each
            for each in results
        ]
        handed_over: list[Result] = []
        for first in range(0, len(results), batch)[:batches]:
            part = results[first : first + batch]
            progress.done(part, last=part[-1] is results[-1])
            handed_over += part
        return handed_over

    @property
    def failed(self) -> dict[str, int]:
        found: dict[str, int] = self.state.get("failed", {})
        return found


def on(
    today: date,
    covered: Mapping[tuple[str, str], Covered] | None = None,
    holes: Collection[date] = (),
) -> Extraction:
    """An extraction of which only the time is used."""
    noon = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    found = SimpleNamespace(
        today=lambda report: today,
        zone=lambda report: "UTC",
        now=noon,
        final_windows=lambda report, website_id: frozenset(),
        covered=covered,
        holes=lambda report, website_id, first: {day for day in holes if day >= first},
    )
    return cast(Extraction, found)


def between(first: date, last: date) -> list[date]:
    return [first + number * ONE_DAY for number in range((last - first).days + 1)]


# -- which days


def test_the_first_run_asks_for_all_days_from_the_start_on() -> None:
    resource = Resource()
    cells = resource.progress().cells(on(TODAY), REPORT, "shop")
    assert cells == [Cell("shop", REPORT, each) for each in tile(START, TODAY, "UTC")]
    resource.run()
    assert resource.cursor == Cursor(TODAY)


def test_without_a_start_the_first_run_goes_back_thirty_days() -> None:
    progress = Progress(*checked(api_key="k"), Cursor(), {})
    cells = progress.cells(on(TODAY), REPORT, "shop")
    assert [c.window.date for c in cells] == between(TODAY - timedelta(days=30), TODAY)


def test_days_of_which_coverage_says_nothing_are_asked_for_again() -> None:
    """Those before the first day that a sync asked for are a person's choice."""
    resource = Resource()
    resource.run()
    hole = START + timedelta(days=10)
    earlier = START - timedelta(days=10)
    covered = {("shop", "top_pages"): Covered(earlier, TODAY)}
    cells = resource.progress().cells(on(TODAY, covered, [earlier, hole]), REPORT, "shop")
    days = [cell.window.date for cell in cells]
    assert days == [hole, *between(TODAY - timedelta(days=3), TODAY)]


def test_a_cursor_is_believed_as_far_as_coverage_goes() -> None:
    resource = Resource()
    resource.run()
    place, later = ("shop", "top_pages"), START + timedelta(days=10)
    for covered, asked in (
        ({}, between(START, TODAY)),  # the table is lost
        ({place: Covered(START, TODAY)}, between(TODAY - timedelta(days=3), TODAY)),
        ({place: Covered(START, later)}, between(later - timedelta(days=3), TODAY)),
        (
            {place: Covered(later, TODAY)},
            between(START, later - ONE_DAY) + between(TODAY - timedelta(days=3), TODAY),
        ),
        (  # what the warehouse refused is not there, though the cursor passed it
            {place: Covered(START, TODAY, {later})},
            [later, *between(TODAY - timedelta(days=3), TODAY)],
        ),
    ):
        cells = resource.progress().cells(on(TODAY, covered), REPORT, "shop")
        assert [cell.window.date for cell in cells] == asked


def test_what_is_lost_begins_where_it_began() -> None:
    resource = Resource()
    resource.run()
    cells = resource.progress(START + timedelta(days=5)).cells(on(TODAY, {}), REPORT, "shop")
    assert [cell.window.date for cell in cells] == between(START, TODAY)


def test_a_daily_run_looks_back() -> None:
    resource = Resource()
    resource.run()
    tomorrow = TODAY + ONE_DAY
    assert resource.asks(tomorrow) == between(TODAY - timedelta(days=3), tomorrow)


@pytest.mark.parametrize("lookback", [0, 1, 30])
def test_the_lookback_is_counted_from_the_newest_day_and_ends_at_the_start(lookback: int) -> None:
    resource = Resource(lookback=lookback)
    resource.run(START + 5 * ONE_DAY)
    expected = max(START, START + (5 - lookback) * ONE_DAY)
    assert resource.asks(START + 9 * ONE_DAY) == between(expected, START + 9 * ONE_DAY)


def test_days_of_missed_runs_are_made_up_for() -> None:
    resource = Resource()
    resource.run(TODAY)
    assert resource.asks(TODAY + timedelta(days=20))[0] == TODAY - timedelta(days=3)
    assert len(resource.asks(TODAY + timedelta(days=20))) == 24


def test_a_start_that_moved_earlier_brings_the_missing_days_once() -> None:
    resource = Resource()
    resource.run()
    earlier = START - timedelta(days=10)
    usual = between(TODAY - timedelta(days=3), TODAY)
    assert resource.asks(start=earlier) == between(earlier, START - ONE_DAY) + usual
    resource.run(start=earlier)
    assert resource.asks(start=earlier) == usual


def test_a_start_that_moved_later_forgets_nothing() -> None:
    resource = Resource()
    resource.run()
    resource.run(start=TODAY)
    assert resource.asks(start=START) == between(TODAY - timedelta(days=3), TODAY)


def test_a_first_run_that_ended_early_is_asked_again_from_the_start() -> None:
    resource = Resource()
    resource.run(batch=5, batches=2)
    assert resource.cursor == Cursor(START + timedelta(days=9))
    assert resource.asks() == between(START, TODAY)


def test_a_start_in_the_future_asks_for_today() -> None:
    assert Resource().asks(start=TODAY + ONE_DAY) == [TODAY]


def test_a_run_without_an_end_begins_once_with_its_first_day_and_goes_on_daily() -> None:
    resource = Resource()
    first = START + 5 * ONE_DAY
    assert resource.asks(since=first) == between(first, TODAY)
    resource.run(since=first)
    assert resource.cursor == Cursor(TODAY)
    assert resource.asks(since=first) == between(TODAY - timedelta(days=3), TODAY)


def test_what_a_run_is_about_begins_with_the_first_day_that_it_asks_for() -> None:
    resource = Resource()
    progress = resource.progress(START + ONE_DAY)
    progress.cells(on(TODAY), replace(REPORT, grain=Grain.WEEK), "shop")
    assert progress.first_day == START + ONE_DAY, "days of a week before it are none of this run"
    resource.run(failing={START: Status.FAILED})
    for again in (START, TODAY - timedelta(days=3)):
        progress = resource.progress()
        progress.cells(on(TODAY), REPORT, "shop")
        assert progress.first_day == again
        resource.run()


def test_a_cursor_without_anything_beside_it_goes_on() -> None:
    resource = Resource(Cursor(TODAY))
    assert resource.asks(start=TODAY) == between(TODAY - timedelta(days=3), TODAY)


def test_days_before_the_first_known_one_are_asked_for_though_older_ones_are_covered() -> None:
    """A backfill brought a month of the last year."""
    resource = Resource()
    resource.run()
    old = START - timedelta(days=365)
    covered = {("shop", "top_pages"): Covered(old, TODAY)}
    earlier = START - timedelta(days=10)
    cells = resource.progress(earlier).cells(on(TODAY, covered), REPORT, "shop")
    usual = between(TODAY - timedelta(days=3), TODAY)
    asked = [cell.window.date for cell in cells]
    assert asked == between(earlier, START - ONE_DAY) + usual


def test_a_clock_that_moved_back_asks_up_to_its_today_and_keeps_the_cursor() -> None:
    resource = Resource()
    resource.run()
    back = TODAY - timedelta(days=5)
    assert resource.asks(back) == between(back - timedelta(days=3), back)
    resource.run(back)
    assert resource.cursor == Cursor(TODAY)


def test_a_start_that_moved_earlier_under_a_wrong_clock_is_made_up_for_later() -> None:
    resource = Resource()
    resource.run()
    earlier = START - timedelta(days=30)
    resource.run(START - timedelta(days=20), earlier)
    usual = between(TODAY - timedelta(days=3), TODAY)
    assert resource.asks(start=earlier) == between(earlier, START - ONE_DAY) + usual


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (date(2025, 1, 1), date(2025, 1, 3), between(date(2025, 1, 1), date(2025, 1, 3))),
        (TODAY - ONE_DAY, TODAY + timedelta(days=9), [TODAY - ONE_DAY, TODAY]),
        (TODAY + ONE_DAY, TODAY + timedelta(days=9), []),
    ],
)
def test_a_bounded_run_asks_for_its_days_and_leaves_no_trace(
    since: date, until: date, expected: list[date]
) -> None:
    resource = Resource(cursor=None)
    assert resource.asks(since=since, until=until) == expected
    resource.run(since=since, until=until, failing=Status.FAILED)
    resource.run(since=since, until=until)
    assert resource.state == {}


def test_what_is_final_of_a_website_and_report_is_not_asked_again() -> None:
    found = on(TODAY)
    windows = tile(START, START + ONE_DAY, "UTC")
    final = {(REPORT, "shop"): {window.start for window in windows}}
    found.final_windows = lambda *given: final[given]  # type: ignore[method-assign]
    bounded = Resource(cursor=None).progress(since=START, until=START + 3 * ONE_DAY)
    cells = bounded.cells(found, REPORT, "shop")
    assert [cell.window.date for cell in cells] == [START + 2 * ONE_DAY, START + 3 * ONE_DAY]


def test_a_run_for_gaps_alone_asks_for_them_and_counts_from_its_first_day_on() -> None:
    gaps = tile(START, START + 9 * ONE_DAY, "UTC", Grain.WEEK)
    held = {(REPORT, "shop"): gaps}
    extraction = cast(Extraction, SimpleNamespace(gaps=lambda *given: held[given]))
    since = START + ONE_DAY
    progress = Resource(cursor=None).progress(since=since, until=TODAY, only_gaps=True)
    cells = progress.cells(extraction, REPORT, "shop")
    assert cells == [Cell("shop", REPORT, gap) for gap in gaps]
    assert progress.first_day == since, "days of a week before it are none of this run"


# -- failed days


def test_a_failed_day_is_asked_first_in_the_next_run() -> None:
    resource = Resource()
    hole = START + timedelta(days=4)
    resource.run(failing={hole: Status.FAILED})
    assert resource.cursor == Cursor(TODAY)
    assert resource.asks() == [hole, *between(TODAY - timedelta(days=3), TODAY)]


@pytest.mark.parametrize("status", [Status.FAILED, Status.SUSPECT, Status.UNAVAILABLE])
def test_a_day_that_brought_no_rows_is_listed(status: Status) -> None:
    resource = Resource()
    resource.run(failing={START: status})
    assert resource.failed == {START.isoformat(): 1}


@pytest.mark.parametrize("status", [Status.COMPLETE, Status.TRUNCATED])
def test_a_day_that_came_after_all_is_no_longer_listed(status: Status) -> None:
    resource = Resource()
    resource.run(failing={START: Status.FAILED})
    resource.run(failing={START: status})
    assert resource.failed == {}
    assert START not in resource.asks()


def test_a_day_that_failed_five_times_is_asked_for_once_a_day_until_it_comes() -> None:
    resource = Resource()
    for attempt in range(MAX_ATTEMPTS):
        assert START in resource.asks(), f"attempt {attempt + 1}"
        resource.run(failing={START: Status.FAILED})
    for later in range(1, 4):
        day = TODAY + later * ONE_DAY
        assert START not in resource.asks(day - ONE_DAY), "it was asked for just now"
        assert START in resource.asks(day)
        resource.run(day, failing={START: Status.FAILED})
    resource.run(day + ONE_DAY)
    assert resource.failed == resource.state["later"] == {}


def test_a_failed_day_within_the_lookback_is_asked_once() -> None:
    resource = Resource()
    resource.run(failing={TODAY: Status.FAILED})
    asked = resource.asks()
    assert asked == between(TODAY - timedelta(days=3), TODAY)


def test_a_day_that_an_outage_cut_out_of_a_good_run_is_listed_until_it_comes() -> None:
    resource = Resource()
    hole = START + ONE_DAY
    for _ in range(MAX_ATTEMPTS + 1):  # that were none
        resource.run(unreached=[hole])
        assert resource.cursor == Cursor(TODAY)
        assert resource.failed == {hole.isoformat(): 0}
        assert resource.asks()[0] == hole
    resource.run()
    assert resource.failed == {}


def test_an_outage_takes_no_attempt_from_a_day_that_failed() -> None:
    resource = Resource()
    for unreached in ([], [START], []):
        resource.run(failing={START: Status.FAILED}, unreached=unreached)
    assert resource.failed == {START.isoformat(): 2}


def test_the_cursor_stays_before_the_newest_days_that_an_outage_cut_off() -> None:
    resource = Resource()
    resource.run(unreached=[TODAY - ONE_DAY, TODAY])
    assert resource.cursor == Cursor(TODAY - 2 * ONE_DAY)
    assert resource.failed == {}


def test_an_outage_of_a_whole_run_changes_nothing() -> None:
    resource = Resource()
    resource.run(failing={START: Status.FAILED})
    before = deepcopy(resource)
    resource.run(TODAY + ONE_DAY, unreached=between(START, TODAY + ONE_DAY))
    assert resource == before


@pytest.mark.parametrize(
    ("failing", "unreached", "listed"),
    [(None, [], []), (Status.FAILED, [], [START]), (None, [START], [START])],
)
def test_a_bounded_run_takes_from_the_list_what_it_brought(
    failing: Status | None, unreached: list[date], listed: list[date]
) -> None:
    resource = Resource()
    resource.run(failing={START: Status.FAILED})
    bounded = replace(resource, cursor=None)
    bounded.run(since=START, until=START, failing=failing, unreached=unreached)
    assert list(resource.failed) == [day.isoformat() for day in listed]


# -- types that are unavailable


@pytest.mark.parametrize(
    ("runs", "proven"),
    [([], False), ([None], True), ([None, Status.UNAVAILABLE], False), ([Status.FAILED], True)],
)
def test_a_type_is_proven_by_a_run_that_had_answers_and_not_after_one_without_it(
    runs: list[Status | None], proven: bool
) -> None:
    resource = Resource()
    for number, failing in enumerate(runs):
        resource.run(START + number * ONE_DAY, failing=failing)
    assert resource.progress().proven is proven
    assert not replace(resource, cursor=None).progress().proven


def test_an_unavailable_type_keeps_the_cursor_and_is_asked_with_caution() -> None:
    resource = Resource()
    resource.run(TODAY - timedelta(days=5))
    resource.run(failing=Status.UNAVAILABLE)
    assert resource.cursor == Cursor(TODAY - timedelta(days=5))
    assert resource.progress().cautious
    assert resource.asks() == between(TODAY - timedelta(days=8), TODAY)
    resource.run()
    assert not resource.progress().cautious
    assert resource.cursor == Cursor(TODAY)


def test_a_type_that_was_never_available_is_asked_from_the_start() -> None:
    resource = Resource()
    resource.run(failing=Status.UNAVAILABLE)
    assert resource.cursor == Cursor(None)
    assert resource.asks() == between(START, TODAY)


def test_an_unavailable_type_keeps_its_list_of_failed_days() -> None:
    resource = Resource()
    resource.run(failing={START: Status.FAILED})
    resource.run(failing=Status.UNAVAILABLE)
    assert START in resource.asks()


def test_a_type_that_is_given_up_half_way_leaves_no_unlisted_hole() -> None:
    resource = Resource()
    holes = {START: Status.UNAVAILABLE, START + ONE_DAY: Status.UNAVAILABLE}
    resource.run(failing=holes)
    assert not resource.progress().cautious
    assert resource.asks()[:2] == list(holes)


def test_unavailable_days_at_the_head_of_a_run_that_brings_others_are_listed() -> None:
    resource = Resource()
    resource.run(failing={START: Status.UNAVAILABLE}, batch=1)
    assert resource.asks()[0] == START


# -- the law

outcomes = st.sampled_from([*Status, *[Status.COMPLETE] * 5])


@dataclass(frozen=True)
class Run:
    later: int
    start: int
    outcome: list[Status]
    all_unavailable: bool
    batch: int
    batches: int


runs = st.builds(
    Run,
    later=st.integers(-3, 9),
    start=st.integers(0, 20),
    outcome=st.lists(outcomes, min_size=3, max_size=7),
    all_unavailable=st.booleans(),
    batch=st.integers(1, 30),
    batches=st.sampled_from([1, 2, 1000, 1000]),
)


@examples(150)
@given(story=st.lists(runs, max_size=8), lookback=st.integers(0, 5))
def test_the_cursor_never_passes_a_hole_that_is_not_listed(story: list[Run], lookback: int) -> None:
    resource = Resource(lookback=lookback)
    today, earliest = TODAY, TODAY
    loaded: set[date] = set()
    attempts: dict[date, int] = {}
    for run in story:
        today += run.later * ONE_DAY
        start = TODAY - run.start * ONE_DAY
        earliest = min(earliest, start, today)
        asked = resource.asks(today, start)
        assert len(asked) == len(set(asked)), "each day once"
        assert asked[-1] == today
        fates = {day: run.outcome[n % len(run.outcome)] for n, day in enumerate(asked)}
        handed_over = resource.run(
            today,
            start,
            failing=Status.UNAVAILABLE if run.all_unavailable else fates,
            batch=run.batch,
            batches=run.batches,
        )
        for result in handed_over:
            day = result.cell.window.date
            if result.status.brings_rows:
                loaded.add(day)
                attempts.pop(day, None)
            else:
                attempts[day] = attempts.get(day, 0) + 1
        assert resource.cursor is not None
        if resource.cursor.last_value is None:
            continue
        # what the next run will ask for, started today with the earliest start of all
        next_run = set(resource.asks(max(today, resource.cursor.last_value), earliest))
        for day in between(earliest, resource.cursor.last_value):
            tried_enough = attempts.get(day, 0) >= MAX_ATTEMPTS
            assert day in loaded or day in next_run or tried_enough, day


def test_what_later_runs_leave_alone_is_final() -> None:
    resource = Resource()
    progress = resource.progress()
    progress.cells(on(TODAY), REPORT, "shop")
    resource.run()
    assert progress.last_final(TODAY) == TODAY - timedelta(days=4)
    assert min(resource.asks(TODAY)) == progress.last_final(TODAY) + ONE_DAY
