"""Each query of the manual gives the rows that it promises, here on DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dlt
import duckdb
import pytest

from databuddy_source.demo import DemoServer
from databuddy_source.model.query_types import load_catalog
from tests.docs.answers import CHECKS, check
from tests.docs.queries import NAMED, QUERIES
from tests.docs.world import TODAY, Read, fill


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer(today=TODAY, days=60) as running:
        yield running


@pytest.fixture(scope="module")
def read(server: DemoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    folder: Path = tmp_path_factory.mktemp("queries")
    file = folder / "web.duckdb"
    pipeline = dlt.pipeline(
        "manual",
        destination=dlt.destinations.duckdb(str(file)),
        dataset_name="databuddy",
        pipelines_dir=str(folder / "state"),
    )
    fill(server, pipeline)
    with duckdb.connect(str(file), read_only=True) as connection:
        connection.execute("USE web.databuddy")
        yield lambda sql: connection.execute(sql).fetchall()


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_gives_what_it_promises(title: str, read: Read, server: DemoServer) -> None:
    check(title, read, server)


def test_every_query_is_checked() -> None:
    assert list(CHECKS) == list(QUERIES)


@pytest.mark.parametrize("title", QUERIES)
def test_what_a_query_needs_beyond_the_default_is_said(title: str) -> None:
    query = QUERIES[title]
    more = query.tables - set(load_catalog().selection("default")) - {"websites", "coverage"}
    assert more <= set(NAMED)
    prose = " ".join(query.prose.split())
    assert all(f"`{report}`" in prose.partition("Needs ")[2] for report in more)
