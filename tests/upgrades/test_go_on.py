"""Warehouses that earlier versions made, with their state: this version goes on with them.

`keep.py` made them, each from the code of its version.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest
import time_machine
from typer.testing import CliRunner

from databuddy_source.demo import DemoServer
from tests.traffic import demo_server
from tests.upgrades.keep import SETTINGS, TODAY, WRAPPER
from tests.warehouses import postgres

KEPT = Path(__file__).parent
VERSIONS = sorted(path.name for path in KEPT.iterdir() if (path / "wrapper.tar.gz").exists())
NEXT = TODAY + timedelta(days=1)

Query = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoServer]:
    """The account of that time, one day later."""
    now = datetime(NEXT.year, NEXT.month, NEXT.day, 18, tzinfo=UTC)
    with demo_server(today=TODAY, days=12, ahead=1, now=now) as running:
        for key, text in SETTINGS.items():
            monkeypatch.setenv(f"SOURCES__DATABUDDY__{key}", text)
        monkeypatch.setenv("SOURCES__DATABUDDY__API_KEY", running.api_key)
        monkeypatch.setenv("SOURCES__DATABUDDY__BASE_URL", running.url)
        websites = ",".join(each.id for each in running.websites[:2])
        monkeypatch.setenv("SOURCES__DATABUDDY__WEBSITES", websites)
        with time_machine.travel(now, tick=True):
            yield running


def unpack(version: str, place: str, folder: Path) -> None:
    with tarfile.open(KEPT / version / f"{place}.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    for state in folder.rglob("state.json"):  # dlt notes where a folder was made
        text = re.sub(r'(?<="initial_cwd":")[^"]*', str(folder), state.read_text())
        state.write_text(text)
    os.chdir(folder)


def of_file(file: Path) -> Query:
    def query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(file), read_only=True) as connection:
            return connection.sql(sql).fetchall()

    return query


def cursors(state: Path, server: DemoServer) -> set[str]:
    """The days that the resources of the websites that are synced have reached."""
    resources = json.loads((state / "state.json").read_text())["sources"]["databuddy"]["resources"]
    return {
        own["incremental"]["date"]["last_value"][-10:]
        for name, own in resources.items()
        if name.endswith(tuple(website.id for website in server.websites[:2]))
    }


def command(*words: str) -> str:
    from databuddy_source.cli.app import app

    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return done.output


def in_airflow(server: DemoServer) -> None:
    """As its tasks do it, the morning after."""
    from databuddy_source.orchestrators.airflow_load import Setup, groups, load_group

    server.now += timedelta(hours=12)
    start = datetime(NEXT.year, NEXT.month, NEXT.day, 4, tzinfo=UTC)
    context = {
        "data_interval_start": start,
        "data_interval_end": start + timedelta(days=1),
        "dag_run": SimpleNamespace(run_type="scheduled"),
        "params": {"refetch": False, "allow_empty": False},
    }
    with time_machine.travel(server.now, tick=True):
        (group,) = groups(Setup(), 100)
        load_group(Setup(), group, context)


def in_dagster(server: DemoServer) -> None:
    """The morning after: partitions are days that are over."""
    import dagster as dg

    from databuddy_source import configured, websites
    from databuddy_source.orchestrators.dagster import databuddy_assets
    from databuddy_source.orchestrators.partitions import WEBSITES

    defs = databuddy_assets(first_day=TODAY, retries=0)
    instance = dg.DagsterInstance.local_temp(str(Path.cwd()))
    ids = [each.id for each in websites(configured())]
    instance.add_dynamic_partitions(WEBSITES, ids)
    server.now += timedelta(hours=12)
    with time_machine.travel(server.now, tick=True):
        done = defs.resolve_job_def("databuddy_day").execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": f"{TODAY}|{ids[0]}",
                "dagster/asset_partition_range_end": f"{NEXT}|{ids[1]}",
            },
        )
    assert done.success


ORCHESTRATORS = {in_airflow: TODAY, in_dagster: TODAY}
"""With the day of the cursor afterwards: partitions move none."""


def goes_on(query: Query, schema: str, sync: Callable[[], object], server: DemoServer) -> None:
    """What was there is kept or replaced, the new day comes, and only what a daily sync asks for
    is asked."""
    table = f"{schema}.country"
    kept = f"SELECT * FROM {table} WHERE date < '2026-03-15' ORDER BY website_id, date, name"
    per_day = f"SELECT website_id, date, name FROM {table} GROUP BY 1, 2, 3 HAVING COUNT(*) > 1"
    before = query(kept)
    assert before
    sync()
    assert query(kept) == before
    for each in (table, f"{schema}.daily_summary", f"{schema}.cell_states"):
        assert query(f"SELECT MAX(date) FROM {each}") == [(NEXT,)]
    assert query(per_day) == []
    asked = f"SELECT DISTINCT generation FROM {schema}.coverage WHERE report = 'country' AND date"
    assert query(f"{asked} < '2026-03-15'") == [(None,)]
    assert query(f"{asked} = '{NEXT}'") == [("2026-04",)]
    assert query(f"SELECT COUNT(*) FROM {schema}.coverage WHERE status <> 'complete'") == [(0,)]
    sent = [each for each in server.log if each.path.endswith("/query")]
    assert 0 < len(sent) <= 4


@pytest.mark.parametrize("version", VERSIONS)
def test_the_command_line_goes_on_with_its_file(
    version: str, tmp_path: Path, server: DemoServer
) -> None:
    unpack(version, "command_line", tmp_path)
    query = of_file(tmp_path / "databuddy.duckdb")
    goes_on(query, "databuddy.databuddy", lambda: command("sync"), server)
    assert [path.name for path in tmp_path.glob("*.duckdb")] == ["databuddy.duckdb"]
    assert "nothing is lacking" in command("status").lower()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_report_is_taken_out_of_it_and_comes_back(
    version: str, tmp_path: Path, server: DemoServer
) -> None:
    unpack(version, "command_line", tmp_path)
    query = of_file(tmp_path / "databuddy.duckdb")
    reports = "SELECT DISTINCT report FROM databuddy.databuddy.coverage"
    before = query(reports)
    command("remove", "--report", "country")
    assert set(query(reports)) == set(before) - {("country",)}
    assert query("SELECT 1 FROM duckdb_tables() WHERE table_name = 'country'") == []
    assert "country__" not in (tmp_path / ".databuddy" / "databuddy" / "state.json").read_text()
    command("sync")
    assert set(query(reports)) == set(before)
    assert query("SELECT MAX(date) FROM databuddy.databuddy.country") == [(NEXT,)]


@pytest.mark.parametrize("version", VERSIONS)
def test_it_gets_another_time_zone(
    version: str, tmp_path: Path, server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack(version, "command_line", tmp_path)
    query = of_file(tmp_path / "databuddy.duckdb")
    zones = "SELECT DISTINCT time_zone, generation FROM databuddy.databuddy.coverage"
    command("rebuild", "--timezone", "Asia/Tokyo")
    assert set(query(zones)) == {("Asia/Tokyo", "2026-04")}
    monkeypatch.setenv("SOURCES__DATABUDDY__TIMEZONE", "Asia/Tokyo")
    command("sync")
    assert "nothing is lacking" in command("status").lower()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_wrapper_goes_on_with_its_state(version: str, tmp_path: Path, server: DemoServer) -> None:
    unpack(version, "wrapper", tmp_path)
    query = of_file(tmp_path / "databuddy_sync.duckdb")
    goes_on(query, "databuddy_sync.databuddy", lambda: exec(WRAPPER, {}), server)


@pytest.mark.parametrize("orchestrator", ORCHESTRATORS)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_orchestrator_goes_on_where_the_command_line_was(
    version: str, orchestrator: Callable[[DemoServer], None], tmp_path: Path, server: DemoServer
) -> None:
    unpack(version, "command_line", tmp_path)
    query = of_file(tmp_path / "databuddy.duckdb")
    goes_on(query, "databuddy.databuddy", lambda: orchestrator(server), server)
    assert [path.name for path in tmp_path.glob("*.duckdb")] == ["databuddy.duckdb"]
    assert cursors(tmp_path / ".databuddy" / "databuddy", server) == {
        f"{ORCHESTRATORS[orchestrator]}"
    }


@pytest.mark.parametrize("state", ["databuddy_state", "elsewhere"])
@pytest.mark.parametrize("version", VERSIONS)
def test_an_orchestrator_goes_on_with_its_state(
    version: str,
    state: str,
    tmp_path: Path,
    server: DemoServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unpack(version, "wrapper", tmp_path)
    if state != "databuddy_state":
        (tmp_path / "databuddy_state").rename(tmp_path / state)
        monkeypatch.setenv("DATABUDDY_STATE_DIR", str(tmp_path / state))
        # as one that was begun later, and is not what the orchestrator loads into
        (tmp_path / "databuddy.duckdb").touch()
    query = of_file(tmp_path / "databuddy_sync.duckdb")
    goes_on(query, "databuddy", lambda: in_airflow(server), server)
    states = [each.parent for each in tmp_path.glob("*/*/state.json")]
    assert states == [tmp_path / state / "databuddy_sync"]
    assert cursors(tmp_path / state / "databuddy_sync", server) == {f"{TODAY}"}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_command_line_goes_on_where_an_orchestrator_was(
    version: str, tmp_path: Path, server: DemoServer
) -> None:
    unpack(version, "wrapper", tmp_path)
    query = of_file(tmp_path / "databuddy_sync.duckdb")
    goes_on(query, "databuddy", lambda: command("sync"), server)
    assert [path.name for path in tmp_path.glob("*.duckdb")] == ["databuddy_sync.duckdb"]
    assert cursors(tmp_path / "databuddy_state" / "databuddy_sync", server) == {f"{NEXT}"}
    assert not (tmp_path / ".databuddy").exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_file_of_0_1_0_may_be_called_as_today(
    version: str, tmp_path: Path, server: DemoServer
) -> None:
    """Its state has another name, so more days are asked for, but none that is final."""
    unpack(version, "command_line", tmp_path)
    (tmp_path / "databuddy.duckdb").rename(tmp_path / "databuddy_warehouse.duckdb")
    query = of_file(tmp_path / "databuddy_warehouse.duckdb")
    goes_on(query, "databuddy", lambda: command("sync"), server)
    assert [path.name for path in tmp_path.glob("*.duckdb")] == ["databuddy_warehouse.duckdb"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_command_line_goes_on_in_postgres(
    version: str, tmp_path: Path, server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpack(version, "postgres", tmp_path)
    with postgres.running() as database:
        warehouse = database()
        try:
            dump = gzip.decompress((KEPT / version / "postgres.sql.gz").read_bytes())
            warehouse.rows(dump.decode())
            for name, value in warehouse.environment().items():
                monkeypatch.setenv(name, value)
            words = "sync", "--destination", "postgres"
            goes_on(warehouse.rows, "databuddy", lambda: command(*words), server)
        finally:
            warehouse.close()
