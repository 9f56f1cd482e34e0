"""What commands leave in the folder: those that only look leave nothing, and what fails leaves no
empty warehouse."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.cli.conftest import Outcome, Run

SINCE = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
FEW = ["--report", "pages", "--since", SINCE]
FILE = "databuddy_warehouse.duckdb"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("status", 2),
        ("verify", 2),
        ("heal", 2),
        ("remove --report pages", 2),
        ("remove --report pages --dry-run", 2),
        ("rebuild --timezone Asia/Tokyo", 2),
        ("rebuild --timezone Asia/Tokyo --dry-run", 2),
        ("plan", 0),
        ("check", 0),
    ],
)
def test_a_look_leaves_nothing_in_an_empty_folder(
    words: str, code: int, invoke: Callable[..., Outcome], folder: Path
) -> None:
    done = invoke(*words.split())
    assert done.exit_code == code, done.stderr
    assert list(folder.iterdir()) == []


def test_a_look_at_a_file_without_its_state_leaves_nothing_beside_it(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    assert run(*FEW).returncode == 0
    copy = tmp_path / "copy"
    copy.mkdir()
    (folder / FILE).rename(copy / FILE)
    file = {"DESTINATION__DUCKDB__CREDENTIALS": str(copy / FILE)}
    for words in (["status", "--report", "pages"], ["verify", "--sample", "3"], ["plan", *FEW]):
        done = run(*words, **file)
        assert done.returncode in {0, 3}, done.stderr
        assert {path.name for path in copy.iterdir()} == {FILE}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SOURCES__DATABUDDY__API_KEY": "dbdy_test_wrong"}, 1),
        ({"SOURCES__DATABUDDY__QUERY_TYPES": "top_pagez"}, 2),
        ({"SOURCES__DATABUDDY__WEBSITES": "no.example"}, 2),
    ],
)
def test_a_sync_that_cannot_begin_leaves_no_empty_warehouse(
    changes: dict[str, str],
    code: int,
    invoke: Callable[..., Outcome],
    folder: Path,
) -> None:
    done = invoke("--since", SINCE, **changes)
    assert done.exit_code == code, done.stderr
    assert not (folder / FILE).exists()


def test_a_plan_for_a_file_without_our_dataset_is_one_for_a_first_sync(
    invoke: Callable[..., Outcome], folder: Path
) -> None:
    first = invoke("plan", *FEW)
    with duckdb.connect(str(folder / FILE)) as connection:
        connection.execute("CREATE TABLE somebody_elses (a INTEGER)")
    again = invoke("plan", *FEW)
    assert (again.exit_code, again.stdout) == (0, first.stdout), again.stderr
    assert "cells in about" in first.stdout


def test_check_and_plan_tell_that_the_tables_hold_days_of_another_zone(
    invoke: Callable[..., Outcome], folder: Path
) -> None:
    few = {"SOURCES__DATABUDDY__QUERY_TYPES": "top_pages", "SOURCES__DATABUDDY__START_DATE": SINCE}
    assert invoke("sync", **few).exit_code == 0
    assert invoke("check", **few).exit_code == 0
    zone = {"SOURCES__DATABUDDY__TIMEZONE": "Asia/Tokyo"}
    for command in ("check", "plan", "sync"):
        done = invoke(command, **few, **zone)
        assert done.exit_code == 2, done.stderr
        told = " ".join((done.stdout + done.stderr).split())
        assert "The table top_pages holds days of UTC, and this run would cut them in" in told


@pytest.mark.parametrize(
    ("destination", "name", "who"),
    [
        *(("duckdb", name, "DuckDB") for name in ("it's", "what?", "a[1]")),
        *((destination, "100% ü", "dlt") for destination in ("duckdb", "postgres")),
    ],
)
def test_a_folder_that_cannot_be_loaded_from_is_refused_before_a_load(
    destination: str,
    name: str,
    who: str,
    invoke: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    for command in ("sync", "check"):
        done = invoke(command, "--destination", destination)
        assert done.exit_code == 2
        told = " ".join((done.stdout + done.stderr).split())
        assert f"{who} cannot work with {tmp_path / name}" in told
    assert list((tmp_path / name).iterdir()) == []


@pytest.mark.parametrize("destination", ["duckdb", "postgres"])
def test_a_folder_whose_name_is_not_utf_8_is_refused(
    destination: str,
    invoke: Callable[..., Outcome],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    monkeypatch.chdir(folder)
    done = invoke("sync", "--destination", destination)
    assert done.exit_code == 2
    told = " ".join((done.stdout + done.stderr).split())
    assert f"dlt cannot work with {tmp_path}/\\udcff/.databuddy, whose name is not UTF-8. N" in told
    assert list(folder.iterdir()) == []


def test_with_its_state_elsewhere_such_a_folder_can_have_the_file(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "it's 100% [x]"
    folder.mkdir()
    file = {"DESTINATION__DUCKDB__CREDENTIALS": str(folder / FILE)}
    done = run(*FEW, "--state-dir", str(tmp_path / "state"), **file)
    assert done.returncode == 0, done.stderr


def test_an_export_of_nothing_makes_no_folder(invoke: Callable[..., Outcome], folder: Path) -> None:
    done = invoke("export", "--since", SINCE, "--report", "pages", "--into", "exports")
    assert done.exit_code == 1
    assert list(folder.iterdir()) == []
