"""Rows that somebody changed by hand are found by counting, and loaded anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine

from databuddy_source import Miscount, Settings, status
from databuddy_source.answers.status import WarehouseStatus
from databuddy_source.demo import DemoServer
from tests.stories.conftest import TODAY, Warehouse

REPORTS = ["top_pages", "country_weekly", "events_by_date_hourly"]
START = date(2026, 3, 9)
DAY = TODAY - timedelta(days=6)


@pytest.fixture
def made(serve: Callable[..., DemoServer], warehouse: Callable[..., Warehouse]) -> Warehouse:
    made = warehouse(serve())
    assert made.sync(query_types=REPORTS, start_date=START) == []
    return made


def counted(made: Warehouse, **more: Any) -> WarehouseStatus:
    settings = Settings.of(
        websites=[website.id for website in made.server.websites[:2]],
        query_types=REPORTS,
        start_date=START,
    )
    with time_machine.travel(made.server.now, tick=True):
        return status(made.pipeline, settings, deep=True, **more)


def test_what_is_as_it_was_loaded_is_complete(made: Warehouse) -> None:
    found = counted(made)
    assert found.miscounts == ()
    assert found.is_complete
    assert sum(each.rows for each in found.reports) > 100


@pytest.mark.parametrize(
    ("report", "day"),
    [("top_pages", DAY), ("country_weekly", START), ("events_by_date_hourly", DAY)],
)
def test_rows_that_were_deleted_are_missed_and_loaded_anew(
    made: Warehouse, report: str, day: date
) -> None:
    before, shop = made.tables(), made.server.websites[0].id
    where = f"FROM {report} WHERE website_id = '{shop}' AND date = '{day}'"
    ((rows,),) = made.query(f"SELECT count(*) {where}")
    made.query(f"DELETE {where} AND rowid = (SELECT max(rowid) {where})")
    found = counted(made)
    assert list(found.miscounts) == [Miscount(shop, report, day, rows, rows - 1)]
    assert not found.is_complete
    assert found.lacking == 0
    assert counted(made, since=day + timedelta(days=7)).miscounts == ()
    made.query(f"DELETE {where}")
    assert list(counted(made).miscounts) == [Miscount(shop, report, day, rows, 0)]
    made.sync(query_types=[report], websites=[shop], since=day, until=day, refetch=True)
    assert made.tables() == before


def test_rows_that_somebody_added_are_told(made: Warehouse) -> None:
    shop = made.server.websites[0].id
    where = f"FROM top_pages WHERE website_id = '{shop}' AND date = '{DAY}'"
    ((rows,),) = made.query(f"SELECT count(*) {where}")
    made.query(f"INSERT INTO top_pages SELECT * {where}")
    assert list(counted(made).miscounts) == [Miscount(shop, "top_pages", DAY, rows, 2 * rows)]


def cells(made: Warehouse) -> list[tuple[Any, ...]]:
    return made.query("SELECT website_id, report, window_start, rows FROM coverage ORDER BY ALL")


@pytest.mark.parametrize(
    ("report", "day"),
    [("top_pages", DAY), ("country_weekly", START), ("events_by_date_hourly", DAY)],
)
def test_a_cell_that_coverage_has_twice_is_told_and_asked_for_by_the_next_sync(
    made: Warehouse, report: str, day: date
) -> None:
    before, shop = cells(made), made.server.websites[0].id
    own = f"FROM coverage WHERE website_id = '{shop}' AND report = '{report}'"
    ((rows, *_),) = made.query(f"SELECT SUM(rows) {own} AND date = '{day}'")
    made.query(f"INSERT INTO coverage SELECT * {own} AND date = '{day}'")
    found = counted(made)
    assert list(found.miscounts) == [Miscount(shop, report, day, 2 * int(rows), int(rows))]
    assert not found.is_complete
    made.sync(query_types=REPORTS, start_date=START)
    assert cells(made) == before
    assert counted(made).is_complete


def test_a_cell_that_coverage_has_twice_hides_none_that_it_has_lost(made: Warehouse) -> None:
    before, shop = cells(made), made.server.websites[0].id
    own = f"FROM coverage WHERE website_id = '{shop}' AND report = 'top_pages'"
    made.query(f"INSERT INTO coverage SELECT * {own} AND date = '{DAY}'")
    made.query(f"DELETE {own} AND date = '{DAY - timedelta(days=1)}'")
    made.sync(query_types=REPORTS, start_date=START)
    assert cells(made) == before
