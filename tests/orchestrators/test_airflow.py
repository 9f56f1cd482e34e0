"""What Airflow is told of a group, without a real Airflow: that has tests of its own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from airflow._shared.timezones.timezone import parse
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
)
from airflow.serialization.serialized_objects import DagSerialization
from psycopg2 import OperationalError

from databuddy_source import (
    AlreadyRunning,
    Cells,
    Settings,
    configured,
    plan,
    raise_if_incomplete,
    reports,
    status,
    sync,
)
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.errors import DestinationAway, KeyRejected, Unreachable
from databuddy_source.orchestrators import airflow_load
from databuddy_source.orchestrators.airflow import databuddy
from databuddy_source.orchestrators.airflow_load import (
    Run,
    Setup,
    complete_tables,
    groups,
    load_group,
)
from tests.traffic import demo_server

PROJECT = Path(__file__).parents[2]
TODAY = datetime.now(UTC).date()
ONE_DAY = timedelta(days=1)


FIRST = date(2026, 3, 10)


def noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DemoServer]:
    """On the first day, with visitors of those that come."""
    monkeypatch.chdir(tmp_path)
    with demo_server(today=FIRST, days=12, ahead=14, now=noon(FIRST)) as running:
        monkeypatch.setenv("SOURCES__DATABUDDY__API_KEY", running.api_key)
        monkeypatch.setenv("SOURCES__DATABUDDY__BASE_URL", running.url)
        monkeypatch.setenv("SOURCES__DATABUDDY__QUERY_TYPES", '["country"]')
        monkeypatch.setenv("SOURCES__DATABUDDY__START_DATE", f"{FIRST - 5 * ONE_DAY}")
        with time_machine.travel(running.now, tick=True):
            yield running


def at_noon(server: DemoServer, day: date, work: Callable[[], object]) -> list[date]:
    """Which days are asked for on a day of the one website."""
    server.now = noon(day)
    before = len(server.log)
    with time_machine.travel(server.now, tick=True):
        work()
    return sorted(
        date.fromisoformat(question["start_date"][:10])
        for arrival in server.log[before:]
        if arrival.website_id == server.websites[0].id
        for question in arrival.asked
        if isinstance(question, dict)
    )


def scheduled(day: date, kind: str = "scheduled") -> None:
    """The run whose data interval is a day, as its tasks do it."""
    start = datetime(day.year, day.month, day.day, 4, tzinfo=UTC)
    given = context(start, start + ONE_DAY, kind)
    groups_of_run = groups(Setup(), 100)
    for group in groups_of_run:
        load_group(Setup(), group, given)
    assert complete_tables(Setup(), groups_of_run, given)


def by_cron() -> None:
    pipeline = Setup().warehouse().pipeline
    raise_if_incomplete(pipeline, sync(pipeline))


def between(first: date, last: date) -> list[date]:
    return [first + number * ONE_DAY for number in range((last - first).days + 1)]


def context(
    start: datetime | None = None, end: datetime | None = None, kind: str = "scheduled"
) -> dict[str, Any]:
    return {
        "data_interval_start": start,
        "data_interval_end": end,
        "dag_run": SimpleNamespace(run_type=kind),
        "params": {"refetch": False, "allow_empty": False},
    }


def settings(**given: Any) -> Settings:
    return configured(query_types=["country"], **given)


@pytest.mark.parametrize(
    ("start", "end", "zone", "first", "last"),
    [
        ("2026-03-10T04:00", "2026-03-11T04:00", "UTC", "2026-03-10", "2026-03-10"),
        ("2026-03-09T04:00", "2026-03-16T04:00", "UTC", "2026-03-09", "2026-03-15"),
        ("2026-03-10T08:00", "2026-03-10T09:00", "UTC", "2026-03-10", "2026-03-10"),
        # four in the morning there
        ("2026-03-09T15:00", "2026-03-10T15:00", "Pacific/Auckland", "2026-03-10", "2026-03-10"),
        ("2026-03-10T09:00", "2026-03-11T08:00", "America/New_York", "2026-03-10", "2026-03-10"),
    ],
)
def test_the_days_of_an_interval_are_those_of_the_zone(
    start: str, end: str, zone: str, first: str, last: str
) -> None:
    instants = [datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (start, end)]
    run = Run.of(context(*instants), settings(timezone=zone))
    assert (run.first, run.last) == (date.fromisoformat(first), date.fromisoformat(last))
    assert not run.only
    assert Run.of(context(*instants, kind="backfill"), settings(timezone=zone)).only


ZONES = {
    "UTC": "+00:00",
    "Europe/Berlin": "+01:00",
    "Asia/Dubai": "+04:00",
    "Asia/Kolkata": "+05:30",
    "Asia/Tokyo": "+09:00",
    "Pacific/Auckland": "+13:00",
    "America/Los_Angeles": "-08:00",
}
"""With their offsets in November."""


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 1, 4, 23])
def test_a_backfill_as_the_manual_has_it_is_for_its_days_in_each_zone(zone: str, hour: int) -> None:
    manual = (PROJECT / "docs" / "schedules.md").read_text(encoding="utf-8")
    given = re.search(r"airflow backfill create .* --from-date (\S+) --to-date (\S+)", manual)
    assert given
    first, last = (parse(each.replace("+01:00", ZONES[zone])) for each in given.groups())
    own = settings(timezone=zone)
    dag = DagSerialization.from_dict(
        DagSerialization.to_dict(databuddy(settings=own, cron_schedule=f"0 {hour} * * *"))
    )
    intervals = [each.data_interval for each in dag.iter_dagrun_infos_between(first, last)]
    runs = [Run.of(context(each.start, each.end, "backfill"), own) for each in intervals if each]
    assert [each.days for each in runs] == [f"{day.date()}" for day in (first, last)]


def test_without_an_interval_it_is_yesterday() -> None:
    run = Run.of(context(), settings())
    assert run.first == run.last
    assert run.last in {TODAY - timedelta(days=1), TODAY}  # midnight may pass


def test_a_team_goes_from_cron_to_the_dag_and_back_and_loses_nothing(
    server: DemoServer,
) -> None:
    """What was loaded while late events could still come is asked for again; by cron once more all
    since its last run, as it cannot know whose clock brought it."""
    assert at_noon(server, FIRST, by_cron) == between(FIRST - 5 * ONE_DAY, FIRST)
    # nobody was there for two days
    runs = between(FIRST + 2 * ONE_DAY, FIRST + 6 * ONE_DAY)
    asked = at_noon(server, runs[0] + ONE_DAY, lambda: scheduled(runs[0]))
    assert asked[-6:] == between(FIRST - 3 * ONE_DAY, runs[0])
    assert asked[:-6] == between(FIRST - 5 * ONE_DAY, FIRST - 4 * ONE_DAY), "compared: final"
    for day in runs[1:]:
        asked = at_noon(server, day + ONE_DAY, lambda day=day: scheduled(day))  # type: ignore[misc]
        assert asked[-4:] == between(day - 3 * ONE_DAY, day)
        assert asked[:-4] == between(FIRST - 5 * ONE_DAY, day - 4 * ONE_DAY), "compared: final"
    today = FIRST + 7 * ONE_DAY
    server.now = noon(today)
    with time_machine.travel(server.now, tick=True):
        pipeline = Setup().warehouse().pipeline
        assert sorted(plan(pipeline).by_day) == between(FIRST - 3 * ONE_DAY, today)
        by_cron()
        assert sorted(plan(pipeline).by_day) == between(today - 3 * ONE_DAY, today)
        found = status(pipeline)
    assert not found.lacking
    assert {(each.first, each.last) for each in found.reports} == {(FIRST - 5 * ONE_DAY, today)}
    marks = [each.marks for each in found.reports]
    restated = {day for own in marks for day, mark in own.items() if mark == "restated"}
    assert restated == {*between(today - 3 * ONE_DAY, today)}, "what is older is final"


def test_days_between_a_backfill_and_the_others_come_with_the_next_scheduled_run(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they do with `heal`, and with no `sync`."""
    monkeypatch.delenv("SOURCES__DATABUDDY__START_DATE")
    old, first = FIRST - 35 * ONE_DAY, FIRST - 30 * ONE_DAY
    assert at_noon(server, FIRST, by_cron) == between(first, FIRST)
    assert at_noon(server, FIRST, lambda: scheduled(old, "backfill")) == [old]
    assert not {*between(old + ONE_DAY, first - ONE_DAY)} & {*at_noon(server, FIRST, by_cron)}
    asked = at_noon(server, FIRST, lambda: scheduled(FIRST - ONE_DAY))
    assert {*between(old + ONE_DAY, first - ONE_DAY)} <= {*asked}


def test_the_first_run_loads_what_a_first_sync_would_and_a_backfill_nothing_else(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES__DATABUDDY__START_DATE")
    yesterday = FIRST - ONE_DAY
    asked = at_noon(server, FIRST, lambda: scheduled(FIRST - 5 * ONE_DAY, "backfill"))
    assert asked == [FIRST - 5 * ONE_DAY]
    Path("databuddy_warehouse.duckdb").unlink()
    shutil.rmtree(".databuddy")
    asked = at_noon(server, FIRST, lambda: scheduled(yesterday))
    assert asked == between(FIRST - 30 * ONE_DAY, yesterday)


def test_history_that_changed_is_found_by_a_scheduled_run_and_by_no_backfill(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a request more than such a run has anyway, but for what differs."""
    monkeypatch.setenv(
        "SOURCES__DATABUDDY__QUERY_TYPES",
        '["events_by_date", "top_pages", "summary_metrics_weekly"]',
    )
    monkeypatch.setenv("SOURCES__DATABUDDY__START_DATE", f"{FIRST - 12 * ONE_DAY}")
    shop = server.websites[0].id
    pipeline = Setup().warehouse().pipeline
    yesterday, days = FIRST - ONE_DAY, [FIRST - ago * ONE_DAY for ago in (6, 8, 9)]

    def requests(work: Callable[[], object]) -> int:
        before = len(server.log)
        server.now += timedelta(minutes=5)
        with time_machine.travel(server.now, tick=True):
            work()
        return len([each for each in server.log[before:] if each.path == "/v1/query"])

    def restated() -> set[tuple[str, date]]:
        with pipeline.sql_client() as client:
            sql = "SELECT report, date FROM restatements WHERE website_id = %s"
            return set(client.execute_sql(sql, shop) or ())

    requests(lambda: scheduled(yesterday))
    usual = requests(lambda: scheduled(yesterday))
    for day in days:
        server.events.add(shop, noon(day), received_at=server.now, path="/imported")
    assert requests(lambda: scheduled(days[-1], "backfill")) == 0, "final"
    assert restated() == set()
    assert requests(lambda: scheduled(yesterday)) <= usual + 1
    assert restated() == {
        *((name, day) for name in ("events_by_date", "top_pages") for day in days),
        *(("summary_metrics_weekly", day - day.weekday() * ONE_DAY) for day in days),
    }
    assert requests(lambda: scheduled(yesterday)) <= usual
    assert usual <= len(server.websites)


def test_what_a_server_says_of_history_for_one_night_makes_the_run_red(
    server: DemoServer,
) -> None:
    scheduled(FIRST - ONE_DAY)
    server.faults.add(Fault(rows=lambda rows: rows[1:], times=None))
    start = noon(FIRST - ONE_DAY)
    (group,) = groups(Setup(), 100)
    server.now += timedelta(minutes=5)
    with (
        time_machine.travel(server.now, tick=True),
        pytest.raises(AirflowException, match=f"country of .* on {FIRST - 5 * ONE_DAY}: suspect"),
    ):
        load_group(Setup(), group, context(start, start + ONE_DAY))


def test_another_try_of_a_run_asks_for_what_is_lacking_only(server: DemoServer) -> None:
    failing = FIRST - 2 * ONE_DAY
    server.faults.add(Fault(day=failing, parameter_error="oh", times=None))
    start = noon(FIRST - ONE_DAY)
    given = context(start, start + ONE_DAY)
    (group,) = groups(Setup(), 100)
    with pytest.raises(AirflowException, match="3 cells: failed: oh") as raised:
        load_group(Setup(), group, given)
    for website in server.websites:
        assert f"- country of {website.id} on {failing}" in str(raised.value).splitlines()
    assert type(raised.value) is AirflowException
    assert complete_tables(Setup(), [group], given) == {}
    assert given["label"] == f"{group['label']}, {FIRST - ONE_DAY}", "what Airflow shows"
    server.faults.clear()
    assert at_noon(server, FIRST, lambda: load_group(Setup(), group, given)) == [failing]
    told = complete_tables(Setup(), [group], given)
    assert told["country"]["rows"] > 0
    assert (told["country"]["first"], told["country"]["last"]) == (
        f"{FIRST - 4 * ONE_DAY}",
        f"{FIRST - ONE_DAY}",
    )


def test_cells_are_those_of_a_tables_own_websites_from_the_first_day_on(
    server: DemoServer,
) -> None:
    shop, ids = server.websites[0], [each.id for each in server.websites]
    given = configured(query_types=["country", "top_pages"], websites=[shop.domain])
    run = Run.of(context(noon(FIRST - ONE_DAY), noon(FIRST)), given)
    before = len(server.log)
    for start, first in ((None, 4), (FIRST - 2 * ONE_DAY, 2), (FIRST, 1)):
        own = given.model_copy(update={"start_date": start})
        assert run.cells(own, reports(own), ids) == [
            Cells(name, shop.id, FIRST - first * ONE_DAY, FIRST - ONE_DAY)
            for name in ("country", "top_pages")
        ]
    assert len(server.log) - before == 3, "one request for all tables"


def test_where_nothing_was_loaded_no_table_is_complete(server: DemoServer) -> None:
    assert complete_tables(Setup(), groups(Setup(), 100), context()) == {}


def test_3_000_websites_are_30_tasks(server: DemoServer) -> None:
    size = signature(databuddy).parameters["websites_per_task"].default
    found = groups(Setup(settings(websites=[f"website-{each}" for each in range(3000)])), size)
    assert [len(each["websites"]) for each in found] == [100] * 30
    assert found[0]["label"] == "website-0 and 99 more"


def test_websites_are_grouped(server: DemoServer) -> None:
    found = groups(Setup(), 2)
    assert [len(each["websites"]) for each in found] == [2, 1]
    assert found[0]["label"] == f"{server.websites[0].domain} and 1 more"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AlreadyRunning("Another sync is running"), AirflowRescheduleException),
        (KeyRejected("The server rejects the key"), AirflowFailException),
        (Unreachable("The server is away"), AirflowException),
        (DestinationAway("The warehouse is away"), AirflowException),
        (OperationalError("Connection refused"), AirflowException),
        (OperationalError("password authentication failed"), AirflowFailException),
    ],
)
def test_airflow_is_told_whether_to_try_again(
    error: Exception,
    told: type[AirflowException],
    server: DemoServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*given: Any, **more: Any) -> list[str]:
        raise error

    monkeypatch.setattr(airflow_load, "load_cells", fails)
    (group,) = groups(Setup(), 100)
    with pytest.raises(AirflowException) as raised:
        load_group(Setup(), group, context())
    assert type(raised.value) is told
    assert raised.value.__cause__ is raised.value.__context__ is None


def test_a_wrong_key_of_one_account_is_not_tried_again_and_told_once(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCES__DATABUDDY__API_KEY")
    for number, website in enumerate(server.websites):
        account = f"SOURCES__DATABUDDY__ACCOUNTS__A{number}"
        monkeypatch.setenv(f"{account}__API_KEY", "dbdy_wrong" if number else server.api_key)
        monkeypatch.setenv(f"{account}__WEBSITES", f'["{website.id}"]')
    (group,) = groups(Setup(), 100)
    with pytest.raises(AirflowFailException, match="rejects the key") as raised:
        load_group(Setup(), group, context(noon(FIRST - ONE_DAY), noon(FIRST)))
    assert str(raised.value).count("rejects the key") == 2, "two accounts"
    blog = server.websites[1].id
    days = f"{FIRST - 5 * ONE_DAY} to {FIRST - ONE_DAY}, 5 cells"
    assert f"- country of {blog} on {days}" in str(raised.value)


def test_a_scheduled_run_comes_before_a_backfill() -> None:
    tasks = databuddy(settings=settings(), default_args={"pool": "one"}).task_dict
    now, later = tasks["load"], tasks["load_of_backfill"]
    assert now.priority_weight > later.priority_weight
    # by itself, and not with those that come after it
    assert now.weight_rule == later.weight_rule == "absolute"
    assert now.pool == later.pool == "one"
