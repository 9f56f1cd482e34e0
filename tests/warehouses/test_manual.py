"""The queries of the manual, unchanged on Postgres, and in the dialects of BigQuery and Snowflake;
tests/docs runs them on DuckDB."""

from __future__ import annotations

from pathlib import Path

import dlt
import pytest
import sqlglot
from sqlglot import exp

from tests.docs.answers import wrong
from tests.docs.world import Read, World, fill_from_a_faulty_server, serving
from tests.warehouses.conftest import DATASET
from tests.warehouses.warehouse import Warehouse


def told_by(warehouse: Warehouse, home: Path, read: Read) -> dict[str, str]:
    """What is wrong, by the title of a query."""
    pipeline = dlt.pipeline(
        "manual",
        destination=warehouse.destination(),
        dataset_name=DATASET,
        pipelines_dir=str(home),
    )
    with serving() as server:
        return wrong(read, World(server, fill_from_a_faulty_server(server, pipeline)))


@pytest.mark.only("postgres")
def test_each_query_of_the_manual_gives_what_the_events_say(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    def read(sql: str) -> list[tuple[object, ...]]:
        return warehouse.rows(f"SET search_path TO {DATASET}; {sql}")

    assert told_by(warehouse, tmp_path, read) == {}


@pytest.mark.emulated_once
@pytest.mark.only("bigquery", "snowflake")
def test_so_does_each_in_another_dialect(warehouse: Warehouse, tmp_path: Path) -> None:
    def read(sql: str) -> list[tuple[object, ...]]:
        tree = sqlglot.parse_one(sql, read="postgres")
        common = {each.alias for each in tree.find_all(exp.CTE)}
        for table in list(tree.find_all(exp.Table)):
            if table.name not in common:
                name = warehouse.table(DATASET, table.name)
                place = exp.to_table(name, dialect=warehouse.name)
                table.replace(exp.alias_(place, table.alias or table.name, table=True))
        return warehouse.rows(tree.sql(dialect=warehouse.name))

    assert told_by(warehouse, tmp_path, read) == {}
