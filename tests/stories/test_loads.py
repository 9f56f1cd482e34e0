"""Series of bounded loads: nothing twice, nothing lost, whatever happens in between."""

from __future__ import annotations

import logging
import os
import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import time_machine
from dlt.common.pipeline import LoadInfo
from dlt.common.runtime import signals
from dlt.pipeline.exceptions import PipelineStepFailed

from databuddy_source import sync
from databuddy_source.config.resolve import Choices, checked
from databuddy_source.coverage.queries import gaps_of_loads
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.errors import AlreadyRunning
from databuddy_source.extract.source import source_of
from databuddy_source.runs import pending, series
from databuddy_source.runs.plan import plan
from databuddy_source.runs.series import Step
from databuddy_source.warehouse.lock import alone
from tests.stories.conftest import TODAY, Make, Warehouse, without_nameless_sessions

Serve = Callable[..., DemoServer]

FEW = ["summary_metrics", "top_pages", "events_by_date", "summary_metrics_weekly"]
FIRST = TODAY - timedelta(days=8)
OLD = TODAY - timedelta(days=4)
"""The newest day that is final today."""


def account(made: Warehouse, **given: Any) -> Choices:
    """What to load."""
    own = {
        "api_key": made.server.api_key,
        "base_url": made.server.url,
        "websites": [website.id for website in made.server.websites[:2]],
        "query_types": FEW,
    }
    return checked(**own | given)


def run(made: Warehouse, **given: Any) -> tuple[list[Step], list[str]]:
    """Sync in loads at the server's time."""
    steps: list[Step] = []
    with time_machine.travel(made.server.now, tick=True):
        ids = sync(made.pipeline, *account(made, **given), tell=steps.append)
    assert gaps_of_loads(made.pipeline, ids) == []
    return steps, ids


def asked(server: DemoServer) -> list[tuple[str, str, str]]:
    """Every question that reached the server: website, query type, first day."""
    return [
        (request.website_id, parameter["name"], parameter["start_date"][:10])
        for request in server.log
        if request.path.endswith("/query") and request.method == "POST"
        for body in (request.body if isinstance(request.body, list) else [request.body])
        for parameter in body["parameters"]
    ]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loads of about two days."""
    monkeypatch.setattr(series, "QUESTIONS_PER_LOAD", 10)


def test_a_first_sync_of_many_days_is_a_series_and_ends_like_one_load(
    serve: Serve, warehouse: Make, small: None
) -> None:
    server = without_nameless_sessions(serve(days=12))
    whole = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    made = warehouse(server)
    steps, ids = run(made, start_date=FIRST)
    assert len(ids) == len(steps) + 1 >= 4
    assert made.tables() == whole.tables()
    # oldest first, without a gap, up to what is final; the last load is the daily sync
    assert steps[0].first <= FIRST
    assert all(
        later.first == earlier.last + timedelta(days=1) for earlier, later in pairwise(steps)
    )
    assert steps[-1].last == OLD
    assert [step.done for step in steps][-1] == steps[0].total
    daily = [each for each in asked(server) if each[1] == "top_pages"]
    assert len(daily) == len(set(daily))
    # and from then on it is an ordinary daily sync
    server.log.clear()
    steps, ids = run(made, start_date=FIRST, pack_size=1)  # no room for old days
    assert (len(steps), len(ids)) == (0, 1)
    assert {day for _, name, day in asked(server) if name == "top_pages"} == {
        (TODAY - timedelta(days=ago)).isoformat() for ago in range(4)
    }


def test_ctrl_c_at_the_end_of_a_load_ends_the_series(
    serve: Serve, warehouse: Make, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = warehouse(serve())
    first = TODAY - timedelta(days=12)
    days = {"since": first, "until": first + timedelta(days=9), "query_types": ["top_pages"]}
    load = made.pipeline.load

    def pressed(**given: Any) -> LoadInfo:
        with signals.intercepted_signals():  # as dlt does
            done = load(**given)
            os.kill(os.getpid(), signal.SIGINT)
            return done

    with monkeypatch.context() as patched, time_machine.travel(made.server.now, tick=True):
        patched.setattr(made.pipeline, "load", pressed)
        with pytest.raises(KeyboardInterrupt):
            sync(made.pipeline, *account(made, **days))
    assert made.query("SELECT count(DISTINCT date) FROM top_pages") == [(5,)]
    assert len(run(made, **days)[0]) == 1
    assert made.query("SELECT count(DISTINCT date) FROM top_pages") == [(10,)]


def test_what_was_slow_or_heavy_makes_the_next_load_smaller(
    serve: Serve, warehouse: Make, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = {"since": FIRST, "until": FIRST + timedelta(days=5), "query_types": ["top_pages"]}
    lengths = {}
    for name, value in (("SECONDS_PER_LOAD", 1e-6), ("ROWS_PER_LOAD", 1)):
        with monkeypatch.context() as patched:
            patched.setattr(series, name, value)
            steps, _ = run(warehouse(serve()), **days)
        lengths[name] = [(step.last - step.first).days + 1 for step in steps]
    # ten questions: five days of two websites; then a day
    assert lengths == {"SECONDS_PER_LOAD": [5, 1], "ROWS_PER_LOAD": [5, 1]}


def test_a_backfill_asks_once_for_what_is_final_unless_told_otherwise(
    serve: Serve, warehouse: Make, small: None
) -> None:
    server = serve(days=12)
    made = warehouse(server)
    days = {"since": FIRST, "until": OLD, "query_types": FEW[:3]}
    run(made, **days)
    held = made.tables()
    first = asked(server)
    server.log.clear()
    assert run(made, **days) == ([], [])
    assert asked(server) == []
    run(made, **days, refetch=True)
    assert sorted(set(asked(server))) == sorted(set(first))
    assert made.tables() == held


@pytest.mark.parametrize("pack_size", [100, 7])
def test_a_plan_says_what_a_run_then_asks(serve: Serve, warehouse: Make, pack_size: int) -> None:
    server = serve(days=12)
    made = warehouse(server)
    choices = account(made, start_date=FIRST, pack_size=pack_size)
    with time_machine.travel(server.now, tick=True):
        planned = plan(made.pipeline, *choices)
    assert asked(server) == []
    run(made, start_date=FIRST, pack_size=pack_size)
    assert planned.questions == len(asked(server))
    assert planned.requests == len([r for r in server.log if r.path.endswith("/query")])
    ((cells,),) = made.query("SELECT COUNT(*) FROM coverage")
    assert planned.cells == cells
    assert {name: each.reports for name, each in planned.by_website.items()} == {
        website.id: len(FEW) for website in server.websites[:2]
    }
    with time_machine.travel(server.now, tick=True):
        again = plan(made.pipeline, *choices)
    assert again.by_day.keys() == {TODAY - timedelta(days=ago) for ago in range(4)}


SEVERAL_ROUTES = ["country", "region", "city", "error_types", "events_by_date"]
"""Those of which a request of April 2026 holds one kind only, and one whose buckets need a zone."""


def test_a_plan_knows_what_cannot_travel_together(serve: Serve, warehouse: Make) -> None:
    server = serve(days=12)
    made = warehouse(server)
    chosen = {"query_types": SEVERAL_ROUTES, "timezone": "America/New_York", "pack_size": 7}
    for is_first in (True, False):  # what an earlier run had answers of travels otherwise
        server.log.clear()
        with time_machine.travel(server.now, tick=True):
            planned = plan(made.pipeline, *account(made, start_date=FIRST, **chosen))
        run(made, start_date=FIRST, **chosen)
        requests = [each for each in server.log if each.path.endswith("/query")]
        # the room that later requests have left is for old days
        assert (planned.questions == len(asked(server))) is is_first
        assert planned.requests == len(requests)
        together = planned.questions / chosen["pack_size"]
        assert len(requests) > -(-together // 1)


def test_a_range_of_a_series_is_asked_for_whole_in_each_load(
    serve: Serve, warehouse: Make, small: None
) -> None:
    """Of the days in the middle only the series are missing."""
    server = serve(days=12)
    made = warehouse(server)
    middle = {"since": FIRST + timedelta(days=1), "until": OLD - timedelta(days=1)}
    run(made, **middle, query_types=["summary_metrics", "top_pages"])
    run(made, since=FIRST, until=OLD)
    ((days,),) = made.query("SELECT COUNT(DISTINCT date) FROM events_by_date")
    assert days == (OLD - FIRST).days + 1


def test_a_key_that_is_withdrawn_ends_the_series(
    serve: Serve, warehouse: Make, small: None
) -> None:
    server = serve(days=12)
    made = warehouse(server)
    server.faults.add(Fault(status=401, body={"code": "AUTH_REQUIRED"}, times=None))
    with time_machine.travel(server.now, tick=True):
        ids = sync(made.pipeline, *account(made, since=FIRST, until=OLD))
    assert len(ids) == 1
    server.faults.clear()
    steps, _ = run(made, since=FIRST, until=OLD)
    assert steps[0].first <= FIRST


def test_two_syncs_of_one_pipeline_do_not_run_at_once(serve: Serve, warehouse: Make) -> None:
    made = warehouse(serve())
    with (
        alone(made.pipeline),
        ThreadPoolExecutor(1) as other,
        pytest.raises(AlreadyRunning) as caught,
    ):
        other.submit(sync, made.pipeline, *account(made)).result()
    assert "Another sync into databuddy is running: process " in str(caught.value)
    assert "--wait" in str(caught.value)
    run(made, start_date=OLD)


def broken(made: Warehouse, stage: str) -> None:
    """Extract (and normalize) days whose files then turn into garbage."""
    with time_machine.travel(made.server.now, tick=True):
        made.pipeline.extract(source_of(*account(made, since=OLD, until=OLD, refetch=True)))
        if stage == "load":
            made.pipeline.normalize()
    files = list((Path(made.pipeline.working_dir) / stage).rglob("top_pages.*.parquet"))
    assert files
    for file in files:
        file.write_bytes(b"PAR1 this is no table PAR1")


@pytest.mark.parametrize("stage", ["normalize", "load"])
def test_what_can_never_load_is_set_aside_and_asked_for_again(
    stage: str, serve: Serve, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, run, start_date=OLD)
    whole = made.tables()
    broken(made, stage)
    for _ in range(4):  # an error that may pass is waited for in a few runs
        try:
            with caplog.at_level(logging.WARNING, "databuddy_source"):
                run(made, start_date=OLD)
        except PipelineStepFailed:
            continue
        break
    assert made.tables() == whole
    assert "can never be loaded" in caplog.text
    (kept,) = Path(made.pipeline.pipelines_dir).glob(f"{made.pipeline.pipeline_name}.set_aside/*")
    assert str(kept) in caplog.text
    assert list(kept.rglob("top_pages.*.parquet"))
    assert run(made, start_date=OLD)[1]


def test_a_package_that_is_set_aside_brings_no_coverage_and_its_cells_are_asked_for(
    serve: Serve, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    made = warehouse(serve())
    later = {"since": OLD + timedelta(days=1), "until": OLD + timedelta(days=1)}
    run(made, **later)
    broken(made, "load")
    (load_id,) = made.pipeline.list_normalized_load_packages()
    for _ in range(4):  # an error that may pass is waited for in a few runs
        try:
            with caplog.at_level(logging.WARNING, "databuddy_source"):
                run(made, **later)
        except PipelineStepFailed:
            continue
        break
    assert "its cells are asked for again" in caplog.text
    of_the_day = "SELECT _dlt_load_id, rows FROM coverage WHERE report = 'top_pages' AND date = ?"
    assert made.query(of_the_day, OLD) == []
    assert made.query("SELECT 1 FROM coverage WHERE _dlt_load_id = ?", load_id) == []
    assert made.query("SELECT 1 FROM _dlt_loads WHERE load_id = ?", load_id) == []
    made.server.log.clear()
    _, ids = run(made, since=OLD, until=OLD)
    assert {name for _, name, _ in asked(made.server)} >= {"summary_metrics", "top_pages"}
    covered = made.query(of_the_day, OLD)
    assert {load for load, _ in covered} <= set(ids)
    ((counted,),) = made.query("SELECT COUNT(*) FROM top_pages WHERE date = ?", OLD)
    assert sum(rows for _, rows in covered) == counted > 0


def pending_package(made: Warehouse) -> Path:
    """One package, ready to be loaded. Returns dlt's working directory."""
    with time_machine.travel(made.server.now, tick=True):
        made.pipeline.extract(source_of(*account(made)))
    return Path(made.pipeline.working_dir)


def test_a_package_killed_between_two_steps_of_normalize_is_loaded_once(
    serve: Serve, warehouse: Make, tmp_path: Path
) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server)
    extracted = pending_package(made) / "normalize" / "extracted"
    shutil.copytree(extracted, tmp_path / "before")
    made.pipeline.normalize()
    shutil.copytree(tmp_path / "before", extracted, dirs_exist_ok=True)  # not yet deleted
    run(made)
    other = warehouse(server)
    run(other)
    assert made.tables() == other.tables()


def test_a_package_killed_while_it_is_begun_again_is_not_lost(
    serve: Serve, warehouse: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    made = warehouse(server)
    pending_package(made)
    made.pipeline.normalize()
    [load_id] = made.pipeline.list_normalized_load_packages()
    pending.keep(made.pipeline)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copytree", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(made)
    assert made.pipeline.list_normalized_load_packages() == []
    assert load_id in run(made)[1]
