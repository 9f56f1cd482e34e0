"""`backfill`, `plan`, and two commands at once."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from databuddy_source.demo import DemoServer, Fault
from tests.cli.conftest import SYNC, Run

TODAY = datetime.now(UTC).date()
DAYS = ["--since", str(TODAY - timedelta(days=8)), "--until", str(TODAY - timedelta(days=5))]
REPORTS = ["--report", "pages", "--report", "events_by_date"]


def test_a_backfill_asks_for_nothing_twice(run: Run, folder: Path, server: DemoServer) -> None:
    planned = run("plan", *DAYS, *REPORTS)
    assert planned.returncode == 0, planned.stderr
    # two reports and four days of three websites; the series takes one question for all days
    assert "24 cells in about 3 requests, less than a minute." in planned.stdout
    assert run("backfill", *DAYS, *REPORTS, "--dry-run").stdout == planned.stdout
    assert not (folder / "databuddy_warehouse.duckdb").exists()
    done = run("backfill", *DAYS, *REPORTS)
    assert done.returncode == 0, done.stderr
    assert "the last one." in done.stderr
    assert "3 requests" in done.stdout
    again = run("backfill", *DAYS, *REPORTS)
    assert again.returncode == 0
    assert (
        "Nothing to load: these days are final. Use --refetch to ask all the same." in again.stdout
    )
    assert "3 requests" in run("backfill", *DAYS, *REPORTS, "--refetch").stdout


def test_the_second_of_two_syncs_says_who_runs_or_waits(
    run: Run, folder: Path, environment: dict[str, str], server: DemoServer
) -> None:
    server.faults.add(Fault(delay=8.0, times=3))
    asked = len(server.log)
    first = subprocess.Popen(
        [*SYNC, *DAYS, *REPORTS], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    while not any(arrival.path == "/v1/query" for arrival in server.log[asked:]):
        assert first.poll() is None
        time.sleep(0.05)
    third = subprocess.Popen(
        [*SYNC, *DAYS, *REPORTS, "--wait"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    second = run(*DAYS, *REPORTS)
    assert second.returncode == 1
    assert f"Another sync into databuddy is running: process {first.pid} on " in second.stderr
    assert "use --wait" in second.stderr
    out, err = third.communicate(timeout=60)
    assert third.returncode == 0, err
    assert "; waiting for it." in err
    assert "Nothing to load" in out
    first.communicate(timeout=20)
    assert first.returncode == 0
