"""Who syncs with a pipeline keeps others from it, and from no other pipeline."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue
from types import SimpleNamespace
from typing import cast

import dlt
import pytest

from databuddy_source.dlt_seam import DestinationException
from databuddy_source.errors import AlreadyRunning
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.trial import destination_failure

HOLD = "import duckdb, sys; held = duckdb.connect(sys.argv[1]); print('held', flush=True); input()"


def a_pipeline(folder: Path, name: str) -> dlt.Pipeline:
    """One of which only the names are used."""
    names = {"pipelines_dir": str(folder), "pipeline_name": name, "dataset_name": "databuddy"}
    return cast(dlt.Pipeline, SimpleNamespace(**names))


def hold(pipeline: dlt.Pipeline) -> bool:
    with alone(pipeline):
        return True


def test_pipelines_of_a_folder_have_a_lock_each(tmp_path: Path) -> None:
    with alone(a_pipeline(tmp_path, "one")), ThreadPoolExecutor(1) as other:
        assert other.submit(hold, a_pipeline(tmp_path, "two")).result()
        with pytest.raises(AlreadyRunning):
            other.submit(hold, a_pipeline(tmp_path, "one")).result()
    assert hold(a_pipeline(tmp_path, "one"))


def test_a_duckdb_file_that_another_process_writes_into_is_to_be_waited_for(
    tmp_path: Path,
) -> None:
    file = tmp_path / "web.duckdb"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        holder.stdout.readline()
        target = dlt.destinations.duckdb(str(file))
        pipeline = dlt.pipeline("second", str(tmp_path), destination=target)
        with pytest.raises(DestinationException) as caught, pipeline.sql_client():
            pass
        pipeline.deactivate()
        said = str(destination_failure(caught.value))
        holder.kill()
    assert f"(PID {holder.pid})" in said
    assert said.endswith("Wait until that process is done, then run this again.")


def test_who_waits_is_told_for_whom_and_goes_on_once_it_is_done(tmp_path: Path) -> None:
    told: Queue[str] = Queue()

    def wait() -> bool:
        with alone(a_pipeline(tmp_path, "one"), wait=True, say=told.put):
            return True

    with ThreadPoolExecutor(1) as other:
        with alone(a_pipeline(tmp_path, "one")):
            waiting = other.submit(wait)
            words = told.get(timeout=300)  # it is told at once, or never
            assert not waiting.done()
        assert waiting.result()
    assert words.startswith("Another sync into databuddy is running: process ")
    assert f"process {os.getpid()} on " in words
    assert words.endswith("; waiting for it.")
