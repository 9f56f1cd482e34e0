"""The Dagster and Airflow examples import, and ask nothing while they do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import PROJECT


@pytest.mark.parametrize(
    ("module", "shown"),
    [
        (
            "pipelines.dagster_defs",
            "[key.to_user_string() for key in found.defs.resolve_all_asset_keys()], "
            "[s.cron_schedule for s in found.defs.schedules][:1]",
        ),
        (
            "pipelines.airflow_dag",
            "found.dag.dag_id, list(found.dag.task_dict), found.dag.timetable.expression",
        ),
    ],
)
def test_an_example_imports_without_a_network(module: str, shown: str, tmp_path: Path) -> None:
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('asked the network')\n"
        "socket.socket.connect = refuse\n"
        f"import {module} as found\n"
        f"print({shown})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "DAGSTER_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "databuddy" in done.stdout
    assert "0 4 * * *" in done.stdout
