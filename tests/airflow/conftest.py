"""A real Airflow: only where it is asked for, since each of its commands takes many seconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from databuddy_source.demo import DemoServer
from tests.airflow.airflow_home import Airflow, run_airflow
from tests.traffic import demo_server


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out, rather than skip, what nobody asked for."""
    if not config.getoption("--airflow"):
        here = Path(__file__).parent
        away = [item for item in items if here in item.path.parents]
        config.hook.pytest_deselected(items=away)
        items[:] = [item for item in items if item not in away]


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with demo_server(days=14) as running:
        yield running


@pytest.fixture(scope="session")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of an Airflow in which nothing ran."""
    home = tmp_path_factory.mktemp("airflow")
    run_airflow(home, "db", "migrate")
    return home


@pytest.fixture
def open_airflow(new_home: Path, tmp_path: Path, server: DemoServer) -> Callable[..., Airflow]:
    def opened(**given: str) -> Airflow:
        home = tmp_path / "airflow"
        # not its configuration, which names the folder
        shutil.copytree(new_home, home, ignore=shutil.ignore_patterns("airflow.cfg", "logs"))
        return Airflow(home, server, **given)

    return opened
