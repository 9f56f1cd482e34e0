"""Comments and layout: there after a load, written once, and never worth a load."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from databuddy_source import finish_tables
from databuddy_source.demo import DemoServer
from databuddy_source.warehouse import comments
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import DATASET, Synced

FEW = ["top_pages", "summary_metrics_hourly"]


@pytest.fixture
def made(serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]) -> Synced:
    made = synced(serve(days=2))
    websites = [website.id for website in made.server.websites[:2]]
    assert made.sync(websites=websites, query_types=FEW, start_date=TODAY) == []
    return made


@pytest.mark.emulated_once
def test_tables_and_columns_say_what_they_are(made: Synced) -> None:
    of_pages = made.warehouse.comments(DATASET, "top_pages")
    assert "Page views and visitors of each path" in of_pages[None]  # the API's
    assert of_pages["visitors"].startswith("Visitors: Different visitors")
    assert "must not be added up" in of_pages["visitors"]  # the catalogue's
    assert of_pages["date"].startswith("First day of the window")
    of_coverage = made.warehouse.comments(DATASET, "coverage")
    assert of_coverage[None].startswith("What was fetched")
    assert of_coverage["window_end"] == "First instant after the window, UTC."
    assert made.warehouse.comments(DATASET, "websites")[None]


def statements(made: Synced, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What SQL the step sends."""
    sent: list[str] = []
    client = type(made.pipeline.sql_client())
    original = client.execute_sql

    def spy(self: object, sql: str, *values: object, **named: object) -> object:
        sent.append(sql)
        return original(self, sql, *values, **named)

    monkeypatch.setattr(client, "execute_sql", spy)
    finish_tables(made.pipeline)
    return sent


@pytest.mark.emulated_once
def test_nothing_is_asked_or_written_after_a_sync_that_brings_nothing_new(
    made: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[object] = []
    with monkeypatch.context() as patched:
        patched.setattr(comments, "_missing", lambda *given: looked.append(given) or [])
        for _ in range(2):
            websites = [website.id for website in made.server.websites[:2]]
            assert made.sync(websites=websites, query_types=FEW, start_date=TODAY) == []
    assert looked == []
    assert statements(made, monkeypatch) == []


@pytest.mark.emulated_once
def test_only_what_differs_is_written(made: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    made.pipeline.set_local_state_val(comments.DONE, {})
    sent = statements(made, monkeypatch)
    assert [sql for sql in sent if not sql.startswith(("SELECT ", "SET TRANSACTION "))] == []


@pytest.mark.emulated_once
def test_quotes_and_breaks_survive(
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    odd = 'It\'s "odd",\n100 % \\ ; -- {x}'
    monkeypatch.setattr("databuddy_source.coverage.table.DESCRIPTION", odd)
    made = synced(serve(days=2))
    websites = [made.server.websites[0].id]
    assert made.sync(websites=websites, query_types=["top_pages"], start_date=TODAY) == []
    assert made.warehouse.comments(DATASET, "coverage")[None] == odd


@pytest.mark.only("duckdb", "postgres")
def test_a_failure_warns_and_is_tried_again(
    made: Synced, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made.pipeline.set_local_state_val(comments.DONE, {})
    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING, "databuddy_source"):
        broken.setitem(
            comments.DIALECTS,  # type: ignore[arg-type]
            made.warehouse.name,
            comments.Dialect("SELECT no_such_column WHERE '' = %s"),
        )
        finish_tables(made.pipeline)
    assert "no comments or indexes" in caplog.text
    assert "no_such_column" in caplog.text
    assert statements(made, monkeypatch) != []


@pytest.mark.only("postgres")
def test_postgres_has_an_index_on_each_partition(made: Synced) -> None:
    found = made.warehouse.rows(
        f"SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = '{DATASET}'"
    )
    keys = {table: definition.rsplit("(", 1)[1].rstrip(")") for table, definition in found}
    assert keys["top_pages"] == "website_id, date"
    assert keys["summary_metrics_hourly"] == "website_id, hour"
    assert keys["coverage"] == "website_id, report, window_start"
