"""What the warehouse's rows say before they change is read once, for all that wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock

import duckdb
import pytest

from databuddy_source.coverage.reading import Tables
from databuddy_source.extract import before
from databuddy_source.extract.before import Before, Told
from databuddy_source.extract.evidence import Evidence
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import HeldCell
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from databuddy_source.tables.layout import Layout
from tests.cells import DAY, a_report

PAGES, CITIES, MONEY = (a_report(name) for name in ("top_pages", "city", "revenue_overview"))
HOURS = replace(a_report("events_by_date"), grain=Grain.HOUR)
NEXT = DAY + ONE_DAY


class InMemory(Tables):
    """Tables that note each question."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._database = duckdb.connect()
        self._database.execute("SET TimeZone = 'America/New_York'")  # of the machine, say

    def make(self, report: Report, columns: str, *rows: Sequence[Any]) -> None:
        at = "hour TIMESTAMPTZ, date DATE" if report.grain is Grain.HOUR else "date DATE"
        self._database.execute(f"CREATE TABLE {report.name} (website_id TEXT, {at}, {columns})")
        for row in rows:
            marks = ", ".join("?" * len(row))
            self._database.execute(f"INSERT INTO {report.name} VALUES ({marks})", row)

    def rows(self, table: str, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        self.asked.append(sql)
        try:
            found: Any = self._database.execute(sql.replace("%s", "?"), values)
        except duckdb.CatalogException:
            return []
        rows: list[Sequence[Any]] = found.fetchall()
        return rows

    def place(self, table: str) -> str:
        return table

    def missing(self, names: Collection[str]) -> Set[str]:
        return frozenset()


@pytest.fixture
def tables() -> InMemory:
    made = InMemory()
    made.make(
        PAGES,
        "name TEXT, pageviews BIGINT",
        ("shop", DAY, "/", 3),
        ("shop", DAY, "/cart", 2),
        ("shop", NEXT, "/", 7),
        ("blog", DAY, "/", 11),
    )
    made.make(CITIES, "name TEXT, country TEXT, pageviews BIGINT", ("shop", DAY, "Rome", None, 5))
    made.make(MONEY, "total_revenue DOUBLE, total_transactions BIGINT", ("shop", DAY, 9.5, 2))
    at = datetime(DAY.year, DAY.month, DAY.day, 3, tzinfo=UTC)
    made.make(
        HOURS, "pageviews BIGINT", ("shop", at, DAY, 4), ("shop", at + timedelta(hours=1), DAY, 6)
    )
    return made


BIGINT, DOUBLE, TEXT = ({"data_type": each} for each in ("bigint", "double", "text"))
HELD: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "top_pages": {"name": TEXT, "pageviews": BIGINT},
    "city": {"name": TEXT, "country": TEXT, "pageviews": BIGINT},
    "revenue_overview": {"total_revenue": DOUBLE, "total_transactions": BIGINT},
    HOURS.name: {"pageviews": BIGINT},
}

Asked = tuple[Report, Sequence[Cell]]


def asked(report: Report, website: str, days: Sequence[date] = (DAY,)) -> Asked:
    windows = [each for day in days for each in tile(day, day, "UTC", report.grain)]
    return report, [Cell(website, report, each) for each in windows]


def read(
    tables: InMemory, *rounds: Sequence[Asked], held: Any = HELD, rows: int = 1
) -> Mapping[Cell, Told]:
    """What is told by several who ask in each round at the same time."""

    @contextmanager
    def opened() -> Iterator[Tables]:
        yield tables

    evidence = Evidence(AsyncMock())
    for each in rounds:
        for _, cells in each:
            evidence.want(cells)
            for cell in cells:
                place = cell.website_id, cell.report.name, cell.window.start
                evidence.held[place] = HeldCell(rows, final=True)
    made = Before(evidence, opened)
    found: dict[Cell, Told] = {}

    async def one(report: Report, cells: Sequence[Cell]) -> None:
        found.update(await made.read(cells, Layout(report, held[report.name])))

    async def all_of(each: Sequence[Asked]) -> None:
        await asyncio.gather(*(one(*own) for own in each))

    for each in rounds:
        asyncio.run(all_of(each))
    return found


ROOT, CART = ("/",), ("/cart",)


def test_reports_that_wait_together_are_read_by_one_question(tables: InMemory) -> None:
    wanted = [asked(report, "shop") for report in (PAGES, CITIES, MONEY)]
    found = read(tables, wanted)
    assert len(tables.asked) == 1
    pages, cities, money = (found[cells[0]] for _, cells in wanted)
    assert pages == Told(2, {"pageviews": 5}, {ROOT: 3, CART: 2})
    assert cities == Told(1, {"pageviews": 5}, {("Rome", None): 5})
    assert money.rows == 1
    assert {name for name, value in money.sums.items() if value} == {*HELD["revenue_overview"]}
    assert money.sums["total_revenue"] == 9.5
    for each in wanted:  # the same as alone
        assert read(tables, [each])[each[1][0]] == found[each[1][0]]


def test_what_is_read_for_another_website_is_not_asked_for_again(tables: InMemory) -> None:
    _, (blog,) = asked(PAGES, "blog")
    found = read(tables, [asked(PAGES, "shop")], [asked(PAGES, "blog")])
    assert len(tables.asked) == 1
    assert found[blog] == Told(1, {"pageviews": 11}, {ROOT: 11})


def test_days_of_which_two_ask_are_counted_once(
    tables: InMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(before, "ROWS_AT_ONCE", 1)  # there is room for one day of the other website
    _, others = asked(PAGES, "shop", [DAY, NEXT])
    found = read(tables, [asked(PAGES, "blog", [DAY, NEXT]), (PAGES, others)])
    assert {cell.window.date: told.rows for cell, told in found.items() if cell in others} == {
        DAY: 2,
        NEXT: 1,
    }


def test_many_rows_are_read_by_several_questions(tables: InMemory) -> None:
    wanted = [asked(report, "shop") for report in (PAGES, CITIES, MONEY)]
    assert len(read(tables, wanted, rows=before.ROWS_AT_ONCE)) == 3
    assert len(tables.asked) == 3


def test_hours_are_asked_for_by_themselves(tables: InMemory) -> None:
    found = read(tables, [asked(PAGES, "shop"), asked(HOURS, "shop")])
    assert len(tables.asked) == 2
    hours = [told for cell, told in found.items() if cell.report == HOURS]
    assert [told.sums["pageviews"] for told in hours if told.rows] == [4, 6]


@pytest.mark.parametrize("data_type", ["decimal", "bool"])
def test_a_column_that_a_users_hints_made_something_else_is_asked_for_by_itself(
    data_type: str, tables: InMemory
) -> None:
    held = {**HELD, "city": {**HELD["city"], "country": {"data_type": data_type}}}
    wanted = [asked(report, "shop") for report in (PAGES, CITIES, MONEY)]
    assert read(tables, wanted, held=held)[wanted[1][1][0]].rows == 1
    assert len(tables.asked) == 2


def test_a_table_that_is_gone_takes_nothing_from_others(tables: InMemory) -> None:
    gone = a_report("country")
    held = {**HELD, "country": {"name": TEXT, "pageviews": BIGINT}}
    found = read(tables, [asked(gone, "shop"), asked(PAGES, "shop")], held=held)
    assert {cell.report.name: told.rows for cell, told in found.items()} == {
        "country": 0,
        "top_pages": 2,
    }
