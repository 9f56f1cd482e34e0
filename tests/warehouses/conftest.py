"""Warehouses to sync into: each test that takes one runs on all that `--warehouses` names.

A module beside this file has a context `running()`, which starts the engine once for a session
and gives a function that makes an empty warehouse. One that cannot run fails its tests.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import dlt
import pytest
import time_machine
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext

from databuddy_source import databuddy_source, load
from databuddy_source.coverage.queries import Gap, gaps_of_loads
from databuddy_source.demo import DemoServer
from tests.campaign import IS_CAMPAIGN, SEED
from tests.stories.conftest import serve as serve
from tests.warehouses.warehouse import Warehouse

TOGETHER = ("duckdb", "postgres", "bigquery", "snowflake")
"""Those of one environment, which `all` stands for."""

NAMES = (*TOGETHER, "ducklake", "ducklake_in_postgres")
ALIKE = (("bigquery", "snowflake"), ("ducklake", "ducklake_in_postgres"))
"""The emulators, and lakes that differ by their catalogue."""

DATASET = "web"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "only(*names): what the test is about only these have")
    config.addinivalue_line(
        "markers",
        "emulated_once: in the suite on one emulator and one of the lakes, in a campaign on each",
    )


def wanted(config: pytest.Config) -> tuple[str, ...]:
    names = config.getoption("--warehouses").split(",")
    return TOGETHER if "all" in names else tuple(names)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "warehouse" in metafunc.fixturenames:
        only = metafunc.definition.get_closest_marker("only")
        names = only.args if only else wanted(metafunc.config)
        metafunc.parametrize("warehouse", names, indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, rather than skip, what is about a warehouse that nobody asked for."""
    others = set(NAMES) - set(wanted(config))
    items[:] = [
        item
        for item in items
        if not isinstance(item, pytest.Function)
        or "engine" not in item.fixturenames
        or item.callspec.params["warehouse"] not in others
    ]
    if not IS_CAMPAIGN and not any("[" in name for name in config.args):
        config.hook.pytest_deselected(items=(away := list(_emulated_elsewhere(items))))
        items[:] = [item for item in items if item not in away]


def _emulated_elsewhere(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """The cases of tests marked `emulated_once` on all that are alike but one, which SEED draws for
    each case of the other parameters."""
    on: dict[str, dict[str, pytest.Item]] = defaultdict(dict)
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("emulated_once"):
            given = dict(item.callspec.params)
            name = given.pop("warehouse")
            for alike in ALIKE:
                if name in alike:
                    case = f"{item.path.name} {item.originalname} {given}"
                    on[f"{alike} {case}"][name] = item
    for case, emulated in on.items():
        del emulated[random.Random(f"{SEED} {case}").choice(sorted(emulated))]
        yield from emulated.values()


@pytest.fixture(scope="session")
def engine() -> Iterator[Callable[[str], Callable[[], Warehouse]]]:
    """Starts an engine when it is first needed."""
    started: dict[str, Callable[[], Warehouse]] = {}
    with ExitStack() as stack:

        def start(name: str) -> Callable[[], Warehouse]:
            if name not in started:
                module = import_module(f"tests.warehouses.{name}")
                started[name] = stack.enter_context(module.running())
            return started[name]

        yield start


@pytest.fixture
def warehouse(
    request: pytest.FixtureRequest, engine: Callable[[str], Callable[[], Warehouse]]
) -> Iterator[Warehouse]:
    """An empty warehouse."""
    made = engine(request.param)()
    yield made
    made.close()


class Synced:
    """A dataset of a warehouse that is kept equal to a demo server."""

    def __init__(
        self, server: DemoServer, warehouse: Warehouse, home: Path, dataset: str = DATASET
    ) -> None:
        self.server = server
        self.warehouse = warehouse
        self.dataset = dataset
        self.pipeline = dlt.pipeline(
            "scenario" if dataset == DATASET else dataset,
            destination=warehouse.destination(),
            dataset_name=dataset,
            pipelines_dir=str(home),
        )

    def sync(self, **given: Any) -> list[Gap]:
        """Sync at the server's time. Returns the cells that are not complete."""
        given = {"api_key": self.server.api_key, "base_url": self.server.url, **given}
        with time_machine.travel(self.server.now, tick=True):
            loads = load(self.pipeline, databuddy_source(**given))
            return gaps_of_loads(self.pipeline, loads)

    def another(self, home: Path) -> Synced:
        """The same dataset, by a pipeline of another name and with a state of its own."""
        other = Synced(self.server, self.warehouse, home)
        other.pipeline = dlt.pipeline(
            "another",
            destination=self.warehouse.destination(),
            dataset_name=self.dataset,
            pipelines_dir=str(home),
        )
        return other

    def table(self, name: str) -> str:
        return self.warehouse.table(self.dataset, name)

    def column(self, name: str) -> str:
        """Quoted for SQL: it may be a reserved word."""
        return self.pipeline.sql_client().escape_column_name(name)

    def rows(self, table: str, *columns: str, where: str = "true") -> list[tuple[Any, ...]]:
        """The columns of a table's rows, sorted."""
        chosen = ", ".join(map(self.column, columns))
        sql = f"SELECT {chosen} FROM {self.table(table)} WHERE {where}"
        return sorted(map(tuple, self.warehouse.rows(sql)), key=repr)


@pytest.fixture
def synced(warehouse: Warehouse, tmp_path: Path) -> Iterator[Callable[[DemoServer], Synced]]:
    """Makes the pipeline of a server into the warehouse."""
    yield lambda server: Synced(server, warehouse, tmp_path / "state")
    # the next test shall not find a pipeline whose warehouse is gone
    if Container()[PipelineContext].is_active():
        dlt.pipeline().deactivate()
