"""dbt projects of warehouses that are synced from a demo server. What runs dbt needs `--dbt`, in an
environment that has it (`make test-dbt`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
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
            item
            for item in items
            if {"built", "written", "dbt"} & set(getattr(item, "fixturenames", ()))
        ]
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if item not in away]


Answer = dict[tuple[str, ...], tuple[float | None, ...]]
"""By the texts of the dimensions, in alphabetical order, the numbers of the metrics."""


def _shown(value: object) -> str:
    return str(value).removesuffix(" 00:00:00")


ON_DUCKDB = pytest.mark.parametrize("written", ["duckdb"], indirect=True)
"""Of what is the same on each warehouse."""


@dataclass
class Project:
    """A dbt project of a warehouse."""

    folder: Path
    warehouse: Warehouse
    pipeline: dlt.Pipeline

    def dbt(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run dbt as its profile says."""
        return self._run("dbt", "--no-use-colors", *words, "--profiles-dir", ".", **variables)

    def asked(self, *questions: tuple[Sequence[str], Sequence[str]]) -> list[Answer]:
        """What metrics are by some dimensions, of which each question has the names."""
        done = self._run(
            "python",
            str(Path(__file__).with_name("asking.py")),
            said=json.dumps(questions),
            DBT_PROFILES_DIR=str(self.folder),
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return [
            {
                tuple(sorted(_shown(value) for value in row[: -len(metrics)])): tuple(
                    value if value is None else float(value) for value in row[-len(metrics) :]
                )
                for row in rows
            }
            for (metrics, _), (_, *rows) in zip(
                questions, json.loads(done.stdout.splitlines()[-1]), strict=True
            )
        ]

    def _run(
        self, program: str, *words: str, said: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).parent / program), *words],
            cwd=self.folder,
            env={**os.environ, **self.environment(), **variables},
            input=said,
            capture_output=True,
            text=True,
            check=False,
        )

    def shown(self, *words: str) -> list[dict[str, Any]]:
        """The rows of a model or of some SQL, which is not made."""
        done = self.dbt("--quiet", "show", *words, "--output", "json", "--limit", "-1")
        assert done.returncode == 0, done.stdout
        rows: list[dict[str, Any]] = json.loads(done.stdout)["show"]
        return rows

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

    def compiled(self, name: str) -> str:
        """What a model would have now, as the table of a query."""
        (path,) = (self.folder / "target" / "compiled").rglob(f"{name}.sql")
        return f"({path.read_text()}) AS {name}"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.warehouse.rows(sql)]


def synced(
    server: DemoServer,
    warehouse: Warehouse,
    home: Path,
    query_types: Collection[str] = REPORTS,
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
                query_types=list(query_types),
                since=str(first),
                until=str(TODAY),
                **given,
            ),
        )
    return pipeline


@contextmanager
def kept(project: Project, *tables: str) -> Iterator[None]:
    """What happens to the tables is undone."""
    for table in tables:
        copy = project.table(f"kept_{table}")
        project.rows(f"CREATE TABLE {copy} AS SELECT * FROM {project.table(table)}")
    try:
        yield
    finally:
        for table in tables:
            place, copy = project.table(table), project.table(f"kept_{table}")
            project.rows(f"DELETE FROM {place}")
            project.rows(f"INSERT INTO {place} SELECT * FROM {copy}")
            project.rows(f"DROP TABLE {copy}")


@pytest.fixture(scope="session")
def server() -> Iterator[DemoServer]:
    with DemoServer(today=TODAY, days=40) as running:
        yield running


@pytest.fixture(scope="session")
def dbt() -> None:
    """Marks what runs dbt in a project of its own."""


@pytest.fixture(scope="session", params=["duckdb", "postgres"])
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


@pytest.fixture(scope="session")
def built(written: Project) -> Project:
    """A project that was built."""
    ended = written.results()
    assert set(ended.values()) == {"success", "pass"}
    return written
