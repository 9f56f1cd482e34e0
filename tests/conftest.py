"""What every test gets: no real account in the environment, dlt in a folder of the test."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from tests.campaign import FACTOR, IS_CAMPAIGN, SEED, leave_out, prepare

# dlt reads its project's folder when it is imported, which test modules do after this one
_EMPTY = tempfile.TemporaryDirectory(prefix="databuddy-tests-")
os.environ["DLT_PROJECT_DIR"] = _EMPTY.name
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
# Airflow is installed here, but it has no database that dlt could ask
os.environ["PROVIDERS__ENABLE_AIRFLOW_SECRETS"] = "false"

prepare()

A_HANG = round(1800 * max(1, FACTOR))
"""Seconds after which a test has failed. Far above what any takes on a busy machine: no test waits
for a time of its own."""

OUTSIDE = {"pipeline", "loopback"}
"""Fixtures that are a database or a server."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--warehouses",
        default="duckdb,postgres",
        help="Where tests/warehouses load to: names with commas between them, or all.",
    )
    parser.addoption("--airflow", action="store_true", help="Run tests/airflow, in a real Airflow.")
    parser.addoption(
        "--dbt", action="store_true", help="Run tests/dbt, too, in an environment that has dbt."
    )
    parser.addoption(
        "--program",
        default="here",
        help="How tests/program installs the wheel: here, pip, uvx, pipx, or all.",
    )
    parser.addoption(
        "--browser",
        default="",
        help="The Chromium in which tests/browser looks at pages: a path or a name. Default: none.",
    )


def pytest_report_header() -> list[str]:
    return [f"SEED={SEED}"] if IS_CAMPAIGN else []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what a quick look leaves out, and leave to a campaign what is its."""
    leave_out(config, items)
    for item in items:
        if OUTSIDE & set(getattr(item, "fixturenames", ())):
            item.add_marker("outside")


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """What waits for something that never comes fails, and says where it waited."""

    def fail(number: int, frame: FrameType | None) -> None:
        pytest.fail(f"hangs: not done after {A_HANG} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(A_HANG)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def _no_real_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads a configuration of this machine or leaves anything on it."""
    for name in list(os.environ):
        if name.startswith(("SOURCES__", "DESTINATION__", "DATABUDDY_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.chdir(tmp_path)
