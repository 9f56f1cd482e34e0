"""What people take away from a warehouse is noticed, and loaded again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from weakref import WeakKeyDictionary

import dlt
import pytest
import time_machine
from dlt.pipeline.helpers import pipeline_drop

from databuddy_source import databuddy_source, heal, status, sync
from databuddy_source.config.resolve import Choices, checked
from databuddy_source.coverage.queries import gaps_of_loads
from databuddy_source.demo import DemoServer
from databuddy_source.errors import DestinationFails
from databuddy_source.runs.plan import plan
from tests.stories.conftest import TODAY, Make, Warehouse, days_between

REPORTS = ["summary_metrics", "top_pages"]
FIRST = TODAY - timedelta(days=9)
DAYS = days_between(FIRST, TODAY)


def account(made: Warehouse) -> Choices:
    return checked(**given(made))


def given(made: Warehouse) -> dict[str, Any]:
    return {
        "api_key": made.server.api_key,
        "base_url": made.server.url,
        "websites": [website.id for website in made.server.websites[:2]],
        "query_types": REPORTS,
        "start_date": FIRST,
    }


@contextmanager
def now(made: Warehouse) -> Iterator[None]:
    with time_machine.travel(made.server.now, tick=True):
        yield


def synced(made: Warehouse, **other: Any) -> None:
    with now(made):
        ids = sync(made.pipeline, *checked(**given(made) | other))
    assert gaps_of_loads(made.pipeline, ids) == []


def run(made: Warehouse, *resources: str, **options: Any) -> None:
    """As people do who know dlt."""
    with now(made):
        source = databuddy_source(**given(made))
        made.pipeline.run(source.with_resources(*resources) if resources else source, **options)


def is_whole(made: Warehouse) -> bool:
    """Whether all is there that was there after the first sync."""
    with now(made):
        complete = status(made.pipeline, account(made).settings).is_complete
    return complete and made.tables() == WHOLE[made.pipeline]


def whole(made: Warehouse) -> None:
    synced(made)
    WHOLE[made.pipeline] = made.tables()
    assert is_whole(made)


WHOLE: WeakKeyDictionary[dlt.Pipeline, object] = WeakKeyDictionary()


@pytest.fixture
def made(serve: Callable[..., DemoServer], warehouse: Make) -> Warehouse:
    found = warehouse(serve(), whole)
    WHOLE[found.pipeline] = found.tables()
    return found


def test_a_table_that_was_dropped_is_lacking_and_planned_and_loaded_anew(
    made: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    made.query("DROP TABLE top_pages")
    with now(made):
        found = status(made.pipeline, account(made).settings)
        assert {each.report for each in found.reports if each.gaps} == {"top_pages"}
        planned = plan(made.pipeline, *account(made))
        assert sum(planned.by_day.values()) >= 2 * len(DAYS)
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        synced(made)
    assert [each.message for each in caplog.records if "top_pages" in each.message] == [
        "The warehouse has lost top_pages, so what is not there is asked for again."
    ]
    assert is_whole(made)


@pytest.mark.parametrize("grain", ["hour", "day", "week", "month"])
def test_windows_that_were_taken_from_a_table_and_coverage_alike_are_asked_for_again(
    serve: Callable[..., DemoServer], warehouse: Make, grain: str
) -> None:
    """A sync asks for no more than before where there are none, and for what is lacking alone."""
    made = warehouse(serve())
    report = {"name": "pages_here", "query_type": "top_pages", "grain": grain}
    first = TODAY - timedelta(days=12 if grain in {"hour", "day"} else 75)
    own = {"query_types": [], "reports": [report], "start_date": first}
    synced(made, **own)
    server = made.server

    def asked() -> int:
        before = len(server.log)
        synced(made, **own)
        return len(server.log) - before

    usual, before = asked(), made.tables()
    column = "hour" if grain == "hour" else "date"
    starts = made.query(
        "SELECT website_id, date, window_start FROM coverage ORDER BY website_id, window_start"
    )
    website_id, day, start = starts[len(starts) // 8]
    value = start if grain == "hour" else day
    taken = f"FROM pages_here WHERE website_id = ? AND {column} = ?"
    made.query(f"DELETE {taken}", website_id, value)
    made.query("DELETE FROM coverage WHERE website_id = ? AND window_start = ?", website_id, start)
    assert made.tables() != before
    synced(made, **own)
    assert made.tables() == before
    assert asked() == usual


def test_days_between_two_that_were_chosen_by_hand_are_no_holes(made: Warehouse) -> None:
    """A bounded run before the first day of the sync leaves days of which nobody asked."""
    early = FIRST - timedelta(days=3)
    with now(made):
        sync(made.pipeline, *checked(**given(made), since=early, until=early))
    synced(made)
    days = {day for (day,) in made.query("SELECT DISTINCT date FROM coverage")}
    assert days == {early, *DAYS}


@pytest.mark.parametrize(
    ("taken", "said"),
    [
        ("ALTER TABLE top_pages DROP COLUMN pageviews", "top_pages.pageviews"),
        ("ALTER TABLE top_pages DROP COLUMN tombstone", "top_pages.tombstone"),
        ("ALTER TABLE coverage DROP COLUMN digest", "coverage.digest"),
        ("ALTER TABLE websites DROP COLUMN domain", "websites.domain"),
    ],
)
@pytest.mark.parametrize("how", [sync, None])
def test_a_column_that_was_dropped_is_made_and_filled_again(
    made: Warehouse, taken: str, said: str, how: object, caplog: pytest.LogCaptureFixture
) -> None:
    made.query(taken)
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        for _ in range(2):
            synced(made) if how else run(made)
    assert [each.message for each in caplog.records if "lost" in each.message] == [
        f"The warehouse has lost columns ({said}): they are made again, and what was in them is "
        "asked for."
    ]
    with now(made):
        assert status(made.pipeline, account(made).settings).is_complete
    table, column = said.split(".")
    place = f"FROM {table} WHERE {column} IS NOT NULL"
    assert made.query(f"SELECT count(*) {place}") != [(0,)] or column == "tombstone"
    made.query(f"ALTER TABLE {table} DROP COLUMN {column}")
    if table == "top_pages":
        before = WHOLE[made.pipeline]
        assert len(made.tables()[table]) == len(before[table])  # type: ignore[index]


def test_a_column_that_was_renamed_comes_back_beside_the_new_one(made: Warehouse) -> None:
    made.query("ALTER TABLE top_pages RENAME COLUMN pageviews TO views")
    synced(made)
    assert made.query("SELECT count(*) FROM top_pages WHERE pageviews IS NULL") == [(0,)]
    synced(made)
    with now(made):
        assert status(made.pipeline, account(made).settings).is_complete


@pytest.mark.parametrize("column", ["top_pages.date", "coverage.status", "coverage.report"])
def test_a_column_without_which_nothing_can_be_mended_is_named(
    made: Warehouse, column: str
) -> None:
    table, name = column.split(".")
    made.query(f"ALTER TABLE {table} DROP COLUMN {name}")
    with pytest.raises(DestinationFails) as caught:
        synced(made)
    assert name in caught.value.what
    if table != "coverage":  # which is read before anything else
        assert caught.value.what == f"The table {table} has lost its column {name}"
    assert "drop the table" in caught.value.todo
    made.query(f"DROP TABLE {table}")
    synced(made)
    assert is_whole(made)


def test_a_column_that_a_warehouse_never_had_is_not_lost(
    made: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup is older than the schema of the pipeline."""
    before = made.file.read_bytes()
    with now(made):
        source = databuddy_source(**given(made))
        for resource in source.resources.values():
            if resource.name.startswith("top_pages"):
                resource.add_map(lambda rows: rows.append_column("more", rows["name"]))
        made.pipeline.run(source)
    assert "more" in made.pipeline.default_schema.tables["top_pages"]["columns"]
    made.file.write_bytes(before)
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        synced(made)
    assert "lost" not in caplog.text
    assert is_whole(made)


def test_a_table_that_was_dropped_is_healed(made: Warehouse) -> None:
    made.query("DROP TABLE top_pages")
    with now(made):
        settings = account(made).settings
        heal(made.pipeline, settings)
        assert status(made.pipeline, settings).is_complete
    synced(made)
    assert is_whole(made)


def test_a_run_as_dlt_knows_it_goes_on_after_a_table_was_dropped(made: Warehouse) -> None:
    made.query("DROP TABLE top_pages")
    run(made)
    assert is_whole(made)


def test_a_table_that_was_dropped_and_is_no_longer_chosen_stays_away(made: Warehouse) -> None:
    made.query("DROP TABLE top_pages")
    for _ in range(2):
        synced(made, query_types=["summary_metrics"])
        assert "top_pages" not in made.tables()
    synced(made)
    assert is_whole(made)


@pytest.mark.parametrize("taken", ["DROP TABLE top_pages", "ALTER TABLE top_pages DROP pageviews"])
@pytest.mark.parametrize("how", [sync, None])
def test_another_pipeline_sees_what_was_dropped_of_what_it_never_loaded(
    made: Warehouse, how: object, taken: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its first run has nothing to ask, and stores a schema that has no report's table."""
    by_other = made.another(tmp_path)
    other = by_other.pipeline
    run(by_other)
    assert "top_pages" not in other.default_schema.tables
    rows = len(made.tables()["top_pages"])

    def filled(by: Warehouse) -> bool:
        found = made.query("SELECT count(pageviews), count(*) FROM top_pages")
        with now(made):
            return found == [(rows, rows)] and status(by.pipeline, account(by).settings).is_complete

    made.query(taken)
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        synced(by_other) if how else run(by_other)
    assert "The warehouse has lost" in caplog.text
    assert "pageviews" in other.default_schema.tables["top_pages"]["columns"]
    assert filled(by_other)
    # and once more, now that the schema that is stored last has all of it
    made.query(taken)
    synced(made)
    assert filled(made)


def test_a_table_of_people_that_was_dropped_stays_away_until_it_is_loaded(made: Warehouse) -> None:
    def goals() -> Iterator[dict[str, Any]]:
        yield {"website_id": "shop", "goal": 10}

    with now(made):
        source = databuddy_source(**given(made))
        source.resources.add(dlt.resource(goals, name="goals"))
        made.pipeline.run(source)
    made.query("DROP TABLE goals")
    synced(made)
    assert "goals" not in made.tables()
    with now(made):
        source = databuddy_source(**given(made))
        source.resources.add(dlt.resource(goals, name="goals"))
        made.pipeline.run(source)
    assert len(made.tables()["goals"]) == 1


def test_coverage_that_was_dropped_is_loaded_anew(made: Warehouse) -> None:
    made.query("DROP TABLE coverage")
    synced(made)
    assert is_whole(made)


def test_a_file_that_was_deleted_is_filled_anew(
    made: Warehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "w0.duckdb").unlink()
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        synced(made)
    assert [each.message for each in caplog.records if each.name == "databuddy_source"] == [
        "The warehouse has lost the dataset databuddy, so all is loaded anew."
    ]
    assert is_whole(made)


def test_a_file_that_was_deleted_is_filled_anew_by_a_run_as_dlt_knows_it(
    made: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "w0.duckdb").unlink()
    run(made)
    assert is_whole(made)


def test_a_file_from_a_backup_gets_the_days_since(
    serve: Callable[..., DemoServer], warehouse: Make, tmp_path: Path
) -> None:
    made = warehouse(serve(today=TODAY - timedelta(days=6)), synced)
    backup = (tmp_path / "w0.duckdb").read_bytes()
    made.server = serve()
    synced(made)
    WHOLE[made.pipeline] = made.tables()
    (tmp_path / "w0.duckdb").write_bytes(backup)
    synced(made)
    assert is_whole(made)


@pytest.mark.parametrize("refresh", ["drop_sources", "drop_resources", "drop_data"])
def test_a_refresh_loads_all_days_anew(
    made: Warehouse, refresh: Literal["drop_sources", "drop_resources", "drop_data"]
) -> None:
    run(made, refresh=refresh)
    assert is_whole(made)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("refresh", ["drop_sources", "drop_resources", "drop_data"])
@pytest.mark.parametrize("website", [0, 1])
def test_a_refresh_of_one_website_costs_no_other_one_its_days(
    made: Warehouse,
    refresh: Literal["drop_sources", "drop_resources", "drop_data"],
    website: int,
) -> None:
    run(made, f"top_pages__{given(made)['websites'][website]}", refresh=refresh)
    synced(made)
    assert is_whole(made)


@pytest.mark.parametrize("website", [0, 1])
def test_a_resource_that_was_dropped_costs_no_website_its_days(
    made: Warehouse, website: int
) -> None:
    # what `dlt pipeline NAME drop RESOURCE` calls
    pipeline_drop(made.pipeline, [f"top_pages__{given(made)['websites'][website]}"])()
    synced(made)
    assert is_whole(made)


@pytest.mark.parametrize("website", [0, 1])
def test_dropping_a_resource_takes_no_more_than_its_name_says(
    made: Warehouse, website: int
) -> None:
    before = made.tables()
    own = f"top_pages__{given(made)['websites'][website]}"
    drop = pipeline_drop(made.pipeline, [own])
    assert (drop.info["tables"], drop.info["resource_states"]) == ([], [own])
    assert "did not select any table" in drop.info["warnings"][0]
    drop()
    assert made.tables() == before
    synced(made)
    assert is_whole(made)


def test_dropping_a_table_takes_that_of_all_websites_and_it_is_filled_again(
    made: Warehouse,
) -> None:
    drop = pipeline_drop(made.pipeline, ["top_pages"])
    assert drop.info["tables"] == ["top_pages"]
    drop()
    assert "top_pages" not in made.tables()
    assert "coverage" in made.tables()
    synced(made)
    assert is_whole(made)


def test_without_coverage_all_days_are_asked_for_anew(made: Warehouse) -> None:
    drop = pipeline_drop(made.pipeline, ["coverage"])
    assert drop.info["tables"] == ["coverage"]
    drop()
    synced(made)
    assert is_whole(made)


LOSSES_OF_COVERAGE = ["DROP TABLE coverage", "DELETE FROM _dlt_loads", "DROP TABLE _dlt_loads"]


@pytest.mark.parametrize("lose", LOSSES_OF_COVERAGE)
@pytest.mark.parametrize("refetch", [False, True])
def test_what_a_server_has_no_more_stays_where_coverage_was_lost(
    lose: str,
    refetch: bool,
    serve: Callable[..., DemoServer],
    warehouse: Make,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = warehouse(serve())
    chosen = {"query_types": ["country", "browser_name"]}
    synced(made, **chosen)
    tables = made.tables()
    for website in made.server.websites[:2]:
        made.server.events.delete(website.id, FIRST, FIRST + timedelta(days=2))
    made.query(lose)
    with caplog.at_level(logging.WARNING, "databuddy_source"), now(made):
        ids = sync(made.pipeline, *checked(**given(made) | chosen, refetch=refetch))
    gaps = gaps_of_loads(made.pipeline, ids)
    assert {gap.date for gap in gaps} == {*days_between(FIRST, FIRST + timedelta(days=2))}
    assert len(gaps) == 3 * 2 * 2
    assert {gap.reason for gap in gaps} == {"the day had data and now everything about it is empty"}
    for report in chosen["query_types"]:
        assert made.tables()[report] == tables[report]
    asked = "SELECT SUM(rows) FROM coverage WHERE report = 'country'"
    assert made.query(asked) == made.query("SELECT COUNT(*) FROM country")
    assert (
        f"Coverage does not know rows that are there (browser_name, country, from {FIRST} to "
        f"{TODAY}). They are asked for again, and stay where the answer is empty."
    ) in caplog.messages
    caplog.clear()
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        synced(made, **chosen, allow_empty=True)
    assert caplog.messages == []
    assert len(made.query("SELECT DISTINCT date FROM country")) == len(DAYS) - 3


@pytest.mark.parametrize("generation", ["2025", "2026-06"])
def test_days_without_visitors_are_complete_again_where_coverage_was_lost(
    generation: str, serve: Callable[..., DemoServer], warehouse: Make
) -> None:
    """Of them, too, of which the server gives rows of zeros."""
    made = warehouse(serve(generation=generation))
    made.server.events.delete(made.server.websites[0].id, FIRST, FIRST + timedelta(days=2))
    chosen = {"query_types": [*REPORTS, "events_by_date"]}
    synced(made, **chosen)
    tables = made.tables()
    made.query("DROP TABLE coverage")
    synced(made, **chosen)
    assert made.tables() == tables


@pytest.mark.parametrize("ask", [synced, is_whole])
def test_a_column_of_coverage_that_got_another_type_is_said_in_a_sentence(
    ask: Callable[[Warehouse], object], made: Warehouse
) -> None:
    made.query("ALTER TABLE coverage ALTER rows TYPE TEXT")
    with pytest.raises(DestinationFails, match="has a column of another type") as told:
        ask(made)
    assert "Give the column its type back" in str(told.value)
    made.query("ALTER TABLE coverage ALTER rows TYPE BIGINT")
    ask(made)
    assert is_whole(made)


def test_every_table_is_dropped_by_its_own_name(made: Warehouse) -> None:
    tables = made.pipeline.default_schema.data_tables()
    assert {str(each["resource"]) for each in tables} == {str(each["name"]) for each in tables}
