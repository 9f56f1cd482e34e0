"""`status` and `heal` as they are called: what they say, print for programs, and ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from databuddy_source.demo import DemoServer, Fault
from tests.cli.conftest import Run

TODAY = datetime.now(UTC).date()
START = TODAY - timedelta(days=8)
DAY = TODAY - timedelta(days=6)
REPORTS = ["--report", "pages", "--report", "events_by_date"]


@pytest.fixture(autouse=True)
def _no_faults(server: DemoServer) -> Iterator[None]:
    yield
    server.faults.clear()


@pytest.fixture(autouse=True)
def _start(environment: dict[str, str]) -> None:
    environment["SOURCES__DATABUDDY__START_DATE"] = str(START)


def document(run: Run, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("status", "--json", *REPORTS, *words).stdout)
    return found


def test_a_failed_day_is_shown_and_healed(run: Run, server: DemoServer) -> None:
    shop = server.websites[0]
    error = Fault(
        website_id=shop.id,
        query_type="top_pages",
        day=DAY,
        parameter_error="out of [memory]",
        times=2,  # asked once more
    )
    server.faults.add(error)
    assert run(*REPORTS).returncode == 3
    before = len(server.log)
    shown = run("status", *REPORTS, "--website", shop.domain)
    assert shown.returncode == 3
    assert shown.stderr == ""
    assert f"{shop.domain} ({shop.id})  last sync {TODAY}" in shown.stdout
    assert "\n..F..~~~~  top_pages\n" in shown.stdout
    assert "\n.....~~~~  events_by_date\n" in shown.stdout
    assert f"failed: top_pages {DAY}: out of [memory]" in shown.stdout
    assert "1 cell is lacking: 1 failed. `heal` asks for exactly these." in shown.stdout
    assert "F failed" in shown.stdout
    assert "T truncated" not in shown.stdout

    assert "1 cell in about 1 request" in run("heal", "--dry-run", *REPORTS).stdout
    assert [a for a in server.log[before:] if a.path == "/v1/query"] == []
    healed = run("heal", *REPORTS)
    assert healed.returncode == 0, healed.stderr
    (sent,) = [a for a in server.log[before:] if a.path == "/v1/query"]
    assert (sent.website_id, sent.query_types) == (shop.id, ["top_pages"])
    assert [asked["start_date"] for asked in sent.asked if isinstance(asked, dict)] == [str(DAY)]

    before = len(server.log)
    well = run("status", *REPORTS)
    assert (well.returncode, well.stderr) == (0, "")
    assert well.stdout.endswith("Nothing is lacking.\n")
    again = run("heal", *REPORTS)
    assert again.returncode == 0
    assert "Nothing is lacking" in again.stdout
    assert len(server.log) == before


def test_the_shape_for_programs(run: Run, server: DemoServer) -> None:
    assert run(*REPORTS, "--report", "country").returncode == 0
    found = document(run)
    assert list(found) == [
        *("version", "complete", "cells", "reports", "not_configured", "remove", "not_offered"),
        *("redefined", "load_anew", "miscounted", "history", "lateness"),
    ]
    assert (found["version"], found["complete"]) == (1, True)
    marks = {
        "empty",
        "complete",
        "restated",
        "due",
        "unavailable",
        "suspect",
        "truncated",
        "failed",
        "missing",
    }
    assert set(found["cells"]) == marks
    assert sum(found["cells"].values()) == 2 * 3 * 9
    shop = server.websites[0]
    one = next(
        each
        for each in found["reports"]
        if (each["report"], each["website_id"]) == ("top_pages", shop.id)
    )
    load_id, synced_at, rows = one.pop("load_id"), one.pop("synced_at"), one.pop("rows")
    assert float(load_id) > 0
    assert datetime.fromisoformat(synced_at).utcoffset() == timedelta(0)
    assert rows > 0
    assert one == {
        "website_id": shop.id,
        "domain": shop.domain,
        "report": "top_pages",
        "grain": "day",
        "time_zone": "UTC",
        "first_day": str(START),
        "last_day": str(TODAY),
        "cells": {**dict.fromkeys(marks, 0), "complete": 5, "restated": 4},
        "gaps": [],
    }
    assert found["not_configured"] == [
        {"website_id": website_id, "report": "country"}
        for website_id in sorted(website.id for website in server.websites)
    ]


def test_days_before_a_start_that_moved_are_missing(run: Run, server: DemoServer) -> None:
    assert run(*REPORTS).returncode == 0
    earlier = str(START - timedelta(days=2))
    moved = {"SOURCES__DATABUDDY__START_DATE": earlier}
    shown = run("status", "--json", *REPORTS, **moved)
    assert shown.returncode == 3
    found = json.loads(shown.stdout)
    assert found["cells"]["missing"] == 2 * 2 * 3
    assert found["reports"][0]["gaps"] == [
        {
            "mark": "missing",
            "first_day": earlier,
            "last_day": str(START - timedelta(days=1)),
            "cells": 2,
            "reason": None,
        }
    ]
    # what is looked at can be bounded
    assert run("status", *REPORTS, "--since", str(START), **moved).returncode == 0
    assert run("heal", *REPORTS, "--until", earlier, **moved).returncode == 0
    again = json.loads(run("status", "--json", *REPORTS, **moved).stdout)
    assert again["cells"]["missing"] == 2 * 3


def test_without_a_sync_it_says_so_and_makes_no_file(run: Run, folder: Path) -> None:
    for command in ("status", "heal"):
        done = run(command)
        assert done.returncode == 2
        assert "There is no file" in done.stderr
        assert "Sync first" in done.stderr
        assert not (folder / "databuddy_warehouse.duckdb").exists()


def test_a_dataset_that_dlt_spells_otherwise_is_found(run: Run, folder: Path) -> None:
    chosen = ["--dataset", "WebStats", "--report", "pages"]
    assert run(*chosen).returncode == 0
    shown = run("status", *chosen)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.endswith("Nothing is lacking.\n")


def test_it_needs_no_key_and_fits_the_terminal(run: Run) -> None:
    reports = [*REPORTS, "--report", "page_scroll_performance", "--report", "events_by_date_hourly"]
    assert run(*reports).returncode == 0
    for columns in (60, 80):
        shown = run("status", *reports, COLUMNS=str(columns), SOURCES__DATABUDDY__API_KEY=None)
        assert shown.returncode == 0, shown.stderr
        calendar = [line for line in shown.stdout.splitlines() if "~~~~" in line]
        assert calendar
        assert max(map(len, calendar)) <= columns


def test_days_in_the_wrong_order_are_refused(run: Run) -> None:
    assert run(*REPORTS).returncode == 0
    for command in ("status", "heal"):
        done = run(command, *REPORTS, "--since", str(TODAY), "--until", str(START))
        assert done.returncode == 2
        assert f"since ({TODAY}) is after until ({START})" in done.stderr


def test_a_look_takes_nothing_from_a_first_sync(
    folder: Path, server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from databuddy_source import databuddy_source
    from databuddy_source.warehouse.target import Warehouse

    monkeypatch.chdir(folder)
    file = folder / "databuddy_warehouse.duckdb"
    warehouse = Warehouse.of()
    pipeline = warehouse.pipeline
    account = {"api_key": server.api_key, "base_url": server.url}
    pipeline.extract(databuddy_source(**account, query_types="pages", start_date=TODAY))
    duckdb.connect(str(file)).close()
    warehouse.for_a_look().open()
    assert pipeline.list_extracted_load_packages()


def test_a_monitor_asks_how_old_the_newest_answers_are(
    run: Run, server: DemoServer, folder: Path
) -> None:
    assert run(*REPORTS).returncode == 0
    fresh = run("status", *REPORTS, "--max-age", "26h")
    assert (fresh.returncode, fresh.stderr) == (0, "")
    (line,) = fresh.stdout.splitlines()
    assert line.startswith("ok: no newest answer is older than ")
    with duckdb.connect(str(folder / "databuddy_warehouse.duckdb")) as own:
        own.execute("SET timezone = 'UTC'")
        for column in ("fetched_at", "checked_at"):
            own.execute(
                f"UPDATE databuddy.coverage SET {column} = {column} - INTERVAL 27 HOUR "
                "WHERE report = 'top_pages' AND website_id = ?",
                [server.websites[0].id],
            )
    old = run("status", *REPORTS, "--max-age", "26h")
    assert old.returncode == 3
    (line,) = old.stdout.splitlines()
    name = server.websites[0].domain
    assert line.startswith(f"old: the newest answer of top_pages of {name} is 27.0 h old; ")
    assert run("status", *REPORTS, "--max-age", "2d").returncode == 0


def test_metrics_are_written_whatever_is_lacking(run: Run, server: DemoServer) -> None:
    server.faults.add(Fault(query_type="top_pages", day=DAY, parameter_error="no", times=None))
    assert run(*REPORTS).returncode == 3
    written = run("status", *REPORTS, "--format", "prometheus", PYTHONIOENCODING="ascii")
    assert (written.returncode, written.stderr) == (0, "")
    assert "\ndatabuddy_complete 0\n" in written.stdout
    shop = server.websites[0]
    labels = f'website_id="{shop.id}",domain="{shop.domain}",report="top_pages"'
    assert f"\ndatabuddy_lacking_cells{{{labels}}} 1\n" in written.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--max-age", "26"], "'26' is no length of time such as 26h, 90m or 2d"),
        (["--max-age", "26h", "--json"], "each write something else"),
        (["--json", "--format", "prometheus"], "each write something else"),
    ],
)
def test_one_shape_at_a_time(run: Run, words: list[str], says: str) -> None:
    done = run("status", *words)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())
