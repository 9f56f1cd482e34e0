"""dbt projects of warehouses that are synced from a demo server. What runs dbt needs `--dbt`, in an
environment that has it (`make test-dbt`)."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dlt
import pytest
import time_machine

from databuddy_source import databuddy_source, load, write_dbt_project
from databuddy_source.demo import DemoServer
from tests.stories.conftest import TODAY
from tests.warehouses.warehouse import Warehouse

DATASET = "web"
REPORTS = [
    *("summary_metrics", "summary_metrics_weekly", "summary_metrics_monthly"),
    *("custom_events", "error_summary", "revenue_overview", "events_by_date_hourly"),
    *(
        "entry_pages",
        "top_pages",
        "slow_pages",
        "utm_sources",
        "revenue_by_utm_source",
        "top_pages_weekly",
    ),
]
FIRST = TODAY - timedelta(days=18)  # a Monday


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, rather than skip, what needs a dbt that nobody asked for."""
    if not config.getoption("--dbt"):
        away = [
            item for item in items if {"built", "written"} & set(getattr(item, "fixturenames", ()))
        ]
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if item not in away]


@dataclass
class Project:
    """A dbt project of a warehouse."""

    folder: Path
    warehouse: Warehouse
    pipeline: dlt.Pipeline

    def dbt(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run dbt as its profile says."""
        return self._run("dbt", "--no-use-colors", *words, "--profiles-dir", ".", **variables)

    def asked(self, metric: str, *by: str) -> dict[tuple[str, ...], float | None]:
        """What a metric is by some dimensions, which the keys have."""
        file = self.folder / "asked.csv"
        done = self._run(
            *("mf", "query", "--metrics", metric, "--csv", str(file)),
            *(["--group-by", ",".join(by)] if by else []),
            DBT_PROFILES_DIR=str(self.folder),
        )
        assert done.returncode == 0, done.stdout
        _, *rows = csv.reader(file.read_text().splitlines())
        return {tuple(keys): float(value) if value else None for *keys, value in rows}

    def _run(self, program: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).parent / program), *words],
            cwd=self.folder,
            env={**os.environ, **self.environment(), **variables},
            capture_output=True,
            text=True,
            check=False,
        )

    def environment(self) -> Mapping[str, str]:
        """What the profile of Postgres reads."""
        url = urlsplit(getattr(self.warehouse, "url", ""))
        found = {
            "PGHOST": url.hostname,
            "PGPORT": url.port and str(url.port),
            "PGUSER": url.username,
            "PGPASSWORD": url.password,
            "PGDATABASE": url.path.removeprefix("/"),
        }
        return {name: value for name, value in found.items() if value}

    def results(self, *words: str) -> dict[str, str]:
        """How each model and test ended, by name."""
        done = self.dbt("build", *words)
        assert "Done. PASS=" in done.stdout, done.stdout
        results = self.artefact("run_results")["results"]
        manifest = self.artefact("manifest")["nodes"]
        return {manifest[each["unique_id"]]["name"]: each["status"] for each in results}

    def artefact(self, name: str) -> Any:
        return json.loads((self.folder / "target" / f"{name}.json").read_text())

    def table(self, name: str) -> str:
        return self.warehouse.table(DATASET, name)

    def model(self, name: str) -> str:
        return self.warehouse.table(f"{DATASET}_dbt", name)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.warehouse.rows(sql)]


def synced(
    server: DemoServer,
    warehouse: Warehouse,
    home: Path,
    reports: Collection[str] = REPORTS,
    first: date = FIRST,
    **given: Any,
) -> dlt.Pipeline:
    """The pipeline that loaded some days of two websites."""
    pipeline = dlt.pipeline(
        "dbt",
        destination=warehouse.destination(),
        dataset_name=DATASET,
        pipelines_dir=str(home),
    )
    with time_machine.travel(server.now, tick=True):
        load(
            pipeline,
            databuddy_source(
                api_key=server.api_key,
                base_url=server.url,
                websites=[each.id for each in server.websites[:2]],
                query_types=list(reports),
                since=str(first),
                until=str(TODAY),
                **given,
            ),
        )
    return pipeline


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    with DemoServer(today=TODAY, days=40) as running:
        yield running


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def written(
    request: pytest.FixtureRequest,
    server: DemoServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """A project that nobody has run."""
    home = tmp_path_factory.mktemp(request.param)
    with import_module(f"tests.warehouses.{request.param}").running() as engine:
        warehouse = engine()
        pipeline = synced(server, warehouse, home / "state")
        file = getattr(warehouse, "file", None)
        write_dbt_project(pipeline, home / "project", file)
        yield Project(home / "project", warehouse, pipeline)
        warehouse.close()


@pytest.fixture(scope="module")
def built(written: Project) -> Project:
    """A project that was built."""
    ended = written.results()
    assert set(ended.values()) == {"success", "pass"}
    return written
