"""`--destination`: the command line into each warehouse."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from databuddy_source.demo import DemoServer
from tests.warehouses.warehouse import Warehouse

SYNC = Path(__file__).resolve().parents[2] / "pipelines" / "sync.py"
SINCE = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
FEW = ["--report", "pages", "--since", SINCE]

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(serve: Callable[..., DemoServer], warehouse: Warehouse, tmp_path: Path) -> Run:
    """Runs `sync.py` with words, in an empty folder, against a server of today."""
    server = serve(today=None, days=3)
    environment = {
        "SOURCES__DATABUDDY__API_KEY": server.api_key,
        "SOURCES__DATABUDDY__BASE_URL": server.url,
        "SOURCES__DATABUDDY__WEBSITES": f'["{server.websites[0].id}"]',
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "COLUMNS": "200",
        "NO_COLOR": "1",
        "PATH": "/usr/bin:/bin",
        **warehouse.environment(),
    }

    def call(*words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                str(SYNC),
                *words,
                "--destination",
                warehouse.name,
                "--dataset",
                "web",
            ],
            cwd=tmp_path,
            env=environment | changes,
            capture_output=True,
            text=True,
            check=False,
        )

    return call


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
    done = run("verify", "--sample", "2")
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
