"""What a doubted or failed cell says of itself: people read it, and coverage keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from databuddy_source.extract.doubts import Doubts
from databuddy_source.extract.evidence import Evidence
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import HeldCell, Result
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from tests.cells import DAY, a_report, a_result, cells_of
from tests.extract.test_doubts import ERROR, FINAL, OPEN, ROWS, Run

PAGES, COUNTRIES, ERRORS = (
    cells_of(a_report(name), DAY, DAY + ONE_DAY) for name in ("top_pages", "country", "error_types")
)
HOURS, OF_COUNTRIES = (
    [
        Cell("shop", replace(a_report(name), name=f"{name}_hourly", grain=Grain.HOUR), window)
        for window in tile(DAY, DAY, "UTC", Grain.HOUR)
    ]
    for name in ("top_pages", "country")
)
MONTH = Cell(
    "shop",
    replace(a_report("country"), name="country_monthly", grain=Grain.MONTH),
    tile(DAY, DAY, "UTC", Grain.MONTH)[0],
)


@pytest.mark.parametrize(
    ("results", "held", "reason"),
    [
        (
            [a_result(ERRORS[0]), a_result(COUNTRIES[0], ROWS)],
            {ERRORS[0]: FINAL},
            "the answer is empty, but the day was final and had data",
        ),
        (
            [a_result(ERRORS[0]), a_result(COUNTRIES[1], ROWS)],
            {ERRORS[0]: OPEN},
            "the day had data and now everything about it is empty",
        ),
        (
            [a_result(PAGES[0]), a_result(COUNTRIES[0], ROWS)],
            {PAGES[0]: OPEN},
            "the answer is empty, but had data, and the day has visitors",
        ),
        (
            [a_result(PAGES[0]), a_result(ERRORS[0], ERROR)],
            {PAGES[0]: OPEN},
            "the answer is empty, but had data, and the day has visitors",
        ),
        (
            [a_result(HOURS[9]), a_result(OF_COUNTRIES[9], ROWS)],
            {HOURS[9]: OPEN},
            "the answer is empty, but had data, and the day has visitors",
        ),
        (
            [a_result(MONTH, ROWS), a_result(PAGES[0])],
            {MONTH: OPEN, PAGES[0]: OPEN},
            "the answer lacks a day that had data and is empty now",
        ),
        (
            [a_result(MONTH, ROWS), *map(a_result, HOURS)],
            {MONTH: OPEN, **dict.fromkeys(HOURS[:2], OPEN)},
            "the answer lacks an hour that had data and is empty now",
        ),
    ],
)
def test_a_doubted_answer_says_why(
    results: Sequence[Result], held: Mapping[Cell, HeldCell], reason: str
) -> None:
    judged = Run(results, held).judged(results[0].cell)
    assert (judged.status, judged.reason) == (Status.SUSPECT, reason)


def test_a_website_that_the_server_does_not_list_is_told() -> None:
    judged = Run([a_result(PAGES[0])], websites=()).judged(PAGES[0])
    assert judged.reason == "the answer is empty and the server does not list the website"


def test_a_day_after_a_doubted_one_says_so() -> None:
    judged = Run([a_result(PAGES[1])], doubted=[PAGES[0]]).judged(PAGES[1])
    assert judged.reason == "the answer is empty, and so was the one before, which is doubted"


@pytest.mark.parametrize("held", [{}, {PAGES[0]: FINAL}])
def test_a_cell_that_cannot_be_loaded_has_failed_and_keeps_what_it_had(
    held: Mapping[Cell, HeldCell],
) -> None:
    async def nothing(cell: Cell) -> Result:
        raise AssertionError("it is not waited for")

    evidence = Evidence(nothing)
    evidence.held = {
        (each.website_id, each.report.name, each.window.start): kept for each, kept in held.items()
    }
    result = a_result(PAGES[0], ROWS)
    failed = Doubts(evidence, ["shop"], allow_empty=False).failed(result, "a broken row")
    assert failed == replace(
        result, status=Status.FAILED, rows=(), reason="a broken row", kept=held.get(PAGES[0])
    )


def test_a_day_that_others_count_takes_no_month_with_it() -> None:
    """Where one type alone lost it, the month may have all of its rows."""
    results = [a_result(MONTH, ROWS), a_result(PAGES[0]), a_result(COUNTRIES[0], ROWS)]
    judged = Run(results, {MONTH: OPEN, PAGES[0]: OPEN}).all_judged([MONTH, PAGES[0]])
    assert [each.status for each in judged.values()] == [Status.COMPLETE, Status.SUSPECT]


def test_a_type_that_is_lacking_makes_no_other_lack() -> None:
    gone, had = (
        a_result(PAGES[0], status=Status.UNAVAILABLE),
        a_result(ERRORS[0], status=Status.UNAVAILABLE),
    )
    run = Run([gone, had, a_result(COUNTRIES[0], ROWS)], {ERRORS[1]: OPEN})
    judged = run.all_judged()
    assert [judged[each].status for each in (PAGES[0], ERRORS[0])] == [
        Status.UNAVAILABLE,
        Status.FAILED,
    ]


def test_a_website_that_lost_a_day_is_not_judged_by_another() -> None:
    month, day = replace(MONTH, website_id="blog"), replace(PAGES[0], website_id="blog")
    results = [
        a_result(MONTH, ROWS),
        a_result(PAGES[0], ROWS),
        a_result(month, ROWS),
        a_result(day),
    ]
    judged = Run(results, dict.fromkeys((MONTH, PAGES[0], month, day), OPEN)).all_judged()
    assert [judged[each].status for each in (MONTH, month)] == [Status.COMPLETE, Status.SUSPECT]
