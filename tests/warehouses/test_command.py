"""`--destination`: the command line into each warehouse."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import dlt
import pytest

from databuddy_source.demo import DemoServer
from databuddy_source.warehouse.dlt_defaults import for_pipeline
from databuddy_source.warehouse.lease import leased
from tests.forked import python
from tests.warehouses.warehouse import Warehouse

SYNC = Path(__file__).resolve().parents[2] / "pipelines" / "sync.py"
TODAY = datetime.now(UTC).date()
FEW = ["--report", "pages", "--since", str(TODAY - timedelta(days=2))]


class Run:
    """Runs `sync.py` with words, in an empty folder, against a server of today."""

    def __init__(self, server: DemoServer, warehouse: Warehouse, folder: Path) -> None:
        self.website = server.websites[0].id
        self._words = [*python(), str(SYNC)]
        self._options = ["--destination", warehouse.name, "--dataset", "web"]
        self._folder = folder
        self._environment = {
            "SOURCES__DATABUDDY__API_KEY": server.api_key,
            "SOURCES__DATABUDDY__BASE_URL": server.url,
            "SOURCES__DATABUDDY__WEBSITES": f'["{self.website}"]',
            "RUNTIME__DLTHUB_TELEMETRY": "false",
            "COLUMNS": "200",
            "NO_COLOR": "1",
            "PATH": "/usr/bin:/bin",
            **warehouse.environment(),
        }

    def begin(self, *words: str, **changes: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._words, *words, *self._options],
            cwd=self._folder,
            env=self._environment | changes,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        process = self.begin(*words, **changes)
        out, error = process.communicate()
        return subprocess.CompletedProcess(process.args, process.returncode, out, error)


@pytest.fixture
def run(serve: Callable[..., DemoServer], warehouse: Warehouse, tmp_path: Path) -> Run:
    return Run(serve(today=None, days=3), warehouse, tmp_path)


def test_check_then_sync_then_verify(run: Run, warehouse: Warehouse, tmp_path: Path) -> None:
    done = run("check")
    assert done.returncode == 0, done.stderr
    assert ": tables can be made, merged and read" in done.stdout
    done = run("sync", *FEW)
    assert (done.returncode, done.stderr) == (0, "")
    ((rows,),) = warehouse.rows(f"SELECT count(*) FROM {warehouse.table('web', 'top_pages')}")
    assert f"top_pages {rows:,} " in " ".join(done.stdout.split())
    assert rows > 10
    assert warehouse.comments("web", "top_pages")[None].startswith("Top pages.")
    # days that have ended: today has gone on at the server while a slow warehouse worked
    done = run("verify", "--sample", "2", "--until", str(TODAY - timedelta(days=1)))
    assert "2 cells compared: 2 equal" in done.stdout, done.stdout + done.stderr


@pytest.mark.only("postgres")
def test_a_server_that_is_gone_is_said_in_a_sentence(run: Run, warehouse: Warehouse) -> None:
    url = warehouse.environment()["DESTINATION__POSTGRES__CREDENTIALS"]
    parts = urlsplit(url)
    elsewhere = url.replace(f":{parts.port}/", ":9/")
    for command in (["check"], ["sync", *FEW]):
        done = run(*command, DESTINATION__POSTGRES__CREDENTIALS=elsewhere)
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert "The destination fails: connection to server" in said
        assert "Check host and port in destination.*.credentials" in said
        assert "Traceback" not in said
        assert str(parts.password) not in done.stdout + done.stderr


@pytest.mark.only("postgres")
def test_a_second_sync_says_who_runs_or_waits_for_it(
    run: Run, warehouse: Warehouse, tmp_path: Path
) -> None:
    target, home = warehouse.destination(), str(tmp_path / "other")
    other = dlt.pipeline("other", home, destination=target, dataset_name="web")
    for_pipeline(other)
    with leased(other) as take:
        take([run.website])
        done = run("sync", *FEW)
        said = " ".join(done.stderr.split())
        assert done.returncode == 1, said
        assert (
            f"Another sync of {run.website} into web is running: process {os.getpid()} on" in said
        )
        assert said.endswith("Wait until it is done, or use --wait.")
        waiting = run.begin("sync", *FEW, "--wait")
        assert waiting.stderr
        line = waiting.stderr.readline()
        assert line.endswith("; waiting for it.\n"), line
    out, error = waiting.communicate()
    assert (waiting.returncode, error) == (0, ""), out
