"""A row of coverage that makes no sense, written by hand or by a newer version: each command says
which it is and what to do, and after that goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from click.testing import Result

from tests.cli.conftest import Run

CHOICE = ("--report", "events_by_date", "--report", "summary_metrics")
COMMANDS = ("sync", "plan", "status", "status --deep", "verify", "heal", "dashboard", "why")


@pytest.fixture
def synced(run: Run, folder: Path) -> Path:
    done = run("sync", *CHOICE)
    assert done.returncode == 0, done.stderr
    (file,) = folder.glob("*.duckdb")
    return file


def execute(file: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(file)) as connection:
        connection.execute("USE databuddy")
        return connection.execute(sql).fetchall()


def words_of(command: str, file: Path) -> list[str]:
    if command == "why":
        ((day,),) = execute(file, "SELECT MIN(date) FROM coverage")
        return ["why", "summary_metrics", "--date", str(day)]
    return [command] if command == "dashboard" else [*command.split(), *CHOICE]


@pytest.mark.parametrize(
    ("column", "commands"),
    [
        ("grain", COMMANDS),
        ("time_zone", COMMANDS),
        ("status", ("status", "status --deep", "heal", "dashboard")),
        ("filters", ("verify",)),
    ],
)
def test_it_is_named_with_what_to_do(
    column: str,
    commands: tuple[str, ...],
    synced: Path,
    invoke: Callable[..., Result],
) -> None:
    before = execute(synced, "SELECT COUNT(*) FROM coverage")
    oldest = "date = (SELECT MIN(date) FROM coverage)"
    execute(
        synced,
        f"UPDATE coverage SET {column} = 'x of mine' WHERE {oldest} AND report = 'summary_metrics'",
    )
    remedy = f"DELETE FROM coverage WHERE {column} = 'x of mine'"
    for command in commands:
        done = invoke(*words_of(command, synced))
        assert done.exit_code == 1, (command, done.output)
        told = done.output.strip().splitlines()[-1]
        assert f"The table coverage has a {column} that this version does not know" in told
        assert remedy in told
    execute(synced, remedy)
    assert execute(synced, "SELECT COUNT(*) FROM coverage") != before
    assert invoke("sync", *CHOICE).exit_code == 0
    assert execute(synced, "SELECT COUNT(*) FROM coverage") == before
    for command in commands:
        done = invoke(*words_of(command, synced))
        assert done.exit_code == 0, (command, done.output)


def test_proofs_that_make_no_sense_cost_a_comparison(
    synced: Path, invoke: Callable[..., Result]
) -> None:
    execute(synced, "UPDATE coverage SET proofs = '[[1, 2]]' WHERE report = 'events_by_date'")
    for command in ("status", "sync", "heal"):
        done = invoke(*words_of(command, synced))
        assert done.exit_code == 0, done.output
        assert ("has proofs of events_by_date of" in done.output) is (command != "heal")
