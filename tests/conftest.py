"""What every test gets: no real account in the environment, dlt in a folder of the test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext


@pytest.fixture(autouse=True)
def _no_real_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reads a configuration of this machine or leaves anything on it."""
    for name in list(os.environ):
        if name.startswith(("SOURCES__", "DESTINATION__", "DLT_", "DATABUDDY_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    # Airflow is installed here, but it has no database
    monkeypatch.setenv("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("DLT_PROJECT_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Container()[PluggableRunContext].reload_providers()
    yield
    Container()[PluggableRunContext].reload_providers()
