"""Which cells are compared with what, and what counts as an answer. No server here, and a few
tables in memory for a warehouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import dlt
import duckdb
import pytest

from databuddy_source.answers import verify as verifying
from databuddy_source.answers.verify import Checked, Outcome, verify
from databuddy_source.api.models import TypeConfig, Website
from databuddy_source.api.server import Server
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.queries import Recorded
from databuddy_source.errors import OtherDays
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import Result, Row
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from databuddy_source.tables.layout import Layout
from databuddy_source.tables.rows import rows_table
from tests.cells import DAY, a_report, a_result

SERVER = Server(
    Generation.G2026_04,
    {"top_pages": TypeConfig(), "country": TypeConfig()},
    {name: Website(id=name, domain=f"{name}.example.com") for name in ("shop", "blog")},
)

SPELLING = str.lower, 63
"""Of columns: how, and how long they may be."""

Compare = Callable[..., list[Checked]]


def held(
    report: str = "top_pages", website: str = "shop", days: int = 1, grain: Grain = Grain.DAY
) -> list[Recorded]:
    """Final cells of a report."""
    windows = tile(DAY, DAY + (days - 1) * ONE_DAY, "UTC", grain)
    name = f"{report}_hourly" if grain is Grain.HOUR else report
    return [Recorded(website, name, report, None, each, True, "2026-04") for each in windows]


def rows_of(cell: Cell | Recorded) -> list[Row]:
    """Two rows, of another number for each window."""
    number = cell.window.date.day * 100 + cell.window.start.hour
    return [
        {"name": f"{cell.website_id} {each}", "pageviews": number + each, "New": each}
        for each in (1, 2)
    ]


class Tables:
    """What dlt's client for SQL is asked, of tables with the rows of some cells."""

    def __init__(
        self, cells: Sequence[Recorded], rows: Callable[[Recorded], Sequence[Row]]
    ) -> None:
        self._database = duckdb.connect()
        self._database.execute("SET TimeZone = 'UTC'")
        for name in {each.report for each in cells}:
            own = [each for each in cells if each.report == name]
            report = replace(a_report(own[0].query_type), grain=own[0].window.grain)
            results = [
                a_result(Cell(each.website_id, report, each.window), rows(each)) for each in own
            ]
            layout = Layout(report, None, *SPELLING)
            loaded = rows_table(report, [each for each in results if each.rows], layout)
            self._database.register("loaded", loaded)
            self._database.execute(f"CREATE TABLE {name} AS SELECT *, '7' _dlt_load_id FROM loaded")

    def columns(self, table: str) -> list[str]:
        return [row[0] for row in self._database.execute(f"DESCRIBE {table}").fetchall()]

    def execute_sql(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._database.execute(sql.replace("%s", "?"), values).fetchall()

    def escape_column_name(self, name: str) -> str:
        return f'"{name}"'

    def make_qualified_table_name(self, name: str) -> str:
        return f'"{name}"'


@pytest.fixture
def compare(monkeypatch: pytest.MonkeyPatch) -> Compare:
    """Verifies cells that the warehouse has, each with rows of its own, against what the server
    answers: the same rows, or no answer that is whole."""

    class Fetched:
        def __init__(self, *given: object) -> None:
            self.cells: list[Cell] = []

        def want(self, cells: Sequence[Cell]) -> None:
            self.cells += cells

        async def result(self, cell: Cell) -> Result:
            assert cell in self.cells
            status = answers(cell) if callable(answers) else answers
            return a_result(cell, rows(cell), status, reason="cut off")

        async def close(self) -> None:
            pass

    def contact(settings: Settings, *, listing: bool) -> Server:
        return server if listing else replace(server, websites={})

    def run(
        cells: Sequence[Recorded],
        told: Status | Callable[[Cell], Status] = Status.TRUNCATED,
        *,
        answered: Callable[[Cell], Sequence[Row]] = rows_of,
        here: Callable[[Recorded], Sequence[Row]] = rows_of,
        of: Generation = Generation.G2026_04,
        **given: Any,
    ) -> Any:
        nonlocal answers, rows, server
        answers, rows, server = told, answered, replace(SERVER, generation=of)
        tables = Tables(cells, here)
        schema = SimpleNamespace(
            get_table_columns=tables.columns,
            tables={},
            naming=SimpleNamespace(normalize_path=SPELLING[0], max_length=SPELLING[1]),
        )
        pipeline = SimpleNamespace(sql_client=lambda: nullcontext(tables), default_schema=schema)
        recorded = {(id(pipeline), given.get("since"), given.get("until")): list(cells)}
        monkeypatch.setattr(
            verifying, "recorded_cells", lambda asked, *days: recorded[id(asked), *days]
        )
        return list(verify(cast(dlt.Pipeline, pipeline), Settings.of(api_key="k"), **given))

    answers: Status | Callable[[Cell], Status] = Status.TRUNCATED
    rows: Callable[[Cell], Sequence[Row]] = rows_of
    server = SERVER
    monkeypatch.setattr(verifying, "contact", contact)
    monkeypatch.setattr(verifying, "refuse_another_server", lambda settings, server: None)
    monkeypatch.setattr(verifying, "fetchers_for", Fetched)
    return run


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.COMPLETE])
def test_an_answer_that_is_not_whole_is_none(compare: Compare, status: Status) -> None:
    (found,) = compare(held(), status)
    assert (found.outcome, found.details) == (Outcome.UNANSWERED, ("cut off",))


def test_a_type_that_the_server_lacks_is_told_as_unanswered(compare: Compare) -> None:
    *lacking, other = compare([*held("browser_name", days=2), *held()])
    assert {each.cell.report for each in lacking} == {"browser_name"}
    assert {each.details for each in lacking} == {("this server lacks the query type",)}
    assert {each.outcome for each in lacking} == {Outcome.UNANSWERED}
    assert other.cell.report == "top_pages"


@pytest.mark.parametrize("count", range(1, 8))
def test_each_cell_is_compared_once_however_many_are_held_at_a_time(
    compare: Compare, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(verifying, "CELLS_AT_ONCE", 3)
    cells = [*held("country"), *held("top_pages", days=count)]
    assert [each.cell for each in compare(cells[::-1])] == cells


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {"shop top_pages", "shop country", "blog top_pages"}),
        ({"websites": ["blog"]}, {"blog top_pages"}),
        ({"websites": ["shop.example.com"]}, {"shop top_pages", "shop country"}),
        ({"reports": ["pages"]}, {"shop top_pages", "blog top_pages"}),
        ({"websites": ["blog"], "reports": ["country"]}, set()),
    ],
)
def test_cells_are_chosen_by_any_name_of_their_website_and_report(
    compare: Compare, given: dict[str, Any], expected: set[str]
) -> None:
    cells = [*held(), *held("country"), *held(website="blog")]
    found = {f"{each.cell.website_id} {each.cell.report}" for each in compare(cells, **given)}
    assert found == expected


@pytest.mark.parametrize(("sample", "count"), [(None, 9), (0, 0), (4, 4), (9, 9), (10, 9)])
def test_a_sample_has_so_many_cells(compare: Compare, sample: int | None, count: int) -> None:
    found = compare(held(days=9), sample=sample)
    assert len({each.cell for each in found}) == len(found) == count


@pytest.mark.parametrize("grain", [Grain.DAY, Grain.HOUR])
def test_each_cell_is_compared_with_its_own_rows(compare: Compare, grain: Grain) -> None:
    cells = [
        *held("country", days=2, grain=grain),
        *held(days=3, grain=grain),
        *held(website="blog", days=3, grain=grain),
    ]
    found = compare(cells, Status.COMPLETE)
    assert {each.outcome for each in found} == {Outcome.EQUAL}
    assert {each.cell for each in found} == {*cells}


@pytest.mark.parametrize(
    ("final", "outcome"), [(True, Outcome.DIFFERENT), (False, Outcome.RESTATED)]
)
def test_the_cell_that_differs_is_named_with_its_rows(
    compare: Compare, final: bool, outcome: Outcome
) -> None:
    before, other, after = (replace(each, final=final) for each in held(days=3))

    def late(cell: Cell) -> list[Row]:
        rows = rows_of(cell)
        if cell.window == other.window:
            rows[1]["pageviews"] = 7
        return rows

    found = compare([before, other, after], Status.COMPLETE, answered=late)
    assert [each.outcome for each in found] == [Outcome.EQUAL, outcome, Outcome.EQUAL]
    assert found[1].details == ("name 'shop 2': pageviews is 302 here and 7 at the server",)
    assert found[1].tolerance.key == ("name",)


def test_the_warehouse_is_asked_for_the_named_days(compare: Compare) -> None:
    (found,) = compare(held(), Status.COMPLETE, since=DAY, until=DAY + ONE_DAY)
    assert found.outcome is Outcome.EQUAL


def test_a_cell_without_rows_is_equal_to_an_answer_without_any(compare: Compare) -> None:
    first, second, third = held(days=3)
    found = compare(
        [first, second, third],
        Status.COMPLETE,
        here=lambda cell: [] if cell in {first, second} else rows_of(cell),
        answered=lambda cell: [] if cell.window in {first.window, third.window} else rows_of(cell),
    )
    assert [each.outcome for each in found] == [
        Outcome.EQUAL,
        Outcome.DIFFERENT,
        Outcome.DIFFERENT,
    ]
    assert found[1].details[0] == "name 'shop 1' is at the server, but not here"
    assert found[2].details[0] == "name 'shop 1' is here, but not at the server"


def test_an_answer_that_is_none_costs_no_other_cell_its_comparison(compare: Compare) -> None:
    cells = held(days=3)
    found = compare(
        cells, lambda cell: Status.FAILED if cell.window == cells[1].window else Status.COMPLETE
    )
    assert [each.outcome for each in found] == [Outcome.EQUAL, Outcome.UNANSWERED, Outcome.EQUAL]


def test_a_difference_names_what_the_numbers_mean_no_more(compare: Compare) -> None:
    given = {"answered": lambda cell: rows_of(cell)[:1], "of": Generation.G2026_06}
    (found,) = compare(held(), Status.COMPLETE, **given)
    assert found.details[0].startswith("asked of April 2026, and since June 2026 ")
    assert found.details[1:] == ("name 'shop 2' is here, but not at the server",)
    (unknown,) = compare([replace(held()[0], generation=None)], Status.COMPLETE, **given)
    assert unknown.details == found.details[1:]
    (equal,) = compare(held(), Status.COMPLETE, of=Generation.G2026_06)
    assert (equal.outcome, equal.details) == (Outcome.EQUAL, ())


def test_the_hour_that_differs_is_named_with_its_rows(compare: Compare) -> None:
    hours = held(grain=Grain.HOUR)

    def late(cell: Cell) -> list[Row]:
        return [] if cell.window.start.hour == 7 else rows_of(cell)

    found = compare(hours, Status.COMPLETE, answered=late)
    differs = [each for each in found if each.outcome is Outcome.DIFFERENT]
    assert [each.cell for each in differs] == [hours[7]]
    assert differs[0].details[0] == "name 'shop 1' is here, but not at the server"


def test_days_that_a_server_cannot_cut_are_not_compared(compare: Compare) -> None:
    window = tile(DAY, DAY, "Asia/Tokyo")[0]
    with pytest.raises(OtherDays, match="The tables hold days of Asia/Tokyo, and this server"):
        compare([*held(), replace(held()[0], window=window)], of=Generation.G2025)
