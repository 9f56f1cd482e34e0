"""A sync that is killed when its load comes to a step. Run as a program.

python -m tests.warehouses.killed STEP DESTINATION DATASET STATE URL KEY WEBSITE
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, time
from pathlib import Path
from typing import Any

import dlt
import time_machine
from dlt.load.load import Load

from databuddy_source import databuddy_source, load
from databuddy_source.demo import DemoServer
from tests.forked import python
from tests.stories.conftest import TODAY
from tests.warehouses.warehouse import Warehouse

PROJECT = Path(__file__).resolve().parents[2]


def kill_at(
    step: str, warehouse: Warehouse, dataset: str, state: Path, server: DemoServer, website: str
) -> None:
    """Run a sync of a website in a process of its own until it is killed."""
    words = [warehouse.name, dataset, str(state), server.url, server.api_key, website]
    killed = subprocess.run(
        [*python(), "-m", "tests.warehouses.killed", step, *words],
        cwd=PROJECT,
        env={**os.environ, **warehouse.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(
    step: str, destination: str, dataset: str, state: str, url: str, key: str, website: str
) -> None:
    setattr(Load, step, die)
    pipeline = dlt.pipeline(
        "scenario", destination=destination, dataset_name=dataset, pipelines_dir=state
    )
    given: dict[str, Any] = {"api_key": key, "base_url": url, "websites": [website]}
    with time_machine.travel(datetime.combine(TODAY, time(12)), tick=True):
        load(pipeline, databuddy_source(**given, query_types=["top_pages"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
