"""What every test gets: no real account in the environment, dlt in a folder of the test."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import settings

# dlt reads its project's folder when it is imported, which test modules do after this one
_EMPTY = tempfile.TemporaryDirectory(prefix="databuddy-tests-")
os.environ["DLT_PROJECT_DIR"] = _EMPTY.name
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
# Airflow is installed here, but it has no database that dlt could ask
os.environ["PROVIDERS__ENABLE_AIRFLOW_SECRETS"] = "false"

# a machine may be slow, and tracing makes it slower: that is no mistake in the code
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

A_HANG = 1800
"""Seconds after which a test has failed. Far above what any takes on a busy machine: no test waits
for a time of its own."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--warehouses",
        default="duckdb,postgres",
        help="Where tests/warehouses load to: names with commas between them, or all.",
    )
    parser.addoption(
        "--program",
        default="here",
        help="How tests/program installs the wheel: here, pip, uvx, pipx, or all.",
    )


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
