"""What somebody took out of a warehouse comes back on each."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest

from databuddy_source.demo import DemoServer
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import Synced
from tests.warehouses.test_scenario import everything

FIRST = TODAY - timedelta(days=5)


@pytest.mark.emulated_once
def test_a_column_and_a_day_that_were_taken_away_come_back(
    serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]
) -> None:
    made = synced(serve(days=7))
    shop = made.server.websites[0].id

    def sync() -> None:
        assert not made.sync(websites=[shop], query_types=["top_pages"], start_date=FIRST)

    sync()
    before = everything(made)
    day = f"DATE '{FIRST + timedelta(days=1)}'"
    for statement in (
        f"ALTER TABLE {made.table('top_pages')} DROP COLUMN pageviews",
        f"ALTER TABLE {made.table('coverage')} DROP COLUMN digest",
    ):
        made.warehouse.rows(statement)
    sync()
    assert everything(made) == before
    for table in ("top_pages", "coverage"):
        made.warehouse.rows(f"DELETE FROM {made.table(table)} WHERE date = {day}")
    assert everything(made) != before
    sync()
    assert everything(made) == before


@pytest.mark.only("duckdb", "postgres")
def test_a_column_of_whole_numbers_that_rounds_is_named(
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = synced(serve(days=7))

    def sync() -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.WARNING, "databuddy_source"):
            assert not made.sync(query_types=["top_pages"], since=FIRST, until=TODAY, refetch=True)
        return caplog.messages

    assert sync() == []
    before = everything(made)
    column = f"ALTER TABLE {made.table('top_pages')} ALTER COLUMN percentage TYPE"
    made.warehouse.rows(f"{column} integer")
    (said,) = sync()
    assert "is rounded (top_pages.percentage)" in said
    assert everything(made) != before
    made.warehouse.rows(f"{column} double precision")
    assert sync() == []
    assert everything(made) == before
