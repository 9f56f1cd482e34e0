"""Pipelines of different names may sync into one dataset at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from databuddy_source.demo import DemoServer
from tests.warehouses.conftest import DATASET, Synced
from tests.warehouses.warehouse import Warehouse

REPORTS = ["top_pages", "country"]
PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.only("postgres")
def test_two_processes_lose_nothing(
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    warehouse: Warehouse,
    tmp_path: Path,
) -> None:
    server = serve()
    *websites, quiet = (website.id for website in server.websites[:3])
    made = synced(server)
    made.sync(websites=[quiet], query_types=REPORTS)  # which makes the tables
    words = ["postgres", DATASET, str(tmp_path / "parallel"), server.url, server.api_key]
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.warehouses.parallel",
                f"writer_{number}",
                *words,
                website,
            ],
            cwd=PROJECT,
            env={**os.environ, **warehouse.environment()},
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, website in enumerate(websites)
    ]
    errors = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    schemas = warehouse.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'web_staging%'")
    assert {f"{DATASET}_staging_writer_{number}" for number in (0, 1)} < {n for (n,) in schemas}
    tables = {
        "top_pages": ("website_id", "date", "name", "pageviews"),
        "country": ("website_id", "date", "country_code", "pageviews"),
        "coverage": ("website_id", "report", "date", "rows", "status"),
    }
    together = {table: made.rows(table, *columns) for table, columns in tables.items()}
    names = {name for (name,) in made.rows("websites", "id")}
    made.sync(websites=websites, query_types=REPORTS, refetch=True)
    assert together == {table: made.rows(table, *columns) for table, columns in tables.items()}
    assert {row[0] for row in together["top_pages"]} == set(websites)
    assert names == {website.id for website in server.websites}
