"""Each query of the manual gives what the server's events say, here on DuckDB: on a warehouse that
has all, and on one that was filled from a server with faults."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import dlt
import duckdb
import pytest

from databuddy_source.demo import DemoServer
from databuddy_source.model.generations import Generation
from databuddy_source.model.meanings import Unit, meaning_of
from databuddy_source.model.query_types import Kind, QueryType, load_catalog
from tests.docs.answers import ANSWERS, wrong
from tests.docs.queries import NAMED, NO_REPORTS, QUERIES, Query
from tests.docs.world import Lacking, World, fill, fill_from_a_faulty_server, serving


@pytest.mark.parametrize("filling", [fill, fill_from_a_faulty_server])
def test_each_query_gives_what_the_events_say(
    filling: Callable[[DemoServer, dlt.Pipeline], Lacking], tmp_path: Path
) -> None:
    file = tmp_path / "web.duckdb"
    pipeline = dlt.pipeline(
        "manual",
        destination=dlt.destinations.duckdb(str(file)),
        dataset_name="databuddy",
        pipelines_dir=str(tmp_path / "state"),
    )
    with serving() as server:
        world = World(server, filling(server, pipeline))
        with duckdb.connect(str(file)) as connection:
            connection.execute("USE web.databuddy")
            assert wrong(lambda sql: connection.execute(sql).fetchall(), world) == {}


def test_queries_add_up_only_what_the_catalogue_allows_and_in_its_units() -> None:
    added: dict[str, set[str]] = defaultdict(set)
    for query in QUERIES.values():
        types = _types_by_alias(query)
        for alias, column, weight in re.findall(
            r"SUM\((?:CASE [^\n]*? THEN )?(\w)\.(\w+)(?: \* \w\.(\w+))?", query.sql
        ):
            if (query_type := types.get(alias)) is None:
                continue
            meaning, kind = meaning_of(query_type, column), query_type.columns[column]
            assert meaning is not None
            allowed = meaning.weight == weight if weight else kind.adds_up
            how = "weighted" if weight else str(kind)
            assert allowed or "count no clicks" in query.prose, (query.title, column)
            added[how].add(f"{query_type.name}.{column}")
        for alias, column in re.findall(r"\((\w)\.(\w+)[^\n]* AS \w+_ms\b", query.sql):
            meaning = meaning_of(types[alias], column)
            assert meaning is not None
            assert meaning.unit is Unit.MILLISECONDS
            added["milliseconds"].add(f"{types[alias].name}.{column}")
    assert added["weighted"] == added["milliseconds"] == {"slow_pages.avg_load_time"}
    assert added[Kind.WHOLE] == {"outbound_links.total_clicks"}
    assert len(added[Kind.COUNT]) > 8


def _types_by_alias(query: Query) -> dict[str, QueryType]:
    catalog = {each.name: each.on(Generation.G2026_04) for each in load_catalog()}
    found = re.findall(r"(?:FROM|JOIN) (\w+) (\w)\b", query.sql)
    return {alias: catalog[name] for name, alias in found if name in catalog}


def test_every_query_is_checked() -> None:
    assert list(ANSWERS) == list(QUERIES)


@pytest.mark.parametrize("title", QUERIES)
def test_what_a_query_needs_beyond_the_default_is_said(title: str) -> None:
    query = QUERIES[title]
    more = query.tables - set(load_catalog().selection("default")) - NO_REPORTS
    assert more <= set(NAMED)
    prose = " ".join(query.prose.split())
    assert all(f"`{report}`" in prose.partition("Needs ")[2] for report in more)
