"""Each query of the manual gives the rows that it promises, here on DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import dlt
import duckdb
import pytest

from databuddy_source.demo import DemoServer
from databuddy_source.model.query_types import load_catalog
from tests.docs.answers import CHECKS, check
from tests.docs.queries import NAMED, NO_REPORTS, QUERIES
from tests.docs.world import TODAY, Read, fill


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer(today=TODAY, days=60) as running:
        yield running


@contextmanager
def filled(server: DemoServer, folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse in the folder that has what the server has."""
    file = folder / "web.duckdb"
    pipeline = dlt.pipeline(
        "manual",
        destination=dlt.destinations.duckdb(str(file)),
        dataset_name="databuddy",
        pipelines_dir=str(folder / "state"),
    )
    fill(server, pipeline)
    with duckdb.connect(str(file)) as connection:
        connection.execute("USE web.databuddy")
        yield connection


@pytest.fixture(scope="module")
def read(server: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    with filled(server, tmp_path_factory.mktemp("queries")) as connection:
        yield lambda sql: connection.execute(sql).fetchall()


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_gives_what_it_promises(title: str, read: Read, server: DemoServer) -> None:
    check(title, read, server)


@pytest.fixture(scope="module")
def broken(server: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Six days of the summary: known, failed, cut off, not believed, never asked for, and known."""
    with filled(server, tmp_path_factory.mktemp("broken")) as connection:
        for ago, status in ((5, "failed"), (9, "truncated"), (17, "suspect"), (20, None)):
            cell = f"date = DATE '{TODAY - timedelta(days=ago)}' AND report = 'summary_metrics'"
            change = (
                f"UPDATE coverage SET status = '{status}'" if status else "DELETE FROM coverage"
            )
            connection.execute(f"{change} WHERE {cell}")
        yield lambda sql: connection.execute(sql).fetchall()


def test_queries_say_what_is_not_known(broken: Read) -> None:
    day = {ago: TODAY - timedelta(days=ago) for ago in (5, 9, 17, 20)}
    rows = broken(QUERIES["Two websites side by side"].sql)
    assert len(rows) == 29
    states = {date: (shop is None, state) for date, shop, state, _, _ in rows}
    assert states[day[5]] == (True, "failed")
    assert states[day[9]] == (False, "truncated")
    assert states[day[17]] == (False, "suspect")
    assert states[day[20]] == (True, "missing")
    weeks = broken(QUERIES["Week over week of days that are known"].sql)
    assert {row[1:] for row in weeks} == {(None, None, None)}
    rates = broken(QUERIES["Errors for a thousand page views"].sql)
    shop = [row for row in rates if row[0] == "shop.example.com"]
    unknown = {date for _, date, _, views, _ in shop if views is None}
    assert unknown == {day[5], day[20]}
    final = broken(QUERIES["What is final"].sql)
    assert {state for _, date, state, _ in final if date in day.values()} == {
        *("failed", "truncated", "suspect", "missing")
    }


def test_every_query_is_checked() -> None:
    assert list(CHECKS) == list(QUERIES)


@pytest.mark.parametrize("title", QUERIES)
def test_what_a_query_needs_beyond_the_default_is_said(title: str) -> None:
    query = QUERIES[title]
    more = query.tables - set(load_catalog().selection("default")) - NO_REPORTS
    assert more <= set(NAMED)
    prose = " ".join(query.prose.split())
    assert all(f"`{report}`" in prose.partition("Needs ")[2] for report in more)
