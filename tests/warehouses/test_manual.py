"""The queries of the manual, unchanged on Postgres; tests/docs runs them on DuckDB."""

from __future__ import annotations

from pathlib import Path

import dlt
import pytest

from tests.docs.answers import wrong
from tests.docs.world import World, fill_from_a_faulty_server, serving
from tests.warehouses.conftest import DATASET
from tests.warehouses.warehouse import Warehouse


@pytest.mark.only("postgres")
def test_each_query_of_the_manual_gives_what_the_events_say(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    pipeline = dlt.pipeline(
        "manual",
        destination=warehouse.destination(),
        dataset_name=DATASET,
        pipelines_dir=str(tmp_path),
    )
    with serving() as server:
        world = World(server, fill_from_a_faulty_server(server, pipeline))
        told = wrong(lambda sql: warehouse.rows(f"SET search_path TO {DATASET}; {sql}"), world)
    assert told == {}
