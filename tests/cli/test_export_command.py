"""`export` where a server has it, and what it says where not."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from databuddy_source.demo import DemoServer, Fault
from tests.cli.conftest import Outcome

FIRST = (datetime.now(UTC) - timedelta(days=4)).date()
LAST = FIRST + timedelta(days=2)
DAYS = ["--since", str(FIRST), "--until", str(LAST)]


@pytest.fixture(scope="module")
def old() -> Iterator[DemoServer]:
    """A server that still has exports."""
    with DemoServer(generation="2025", days=10) as running:
        yield running


@pytest.fixture
def dashboard(old: DemoServer) -> Iterator[dict[str, str | None]]:
    """What makes `sync.py` use the session of a dashboard there."""
    yield {
        "SOURCES__DATABUDDY__BASE_URL": old.url,
        "SOURCES__DATABUDDY__API_KEY": None,
        "SOURCES__DATABUDDY__SESSION_COOKIE": old.session_cookie,
    }
    old.faults.clear()


def test_a_folder_gets_a_file_for_each_website_and_report(
    invoke: Callable[..., Outcome],
    old: DemoServer,
    dashboard: dict[str, str | None],
    folder: Path,
) -> None:
    reports = ["--report", "pages", "--report", "os_name", "--report", "top_pages_weekly"]
    done = invoke("export", *DAYS, *reports, "--into", "files", **dashboard)
    assert done.exit_code == 0, done.stderr
    assert {path.name for path in (folder / "files").iterdir()} == {
        f"{name}_{website.id}_{FIRST}_{LAST}.csv"
        for name in ("top_pages", "os_name")
        for website in old.websites
    }
    shop = old.websites[0].id
    with (folder / "files" / f"os_name_{shop}_{FIRST}_{LAST}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(int(row["visitors"]) for row in rows) > 0
    sent = [arrival.body for arrival in old.log if arrival.path == "/v1/export"][-1]
    assert (sent["startDate"], sent["endDate"], sent["format"]) == (str(FIRST), str(LAST), "csv")


def test_one_file_is_named_and_replaced_whole_or_not_at_all(
    invoke: Callable[..., Outcome],
    old: DemoServer,
    dashboard: dict[str, str | None],
    folder: Path,
) -> None:
    file = folder / "january.json"
    file.write_text("before")
    one = [*DAYS, "--website", "shop.example.com", "--report", "pages", "--into", "january.json"]
    old.faults.add(Fault(path="/v1/export", status=400, body={"error": "too many days"}))
    failed = invoke("export", *one, **dashboard)
    assert failed.exit_code == 1
    assert "too many days" in failed.stderr
    assert file.read_text() == "before"
    done = invoke("export", *one, **dashboard)
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"january.json  {file.stat().st_size:,} bytes\n"
    assert json.loads(file.read_text())[0]["name"]
    assert [path.name for path in folder.iterdir()] == ["january.json"]
    assert invoke("export", *DAYS, "--into", "january.json", **dashboard).exit_code == 2


def test_one_refused_file_does_not_cost_the_others(
    invoke: Callable[..., Outcome],
    old: DemoServer,
    dashboard: dict[str, str | None],
    folder: Path,
) -> None:
    old.faults.add(Fault(path="/v1/export", status=400, body={"error": "no such type"}))
    done = invoke("export", *DAYS, "--report", "pages", "--into", "files", **dashboard)
    assert done.exit_code == 3
    assert "no such type" in done.stderr
    assert len(list((folder / "files").iterdir())) == len(old.websites) - 1


def test_a_server_without_exports_is_told_in_a_sentence(
    invoke: Callable[..., Outcome], folder: Path
) -> None:
    done = invoke("export", *DAYS)
    assert done.exit_code == 1
    assert "This server has no export" in done.stderr
    assert "Use `sync`, and export from the tables." in done.stderr
    assert list(folder.iterdir()) == []


def test_a_key_is_told_that_a_session_is_needed(
    invoke: Callable[..., Outcome], old: DemoServer
) -> None:
    done = invoke("export", *DAYS, SOURCES__DATABUDDY__BASE_URL=old.url)
    assert done.exit_code == 1
    assert "only for the session of a dashboard" in done.stderr
    assert "session_cookie" in done.stderr
    assert old.api_key not in done.stderr
