"""Dagster sees tables, days and websites: a real instance loads from a demo server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import dagster as dg
import pytest
import time_machine
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.storage.partition_status_cache import get_and_update_asset_status_cache_value
from dagster.components.testing.utils import component_defs

from databuddy_source import BadConfiguration, Cells, ReportTable, Step, configured
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.errors import Unreachable
from databuddy_source.orchestrators import dagster_load
from databuddy_source.orchestrators.dagster import (
    DatabuddyResource,
    DatabuddyTranslator,
    databuddy_assets,
)
from databuddy_source.orchestrators.dagster_component import DatabuddyComponent
from databuddy_source.orchestrators.dagster_schedule import RANGE_END, RANGE_START
from databuddy_source.orchestrators.partitions import WEBSITES
from tests.traffic import asked, demo_server
from tests.warehouses import postgres

TODAY = datetime.now(UTC).date()
REPORTS = ["top_pages", "country", "events_by_date_hourly", "top_pages_weekly"]


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def morning(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 4, tzinfo=UTC)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoServer]:
    with demo_server(today=TODAY, days=14) as running:
        monkeypatch.setenv("SOURCES__DATABUDDY__API_KEY", running.api_key)
        monkeypatch.setenv("SOURCES__DATABUDDY__BASE_URL", running.url)
        yield running


class Dagster:
    """An instance with the definitions of some reports."""

    def __init__(self, instance: dg.DagsterInstance, **given: Any) -> None:
        self.instance = instance
        chosen = {"query_types": REPORTS}
        chosen |= {name: given.pop(name) for name in ("query_types", "websites") if name in given}
        settings = configured(**chosen)
        self.defs = databuddy_assets(settings, **{"retries": 1, "seconds_between": 0, **given})

    def tick(self, at: datetime, period: str = "day") -> Any:
        """What the schedule of a period says at an instant."""
        schedule = self.defs.resolve_schedule_def(f"databuddy_{period}_schedule")
        with dg.build_schedule_context(
            instance=self.instance, scheduled_execution_time=at
        ) as context:
            return schedule.evaluate_tick(context)

    def launch(self, request: dg.RunRequest, period: str = "day") -> dg.ExecuteInProcessResult:
        """As the daemon does with what a schedule says."""
        return self.run(
            request.tags[RANGE_START],
            request.tags[RANGE_END],
            job=f"databuddy_{period}",
            config=request.run_config,
            tags={"dagster/schedule_name": f"databuddy_{period}_schedule"},
        )

    def look_for_websites(self) -> list[str]:
        """As the daemon does with what the sensor says."""
        with dg.build_sensor_context(
            instance=self.instance, definitions=self.defs, resources=self.defs.resources
        ) as context:
            result = self.defs.resolve_sensor_def(WEBSITES).evaluate_tick(context)
        for each in result.dynamic_partitions_requests or ():
            name, keys = each.partitions_def_name, each.partition_keys
            if type(each).__name__.startswith("Add"):
                self.instance.add_dynamic_partitions(name, keys)
            else:
                for key in keys:
                    self.instance.delete_dynamic_partition(name, key)
        return list(self.instance.get_dynamic_partitions(WEBSITES))

    def run(
        self,
        first: str,
        last: str | None = None,
        *,
        job: str = "databuddy_day",
        tables: Sequence[str] | None = None,
        config: Any = None,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> dg.ExecuteInProcessResult:
        """Load a range of partitions in one run."""
        return self.defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            tags={**tags, RANGE_START: first, RANGE_END: last or first},
            asset_selection=[key_of(each) for each in tables] if tables else None,
            run_config=config,
        )

    def materialized(self, table: str) -> set[str]:
        return set(self.instance.get_materialized_partitions(key_of(table)))

    def failed(self, table: str) -> set[str]:
        """The partitions that Dagster shows in red."""
        key = key_of(table)
        partitions = self.defs.resolve_asset_graph().get(key).partitions_def
        found = get_and_update_asset_status_cache_value(self.instance, key, partitions)
        assert found
        assert partitions
        return set(found.deserialize_failed_partition_subsets(partitions).get_partition_keys())

    def metadata(self, table: str, partition: str) -> dict[str, Any]:
        (record,) = self.instance.fetch_materializations(
            dg.AssetRecordsFilter(key_of(table), asset_partitions=[partition]), limit=1
        ).records
        found = record.asset_materialization
        assert found
        return {name: each.value for name, each in found.metadata.items()}


def key_of(table: str) -> dg.AssetKey:
    return dg.AssetKey(["databuddy", table])


def checks(result: dg.ExecuteInProcessResult, name: str) -> dict[str, bool]:
    """What a check says of each table, the last time."""
    return {
        each.asset_key.path[-1]: each.passed
        for each in result.get_asset_check_evaluations()
        if each.check_name == name
    }


def why(result: dg.ExecuteInProcessResult) -> str:
    """Why the load of days failed."""
    failure = result.failure_data_for_node("databuddy_by_day")
    assert failure
    assert failure.error
    return str(failure.error.cause or failure.error)


@pytest.fixture
def open_dagster(tmp_path: Path, server: DemoServer) -> Callable[..., Dagster]:
    return lambda **given: Dagster(dg.DagsterInstance.local_temp(str(tmp_path)), **given)


@pytest.fixture
def dagster(open_dagster: Callable[..., Dagster]) -> Dagster:
    return open_dagster()


def test_an_asset_is_a_table_and_nothing_is_asked_for_it(
    dagster: Dagster, server: DemoServer
) -> None:
    graph = dagster.defs.resolve_asset_graph()
    assert graph.materializable_asset_keys == {key_of(each) for each in REPORTS}
    spec = next(
        each for each in dagster.defs.resolve_all_asset_specs() if each.key == key_of("top_pages")
    )
    assert (spec.group_name, spec.kinds) == ("databuddy", {"dlt"})
    columns = {each.name: each for each in spec.metadata["dagster/column_schema"].columns}
    assert columns["visitors"].type == "bigint"
    assert "must not be added up" in str(columns["visitors"].description)
    partitions = graph.get(key_of("events_by_date_hourly")).partitions_def
    assert isinstance(partitions, dg.MultiPartitionsDefinition)
    assert partitions.partition_dimension_names == ["date", "website"]
    weeks = graph.get(key_of("top_pages_weekly")).partitions_def
    assert isinstance(weeks, dg.MultiPartitionsDefinition)
    assert weeks.partition_dimension_names == ["date", "website"]
    assert {each.name for each in graph.asset_check_keys} == {"complete", "final", "fresh"}
    assert not server.log


def test_a_team_chooses_keys_groups_and_owners(open_dagster: Callable[..., Dagster]) -> None:
    class Ours(DatabuddyTranslator):
        def get_asset_spec(self, table: ReportTable) -> dg.AssetSpec:
            own = super().get_asset_spec(table)
            return own.replace_attributes(
                key=["raw", "web", table.name], group_name="marketing", owners=["team:data"]
            )

    defs = open_dagster(translator=Ours()).defs
    specs = {each.key: each for each in defs.resolve_all_asset_specs()}
    pages = specs[dg.AssetKey(["raw", "web", "top_pages"])]
    assert (pages.group_name, list(pages.owners)) == ("marketing", ["team:data"])


def test_one_run_loads_many_partitions_and_shows_which_failed(
    dagster: Dagster, server: DemoServer
) -> None:
    shop, blog, *_ = dagster.look_for_websites()
    assert {shop, blog} < {each.id for each in server.websites}
    server.faults.add(
        Fault(website_id=shop, query_type="country", day=ago(6), times=None, parameter_error="oh")
    )
    before = len(server.log)
    result = dagster.run(f"{ago(8)}|{shop}", f"{ago(5)}|{blog}")
    assert not result.success
    all_of_them = {f"{ago(day)}|{website}" for day in range(5, 9) for website in (shop, blog)}
    bad = f"{ago(6)}|{shop}"
    assert dagster.materialized("top_pages") == all_of_them
    assert dagster.materialized("events_by_date_hourly") == all_of_them
    assert dagster.materialized("country") == all_of_them - {bad}
    assert dagster.failed("country") == {bad}
    assert dagster.failed("top_pages") == set()
    assert checks(result, "complete") == {
        "top_pages": True,
        "country": False,
        "events_by_date_hourly": True,
    }
    assert dagster.materialized("top_pages_weekly") == set()
    told = dagster.metadata("top_pages", f"{ago(5)}|{blog}")
    assert told["dagster/partition_row_count"] > 0
    assert (told["cells"], told["coverage"], told["final"]) == (1, "complete", True)
    assert dagster.metadata("events_by_date_hourly", bad)["cells"] == 24
    # the first try asks for all, in one load, and each other one for what is lacking only
    again = asked(server, before)
    assert again.count((shop, "top_pages", f"{ago(6)}")) == 1
    assert again.count((shop, "country", f"{ago(6)}")) >= 2
    assert f"country of {shop} on {ago(6)}: failed: oh" in why(result)


def test_a_failed_partition_is_healed_by_another_run(dagster: Dagster, server: DemoServer) -> None:
    shop = dagster.look_for_websites()[0]
    partition = f"{ago(7)}|{shop}"
    server.faults.add(Fault(query_type="country", times=None, parameter_error="oh"))
    assert not dagster.run(partition).success
    server.faults.clear()
    server.now += timedelta(hours=1)  # its clock stands still
    before = len(server.log)
    result = dagster.run(partition)
    assert result.success
    assert asked(server, before) == [(shop, "country", f"{ago(7)}")], "the others are final"
    assert dagster.materialized("country") == {partition}
    assert dagster.failed("country") == set()
    assert checks(result, "complete")["country"]
    server.now += timedelta(hours=1)
    before = len(server.log)
    config = {"ops": {"databuddy_by_day": {"config": {"refetch": True}}}}
    assert dagster.run(partition, tables=["top_pages"], config=config).success
    assert asked(server, before) == [(shop, "top_pages", f"{ago(7)}")], "a subset, and anew"


def test_a_postgres_that_goes_away_is_tried_again_and_a_wrong_password_is_not(
    open_dagster: Callable[..., Dagster], monkeypatch: pytest.MonkeyPatch
) -> None:
    dagster = open_dagster(
        query_types=["country"], resource=DatabuddyResource(destination="postgres")
    )
    shop = dagster.look_for_websites()[0]
    known, load, down = dagster_load.known_cells, dagster_load.load_cells, list[bool]()
    with postgres.server() as running:
        credentials = "DESTINATION__POSTGRES__CREDENTIALS"
        monkeypatch.setenv(credentials, running.url.replace(postgres.PASSWORD, "secret-word"))
        wrong = dagster.run(f"{ago(7)}|{shop}")
        assert "password authentication failed" in why(wrong)
        logs = dagster.instance.all_logs(wrong.run_id)
        assert not any("secret-word" in str(each) for each in logs)
        assert "STEP_UP_FOR_RETRY" not in [each.event_type_value for each in wrong.all_events]

        def goes_away(*given: Any, **more: Any) -> Any:
            if not down:
                running.stop()
                down.append(True)
            return known(*given, **more)

        def comes_back(*given: Any, **more: Any) -> Any:
            if down:
                running.start()
            return load(*given, **more)

        monkeypatch.setenv(credentials, running.url)
        monkeypatch.setattr(dagster_load, "known_cells", goes_away)
        monkeypatch.setattr(dagster_load, "load_cells", comes_back)
        result = dagster.run(f"{ago(7)}|{shop}")
    assert result.success
    assert "STEP_UP_FOR_RETRY" in [each.event_type_value for each in result.all_events]
    assert dagster.materialized("country") == {f"{ago(7)}|{shop}"}


def test_what_was_loaded_before_the_server_went_away_is_told(
    open_dagster: Callable[..., Dagster], monkeypatch: pytest.MonkeyPatch
) -> None:
    dagster = open_dagster(query_types=["country"], first_day=ago(6), retries=0)
    shop = dagster.look_for_websites()[0]
    real = dagster_load.load_cells

    def breaks_off(
        pipeline: Any, cells: list[Cells], *given: Any, tell: Callable[[Step], None], **more: Any
    ) -> list[str]:
        some = [each for each in cells if each.first <= ago(4)]
        loads = real(pipeline, some, *given, **more)
        tell(Step(ago(6), ago(4), loads, len(some), len(cells)))
        raise Unreachable("The server is away")

    monkeypatch.setattr(dagster_load, "load_cells", breaks_off)
    config = {"ops": {"databuddy_by_day": {"config": {"lacking": True}}}}
    result = dagster.run(f"{ago(4)}|{shop}", f"{ago(2)}|{shop}", config=config)
    assert "The server is away" in why(result)
    # of the run, and of what was lacking
    assert dagster.materialized("country") == {f"{ago(day)}|{shop}" for day in (4, 5, 6)}
    assert dagster.failed("country") == {f"{ago(day)}|{shop}" for day in (2, 3)}


def test_a_wrong_key_is_not_tried_again(
    open_dagster: Callable[..., Dagster], server: DemoServer
) -> None:
    dagster = open_dagster()
    shop = dagster.look_for_websites()[0]
    wrong = open_dagster(resource=DatabuddyResource(api_key="dbdy_wrong"), retries=5)
    result = wrong.run(f"{ago(7)}|{shop}")
    assert not result.success
    kinds = [each.event_type_value for each in result.all_events]
    assert "STEP_UP_FOR_RETRY" not in kinds
    told = str(result.failure_data_for_node("databuddy_by_day"))
    assert "rejects the key" in told
    assert "dbdy_wrong" not in told
    assert wrong.failed("top_pages") == {f"{ago(7)}|{shop}"}


def test_a_wrong_key_of_one_account_is_not_tried_again_and_told_once(
    open_dagster: Callable[..., Dagster], server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, blog, other = (each.id for each in server.websites)
    monkeypatch.delenv("SOURCES__DATABUDDY__API_KEY")
    for name, website, key in (
        ("SHOP", shop, server.api_key),
        ("BLOG", blog, "dbdy_wrong"),
        ("OTHER", other, server.api_key),
    ):
        account = f"SOURCES__DATABUDDY__ACCOUNTS__{name}"
        monkeypatch.setenv(f"{account}__API_KEY", key)
        monkeypatch.setenv(f"{account}__WEBSITES", f'["{website}"]')
    dagster = open_dagster(query_types=["country", "top_pages"])
    ids = dagster.look_for_websites()
    first, last = f"{ago(7)}|{ids[0]}", f"{ago(5)}|{ids[-1]}"
    result = dagster.run(first, last)
    assert "STEP_UP_FOR_RETRY" not in [each.event_type_value for each in result.all_events]
    assert dagster.failed("country") == {f"{ago(day)}|{blog}" for day in (5, 6, 7)}
    told = why(result)
    assert told.count("rejects the key") == 1
    assert "6 cells: failed: The server rejects the key" in told
    assert f"- country of {blog} on {ago(7)} to {ago(5)}, 3 cells" in told
    # what may pass is tried again beside it
    server.now += timedelta(hours=1)  # its clock stands still
    fault = Fault(website_id=shop, query_type="country", times=None, parameter_error="oh")
    server.faults.add(fault)
    config = {"ops": {"databuddy_by_day": {"config": {"refetch": True}}}}
    result = dagster.run(first, last, config=config)
    assert "STEP_UP_FOR_RETRY" in [each.event_type_value for each in result.all_events]
    assert {line.split(":")[0] for line in why(result).splitlines() if "cells:" in line} == {
        "3 cells",
        "6 cells",
    }


def test_an_outage_is_tried_again_and_what_was_loaded_before_is_told(
    dagster: Dagster, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = dagster.look_for_websites()[0]
    real, tries = dagster_load.load_cells, list[int]()

    def away(*given: Any, **more: Any) -> list[str]:
        tries.append(1)
        if len(tries) == 1:
            raise Unreachable("The server is away")
        return real(*given, **more)

    monkeypatch.setattr(dagster_load, "load_cells", away)
    result = dagster.run(f"{ago(7)}|{shop}")
    assert result.success
    assert len(tries) == 2
    assert "STEP_UP_FOR_RETRY" in [each.event_type_value for each in result.all_events]
    assert dagster.materialized("top_pages") == {f"{ago(7)}|{shop}"}


def test_weeks_have_partitions_of_their_own(dagster: Dagster, server: DemoServer) -> None:
    shop = dagster.look_for_websites()[0]
    monday = ago(7) - timedelta(days=ago(7).weekday())
    partition = f"{monday}|{shop}"
    assert dagster.run(partition, job="databuddy_week").success
    assert dagster.materialized("top_pages_weekly") == {partition}
    assert dagster.metadata("top_pages_weekly", partition)["cells"] == 1
    assert {each[2] for each in asked(server)} == {f"{monday}"}


def test_websites_come_and_go(dagster: Dagster, server: DemoServer) -> None:
    ids = dagster.look_for_websites()
    assert ids == [each.id for each in server.websites]
    dagster.instance.add_dynamic_partitions(WEBSITES, ["gone"])
    assert dagster.look_for_websites() == ids


def test_a_key_that_sees_none_of_the_websites_takes_none_away(
    open_dagster: Callable[..., Dagster],
) -> None:
    dagster = open_dagster()
    dagster.instance.add_dynamic_partitions(WEBSITES, ["ours", "theirs"])
    with pytest.raises(BadConfiguration, match=r"sees none of the 2 websites .* delete"):
        dagster.look_for_websites()
    assert dagster.instance.get_dynamic_partitions(WEBSITES) == ["ours", "theirs"]
    dagster.instance.add_dynamic_partitions(WEBSITES, ["new"])
    named = open_dagster(websites=["other"])
    assert named.look_for_websites() == ["other"], "which somebody has named"


def test_partitions_stay_on_later_days(open_dagster: Callable[..., Dagster]) -> None:
    """Else a run that waits, a backfill and what failed lose theirs."""

    def first() -> str:
        graph = open_dagster(query_types=["country"]).defs.resolve_asset_graph()
        partitions = graph.get(key_of("country")).partitions_def
        assert isinstance(partitions, dg.MultiPartitionsDefinition)
        (found,) = (each for each in partitions.partitions_defs if each.name == "date")
        key = found.partitions_def.get_first_partition_key()
        assert key
        return key

    before = first()
    with time_machine.travel(morning(ago(-40)), tick=True):
        assert first() == before


@pytest.mark.parametrize("gone", ["website", "day"])
def test_a_run_whose_partitions_were_taken_away_meanwhile_says_so_and_is_not_tried_again(
    open_dagster: Callable[..., Dagster], gone: str
) -> None:
    dagster = open_dagster(query_types=["country"])
    shop, *_, last = dagster.look_for_websites()

    def job(own: Dagster) -> dg.JobDefinition:
        one_process = dg.Definitions(executor=dg.in_process_executor)
        return dg.Definitions.merge(own.defs, one_process).resolve_job_def("databuddy_day")

    queued = dagster.instance.create_run_for_job(
        job(dagster), tags={RANGE_START: f"{ago(2)}|{shop}", RANGE_END: f"{ago(1)}|{last}"}
    )
    if gone == "website":
        dagster.instance.delete_dynamic_partition(WEBSITES, last)
    later = open_dagster(query_types=["country"], first_day=ago(1)) if gone == "day" else dagster
    result = execute_run(InMemoryJob(job(later)), queued, dagster.instance)
    assert not result.success
    events = [each.event_type_value for each in result.all_events]
    assert "STEP_UP_FOR_RETRY" not in events
    (failed,) = (each for each in result.all_events if each.is_step_failure)
    assert "The first or the last partition of this run is gone" in str(failed.step_failure_data)


def test_each_morning_one_run_loads_what_is_over_and_what_may_have_changed(
    dagster: Dagster,
) -> None:
    at = morning(TODAY)
    assert "no website yet" in str(dagster.tick(at).skip_message)
    shop, *_, last = dagster.look_for_websites()
    (request,) = dagster.tick(at).run_requests
    first, end = request.tags[RANGE_START], request.tags[RANGE_END]
    assert (first, end) == (f"{ago(4)}|{shop}", f"{ago(1)}|{last}")
    assert dagster.run(first, end, tables=["top_pages"]).success
    assert len(dagster.materialized("top_pages")) == 4 * len(dagster.look_for_websites())


def test_a_week_is_asked_for_until_it_was_loaded_after_its_last_late_events(
    open_dagster: Callable[..., Dagster],
) -> None:
    dagster = open_dagster(first_day=ago(20))
    shop, *_ = dagster.look_for_websites()
    monday = TODAY - timedelta(days=TODAY.weekday() + 7)
    week = f"{monday - timedelta(days=7)}|{shop}"

    def tick(day: date) -> Any:
        return dagster.tick(morning(day), "week")

    for days in (0, 3, 5):  # nobody runs it
        (request,) = tick(monday + timedelta(days=days)).run_requests
        assert request.tags[RANGE_START] == week
    with time_machine.travel(morning(monday + timedelta(days=5)), tick=True):
        assert dagster.launch(request, "week").success
    assert tick(monday + timedelta(days=6)).skip_message
    (request,) = tick(monday + timedelta(days=7)).run_requests
    assert request.tags[RANGE_START] == f"{monday}|{shop}"
    early = open_dagster(first_day=monday)
    assert "No week is over yet" in str(early.tick(morning(monday), "week").skip_message)


def test_after_missed_mornings_all_that_may_have_changed_is_asked_for_again(
    open_dagster: Callable[..., Dagster], server: DemoServer
) -> None:
    dagster = open_dagster(query_types=["country", "top_pages"], first_day=ago(14))
    shop, *_ = dagster.look_for_websites()
    server.faults.add(
        Fault(website_id=shop, query_type="country", day=ago(12), times=None, parameter_error="oh")
    )

    def wake(day: date) -> tuple[dg.ExecuteInProcessResult, set[tuple[str | None, str]]]:
        server.now = morning(day)
        before = len(server.log)
        with time_machine.travel(server.now, tick=True):
            (request,) = dagster.tick(server.now).run_requests
            result = dagster.launch(request)
        return result, {(site, day) for site, _, day in asked(server, before)}

    result, questions = wake(ago(10))
    assert not result.success
    assert dagster.failed("country") == {f"{ago(12)}|{shop}"}
    every = [each.id for each in server.websites]
    assert questions == {(site, f"{ago(day)}") for site in every for day in range(11, 15)}
    server.faults.clear()
    # nobody wakes on ago(9) ... ago(5)
    result, questions = wake(ago(4))
    assert result.success
    newest = {(site, f"{ago(day)}") for site in every for day in range(5, 14)}
    assert questions == newest | {(site, f"{ago(14)}") for site in every}, "compared: final"
    assert dagster.failed("country") == set()
    assert dagster.materialized("country") == {
        f"{ago(day)}|{site}" for site in every for day in range(5, 15)
    }
    assert dagster.metadata("top_pages", f"{ago(11)}|{shop}")["final"]
    assert checks(result, "final") == {"country": True, "top_pages": True}
    # what is final is compared on the next day, where there is room, and not loaded
    _, questions = wake(ago(3))
    assert questions >= {(site, f"{ago(day)}") for site in every for day in range(4, 8)}
    assert dagster.metadata("top_pages", f"{ago(11)}|{shop}")["final"]


def test_what_is_lacking_of_other_days_makes_a_run_red(
    open_dagster: Callable[..., Dagster], server: DemoServer
) -> None:
    dagster = open_dagster(query_types=["country"], first_day=ago(7))
    shop, *_ = dagster.look_for_websites()
    server.faults.add(
        Fault(website_id=shop, query_type="country", day=ago(7), times=None, parameter_error="oh")
    )
    config = {"ops": {"databuddy_by_day": {"config": {"lacking": True}}}}
    with time_machine.travel(server.now, tick=True):
        result = dagster.run(f"{ago(5)}|{shop}", config=config)
    assert not result.success
    assert f"country of {shop} on {ago(7)}: failed: oh" in why(result)
    assert dagster.materialized("country") == {f"{ago(day)}|{shop}" for day in (1, 2, 3, 4, 5, 6)}
    assert checks(result, "complete") == {"country": False}


@pytest.mark.parametrize("last", [-3, 3], ids=["all of it", "a part"])
def test_a_partition_of_the_future_is_refused_at_once(
    dagster: Dagster, server: DemoServer, last: int
) -> None:
    shop = dagster.look_for_websites()[0]
    before = len(server.log)
    result = dagster.run(f"{ago(last)}|{shop}", f"{ago(-3)}|{shop}", tables=["top_pages"])
    assert not result.success
    assert "STEP_UP_FOR_RETRY" not in [each.event_type_value for each in result.all_events]
    assert "is of the future. Choose those that are over." in why(result)
    assert len(server.log) == before


def test_history_that_changed_is_found_by_the_schedule_and_by_no_other_run(
    open_dagster: Callable[..., Dagster], server: DemoServer
) -> None:
    """With its week, and without a request more than such a run has anyway."""
    dagster = open_dagster(query_types=["events_by_date", "top_pages", "top_pages_weekly"])
    shop, *_, last = dagster.look_for_websites()
    assert dagster.run(f"{ago(14)}|{shop}", f"{ago(1)}|{last}").success
    days = [ago(12), ago(13), ago(14)]  # weeks that are final, whatever day it is
    mondays = {day - timedelta(days=day.weekday()) for day in days}
    for monday in mondays:
        assert dagster.run(f"{monday}|{shop}", job="databuddy_week").success
    context = dg.build_asset_context(instance=dagster.instance)
    pipeline = DatabuddyResource().warehouse(context).pipeline

    def held(table: str) -> dict[date, int]:
        with pipeline.sql_client() as client:
            sql = f"SELECT date, SUM(pageviews) FROM {table} WHERE website_id = %s GROUP BY date"
            return dict(client.execute_sql(sql, shop) or ())

    def sent(work: Callable[[], dg.ExecuteInProcessResult]) -> int:
        before = len(server.log)
        assert work().success
        server.now += timedelta(minutes=5)
        return len([each for each in server.log[before:] if each.path == "/v1/query"])

    before, weeks = held("top_pages"), held("top_pages_weekly")
    for day in days:
        at = datetime.combine(day, time(12))
        server.events.add(shop, at, received_at=server.now, path="/imported")
    server.now += timedelta(minutes=5)
    assert sent(lambda: dagster.run(f"{ago(10)}|{shop}", f"{ago(7)}|{shop}")) == 0, "final"
    usual = sent(lambda: dagster.run(f"{ago(4)}|{shop}", f"{ago(1)}|{last}"))
    assert held("top_pages") == before
    (request,) = dagster.tick(morning(TODAY)).run_requests
    of_schedule = sent(lambda: dagster.launch(request))
    assert of_schedule <= usual + 1, "one more for what differs"
    after = held("top_pages")
    assert {day for day in after if after[day] != before.get(day)} == set(days)
    assert {day for day, views in held("top_pages_weekly").items() if views != weeks[day]} == (
        mondays
    )
    assert dagster.metadata("top_pages", f"{ago(13)}|{shop}")["restated"]
    for monday in mondays:
        assert dagster.metadata("top_pages_weekly", f"{monday}|{shop}")["restated"]
    assert sent(lambda: dagster.launch(request)) <= usual


def test_a_website_that_is_behind_is_not_fresh(dagster: Dagster) -> None:
    shop = dagster.look_for_websites()[0]

    def told() -> dict[str, bool]:
        job = dagster.defs.resolve_job_def("databuddy_fresh")
        return checks(job.execute_in_process(instance=dagster.instance), "fresh")

    assert told() == dict.fromkeys(REPORTS, False), "nothing is loaded yet"
    assert dagster.run(f"{ago(1)}|{shop}", tables=["top_pages", "country"]).success
    assert told()["top_pages"] is False
    for each in dagster.look_for_websites():
        assert dagster.run(f"{ago(1)}|{each}", tables=["top_pages"]).success
    found = told()
    assert (found["top_pages"], found["country"]) == (True, False)


def test_a_domain_that_was_never_loaded_is_not_fresh(
    open_dagster: Callable[..., Dagster],
) -> None:
    dagster = open_dagster(query_types=["country"])
    shop = dagster.look_for_websites()[0]
    assert dagster.run(f"{ago(1)}|{shop}").success
    new = open_dagster(query_types=["country"], websites=["new.example"])
    job = new.defs.resolve_job_def("databuddy_fresh")
    (found,) = job.execute_in_process(instance=dagster.instance).get_asset_check_evaluations()
    assert not found.passed
    assert "'new.example' is no website that was synced" in str(found.metadata["where"].value)


def test_what_is_said_is_in_the_log_of_the_run(dagster: Dagster) -> None:
    shop = dagster.look_for_websites()[0]
    said = "What a run says."
    real = dagster_load.load_cells

    def speaks(*given: Any, **more: Any) -> list[str]:
        logging.getLogger("databuddy_source").info(said)
        return real(*given, **more)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dagster_load, "load_cells", speaks)
        result = dagster.run(f"{ago(7)}|{shop}", tables=["top_pages"])
    logs = dagster.instance.all_logs(result.run_id)
    assert said in [each.user_message for each in logs]


@pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated")  # which Dagster calls
def test_a_component_of_a_project_is_written_in_yaml() -> None:
    made = DatabuddyComponent.resolve_from_yaml(
        "query_types: [top_pages, country_weekly]\n"
        "timezone: Europe/Berlin\n"
        "cron_schedule: 0 6 * * *\n"
    )
    defs = component_defs(component=made)
    keys = {each.key for each in defs.resolve_all_asset_specs()}
    assert keys == {key_of("top_pages"), key_of("country_weekly")}
    daily = defs.resolve_schedule_def("databuddy_day_schedule")
    assert (daily.cron_schedule, daily.execution_timezone) == ("0 6 * * *", "Europe/Berlin")
