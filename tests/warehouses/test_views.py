"""The views for analysts: right on each warehouse, and never worth a load."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from databuddy_source import finish_tables
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.runs.remove import remove
from databuddy_source.warehouse import view_texts, views
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import DATASET, Synced
from tests.warehouses.duckdb import DuckDb

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


def test_a_week_over_an_upgrade_has_no_amount_of_two_kinds(
    serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]
) -> None:
    june, october = serve("2026-06", days=40), serve("2026-10", days=40)
    made = synced(june)
    given: dict[str, Any] = {"websites": [june.websites[0].id], "query_types": REPORTS}
    upgrade = FIRST + timedelta(days=10)  # in the second week
    made.sync(**given, since=FIRST, until=upgrade - timedelta(days=1))
    made.server = october
    made.sync(**given, since=upgrade, until=TODAY)
    columns = ("date", "errors", "errors_before", "revenue", "currency", "revenue_before")
    first, second, running = rows(made, "weekly_summary", *columns)
    own = f"date < DATE '{FIRST + timedelta(days=7)}'"
    paid = sum(amount for (amount,) in made.rows("revenue_overview", "total_revenue", where=own))
    assert first[3] == pytest.approx(paid)
    assert first[4] is None  # that server knows none
    assert second[2] == first[1] > 0
    assert second[3:5] == (None, None)
    assert running[2] is None
    days = rows(made, "daily_summary", "date", "revenue", "currency")
    assert any(revenue and not currency for _, revenue, currency in days)


def test_views_are_of_what_all_pipelines_load(made: Synced, tmp_path: Path) -> None:
    other, day = made.another(tmp_path / "another"), TODAY - timedelta(days=1)
    website = [made.server.websites[0].id]
    other.sync(websites=website, query_types=["top_pages"], start_date=day)
    assert rows(made, "weekly_summary", "errors", "events", "revenue")
    assert rows(made, "monthly_summary", "errors", "events", "revenue")
    made.warehouse.rows(f"DROP VIEW {made.table('monthly_summary')}")
    other.sync(websites=website, query_types=["top_pages"], start_date=day)
    assert rows(made, "monthly_summary", "errors", "events", "revenue")


@pytest.mark.emulated_once
def test_what_another_pipeline_brings_comes_into_the_views(
    serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced], tmp_path: Path
) -> None:
    made, day = synced(serve(days=3)), TODAY - timedelta(days=1)
    own: dict[str, Any] = {"websites": [made.server.websites[0].id], "start_date": day}
    made.sync(**own, query_types=["summary_metrics", "summary_metrics_weekly"])
    other = made.another(tmp_path / "another")
    other.sync(**own, query_types=["error_summary"])
    assert rows(made, "daily_summary", "errors")
    made.sync(**own, query_types=["summary_metrics", "summary_metrics_weekly"])
    assert rows(made, "daily_summary", "errors")


OF_AN_ANALYST = "CREATE VIEW ours AS SELECT * FROM {daily}"


@pytest.mark.only("postgres")
def test_a_view_of_an_analyst_stands_in_the_way_of_no_new_column(
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    caplog: pytest.LogCaptureFixture,
) -> None:
    made, day = synced(serve(days=3)), TODAY - timedelta(days=1)
    own: dict[str, Any] = {"websites": [made.server.websites[0].id], "start_date": day}
    loaded = ["summary_metrics", "summary_metrics_weekly", "revenue_overview"]
    made.sync(**own, query_types=loaded)
    made.warehouse.rows(OF_AN_ANALYST.format(daily=made.table("daily_summary")))
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        made.sync(**own, query_types=[*loaded, "custom_events", "error_summary"])
    assert "views" not in caplog.text
    assert len(rows(made, "daily_summary", "date", "events", "errors")) == 2
    assert rows(made, "weekly_summary", "events", "events_before")
    assert made.warehouse.rows("SELECT revenue, refunds FROM ours")


@pytest.mark.only("postgres")
def test_a_view_that_cannot_be_changed_is_said_once_and_costs_no_other(
    made: Synced, caplog: pytest.LogCaptureFixture
) -> None:
    daily = made.table("daily_summary")
    made.warehouse.rows(f"DROP VIEW {daily} CASCADE")
    made.warehouse.rows(f"DROP VIEW {made.table('cell_states')} CASCADE")
    made.warehouse.rows(f"CREATE VIEW {daily} AS SELECT 1 AS website_id")
    made.warehouse.rows(OF_AN_ANALYST.format(daily=daily))
    views.forget_views(made.pipeline)
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        finish_tables(made.pipeline)
        finish_tables(made.pipeline)
    (told,) = [each.getMessage() for each in caplog.records]
    assert "daily_summary" in told
    assert "DROP VIEW ... CASCADE" in told
    assert rows(made, "cell_states", "date")
    made.warehouse.rows("DROP VIEW ours")
    finish_tables(made.pipeline)
    assert len(caplog.records) == 1
    assert rows(made, "monthly_summary", "date", "errors")


@pytest.mark.only("duckdb")
def test_a_file_may_be_renamed_and_be_called_like_its_dataset(
    serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced], tmp_path: Path
) -> None:
    made = synced(serve(days=3))
    reports = ["summary_metrics", "summary_metrics_weekly", "error_summary"]
    made.sync(websites=[made.server.websites[0].id], query_types=reports, start_date=TODAY)
    file = tmp_path / f"{DATASET}.duckdb"
    assert isinstance(made.warehouse, DuckDb)
    made.warehouse.file.rename(file)
    asked = f"SELECT COUNT(*) FROM {{}}.{DATASET}.weekly_summary"
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.sql(asked.format(DATASET)).fetchall() == [(1,)]
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{file}' AS elsewhere (READ_ONLY)")
        assert connection.sql(asked.format("elsewhere")).fetchall() == [(1,)]
