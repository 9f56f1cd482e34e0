"""`backfill`, `plan`, and two commands at once."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from databuddy_source.demo import DemoServer
from tests.cli.conftest import PROGRAM, SYNC, Held, Run
from tests.forked import python

TODAY = datetime.now(UTC).date()
DAYS = ["--since", str(TODAY - timedelta(days=8)), "--until", str(TODAY - timedelta(days=5))]
REPORTS = ["--report", "pages", "--report", "events_by_date"]


def test_an_audit_of_days_that_are_not_final_says_that_they_are_not(run: Run) -> None:
    today = str(datetime.now(UTC).date())
    assert run("--since", today, "--report", "pages").returncode == 0
    for words in ([], ["--dry-run"]):
        done = run("audit", "--since", today, "--report", "pages", *words)
        assert done.returncode == 0, done.stderr
        assert "coverage calls nothing of these days final" in done.stdout
        assert "--refetch" not in done.stdout + done.stderr


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
    run: Run, folder: Path, environment: dict[str, str], hold: Callable[[], Held]
) -> None:
    held = hold()
    first = subprocess.Popen(
        [*SYNC, *DAYS, *REPORTS], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    held.wait_for_query(first)
    third = subprocess.Popen(
        [*python(), PROGRAM, *DAYS, *REPORTS, "--wait"],
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
    assert third.stderr
    assert "; waiting for it." in third.stderr.readline()
    held.let_go()
    first.communicate()
    assert first.returncode == 0
    out, err = third.communicate()
    assert third.returncode == 0, err
    assert "Nothing to load" in out
