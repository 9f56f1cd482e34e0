"""Dagster's own scheduler, run queue and pool, with runs in processes of their own."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context, instance_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import (
    QueuedRunCoordinatorDaemon,
)
from dagster._scheduler.scheduler import launch_scheduled_runs

import databuddy_source
from databuddy_source.demo import DemoServer
from databuddy_source.orchestrators.partitions import WEBSITES
from tests.traffic import demo_server

DEFINITIONS = """
from datetime import UTC, datetime, timedelta

from databuddy_source import configured
from databuddy_source.orchestrators.dagster import databuddy_assets

settings = configured(query_types=["country", "country_weekly"])
first = datetime.now(UTC).date() - timedelta(days=7)
defs = databuddy_assets(settings, first_day=first, cron_schedule="* * * * *", retries=0)
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[DemoServer]:
    with demo_server(today=datetime.now(UTC).date(), days=14) as running:
        monkeypatch.setenv("SOURCES__DATABUDDY__API_KEY", running.api_key)
        monkeypatch.setenv("SOURCES__DATABUDDY__BASE_URL", running.url)
        monkeypatch.setenv("SOURCES__DATABUDDY__LOOKBACK_DAYS", "0")
        monkeypatch.setenv("PYTHONPATH", str(Path(databuddy_source.__file__).parents[1]))
        yield running


def schedule(workspace: WorkspaceProcessContext) -> None:
    """Turn the schedules of tables on and let a minute go by, as the daemon does."""
    (entry,) = workspace.create_request_context().get_code_location_entries().values()
    assert entry.code_location, entry.load_error
    (repository,) = entry.code_location.get_repositories().values()
    for each in repository.get_schedules():
        if each.name != "databuddy_fresh_schedule":
            workspace.instance.start_schedule(each)
    minute = datetime.now(UTC) + timedelta(seconds=60)
    for wrong in launch_scheduled_runs(workspace, logging.getLogger("dagster"), minute, {}):
        assert not isinstance(wrong, Exception), wrong


def test_two_schedules_of_one_pool_load_one_after_the_other(
    server: DemoServer, tmp_path: Path
) -> None:
    file = tmp_path / "definitions.py"
    file.write_text(DEFINITIONS)
    target = PythonFileTarget(str(file), None, str(tmp_path), "databuddy")
    with (
        instance_for_test() as instance,
        create_test_daemon_workspace_context(target, instance) as workspace,
    ):
        instance.event_log_storage.set_concurrency_slots("databuddy", 1)
        instance.add_dynamic_partitions(WEBSITES, [each.id for each in server.websites])
        schedule(workspace)
        queue = QueuedRunCoordinatorDaemon(interval_seconds=1)
        while not all(each.is_finished for each in instance.get_runs()):
            list(queue.run_iteration(workspace))
            time.sleep(0.3)
        runs = instance.get_runs()
        assert {each.job_name for each in runs} == {"databuddy_day", "databuddy_week"}
        assert {each.status for each in runs} == {dg.DagsterRunStatus.SUCCESS}
        # the pool has a place again before the run of a step that is done has ended
        steps = [each for run in runs for each in instance.get_run_step_stats(run.run_id)]
        times = sorted((each.start_time or 0.0, each.end_time or 0.0) for each in steps)
        assert len(times) == len(runs)
        assert all(end <= start for (_, end), (start, _) in pairwise(times))
        for table in ("country", "country_weekly"):
            assert instance.get_materialized_partitions(dg.AssetKey(["databuddy", table]))
