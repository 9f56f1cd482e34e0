"""Files for those who want files: what docs/destinations.md says is run here."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from databuddy_source.demo import DemoServer
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import DATASET, Synced
from tests.warehouses.duckdb import DuckDb

DOCS = Path(__file__).resolve().parents[2] / "docs" / "destinations.md"


@pytest.mark.only("duckdb")
def test_the_documented_export_gives_the_rows_of_the_table_also_the_second_time(
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = synced(serve(days=3))
    websites = [website.id for website in made.server.websites[:2]]
    given = {"websites": websites, "query_types": ["top_pages"], "start_date": TODAY}
    made.sync(**given, lookback_days=0)
    assert isinstance(made.warehouse, DuckDb)
    marked = re.search(r"run by a test -->\n```sql\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert marked
    sql = marked[1].replace("databuddy.", f"{DATASET}.")
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        made.warehouse.rows(sql)
        made.server.events.delete(websites[0], TODAY, path="/")  # of the second time
        files = duckdb.sql(
            "SELECT website_id, date, name, pageviews "
            "FROM read_parquet('top_pages/*/*/*.parquet', hive_partitioning = true)"
        ).fetchall()
        rows = made.rows("top_pages", "website_id", "date", "name", "pageviews")
        assert sorted(files, key=repr) == rows
        assert len(rows) > 10
        made.sync(**given, lookback_days=0)
