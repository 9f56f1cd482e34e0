"""The queries of the manual, unchanged on Postgres; tests/docs runs them on DuckDB."""

from __future__ import annotations

from pathlib import Path

import dlt
import pytest

from databuddy_source.demo import DemoServer
from tests.docs.answers import check
from tests.docs.queries import QUERIES
from tests.docs.world import TODAY, fill
from tests.warehouses.conftest import DATASET
from tests.warehouses.warehouse import Warehouse


@pytest.mark.only("postgres")
def test_each_query_of_the_manual_gives_what_it_promises(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    pipeline = dlt.pipeline(
        "manual",
        destination=warehouse.destination(),
        dataset_name=DATASET,
        pipelines_dir=str(tmp_path),
    )
    with DemoServer(today=TODAY, days=60) as server:
        fill(server, pipeline)
        wrong = {}
        for title in QUERIES:
            try:
                check(
                    title,
                    lambda sql: warehouse.rows(f"SET search_path TO {DATASET}; {sql}"),
                    server,
                )
            except AssertionError as error:
                wrong[title] = error
    assert wrong == {}
