"""The DAG in a real Airflow loads from a demo server."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from databuddy_source.demo import DemoServer, Fault
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.target import Warehouse
from tests.airflow.airflow_home import REPORTS, Airflow, names
from tests.traffic import asked

TODAY = datetime.now(UTC).date()


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def days(home: Path, table: str = "top_pages") -> set[date]:
    with duckdb.connect(str(home / "databuddy_warehouse.duckdb"), read_only=True) as connection:
        return {day for (day,) in connection.sql(f"SELECT date FROM databuddy.{table}").fetchall()}


def loads(home: Path, table: str, day: date) -> set[str]:
    """The loads that brought the rows of a day."""
    with duckdb.connect(str(home / "databuddy_warehouse.duckdb"), read_only=True) as connection:
        sql = f"SELECT _dlt_load_id FROM databuddy.{table} WHERE date = ?"
        return {load for (load,) in connection.execute(sql, [day]).fetchall()}


def test_a_run_loads_its_interval_the_lookback_and_what_is_lacking(
    open_airflow: Callable[..., Airflow], server: DemoServer
) -> None:
    airflow = open_airflow(SOURCES__DATABUDDY__START_DATE=f"{ago(7)}")
    log = airflow.test(ago(1))
    assert airflow.run_states() == ["success"], log
    assert airflow.states("load") == [("load", 0, "success", 1), ("load", 1, "success", 1)]
    assert airflow.states("%backfill%") == [
        ("load_of_backfill", -1, "skipped", 0),
        ("websites_of_backfill", -1, "skipped", 1),
    ]
    assert days(airflow.home) == {ago(day) for day in range(1, 8)}, "since `start_date`"
    assert airflow.told() == names(REPORTS)
    assert f"POST {server.url}/query" in log, "what is said is in the log"
    assert server.api_key not in log


def test_what_failed_on_another_day_comes_with_the_next_run(
    open_airflow: Callable[..., Airflow], server: DemoServer
) -> None:
    airflow = open_airflow(SOURCES__DATABUDDY__START_DATE=f"{ago(11)}")
    server.faults.add(Fault(query_type="country", day=ago(9), parameter_error="oh", times=None))
    airflow.test(ago(9))
    assert airflow.run_states() == ["failed"]
    server.faults.clear()
    before, loaded = len(server.log), loads(airflow.home, "top_pages", ago(9))
    log = airflow.test(ago(1))
    assert airflow.run_states() == ["failed", "success"], log
    again = asked(server, before)
    assert {day for _, name, day in again if name == "country"} > {f"{ago(9)}"}
    # what was there is compared with what the server says now, and stays
    assert loads(airflow.home, "top_pages", ago(9)) == loaded
    between = {ago(day) for day in range(1, 12)}
    assert days(airflow.home, "country") == between, "with those on which nothing ran"


def test_a_wrong_key_is_not_tried_again(
    open_airflow: Callable[..., Airflow], server: DemoServer
) -> None:
    airflow = open_airflow(SOURCES__DATABUDDY__API_KEY="dbdy_wrong")
    log = airflow.test(ago(1))
    assert airflow.run_states() == ["failed"], log
    assert airflow.states("websites") == [("websites", -1, "failed", 1)]
    assert {state for _, _, state, _ in airflow.states("load")} == {"upstream_failed"}
    assert airflow.states("tables") == [("tables", -1, "skipped", 1)]
    assert "rejects the key" in log
    assert "dbdy_wrong" not in log
    assert airflow.told() == set()


def test_an_outage_is_tried_again(open_airflow: Callable[..., Airflow], server: DemoServer) -> None:
    with socket.socket() as nobody:  # has a port, and does not listen
        nobody.bind(("127.0.0.1", 0))
        away = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        airflow = open_airflow(SOURCES__DATABUDDY__BASE_URL=away, BACK_AT=server.url)
        log = airflow.test(ago(1))
    assert airflow.run_states() == ["success"], log
    assert airflow.states("websites") == [("websites", -1, "success", 2)]
    assert airflow.told() == names(REPORTS)


def test_a_backfill_loads_exactly_its_days_once_nobody_else_is_at_work(
    open_airflow: Callable[..., Airflow], server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, end = f"{ago(12)}", f"{ago(3)}T00:00:00+00:00"  # so that no run is scheduled
    airflow = open_airflow(
        SOURCES__DATABUDDY__START_DATE=begin,
        SOURCES__DATABUDDY__TIMEZONE="Asia/Kolkata",  # where it is the day before in UTC at four
        END_DATE=end,
        POOL="databuddy",
    )
    airflow.make_pool()
    monkeypatch.chdir(airflow.home)
    after = "SELECT DISTINCT run_type FROM dag_run WHERE dag_id = 'after'"
    with airflow.running() as log:
        with alone(Warehouse.of().pipeline):
            airflow.backfill(ago(7), ago(6), "+05:30")
            rescheduled = "SELECT 1 FROM task_reschedule"
            airflow.wait_until(lambda: bool(airflow.rows(rescheduled)))
        airflow.wait_until(lambda: not {"queued", "running"} & {*airflow.run_states()})
        airflow.wait_until(lambda: bool(airflow.rows(after)))
    assert airflow.rows(after) == [("asset_triggered",)], log()
    assert {state for _, _, state, _ in airflow.states("load")} == {"skipped"}
    loads = airflow.states("load_of_backfill")
    assert [(state, tries) for _, _, state, tries in loads] == [("success", 1)] * 4, (
        "to wait is none"
    )
    assert days(airflow.home) == {ago(7), ago(6)}
    assert {day for _, _, day in asked(server)} == {f"{ago(7)}", f"{ago(6)}"}
    assert airflow.told() == names(REPORTS)


def test_a_gap_is_red_and_another_try_heals_it_and_asks_for_nothing_else(
    open_airflow: Callable[..., Airflow], server: DemoServer
) -> None:
    lasting, passing = server.websites[0].id, server.websites[2].id
    # each load asks twice for what fails
    for website, times in ((lasting, None), (passing, 2)):
        server.faults.add(
            Fault(
                website_id=website,
                query_type="country",
                day=ago(2),
                parameter_error="oh",
                times=times,
            )
        )
    airflow = open_airflow(SOURCES__DATABUDDY__START_DATE=f"{ago(4)}")
    log = airflow.test(ago(1))
    assert airflow.run_states() == ["failed"], log
    assert airflow.states("load") == [("load", 0, "failed", 2), ("load", 1, "success", 2)]
    assert airflow.told() == names({"top_pages"}), "of complete tables only"
    assert f"country of {lasting} on {ago(2)}: failed: oh" in log
    for website, times in ((lasting, 4), (passing, 3)):
        found = Counter((name, day) for each, name, day in asked(server) if each == website)
        assert found.pop(("country", f"{ago(2)}")) == times
        assert set(found.values()) == {1}
    assert ago(2) in days(airflow.home, "country")
