"""`status --deep`: rows that somebody changed by hand."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import duckdb

from databuddy_source.demo import DemoServer
from tests.cli.conftest import Run


def test_a_row_that_was_deleted_is_told_with_the_command_that_brings_it_back(
    run: Run, server: DemoServer, folder: Path
) -> None:
    shop = server.websites[0].id
    chosen = ("--report", "top_pages", "--website", shop)
    assert run(*chosen).returncode == 0
    with duckdb.connect(str(folder / "databuddy_warehouse.duckdb")) as warehouse:
        ((day, rows),) = warehouse.sql(
            "SELECT date, count(*) FROM databuddy.top_pages "
            "WHERE date < (SELECT max(date) - 3 FROM databuddy.top_pages) "
            "GROUP BY date ORDER BY date LIMIT 1"
        ).fetchall()
        warehouse.execute("DELETE FROM databuddy.top_pages WHERE date = ?", [day])
    assert run("status", *chosen).returncode == 0, "coverage alone cannot know"
    told = run("status", "--deep", *chosen)
    assert told.returncode == 3
    assert f"top_pages of {shop} on {day}: 0 rows, and {rows} were loaded" in told.stdout
    assert "Nothing is lacking" not in told.stdout
    command = told.stdout.splitlines()[-1].strip()
    document = json.loads(run("status", "--deep", "--json", *chosen).stdout)
    assert not document["complete"]
    (odd,) = document["miscounted"]
    assert (odd["first_day"], odd["rows"], odd["rows_loaded"]) == (str(day), 0, rows)
    words = shlex.split(command)
    assert run(*words[words.index("backfill") :]).returncode == 0
    again = run("status", "--deep", *chosen)
    assert (again.returncode, "Nothing is lacking." in again.stdout) == (0, True)
