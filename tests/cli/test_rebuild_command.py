"""`rebuild` as it is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from databuddy_source.demo import DemoServer
from tests.cli.conftest import Outcome

FILE = "databuddy_warehouse.duckdb"
START = (datetime.now(UTC) - timedelta(days=5)).date()
ZONE = "Asia/Tokyo"
SET = {"SOURCES__DATABUDDY__TIMEZONE": ZONE}
Invoke = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _configured(environment: dict[str, str], server: DemoServer) -> None:
    environment["SOURCES__DATABUDDY__START_DATE"] = str(START)
    environment["SOURCES__DATABUDDY__QUERY_TYPES"] = "top_pages,summary_metrics"
    environment["SOURCES__DATABUDDY__WEBSITES"] = server.websites[0].domain


def query(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / FILE)) as connection:
        return connection.execute(sql).fetchall()


def zones(folder: Path, dataset: str = "databuddy") -> list[tuple[Any, ...]]:
    return query(folder, f"SELECT DISTINCT time_zone FROM {dataset}.coverage")


def datasets(folder: Path) -> set[str]:
    found = {name for (name,) in query(folder, "SELECT schema_name FROM duckdb_schemas()")}
    return {name for name in found if name.startswith("databuddy") and "staging" not in name}


def test_a_dataset_gets_another_zone_and_the_next_sync_has_to_be_told(
    invoke: Invoke, folder: Path
) -> None:
    assert invoke().exit_code == 0
    query(folder, "CREATE SCHEMA mine")
    query(folder, "CREATE VIEW mine.zones AS SELECT DISTINCT time_zone FROM databuddy.coverage")
    refused = invoke(**SET)
    assert refused.exit_code == 2
    assert f"`rebuild --timezone {ZONE}`" in refused.stderr
    before = sorted(folder.rglob("*"))
    look = invoke("rebuild", "--timezone", ZONE, "--dry-run")
    assert look.exit_code == 0, look.stderr
    assert "requests" in look.stdout
    assert "Nothing was changed: it would be one load into databuddy_rebuild." in look.stdout
    assert sorted(folder.rglob("*")) == before
    assert datasets(folder) == {"databuddy"}
    done = invoke("rebuild", "--timezone", ZONE)
    assert done.exit_code == 0, done.stderr
    told = f"databuddy has days of {ZONE} now; the old ones, of UTC, are kept in databuddy_before."
    assert told in done.stdout
    assert "Try:" not in done.stdout
    todo = f'sources.databuddy.timezone is still "UTC": set it to "{ZONE}", or the next sync is'
    assert todo in done.stderr
    assert query(folder, "FROM mine.zones") == [(ZONE,)]
    assert (zones(folder), zones(folder, "databuddy_before")) == ([(ZONE,)], [("UTC",)])
    refused = invoke()
    assert refused.exit_code == 2
    assert f"holds days of {ZONE}, and this run would cut them in UTC" in refused.stderr
    assert invoke(**SET).exit_code == 0
    assert invoke("status", **SET).exit_code == 0
    assert invoke("verify", "--sample", "20", **SET).exit_code == 0


def test_a_dataset_that_has_these_days_stays_as_it_is(
    invoke: Invoke, folder: Path, server: DemoServer
) -> None:
    assert invoke(**SET).exit_code == 0
    sent = len(server.log)
    for words in ([], ["--dry-run"]):
        done = invoke("rebuild", "--timezone", "Japan", *words)
        assert done.exit_code == 0, done.stderr
        assert "has days of Japan already, or of a zone with the same rules" in done.stdout
    assert len(server.log) == sent
    assert datasets(folder) == {"databuddy"}


def test_names_of_datasets_are_chosen_and_nothing_is_kept_if_that_is_wanted(
    invoke: Invoke, folder: Path
) -> None:
    assert invoke().exit_code == 0
    words = ["--beside", "meanwhile", "--keep-as", "old_days", "--publish", "copy.duckdb"]
    assert invoke("rebuild", "--timezone", ZONE, *words, **SET).exit_code == 0
    assert zones(folder, "old_days") == [("UTC",)]
    with duckdb.connect(str(folder / "copy.duckdb"), read_only=True) as connection:
        found = connection.execute("SELECT DISTINCT time_zone FROM databuddy.coverage").fetchall()
    assert found == [(ZONE,)]
    done = invoke("rebuild", "--timezone", "UTC", "--drop-old", "--log-format", "json")
    assert done.exit_code == 0, done.stderr
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["event"], last["time_zone"], last["kept"]) == ("rebuilt", "UTC", "")
    assert done.stdout == ""
    assert datasets(folder) == {"databuddy"}
    wrong = invoke("rebuild", "--timezone", ZONE, "--drop-old", "--keep-as", "x")
    assert wrong.exit_code == 2


def test_what_fewer_websites_would_leave_out_is_named_first(
    invoke: Invoke, folder: Path, server: DemoServer
) -> None:
    one, two = server.websites[:2]
    both = {"SOURCES__DATABUDDY__WEBSITES": json.dumps([one.id, two.id])}
    assert invoke(**both).exit_code == 0
    look = invoke("rebuild", "--timezone", ZONE, "--dry-run")
    assert look.exit_code == 0
    assert f"The configuration leaves out what is there, top_pages of {two.id}, " in look.stderr
    done = invoke("rebuild", "--timezone", ZONE)
    assert done.exit_code == 2
    assert "let it go with --allow-gaps" in done.stderr
    assert datasets(folder) == {"databuddy"}
    done = invoke("rebuild", "--timezone", ZONE, "--allow-gaps")
    assert done.exit_code == 0, done.stderr
    assert f"The new days lack what the old ones have: top_pages of {two.id}, " in done.stderr
    assert zones(folder) == [(ZONE,)]


def test_days_that_the_server_lost_are_named_and_places_stay(
    invoke: Invoke, folder: Path, server: DemoServer
) -> None:
    from databuddy_source.demo import Silence

    assert invoke().exit_code == 0
    server.faults.add(Silence())
    try:
        done = invoke("rebuild", "--timezone", ZONE)
    finally:
        server.faults.clear()
    assert done.exit_code == 3, done.stderr
    assert "databuddy has days of UTC as before, and databuddy_rebuild waits." in done.stderr
    assert "still" not in done.stderr
    assert zones(folder) == [("UTC",)]
