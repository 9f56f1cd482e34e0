"""A report whose rows the warehouse itself refuses fails alone, by name, and comes again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time

import duckdb
import pytest

from databuddy_source import backfill, status, sync
from databuddy_source.coverage.queries import Gap, gaps_of_loads
from databuddy_source.demo import DemoServer
from databuddy_source.errors import DestinationFails
from tests.stories.conftest import TODAY, Make, Warehouse
from tests.stories.test_lost import DAYS, FIRST, account, now, synced

REQUIRED = (
    "ALTER TABLE {table} ADD mine BIGINT DEFAULT 0; ALTER TABLE {table} ALTER mine SET NOT NULL"
    "; ALTER TABLE {table} ALTER mine DROP DEFAULT"
)
NOT_REQUIRED = "ALTER TABLE {table} DROP mine"
WAYS = {
    "a column of another type": (
        "ALTER TABLE {table} ALTER visitors TYPE BOOLEAN[] USING []",
        "ALTER TABLE {table} ALTER visitors TYPE BIGINT USING 0",
        "BOOLEAN[]",
    ),
    "a column of another type in staging": (
        "ALTER TABLE databuddy_staging_databuddy_0.{table} ALTER visitors TYPE BOOLEAN[] USING []",
        "ALTER TABLE databuddy_staging_databuddy_0.{table} ALTER visitors TYPE BIGINT USING 0",
        "BOOLEAN[]",
    ),
    "a column that may not be empty": (REQUIRED, NOT_REQUIRED, "NOT NULL"),
}


@pytest.fixture
def made(serve: Callable[..., DemoServer], warehouse: Make) -> Warehouse:
    return warehouse(serve(), synced)


def again(made: Warehouse) -> list[Gap]:
    with now(made):
        return gaps_of_loads(made.pipeline, sync(made.pipeline, *account(made)))


def change(made: Warehouse, sql: str) -> None:
    for each in sql.format(table="top_pages").split(";"):
        made.query(each)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def late(made: Warehouse) -> None:
    """Somebody comes late on each day that is asked for again."""
    for day in DAYS[-4:]:
        made.server.events.add(made.server.websites[0].id, noon(day), path="/late")


@pytest.mark.parametrize("way", WAYS)
def test_a_report_that_the_warehouse_refuses_fails_alone_and_is_asked_for_again(
    made: Warehouse, way: str
) -> None:
    breaking, mending, told = WAYS[way]
    change(made, breaking)
    before, held = made.tables(), made.query(HELD)
    late(made)
    gaps = again(made)
    after = made.tables()
    assert {gap.report for gap in gaps} == {"top_pages"}
    assert {gap.status for gap in gaps} == {"failed"}
    assert all(told in gap.reason and "refuses" in gap.reason for gap in gaps), gaps[0]
    assert after["top_pages"] == before["top_pages"]
    assert after["summary_metrics"] != before["summary_metrics"]
    # what coverage says of the rows that are held is what it said
    assert made.query(HELD) == held
    change(made, mending)
    assert again(made) == []
    assert ("/late",) in made.query("SELECT name FROM top_pages")
    with now(made):
        assert status(made.pipeline, account(made).settings).is_complete


def test_a_unique_index_of_keys_that_differ_refuses_what_comes_again_before_duckdb_2(
    made: Warehouse,
) -> None:
    change(made, "CREATE UNIQUE INDEX mine ON {table} (website_id, date, name)")
    late(made)
    before_2 = int(duckdb.__version__.partition(".")[0]) < 2
    assert {gap.report for gap in again(made)} == ({"top_pages"} if before_2 else set())
    assert (("/late",) in made.query("SELECT name FROM top_pages")) is not before_2


def test_a_unique_index_that_new_rows_violate_among_themselves_refuses_its_table_alone(
    made: Warehouse,
) -> None:
    """DuckDB before 2 sees it when the transaction ends."""
    change(
        made,
        "CREATE UNIQUE INDEX mine ON {table} "
        "((CASE WHEN name IN ('/late', '/later') THEN website_id || date END))",
    )
    late(made)
    made.server.events.add(made.server.websites[0].id, noon(TODAY), path="/later")
    before = made.query("SELECT SUM(pageviews) FROM summary_metrics")
    gaps = again(made)
    assert {gap.report for gap in gaps} == {"top_pages"}
    assert all("the warehouse refuses its rows" in gap.reason for gap in gaps)
    assert made.query("SELECT 1 FROM top_pages WHERE name = '/late'") == []
    assert made.query("SELECT SUM(pageviews) FROM summary_metrics") > before
    change(made, "DROP INDEX mine")
    assert again(made) == []


def test_days_that_no_sync_asks_for_any_more_are_asked_for_until_they_are_there(
    made: Warehouse, warehouse: Make
) -> None:
    late(made)
    change(made, REQUIRED)
    with now(made):
        ids = backfill(made.pipeline, FIRST, TODAY, account(made).settings, refetch=True)
    failed = {gap.date for gap in gaps_of_loads(made.pipeline, ids)}
    assert failed == set(DAYS)
    assert {gap.date for gap in again(made)} == failed
    change(made, NOT_REQUIRED)
    assert again(made) == []
    other = warehouse(made.server)
    synced(other)
    assert made.tables() == other.tables()


def test_a_report_that_is_refused_from_the_first_day_on_says_so(
    serve: Callable[..., DemoServer], warehouse: Make
) -> None:
    """Nothing is held of its days."""
    made = warehouse(serve(), synced, query_types=["summary_metrics"])
    made.query("CREATE TABLE top_pages (website_id VARCHAR UNIQUE, date DATE, _dlt_load_id TEXT)")
    gaps = again(made)
    assert {gap.report for gap in gaps} == {"top_pages"}
    assert {gap.date for gap in gaps} == set(DAYS)
    assert made.query("SELECT * FROM top_pages") == []
    assert set(made.query(HELD.replace("website_id, date, ", ""))) == {(0, False, "2026-04")}


@pytest.mark.parametrize(
    "breaking",
    [
        REQUIRED.format(table="websites"),
        "ALTER TABLE databuddy_staging_databuddy_0.websites ALTER domain TYPE INTEGER USING 0",
    ],
    ids=["at last", "in staging"],
)
def test_a_list_that_is_refused_ends_the_run_with_its_name_and_changes_nothing(
    made: Warehouse, breaking: str
) -> None:
    for each in ("UPDATE websites SET name = 'as it was before'", *breaking.split(";")):
        made.query(each)
    before = made.tables()
    late(made)
    with pytest.raises(DestinationFails, match=r"table websites refuses its rows: .*Take away"):
        again(made)
    assert made.tables() == before


HELD = (
    "SELECT website_id, date, rows, final, generation FROM coverage WHERE report = 'top_pages' "
    "ORDER BY ALL"
)
