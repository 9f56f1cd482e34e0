"""What only BigQuery has."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from databuddy_source.demo import DemoServer
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import DATASET, Synced
from tests.warehouses.warehouse import Warehouse

pytestmark = pytest.mark.only("bigquery")


def test_tables_are_partitioned_by_day_and_clustered_by_website(
    serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]
) -> None:
    made = synced(serve(days=2))
    websites = [made.server.websites[0].id]
    types = ["top_pages", "summary_metrics_hourly"]
    assert made.sync(websites=websites, query_types=types, start_date=TODAY) == []
    with made.pipeline.sql_client() as client:
        for name in types:
            table = client.native_connection.get_table(f"{DATASET}.{name}")
            assert table.time_partitioning.field == "date"
            assert table.clustering_fields == ["website_id"]


def test_the_real_service_is_never_asked(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BIGQUERY_EMULATOR_HOST")
    with pytest.raises(AssertionError, match="real service"):
        warehouse.destination()
