from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import pytest

from databuddy_source.extract.doubts import Doubts, is_lacking
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import HeldCell, Result
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from tests.cells import DAY, a_report, a_result, cells_of

ROWS = [{"pageviews": 3}]
ZEROS = [{"pageviews": 0}]


@dataclass
class Run:
    """Results of a run, and what the warehouse holds of its cells."""

    results: Iterable[Result]
    held: Mapping[Cell, HeldCell] = field(default_factory=dict)
    websites: tuple[str, ...] = ("shop", "blog")
    allow_empty: bool = False

    def judged(self, cell: Cell) -> Result:
        of_cell = {result.cell: result for result in self.results}

        async def result_of(wanted: Cell) -> Result:
            return of_cell[wanted]

        doubts = Doubts(result_of, self.websites, allow_empty=self.allow_empty)
        doubts.want(of_cell)
        doubts.held = {
            (each.website_id, each.report.name, each.window.start): kept
            for each, kept in self.held.items()
        }
        return asyncio.run(doubts.judged(of_cell[cell]))


PAGES, COUNTRIES = (cells_of(a_report(name))[0] for name in ("top_pages", "country"))
NEXT_DAY = cells_of(a_report("country"), DAY + ONE_DAY)[0]
OF_BLOG = cells_of(a_report("country"), website="blog")[0]
OPEN = HeldCell(rows=5, final=False)
FINAL = HeldCell(rows=5, final=True)


def test_an_answer_with_rows_is_believed() -> None:
    result = a_result(PAGES, ROWS)
    assert Run([result], {PAGES: FINAL}, websites=()).judged(PAGES) == result


@pytest.mark.parametrize("rows", [(), ZEROS], ids=["no rows", "zeros"])
def test_silence_about_a_website_that_is_not_listed_is_suspect(rows: list[dict[str, int]]) -> None:
    judged = Run([a_result(PAGES, rows)], websites=("blog",)).judged(PAGES)
    assert (judged.status, judged.rows, judged.kept) == (Status.SUSPECT, (), None)
    assert "does not list the website" in judged.reason


def test_a_day_that_never_had_data_may_be_silent() -> None:
    result = a_result(PAGES)
    assert Run([result], {COUNTRIES: FINAL}).judged(PAGES) == result


def test_a_final_day_that_had_data_is_not_believed_silent_whatever_others_say() -> None:
    results = [a_result(PAGES), a_result(COUNTRIES, ROWS)]
    judged = Run(results, {PAGES: FINAL}).judged(PAGES)
    assert (judged.status, judged.kept) == (Status.SUSPECT, FINAL)


@pytest.mark.parametrize(
    ("other", "status"),
    [
        (a_result(COUNTRIES, ROWS), Status.COMPLETE),
        (a_result(COUNTRIES, ZEROS), Status.SUSPECT),
        (a_result(NEXT_DAY, ROWS), Status.SUSPECT),
        (a_result(OF_BLOG, ROWS), Status.SUSPECT),
    ],
    ids=["the day had visitors", "all about it is silent", "another day", "another website"],
)
def test_silence_of_a_day_that_had_data_is_judged_by_that_day(
    other: Result, status: Status
) -> None:
    judged = Run([a_result(PAGES), other], {PAGES: OPEN}).judged(PAGES)
    assert judged.status is status
    assert judged.kept == (OPEN if status is Status.SUSPECT else None)


@pytest.mark.parametrize("kept", [OPEN, FINAL], ids=["open", "final"])
def test_silence_is_believed_when_the_user_says_so(kept: HeldCell) -> None:
    result = a_result(PAGES)
    assert Run([result], {PAGES: kept}, allow_empty=True).judged(PAGES) == result


def test_a_website_that_is_not_listed_is_not_believed_even_then() -> None:
    run = Run([a_result(PAGES)], {PAGES: OPEN}, websites=(), allow_empty=True)
    assert run.judged(PAGES).status is Status.SUSPECT


def test_what_brings_no_rows_says_what_the_warehouse_keeps() -> None:
    failed = a_result(PAGES, status=Status.FAILED, reason="no answer")
    judged = Run([failed], {PAGES: OPEN}).judged(PAGES)
    assert (judged.status, judged.reason, judged.kept) == (Status.FAILED, "no answer", OPEN)


@pytest.mark.parametrize(
    ("other", "held", "status"),
    [
        (a_result(COUNTRIES, ROWS), {}, Status.UNAVAILABLE),
        (a_result(COUNTRIES, status=Status.FAILED), {}, Status.FAILED),
        (a_result(COUNTRIES, ROWS), {PAGES: FINAL}, Status.FAILED),
        (a_result(cells_of(a_report(), website="blog")[0]), {}, Status.FAILED),
    ],
    ids=["others answer", "nothing answers", "it once had data", "another website has it"],
)
def test_a_type_counts_as_lacking_when_the_server_answers_others_and_never_this_one(
    other: Result, held: Mapping[Cell, HeldCell], status: Status
) -> None:
    unavailable = a_result(PAGES, status=Status.UNAVAILABLE)
    assert Run([unavailable, other], held).judged(PAGES).status is status


def test_what_the_server_says_it_lacks_is_no_failure_whatever_was_held() -> None:
    told = replace(a_result(PAGES, status=Status.UNAVAILABLE), lacking=True)
    held = {PAGES: HeldCell(3, final=True)}
    assert Run([told], held).judged(PAGES).status is Status.UNAVAILABLE


def test_no_type_is_lacking_where_nothing_was_answered() -> None:
    assert not is_lacking(PAGES.report, [])


def _window(grain: Grain, day: date = DAY, hour: int = 0) -> Cell:
    return Cell("shop", a_report(), tile(day, day, "UTC", grain)[hour])


@pytest.mark.parametrize(
    ("own", "other", "tells"),
    [
        (_window(Grain.HOUR, hour=3), _window(Grain.DAY), True),
        (_window(Grain.DAY), _window(Grain.HOUR, hour=3), True),
        (_window(Grain.DAY), _window(Grain.WEEK), False),
        (_window(Grain.WEEK), _window(Grain.DAY, DAY + 6 * ONE_DAY), True),
        (_window(Grain.WEEK), _window(Grain.DAY, DAY + 7 * ONE_DAY), False),
        (_window(Grain.WEEK), _window(Grain.MONTH), False),
    ],
)
def test_only_windows_within_the_days_tell_of_them(own: Cell, other: Cell, tells: bool) -> None:
    async def never(cell: Cell) -> Result:
        raise AssertionError(cell)

    doubts = Doubts(never, (), allow_empty=False)
    doubts.want([other])
    assert doubts.about_the_days_of(own) == ([other] if tells else [])
