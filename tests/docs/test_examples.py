"""Each program in `examples/` does what it says."""

from __future__ import annotations

import runpy
from typing import Any

import duckdb
import pytest
from dagster import AssetKey

from tests.docs.blocks import PROJECT, Checkout


def _query(checkout: Checkout, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(checkout.folder / "web.duckdb")) as connection:
        connection.execute("USE web.databuddy")
        return connection.execute(sql).fetchall()


def test_minimal(checkout: Checkout) -> None:
    checkout.run(".venv/bin/python examples/minimal.py")
    assert _query(checkout, "SELECT COUNT(DISTINCT website_id) FROM events_by_date") == [(2,)]


def test_many_websites(checkout: Checkout) -> None:
    shown = checkout.run(".venv/bin/python examples/many_websites.py")
    rows = _query(
        checkout,
        "SELECT domain, SUM(pageviews) FROM events_by_date JOIN websites ON id = website_id "
        "GROUP BY domain ORDER BY domain",
    )
    assert shown.splitlines() == [f"{domain} {pageviews}" for domain, pageviews in rows]
    assert [domain for domain, _ in rows] == ["blog.example.com", "example.com"]
    assert _query(checkout, "SELECT DISTINCT time_zone FROM coverage") == [("Europe/Berlin",)]


def test_custom_reports(checkout: Checkout) -> None:
    shown = checkout.run(".venv/bin/python examples/custom_reports.py")
    assert len(shown.splitlines()) == 3
    grains = dict(_query(checkout, "SELECT DISTINCT report, grain FROM coverage"))
    assert grains == {
        "events_by_date_hourly": "hour",
        "summary_metrics_monthly": "month",
        "phone_pages": "week",
    }
    assert _query(checkout, "SELECT COUNT(DISTINCT website_id) FROM phone_pages") == [(1,)]


def test_parquet_files(checkout: Checkout) -> None:
    for _ in range(2):  # files of the first run are replaced, not added to
        checkout.run(".venv/bin/python examples/parquet_files.py")
    files = _query(
        checkout,
        f"SELECT COUNT(*), SUM(pageviews) FROM '{checkout.folder}/top_pages/*/*.parquet'",
    )
    assert files == _query(checkout, "SELECT COUNT(*), SUM(pageviews) FROM top_pages")


def test_chosen_cells(checkout: Checkout) -> None:
    shown = checkout.run(".venv/bin/python examples/chosen_cells.py").splitlines()
    by_report = _query(
        checkout, "SELECT report, COUNT(*) FROM coverage GROUP BY report ORDER BY report"
    )
    assert by_report == [("country", 2), ("top_pages", 14)]
    assert len(shown) == 16, "one try was enough"
    assert all(" complete " in line for line in shown)


def test_dagster_translator() -> None:
    defs = runpy.run_path(str(PROJECT / "examples" / "dagster_translator.py"))["defs"]
    graph = defs.resolve_asset_graph()
    pages = graph.get(AssetKey(["raw", "top_pages"]))
    assert pages.owners == ["team:data"]


def test_airflow_dag() -> None:
    dag = runpy.run_path(str(PROJECT / "examples" / "airflow_dag.py"))["dag"]
    assert dag.timetable.expression == "0 6 * * *"
    load = dag.task_dict["load"]
    assert (load.pool, load.retries, load.priority_weight) == ("databuddy", 5, 100)


@pytest.mark.parametrize("file", sorted((PROJECT / "examples").iterdir()), ids=lambda f: f.name)
def test_every_example_is_run(file: Any) -> None:
    assert f"test_{file.stem}" in globals()
