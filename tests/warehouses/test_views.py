"""The views for analysts: right on each warehouse, and never worth a load."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from databuddy_source import finish_tables
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.runs.remove import remove
from databuddy_source.warehouse import view_texts, views
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import DATASET, Synced

REPORTS = [
    *("summary_metrics", "summary_metrics_weekly", "summary_metrics_monthly"),
    *("custom_events", "error_summary", "revenue_overview"),
]
FIRST = TODAY - timedelta(days=18)  # a Monday
FAILED, MISSING, SUSPECT, NEVER = (TODAY - timedelta(days=ago) for ago in (3, 7, 2, 6))


@pytest.fixture
def made(serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]) -> Synced:
    """Days with a failed cell, some that nobody asked for, and one that is not believed."""
    made = synced(serve(days=40))
    website = made.server.websites[0].id
    given: dict[str, Any] = {"websites": [website], "query_types": REPORTS}
    fault = {"query_type": "summary_metrics", "website_id": website, "times": None}
    made.server.faults.add(Fault(parameter_error="out of memory", day=FAILED, **fault))
    made.server.faults.add(
        Fault(parameter_error="no", query_type="error_summary", day=FIRST, times=None)
    )
    made.sync(**given, since=FIRST, until=MISSING - timedelta(days=1))
    made.sync(**given, since=NEVER, until=TODAY)
    made.server.faults.add(Fault(rows=[], day=SUSPECT, **fault))
    daily = {**given, "query_types": ["summary_metrics"]}  # a week that holds it is doubted, too
    made.sync(**daily, since=SUSPECT, until=SUSPECT)
    return made


def rows(made: Synced, view: str, *columns: str, where: str = "1 = 1") -> list[tuple[Any, ...]]:
    return sorted(made.rows(view, *columns, where=where), key=lambda row: [*map(str, row)])


def test_a_window_has_one_row_with_its_state(made: Synced) -> None:
    cells = rows(made, "cell_states", "report", "date", "state", where="grain = 'day'")
    states = {(report, day): state for report, day, state in cells}
    assert len(states) == len(cells) == 4 * 19
    of = {day: state for (report, day), state in states.items() if report == "summary_metrics"}
    assert (of[FAILED], of[MISSING], of[SUSPECT]) == ("failed", "missing", "suspect")
    assert (of[TODAY], of[TODAY - timedelta(days=1)], of[FIRST]) == ("running", "may grow", "final")
    assert states["error_summary", FIRST] == "failed"
    weeks = rows(made, "cell_states", "date", "state", where="report = 'summary_metrics_weekly'")
    assert [state for _, state in sorted(weeks)] == ["final", "final", "running"]


def test_a_day_is_zero_or_unknown_and_never_left_out(made: Synced) -> None:
    columns = ("date", "domain", "state", "pageviews", "visitors", "events", "errors", "revenue")
    days = {row[0]: row[1:] for row in rows(made, "daily_summary", *columns)}
    assert set(days) == {FIRST + timedelta(days=n) for n in range(19)}
    assert {row[0] for row in days.values()} == {made.server.websites[0].domain}
    assert days[FAILED][1:4] == ("failed", None, None)
    assert days[MISSING][1:] == ("missing", None, None, None, None, None)
    assert days[SUSPECT][1] == "suspect"
    assert days[SUSPECT][2] > 0  # what was there before stays
    assert days[FIRST][5] is None  # its errors are not known
    ((views_,),) = made.rows("summary_metrics", "pageviews", where=f"date = DATE '{FIRST}'")
    assert days[FIRST][2] == views_
    assert days[TODAY - timedelta(days=1)][4] is not None


def test_only_windows_that_are_known_and_over_are_compared(made: Synced) -> None:
    columns = ("date", "state", "visitors", "visitors_before", "events", "errors")
    first, second, running = rows(made, "weekly_summary", *columns)
    assert first[0] == FIRST
    assert first[3] is None
    assert second[3] == first[2] > 0
    assert running[1] == "running"
    assert running[3] is None
    assert first[4] is not None
    assert first[5] is None  # one of its days failed
    assert second[4] is None  # one of its days was not asked for
    months = rows(made, "monthly_summary", "date", "state", "visitors", "visitors_before")
    assert [row[1] for row in months] == ["running"]
    assert months[0][3] is None


def test_nothing_is_sent_while_nothing_would_change(
    made: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(views, "_make", fails)
    finish_tables(made.pipeline)


@pytest.mark.emulated_once
def test_a_view_that_fails_is_a_warning(
    made: Synced, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    views.forget_views(made.pipeline)
    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING, "databuddy_source"):
        broken.setattr(view_texts, "_CELLS", "SELECT no_such_column FROM coverage")
        finish_tables(made.pipeline)
    assert "views for analysts were not made" in caplog.text
    finish_tables(made.pipeline)
    assert rows(made, "daily_summary", "date")


@pytest.mark.emulated_once
def test_views_go_with_their_tables(made: Synced) -> None:
    remove(made.pipeline, reports=["summary_metrics_weekly", "custom_events"])
    assert rows(made, "daily_summary", "errors")
    assert rows(made, "monthly_summary", "errors")
    for view, column in (("weekly_summary", "date"), ("daily_summary", "events")):
        with pytest.raises(Exception, match=r"(?i)weekly_summary|events|not found|exist"):
            rows(made, view, column)


@pytest.mark.only("postgres")
def test_tables_that_a_run_refreshes_are_dropped_in_spite_of_views(made: Synced) -> None:
    import time_machine

    from databuddy_source import databuddy_source, load

    given = {"api_key": made.server.api_key, "base_url": made.server.url, "query_types": REPORTS}
    website = [made.server.websites[1].id]
    with time_machine.travel(made.server.now, tick=True):
        source = databuddy_source(**given, websites=website, start_date=TODAY)
        made.pipeline.refresh = "drop_resources"
        load(made.pipeline, source)
    assert rows(made, "daily_summary", "date")


def test_what_is_not_there_is_made_by_the_next_sync(made: Synced) -> None:
    with made.pipeline.sql_client() as client:
        for statement in views.drops_of_views(client.make_qualified_table_name):
            client.execute_sql(statement)
    made.sync(websites=[made.server.websites[0].id], query_types=REPORTS, start_date=TODAY)
    assert rows(made, "daily_summary", "date")
    assert made.dataset == DATASET
