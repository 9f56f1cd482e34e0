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

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.only("postgres")
def test_two_processes_lose_nothing(
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    warehouse: Warehouse,
    tmp_path: Path,
) -> None:
    server = serve()
    websites = [website.id for website in server.websites[:2]]
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
    errors = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    found = {}
    columns = {
        "top_pages": ("website_id", "date", "name", "pageviews"),
        "country": ("website_id", "date", "country_code", "pageviews"),
        "coverage": ("website_id", "report", "date", "rows", "status"),
        "websites": ("id", "name"),
        "query_types": ("name",),
    }
    made = synced(server)
    made.pipeline.sync_destination()
    for table, names in columns.items():
        found[table] = made.rows(table, *names)
        assert len(set(found[table])) == len(found[table]), table
    assert len({row[0] for row in found["top_pages"]}) == 2
    made.pipeline.dataset_name = "alone"
    made.sync(websites=websites, query_types=["top_pages", "country"])
    sql = "SELECT {} FROM " + '"alone".{}'
    for table, names in columns.items():
        quoted = ", ".join(map(made.column, names))
        rows = made.warehouse.rows(sql.format(quoted, made.column(table)))
        assert sorted(map(tuple, rows), key=repr) == found[table], table
