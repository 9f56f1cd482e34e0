from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from databuddy_source.extract.doubts import Doubts
from databuddy_source.extract.evidence import MANY, Evidence
from databuddy_source.model.digests import digest_of
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import QueryType
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import HeldCell, Result, Row
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from tests.cells import DAY, a_report, a_result, cells_of

ROWS = [{"pageviews": 3}]
ZEROS = [{"pageviews": 0, "bounce_rate": 100.0}]
ERROR = [{"count": 2}]


@dataclass
class Run:
    """Results of a run, and what the warehouse holds of its cells."""

    results: Iterable[Result]
    held: Mapping[Cell, HeldCell] = field(default_factory=dict)
    websites: tuple[str, ...] = ("shop", "blog")
    allow_empty: bool = False
    looks: Counter[Cell] = field(default_factory=Counter)
    doubted: Iterable[Cell] = ()
    viewed: Mapping[tuple[str, str, date | datetime], int] = field(default_factory=dict)

    def judged(self, cell: Cell) -> Result:
        return self.all_judged([cell])[cell]

    def all_judged(self, cells: Iterable[Cell] | None = None) -> dict[Cell, Result]:
        """The results of these cells, of all without any; `looks` counts what was looked at."""
        of_cell = {result.cell: result for result in self.results}

        async def result_of(wanted: Cell) -> Result:
            self.looks[wanted] += 1
            return of_cell[wanted]

        async def judge() -> dict[Cell, Result]:
            found = {}
            for each in list(of_cell if cells is None else cells):
                found[each] = await doubts.judged(of_cell[each])
                of_cell[each] = found[each].without_rows()  # as a fetcher remembers it
            return found

        evidence = Evidence(result_of)
        doubts = Doubts(evidence, self.websites, allow_empty=self.allow_empty)
        for series in {each.series: None for each in of_cell}:
            evidence.want(each for each in of_cell if each.series == series)
        evidence.doubted = {
            (each.website_id, each.report.name, each.window.end) for each in self.doubted
        }
        evidence.viewed = lambda: self.viewed
        evidence.held = {
            (each.website_id, each.report.name, each.window.start): kept
            for each, kept in self.held.items()
        }
        return asyncio.run(judge())


PAGES, COUNTRIES, ERRORS, SUMMARY = (
    cells_of(a_report(name))[0]
    for name in ("top_pages", "country", "error_types", "summary_metrics")
)
LATER = DAY + 20 * ONE_DAY
NEXT_DAY = cells_of(a_report("country"), DAY + ONE_DAY)[0]
OF_BLOG = cells_of(a_report("country"), website="blog")[0]
OPEN = HeldCell(rows=5, final=False)
FINAL = HeldCell(rows=5, final=True)
RECORDED = HeldCell(rows=5, final=False, generation="2026-06")
EMPTY = HeldCell(rows=0, final=False, silent=True)


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


MANY_VIEWS = [{"pageviews": MANY}]


@pytest.mark.parametrize("held", [{}, {PAGES: EMPTY}], ids=["not asked for", "held as empty"])
def test_a_type_that_always_has_rows_is_not_believed_silent_beside_page_views(
    held: Mapping[Cell, HeldCell],
) -> None:
    judged = Run([a_result(PAGES), a_result(SUMMARY, MANY_VIEWS)], held).judged(PAGES)
    assert judged.status is Status.SUSPECT
    assert "there are page views, which always give it rows" in judged.reason


def test_page_views_that_the_warehouse_has_of_a_window_tell_the_same() -> None:
    for day, views, status in (
        (DAY, MANY, Status.SUSPECT),
        (DAY, MANY - 1, Status.COMPLETE),
        (DAY + ONE_DAY, MANY, Status.COMPLETE),
    ):
        results = [a_result(PAGES), a_result(cells_of(a_report("summary_metrics"), LATER)[0])]
        run = Run(results, viewed={("shop", "summary_metrics", day): views})
        assert run.judged(PAGES).status is status


@pytest.mark.parametrize(
    ("silent", "other", "how"),
    [
        (COUNTRIES, a_result(SUMMARY, MANY_VIEWS), {}),
        (PAGES, a_result(SUMMARY, [{"pageviews": MANY - 1, "sessions": MANY}]), {}),
        (PAGES, a_result(COUNTRIES, MANY_VIEWS), {}),
        (PAGES, a_result(SUMMARY, MANY_VIEWS, Status.FAILED), {}),
        (PAGES, a_result(SUMMARY, MANY_VIEWS), {"allow_empty": True}),
    ],
    ids=["it may lack rows", "few", "of a type that proves none", "no answer", "allowed"],
)
def test_other_silence_where_there_never_was_data_is_a_fact(
    silent: Cell, other: Result, how: dict[str, Any]
) -> None:
    run = Run([a_result(silent), other], **how)
    assert run.judged(silent).status is Status.COMPLETE


def test_a_window_that_goes_on_may_have_had_its_first_page_view_after_the_answer() -> None:
    early = replace(a_result(PAGES), fetched_at=PAGES.window.start + timedelta(hours=9))
    assert Run([early, a_result(SUMMARY, MANY_VIEWS)]).judged(PAGES) == early


DAYS_OF_WEEK = cells_of(a_report(), DAY, DAY + 6 * ONE_DAY)
WEEKLY = replace(a_report(), name="top_pages_weekly", grain=Grain.WEEK)
WEEK = Cell("shop", WEEKLY, tile(DAY, DAY, "UTC", Grain.WEEK)[0])


def of_a_week(views: int, status: Status = Status.COMPLETE, *, goes_on: bool = False) -> Status:
    """What becomes of a week of which the warehouse has six days of 100 page views each. Of the
    last one 200 are answered."""
    results = [a_result(WEEK, [{"name": "/", "pageviews": views}], status)]
    last = a_result(DAYS_OF_WEEK[5], [{"name": "/", "pageviews": 200}])
    results.append(replace(last, fetched_at=last.cell.window.start) if goes_on else last)
    viewed = {("shop", "top_pages", cell.window.date): 100 for cell in DAYS_OF_WEEK[:6]}
    return Run(results, {WEEK: OPEN}, viewed=viewed).judged(WEEK).status


def test_a_week_is_not_believed_that_has_fewer_page_views_than_its_days() -> None:
    assert of_a_week(700) is Status.COMPLETE
    assert of_a_week(686) is Status.COMPLETE  # as another generation counts
    assert of_a_week(685) is Status.SUSPECT
    assert of_a_week(600, goes_on=True) is Status.COMPLETE
    assert of_a_week(500, goes_on=True) is Status.SUSPECT
    assert of_a_week(500, Status.TRUNCATED) is Status.TRUNCATED


def test_a_week_may_lose_what_one_of_its_newest_days_has_lost() -> None:
    def of_week(views: int, day: int, *, final: bool = False) -> Status:
        """The warehouse has 300 page views of the week, 100 of them of one of its days."""
        results = [
            a_result(WEEK, [{"name": "/", "pageviews": views}]),
            a_result(DAYS_OF_WEEK[5], [{"name": "/", "pageviews": day}] if day else []),
        ]
        held = {WEEK: OPEN, DAYS_OF_WEEK[5]: replace(OPEN, final=final)}
        viewed: dict[Any, int] = {
            ("shop", WEEKLY.name, DAY): 300,
            ("shop", "top_pages", DAYS_OF_WEEK[5].window.date): 100,
        }
        return Run(results, held, viewed=viewed).judged(WEEK).status

    assert of_week(260, 60) is Status.COMPLETE
    assert of_week(230, 60) is Status.SUSPECT
    assert of_week(260, 60, final=True) is Status.SUSPECT  # of history it is not believed at once
    assert of_week(200, 0) is Status.SUSPECT  # nor of a whole day
    assert of_week(300, 110) is Status.COMPLETE


def test_a_month_of_which_some_days_are_known_is_not_believed_that_has_fewer_than_before() -> None:
    for views, status in ((980, Status.COMPLETE), (979, Status.SUSPECT)):
        result = a_result(WEEK, [{"name": "/", "pageviews": views}])
        viewed: dict[Any, int] = {("shop", WEEKLY.name, DAY): 1000}
        assert Run([result], {WEEK: OPEN}, viewed=viewed).judged(WEEK).status is status


RATES = cells_of(a_report(QueryType(name="glow", known=False)))[0]
GOOD, OF_NOBODY = {"bounce_rate": 31.5, "avg_time": 88.2}, {"bounce_rate": 100.0, "avg_time": 0}


@pytest.mark.parametrize(
    ("before", "row", "others", "status"),
    [
        (GOOD, OF_NOBODY, [], Status.SUSPECT),
        (GOOD, {"bounce_rate": 100.0, "avg_time": 3.5}, [], Status.COMPLETE),
        (GOOD, OF_NOBODY | {"seen": 1}, [], Status.COMPLETE),
        (OF_NOBODY, OF_NOBODY, [], Status.COMPLETE),
        (GOOD, OF_NOBODY, [a_result(PAGES, ROWS)], Status.COMPLETE),
    ],
    ids=["of nobody", "of somebody", "another number", "as before", "others have visitors"],
)
def test_rates_alone_are_not_believed_that_become_those_of_nobody(
    before: Row, row: Row, others: list[Result], status: Status
) -> None:
    digest = digest_of([before], RATES.report.query_type)
    held = {RATES: replace(OPEN, digest=digest)}
    assert Run([a_result(RATES, [row]), *others], held).judged(RATES).status is status


@pytest.mark.parametrize("silent", [PAGES, ERRORS], ids=str)
def test_a_final_day_that_had_data_is_not_believed_silent_whatever_others_say(silent: Cell) -> None:
    results = [a_result(silent), a_result(COUNTRIES, ROWS)]
    judged = Run(results, {silent: FINAL}).judged(silent)
    assert (judged.status, judged.kept) == (Status.SUSPECT, FINAL)
    assert "the day was final" in judged.reason


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (a_result(COUNTRIES, ROWS), "the day has visitors"),
        (a_result(COUNTRIES, ZEROS), "everything about it is empty"),
        (a_result(NEXT_DAY, ROWS), "everything about it is empty"),
        (a_result(OF_BLOG, ROWS), "everything about it is empty"),
        (a_result(COUNTRIES, ROWS, Status.FAILED), "everything about it is empty"),
    ],
    ids=["the day had visitors", "all is silent", "another day", "another website", "no answer"],
)
def test_what_had_data_is_never_believed_empty_and_the_reason_says_what_the_day_has(
    other: Result, reason: str
) -> None:
    """Nobody but the user knows whether the one visitor who had an error was deleted."""
    run = Run([a_result(ERRORS), other], {ERRORS: OPEN})
    judged = run.judged(ERRORS)
    assert (judged.status, judged.kept) == (Status.SUSPECT, OPEN)
    assert reason in judged.reason
    run.allow_empty = True
    assert run.judged(ERRORS).status is Status.COMPLETE


@pytest.mark.parametrize(
    ("silent", "loud"),
    list(permutations([PAGES, COUNTRIES, SUMMARY], 2)),
    ids=lambda each: each.report.name,
)
def test_a_type_that_has_rows_whenever_there_are_page_views_is_not_silent_beside_another(
    silent: Cell, loud: Cell
) -> None:
    run = Run([a_result(silent, ZEROS), a_result(loud, ROWS)], {silent: OPEN, loud: OPEN})
    judged = run.all_judged()
    assert [judged[each].status for each in (silent, loud)] == [Status.SUSPECT, Status.COMPLETE]


def test_page_views_do_not_go_while_the_errors_of_the_day_stay() -> None:
    results = [a_result(PAGES), a_result(SUMMARY, ZEROS), a_result(ERRORS, ERROR)]
    judged = Run(results, dict.fromkeys((PAGES, SUMMARY, ERRORS), OPEN)).all_judged()
    assert {each.status for each in judged.values()} == {Status.SUSPECT}, "the day stays as it is"


@pytest.mark.parametrize(
    ("held", "status"),
    [
        ({SUMMARY: OPEN, NEXT_DAY: OPEN, COUNTRIES: EMPTY}, Status.COMPLETE),
        ({SUMMARY: RECORDED, NEXT_DAY: OPEN, COUNTRIES: EMPTY}, Status.SUSPECT),
        ({SUMMARY: OPEN, NEXT_DAY: OPEN}, Status.SUSPECT),
        ({SUMMARY: OPEN, NEXT_DAY: OPEN, COUNTRIES: OPEN}, Status.SUSPECT),
        ({SUMMARY: OPEN, COUNTRIES: EMPTY}, Status.SUSPECT),
        ({SUMMARY: OPEN}, Status.SUSPECT),
        ({SUMMARY: OPEN, ERRORS: OPEN}, Status.SUSPECT),
    ],
    ids=[
        *(
            "had visitors on other days alone",
            "of a recorded generation",
            "failed or was not asked",
        ),
        *("had some then", "never had any", "was not asked on any day", "had errors"),
    ],
)
def test_the_row_that_a_summary_has_of_a_day_without_visitors_was_no_data_in_0_1_0(
    held: Mapping[Cell, HeldCell], status: Status
) -> None:
    results = [a_result(SUMMARY, ZEROS), a_result(COUNTRIES), a_result(ERRORS)]
    assert Run(results, held).judged(SUMMARY).status is status


def test_a_cell_that_is_known_to_be_empty_is_no_data() -> None:
    empty, told = a_result(PAGES), a_result(PAGES, status=Status.UNAVAILABLE)
    assert Run([empty], {PAGES: EMPTY}).judged(PAGES) == empty
    judged = Run([told, a_result(COUNTRIES, ROWS)], {PAGES: EMPTY}).judged(PAGES)
    assert (judged.status, judged.kept) == (Status.UNAVAILABLE, EMPTY)


def test_a_day_that_was_not_held_may_be_silent_beside_a_doubted_one() -> None:
    results = [a_result(PAGES), a_result(COUNTRIES)]
    judged = Run(results, {PAGES: OPEN}).all_judged()
    assert [judged[each].status for each in (PAGES, COUNTRIES)] == [
        Status.SUSPECT,
        Status.COMPLETE,
    ]


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


BROKEN = a_report("browsers")


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([("shop", 0, "no column 7")], Status.UNAVAILABLE),
        ([("shop", 0, "no column 7"), ("shop", 1, "no column 8")], Status.UNAVAILABLE),
        ([("shop", 0, "no column"), ("shop", 1, "out of memory")], Status.FAILED),
        ([("shop", 0, "no column"), ("shop", 1, "")], Status.FAILED),
        ([("shop", 0, "no column"), ("blog", 0, "")], Status.FAILED),
        ([("shop", day, "no column") for day in range(3)], Status.FAILED),
    ],
    ids=["all of one", "all of two", "not alike", "not each", "not elsewhere", "enough to tell"],
)
@pytest.mark.parametrize("held", [{}, {PAGES: OPEN}], ids=["new", "others had data"])
def test_what_is_unavailable_in_a_long_run_is_not_failed_in_a_short_one(
    results: list[tuple[str, int, str]], held: Mapping[Cell, HeldCell], status: Status
) -> None:
    found = [a_result(PAGES, ROWS)]
    for website, day, reason in results:
        (cell,) = cells_of(BROKEN, DAY + day * ONE_DAY, website=website)
        answer = a_result(cell, status=Status.FAILED, reason=reason)
        found.append(answer if reason else a_result(cell, ROWS))
    (cell,) = cells_of(BROKEN)
    assert Run(found, held).judged(cell).status is status


@pytest.mark.parametrize("but", ["named", "outage", "held", "nothing answers"])
def test_what_failed_in_a_short_run_is_unavailable_only_when_nothing_speaks_for_it(
    but: str,
) -> None:
    (cell,) = cells_of(a_report("browsers", named=but == "named"))
    failed = a_result(cell, status=Status.FAILED, reason="no column")
    failed = replace(failed, outage=but == "outage")
    other = a_result(PAGES, ROWS, Status.FAILED if but == "nothing answers" else Status.COMPLETE)
    held = {cells_of(cell.report, DAY + ONE_DAY)[0]: OPEN} if but == "held" else {}
    assert Run([failed, other], held).judged(cell).status is Status.FAILED


def _window(
    grain: Grain, day: date = DAY, hour: int = 0, name: str = "error_types", zone: str = "UTC"
) -> Cell:
    report = replace(a_report(name), name=f"{name}_{grain}", grain=grain)
    return Cell("shop", report, tile(day, day, zone, grain)[hour])


def _page_views(grain: Grain, day: date = DAY, hour: int = 0, zone: str = "UTC") -> Cell:
    return _window(grain, day, hour, "top_pages", zone)


@pytest.mark.parametrize(
    ("own", "other", "vouches"),
    [
        (_window(Grain.HOUR, hour=3), _page_views(Grain.DAY), True),
        (_window(Grain.HOUR, hour=3), _page_views(Grain.HOUR, hour=20), True),
        (_window(Grain.DAY), _page_views(Grain.HOUR, hour=3), True),
        (_window(Grain.DAY), _page_views(Grain.WEEK), False),
        (_window(Grain.WEEK), _page_views(Grain.DAY, DAY + 6 * ONE_DAY), True),
        (_window(Grain.WEEK), _page_views(Grain.DAY, DAY + 7 * ONE_DAY), False),
        (_window(Grain.WEEK), _page_views(Grain.MONTH), False),
        (_window(Grain.MONTH), _page_views(Grain.WEEK), True),
        (_window(Grain.DAY, zone="America/New_York"), _page_views(Grain.DAY), False),
        (_window(Grain.DAY), _page_views(Grain.DAY, zone="America/New_York"), False),
        (_window(Grain.DAY), _page_views(Grain.HOUR, zone="America/New_York"), True),
        (
            _window(Grain.DAY),
            _page_views(Grain.HOUR, hour=23, zone="America/New_York"),
            False,
        ),
        (_window(Grain.DAY), _window(Grain.DAY, name="retention_rate"), False),
    ],
)
def test_only_what_lies_wholly_within_a_window_vouches_for_it(
    own: Cell, other: Cell, vouches: bool
) -> None:
    counts = [{"pageviews": 3, "new_users": 3}]
    judged = Run([a_result(own), a_result(other, counts)], {own: OPEN}).judged(own)
    assert judged.status is Status.SUSPECT
    assert ("the day has visitors" in judged.reason) is vouches


HOURS = [_window(Grain.HOUR, hour=hour, name="summary_metrics") for hour in range(6)]


@pytest.mark.parametrize(
    ("silent", "kept", "beside", "status"),
    [
        ([0, 2, 4], RECORDED, [], Status.SUSPECT),
        ([0, 4], RECORDED, [], Status.SUSPECT),
        ([0], RECORDED, [], Status.SUSPECT),
        ([0, 2, 4], RECORDED, [_page_views(Grain.DAY)], Status.SUSPECT),
        ([0], RECORDED, [_page_views(Grain.DAY)], Status.SUSPECT),
        ([0, 2, 4], OPEN, [], Status.COMPLETE),
    ],
    ids=["half", "two", "one", "half, of a day", "one, of a day", "perhaps zeros of 0.1.0"],
)
def test_counts_of_hours_do_not_go_while_the_others_of_the_day_stay(
    silent: list[int], kept: HeldCell, beside: list[Cell], status: Status
) -> None:
    results = [a_result(cell, ZEROS if hour in silent else ROWS) for hour, cell in enumerate(HOURS)]
    results += [a_result(cell, ROWS) for cell in beside]
    held = dict.fromkeys(HOURS, kept) | dict.fromkeys(beside, RECORDED)
    judged = Run(results, held).all_judged()
    assert {judged[HOURS[hour]].status for hour in silent} == {status}
    assert judged[HOURS[1]].status is Status.COMPLETE


@pytest.mark.parametrize("gone", [[1], [1, 4]], ids=["one hour", "two hours"])
def test_a_lost_hour_keeps_what_has_it_too(gone: list[int]) -> None:
    """Else its day would shrink, and nobody would know."""
    results = [a_result(cell, ZEROS if hour in gone else ROWS) for hour, cell in enumerate(HOURS)]
    day, next_day = (_page_views(Grain.DAY, DAY + number * ONE_DAY) for number in range(2))
    week, utc = _page_views(Grain.WEEK), cells_of(a_report("sessions_time_series"))[0]
    longer = [day, next_day, week, utc]
    results += [a_result(cell, [{"pageviews": 3, "sessions": 3}]) for cell in longer]
    held = dict.fromkeys((result.cell for result in results), RECORDED)
    run = Run(results, held)
    suspect = {cell for cell, each in run.all_judged().items() if each.status is Status.SUSPECT}
    assert suspect == {*(HOURS[hour] for hour in gone), day, week, utc}
    run.allow_empty = True
    assert {each.status for each in run.all_judged().values()} == {Status.COMPLETE}


def test_a_first_silence_is_a_fact_also_beside_page_views() -> None:
    """A breakdown leaves out what has no value: one visitor of a day may have no country."""
    results = [a_result(COUNTRIES), a_result(PAGES, ROWS), a_result(NEXT_DAY, ROWS)]
    assert Run(results).judged(COUNTRIES).status is Status.COMPLETE


DAYS_OF_PAGES, DAYS_OF_ERRORS = (
    cells_of(a_report(name), DAY, DAY + 3 * ONE_DAY) for name in ("top_pages", "error_types")
)


@pytest.mark.parametrize(
    ("pages", "doubted", "held", "suspect"),
    [
        ([0, 0, 0, 0], [], [], []),
        ([0, 0, 0, 0], [0], [], [1, 2, 3]),
        ([0, 0, 1, 0], [0], [], [1]),
        ([0, 0, 0, 0], [], [0], [0, 1, 2, 3]),
        ([1, 0, 0, 0], [0], [0], []),
    ],
    ids=["never any", "since an earlier run", "until it has data", "since now", "well again"],
)
def test_a_server_is_ill_until_it_has_data_again(
    pages: list[int], doubted: list[int], held: list[int], suspect: list[int]
) -> None:
    results = [
        a_result(cell, ROWS if has else ())
        for cell, has in zip(DAYS_OF_PAGES, pages, strict=True)
        if cell not in [DAYS_OF_PAGES[day] for day in doubted if not held]
    ]
    run = Run(
        results,
        {DAYS_OF_PAGES[day]: OPEN for day in held},
        doubted=[DAYS_OF_PAGES[day] for day in doubted],
    )
    found = run.all_judged()
    assert [
        day for day, cell in enumerate(DAYS_OF_PAGES) if cell in found and is_suspect(found[cell])
    ] == suspect
    run.allow_empty = True
    assert not any(map(is_suspect, run.all_judged().values()))


@pytest.mark.parametrize(
    ("pages", "status"), [((), Status.SUSPECT), (ROWS, Status.COMPLETE)], ids=["dark", "well again"]
)
def test_what_may_be_quiet_is_not_believed_either_until_page_views_are_back(
    pages: list[Row], status: Status
) -> None:
    results = [a_result(DAYS_OF_ERRORS[1]), a_result(DAYS_OF_PAGES[1], pages)]
    run = Run(results, doubted=[DAYS_OF_PAGES[0]])
    assert run.judged(DAYS_OF_ERRORS[1]).status is status
    run.doubted = [DAYS_OF_ERRORS[0]]
    assert run.judged(DAYS_OF_ERRORS[1]).status is Status.COMPLETE, "errors may stay away"


@pytest.mark.parametrize("order", list(permutations([DAYS_OF_PAGES, DAYS_OF_ERRORS])))
@pytest.mark.parametrize(
    ("pages", "suspect"),
    [([1, 1, 1, 0], []), ([1, 0, 1, 0], []), ([1, 1, 0, 0], [3]), ([1, 0, 0, 0], [2, 3])],
)
def test_what_is_asked_for_again_is_doubted_by_its_new_answer_whoever_is_judged_first(
    pages: list[int], suspect: list[int], order: tuple[list[Cell], ...]
) -> None:
    """After an outage of which the first days had data: on the last one nobody has come yet."""
    results = [
        a_result(cell, ROWS if has else ()) for cell, has in zip(DAYS_OF_PAGES, pages, strict=True)
    ] + [a_result(cell) for cell in DAYS_OF_ERRORS]
    held = dict.fromkeys(DAYS_OF_PAGES[:3], OPEN)
    run = Run(results, held, doubted=DAYS_OF_PAGES)
    found = run.all_judged(cell for cells in order for cell in cells)
    assert [day for day, cell in enumerate(DAYS_OF_ERRORS) if is_suspect(found[cell])] == suspect


def test_a_year_of_doubted_days_is_judged_anew_one_after_the_other() -> None:
    before, *days = cells_of(a_report("top_pages"), DAY - ONE_DAY, DAY + 399 * ONE_DAY)
    (last,) = cells_of(a_report("error_types"), DAY + 400 * ONE_DAY)
    run = Run(map(a_result, [*days, last]), doubted=[before, *days])
    assert is_suspect(run.judged(last))
    run = Run([a_result(days[0], ROWS), *map(a_result, [*days[1:], last])], doubted=[before, *days])
    assert not is_suspect(run.judged(last))


def is_suspect(result: Result) -> bool:
    return result.status is Status.SUSPECT


def test_a_row_of_zeros_of_0_1_0_takes_nothing_from_its_week() -> None:
    week = _page_views(Grain.WEEK)
    results = [a_result(SUMMARY, ZEROS), a_result(COUNTRIES), a_result(NEXT_DAY, ROWS)]
    held = {SUMMARY: OPEN, COUNTRIES: EMPTY, NEXT_DAY: OPEN, week: OPEN}
    assert Run([*results, a_result(week, ROWS)], held).judged(week).status is Status.COMPLETE


def test_what_an_old_server_ends_at_the_next_midnight_does_not_vouch_for_its_day() -> None:
    pages = cells_of(a_report("entry_pages", Generation.G2025))[0]
    results = [a_result(ERRORS), a_result(pages, ROWS)]
    assert "everything about it is empty" in Run(results, {ERRORS: OPEN}).judged(ERRORS).reason


ZONE = "America/New_York"
LOCAL = [
    cell
    for name in ("top_pages", "summary_metrics", "country")
    for cell in cells_of(a_report(name), DAY - ONE_DAY, DAY + ONE_DAY, zone=ZONE)
]
IN_UTC = cells_of(a_report("sessions_time_series"), DAY - ONE_DAY, DAY + ONE_DAY)
LONGER = [_page_views(Grain.WEEK, zone=ZONE), _page_views(Grain.MONTH, zone=ZONE)]


def test_a_lost_day_keeps_what_shares_an_instant_with_it() -> None:
    results = [a_result(cell, ZEROS if cell.window.date == DAY else ROWS) for cell in LOCAL]
    results += [a_result(cell, [{"sessions": 3}]) for cell in IN_UTC]
    results += [a_result(cell, ROWS) for cell in LONGER]
    held = dict.fromkeys((result.cell for result in results), OPEN)
    judged = Run(results, held).all_judged()
    suspect = {cell for cell, each in judged.items() if each.status is Status.SUSPECT}
    assert suspect == {
        *(cell for cell in LOCAL if cell.window.date == DAY),
        *IN_UTC[1:],  # five hours of the day are in the next one of UTC
        *LONGER,
    }


def test_a_series_that_is_silent_by_itself_keeps_no_other_report() -> None:
    results = [a_result(cell, ROWS) for cell in [*LOCAL, *LONGER]]
    results += [a_result(cell) for cell in IN_UTC]
    judged = Run(results, dict.fromkeys((result.cell for result in results), OPEN)).all_judged()
    suspect = {cell for cell, each in judged.items() if each.status is Status.SUSPECT}
    assert suspect == set(IN_UTC)


def test_an_answer_that_counts_nothing_known_does_not_vouch_and_is_kept_with_its_day() -> None:
    strange = a_result(SUMMARY, [{"bounce_rate": 100.0}])
    run = Run([a_result(PAGES), strange], {PAGES: OPEN, SUMMARY: FINAL})
    assert {each.status for each in run.all_judged().values()} == {Status.SUSPECT}
    assert Run([strange], {SUMMARY: FINAL}).judged(SUMMARY) == strange


@pytest.mark.parametrize("silent", [0, 3, 12], ids=lambda days: f"{days} silent days")
@pytest.mark.parametrize("lacking", [0, 4], ids=lambda types: f"{types} lacking types")
def test_each_answer_is_looked_at_a_few_times_however_many_there_are(
    lacking: int, silent: int
) -> None:
    names = ["top_pages", "country", "summary_metrics", "error_types", "sessions_time_series"]
    absent = ["browsers", "region", "slow_pages", "language"][:lacking]
    last = DAY + 199 * ONE_DAY
    results, held = [], {}
    for website in ("shop", "blog"):
        for name in names:
            for number, cell in enumerate(cells_of(a_report(name), DAY, last, website=website)):
                counts = {"pageviews": 1, "sessions": 1, "count": 1}
                results.append(a_result(cell, [] if number < silent else [counts]))
                held[cell] = OPEN
        for name in absent:
            cells = cells_of(a_report(name), DAY, last, website=website)
            results += [a_result(cell, status=Status.UNAVAILABLE) for cell in cells]
    run = Run(results, held)
    judged = run.all_judged()
    assert Counter(each.status for each in judged.values()) == {
        status: count
        for status, count in {
            Status.COMPLETE: 2 * 5 * (200 - silent),
            Status.SUSPECT: 2 * 5 * silent,
            Status.UNAVAILABLE: 2 * lacking * 200,
        }.items()
        if count
    }
    assert max(run.looks.values(), default=0) <= 5
