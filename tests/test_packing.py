"""Cells to questions, questions to requests."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.api.models import Generation
from databuddy_source.fetch.packing import Ask, Pack, asks_of, bodies_of
from databuddy_source.reports import Cell
from databuddy_source.windows import ONE_DAY
from tests.cells import DAY, a_report, cells_of

TYPES = ["top_pages", "summary_metrics", "events_by_date", "vitals_time_series", "retention_rate"]
ZONES = ["UTC", "America/New_York", "Africa/Cairo", "Pacific/Apia"]

some_days = st.sets(st.integers(0, 60), max_size=40).map(
    lambda numbers: [date(2024, 4, 1) + number * ONE_DAY for number in numbers]
)


@st.composite
def some_cells(draw: st.DrawFn) -> list[Cell]:
    """Cells of one website and report: any days, in any order."""
    report = a_report(draw(st.sampled_from(TYPES)))
    zone = draw(st.sampled_from(ZONES))
    cells = [cells_of(report, day, zone=zone)[0] for day in draw(some_days)]
    return draw(st.permutations(cells))


@st.composite
def some_packs(draw: st.DrawFn) -> Pack:
    """Questions of many reports, some on later pages, with two limits."""
    asks = [
        Ask(ask.cells, ask.spelling, draw(st.sampled_from([50, 10_000])), draw(st.integers(1, 3)))
        for name in draw(st.lists(st.sampled_from(TYPES), min_size=1, unique=True))
        for ask in asks_of(cells_of(a_report(name), DAY, DAY + 4 * ONE_DAY), name, 10_000)
    ]
    return Pack(tuple(asks))


@given(some_cells())
def test_each_cell_is_in_exactly_one_question(cells: list[Cell]) -> None:
    asks = asks_of(cells, "spelled", 10_000)
    asked = [cell for ask in asks for cell in ask.cells]
    assert asked == sorted(cells, key=lambda cell: cell.window)
    assert all(ask.cells and ask.spelling == "spelled" and ask.limit == 10_000 for ask in asks)
    assert {ask.page for ask in asks} <= {1}


@given(some_cells())
def test_only_series_are_asked_in_ranges_and_ranges_end_at_gaps(cells: list[Cell]) -> None:
    asks = asks_of(cells, "spelled", 10_000)
    if not cells or not cells[0].report.query_type.ranged:
        assert all(len(ask.cells) == 1 for ask in asks)
        return
    for ask in asks:
        assert all(one.window.end == two.window.start for one, two in pairwise(ask.cells))
    for one, two in pairwise(asks):
        assert one.cells[-1].window.end < two.cells[0].window.start


def test_a_date_that_the_zone_skipped_is_no_gap() -> None:
    cells = cells_of(
        a_report("events_by_date"), date(2011, 12, 28), date(2012, 1, 2), zone="Pacific/Apia"
    )
    assert [len(ask.cells) for ask in asks_of(cells, "events_by_date", 10_000)] == [5]


@given(st.integers(2, 50), st.integers(1, 9))
def test_halves_of_a_question_have_its_cells_and_start_at_page_one(count: int, page: int) -> None:
    cells = cells_of(a_report("events_by_date"), DAY, DAY + (count - 1) * ONE_DAY)
    one, two = Ask(tuple(cells), "events_by_date", 100, page).halves()
    assert one.cells + two.cells == tuple(cells)
    assert abs(len(one.cells) - len(two.cells)) <= 1
    assert (one.page, two.page, one.limit, two.spelling) == (1, 1, 100, "events_by_date")


@given(some_packs().filter(lambda pack: len(pack.asks) > 1))
def test_halves_of_a_pack_have_its_questions(pack: Pack) -> None:
    one, two = pack.halves()
    assert one.asks + two.asks == pack.asks
    assert abs(len(one.asks) - len(two.asks)) <= 1


@given(some_packs(), st.sampled_from(Generation))
def test_each_question_is_in_exactly_one_body_under_its_own_id(
    pack: Pack, generation: Generation
) -> None:
    named = pack.named()
    bodies = bodies_of(pack, generation)
    sent = {parameter.id: (parameter, body) for body in bodies for parameter in body.parameters}
    assert list(named.values()) == list(pack.asks)
    assert sent.keys() == named.keys()
    assert sum(len(body.parameters) for body in bodies) == len(pack.asks)
    for name, ask in named.items():
        parameter, body = sent[name]
        assert (body.limit, body.page, parameter.name) == (ask.limit, ask.page, ask.spelling)
        assert body.startDate <= parameter.start_date <= parameter.end_date <= body.endDate


@given(some_packs())
def test_there_is_one_body_for_each_limit_and_page(pack: Pack) -> None:
    bodies = bodies_of(pack, Generation.G2026)
    forms = [(body.limit, body.page) for body in bodies]
    assert sorted(forms) == sorted({(ask.limit, ask.page) for ask in pack.asks})
    assert len({body.id for body in bodies}) == len(bodies)


def sent_for(ask: Ask, generation: Generation) -> tuple[str, str]:
    (body,) = bodies_of(Pack((ask,)), generation)
    (parameter,) = body.parameters
    assert (body.startDate, body.endDate) == (parameter.start_date, parameter.end_date)
    return parameter.start_date, parameter.end_date


@pytest.mark.parametrize(
    ("name", "generation", "zone", "first", "last", "expected"),
    [
        ("top_pages", "2026", "UTC", "2026-03-08", "2026-03-08", ("2026-03-08", "2026-03-08")),
        (
            "top_pages",
            "2026",
            "America/New_York",
            "2026-03-08",
            "2026-03-08",
            ("2026-03-08T00:00:00-05:00", "2026-03-08T23:59:59-04:00"),
        ),
        # a range is asked with the first second beyond it, whose rows are dropped
        (
            "events_by_date",
            "2026",
            "America/New_York",
            "2026-03-07",
            "2026-03-09",
            ("2026-03-07T00:00:00-05:00", "2026-03-10T00:00:00-04:00"),
        ),
        ("events_by_date", "2025", "UTC", "2026-03-07", "2026-03-09", ("2026-03-07", "2026-03-10")),
        ("entry_pages", "2026", "UTC", "2026-03-07", "2026-03-07", ("2026-03-07", "2026-03-07")),
        ("entry_pages", "2025", "UTC", "2026-03-07", "2026-03-07", ("2026-03-07", "2026-03-08")),
    ],
)
def test_windows_are_sent_as_the_generation_reads_them(
    name: str, generation: str, zone: str, first: str, last: str, expected: tuple[str, str]
) -> None:
    of = Generation(generation)
    cells = cells_of(
        a_report(name, of), date.fromisoformat(first), date.fromisoformat(last), zone=zone
    )
    (ask,) = asks_of(cells, name, 1000)
    assert sent_for(ask, of) == expected


@pytest.mark.parametrize(("name", "days"), [("retention_rate", 30), ("retention_cohorts", 42)])
def test_a_trailing_window_reaches_back_and_ends_with_its_day(name: str, days: int) -> None:
    for cell in cells_of(a_report(name), DAY, DAY + 2 * ONE_DAY):
        start, end = sent_for(Ask((cell,), name, 10_000), Generation.G2026)
        assert date.fromisoformat(end) == cell.window.date
        assert date.fromisoformat(start) == cell.window.date - timedelta(days=days - 1)


def test_a_trailing_window_starts_at_local_midnight_of_its_first_day() -> None:
    (cell,) = cells_of(a_report("retention_cohorts"), date(2026, 3, 20), zone="America/New_York")
    start, end = sent_for(Ask((cell,), "retention_cohorts", 10_000), Generation.G2026)
    assert datetime.fromisoformat(start) == datetime.fromisoformat("2026-02-07T00:00:00-05:00")
    assert end == "2026-03-20T23:59:59-04:00"


def test_a_question_says_its_days() -> None:
    cells = tuple(cells_of(a_report("events_by_date"), date(2026, 3, 1), date(2026, 3, 3)))
    assert str(Ask(cells, "events_by_date", 100)) == "2026-03-01 .. 2026-03-03"
    assert str(Ask(cells[:1], "events_by_date", 100)) == "2026-03-01"
