"""An answer that says what the last one said writes nothing but coverage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import time_machine

from databuddy_source import databuddy_source, load
from databuddy_source.demo import DemoServer, Fault, Generation
from databuddy_source.extract import batches
from tests.stories.conftest import GENERATIONS, TODAY, Make, Warehouse, without_nameless_sessions

Serve = Callable[..., DemoServer]

DAY = TODAY - timedelta(days=2)
"""One that each sync asks for again."""


def written_by_a_sync(made: Warehouse, **given: Any) -> set[str]:
    """The tables that a sync brings something for."""
    pipeline, load_all, seen = made.pipeline, made.pipeline.load, set()

    def look_and_load(**options: Any) -> Any:
        for load_id in pipeline.list_normalized_load_packages():
            jobs = pipeline.get_load_package_info(load_id).jobs["new_jobs"]
            seen.update(job.job_file_info.table_name for job in jobs)
        return load_all(**options)

    with patch.object(pipeline, "load", look_and_load):
        assert made.sync(**given) == []
    return seen


def loads_of(made: Warehouse, report: str) -> dict[tuple[str, date], set[str]]:
    """The loads that brought the rows of each day, by website."""
    found: dict[tuple[str, date], set[str]] = {}
    for website_id, day, load_id in made.query(
        f"SELECT DISTINCT website_id, date, _dlt_load_id FROM {report}"
    ):
        found.setdefault((website_id, day), set()).add(load_id)
    return found


def versions(made: Warehouse) -> int:
    ((number,),) = made.query("SELECT COUNT(*) FROM _dlt_version")
    return int(number)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_sync_that_finds_nothing_new_writes_coverage_alone(
    serve: Serve, warehouse: Make, generation: Generation
) -> None:
    server = without_nameless_sessions(serve(generation))
    made = warehouse(server, Warehouse.sync)
    before, versions_before = made.tables(), versions(made)
    brought = "SELECT website_id, report, window_start, request_id FROM coverage ORDER BY ALL"
    requests = made.query(brought)
    loads = loads_of(made, "top_pages")
    assert written_by_a_sync(made) == {"coverage"}
    assert made.tables() == before
    assert versions(made) == versions_before
    assert loads_of(made, "top_pages") == loads
    assert made.query(brought) == requests
    told = {request_id for *_, request_id in requests}
    assert told == {None} if generation == "2025" else len(told) > 1 and all(told)
    ((again, asked),) = made.query(
        "SELECT COUNT(CASE WHEN checked_at <> fetched_at THEN 1 END), COUNT(*) FROM coverage "
        "WHERE _dlt_load_id = (SELECT MAX(load_id) FROM _dlt_loads)"
    )
    assert again == asked
    assert asked < len(before["coverage"])


def test_only_the_day_that_changed_is_written(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync)
    shop = server.websites[0].id
    loads, rows = loads_of(made, "top_pages"), made.cells("top_pages")
    _fewer(server, shop, DAY)
    assert made.sync() == []
    after = loads_of(made, "top_pages")
    assert {place for place, own in after.items() if own != loads[place]} == {(shop, DAY)}
    assert {place for place, own in made.cells("top_pages").items() if own != rows[place]} == {
        (shop, DAY)
    }
    of_day = "SELECT fetched_at = checked_at FROM coverage WHERE report = 'top_pages' AND date = ?"
    assert made.query(f"{of_day} AND website_id = ?", DAY, shop) == [(True,)]
    assert made.query(f"{of_day} AND website_id <> ?", DAY, shop) == [(False,)]
    other = warehouse(server)
    other.sync()
    assert made.tables() == other.tables()


def _fewer(server: DemoServer, website_id: str, day: date) -> None:
    """Somebody deletes the visits of the start page."""
    assert server.events.delete(website_id, day, path="/")


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM top_pages WHERE date = ?",
        "DELETE FROM top_pages WHERE date = ? AND name = '/'",
        # as after a load of another machine, or of an earlier state
        "UPDATE top_pages SET _dlt_load_id = '1.0' WHERE date = ?",
    ],
)
def test_rows_that_are_not_those_of_coverage_are_written_anew(
    serve: Serve, warehouse: Make, change: str
) -> None:
    given: dict[str, Any] = {"query_types": ["top_pages"], "reports": HOURLY}
    made = warehouse(serve(), Warehouse.sync, **given)
    before = made.tables()
    made.query(change, DAY)
    made.query(change.replace("top_pages", "top_pages_hourly"), DAY)
    assert made.sync(**given) == []
    assert made.tables() == before
    load_ids = "SELECT COUNT(*) FROM top_pages_hourly WHERE _dlt_load_id = '1.0'"
    assert made.query(load_ids) == [(0,)]
    assert written_by_a_sync(made, **given) == {"coverage"}


HOURLY = [{"query_type": "top_pages", "grain": "hour"}]


def test_refetch_writes_all_the_same(serve: Serve, warehouse: Make) -> None:
    given: dict[str, Any] = {"query_types": ["top_pages"]}
    made = warehouse(serve(), Warehouse.sync, **given)
    before = made.tables()
    made.query("UPDATE top_pages SET pageviews = 0 WHERE date = ?", DAY)
    made.sync(**given)
    assert made.tables() != before, "what somebody changes is found by asking"
    days = {"since": DAY, "until": DAY, "refetch": True}
    assert written_by_a_sync(made, **given, **days) >= {"coverage", "top_pages", "websites"}
    assert made.tables() == before


def test_a_staging_dataset_that_was_dropped_is_made_again(serve: Serve, warehouse: Make) -> None:
    """Also by a sync that brings nothing new, and for what the one after it brings."""
    server = serve()
    given: dict[str, Any] = {"query_types": ["top_pages"]}
    made = warehouse(server, Warehouse.sync, **given)
    made.query("DROP SCHEMA databuddy_staging_databuddy_0 CASCADE")
    assert written_by_a_sync(made, **given) == {"coverage"}
    _fewer(server, server.websites[0].id, DAY)
    server.now += timedelta(days=1)
    assert made.sync(**given) == []
    other = warehouse(server, Warehouse.sync, **given, start_date=TODAY - timedelta(days=13))
    assert made.cells("top_pages") == other.cells("top_pages")


def test_what_is_extracted_and_waits_is_not_taken_for_loaded(serve: Serve, warehouse: Make) -> None:
    """A day changes, and changes back before either is loaded."""
    server = serve()
    shop = server.websites[0].id
    chosen: dict[str, Any] = {"query_types": ["top_pages"], "websites": [shop]}
    made = warehouse(server, Warehouse.sync, **chosen)
    before = made.cells("top_pages")
    account = {"api_key": server.api_key, "base_url": server.url}
    server.faults.add(Fault(query_type="top_pages", day=DAY, rows=lambda rows: rows[:1]))
    with time_machine.travel(server.now, tick=True):
        made.pipeline.extract(databuddy_source(**account, **chosen))
        made.pipeline.extract(databuddy_source(**account, **chosen))
        made.pipeline.normalize()
        made.pipeline.load()
    assert made.cells("top_pages") == before


def test_rows_that_could_not_be_loaded_are_asked_for_until_they_are(
    serve: Serve, warehouse: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    given: dict[str, Any] = {"query_types": ["top_pages"]}
    made = warehouse(server)
    with monkeypatch.context() as patched:
        patched.setattr(batches, "rows_table", _refuse)
        assert {gap.reason[:10] for gap in made.sync(**given)} == {"its rows c"}
        assert made.sync(**given)
    assert made.sync(**given) == []
    other = warehouse(server, Warehouse.sync, **given)
    assert made.tables() == other.tables()


def _refuse(*_: object) -> None:
    raise ValueError("nested too deeply")


def test_a_day_that_becomes_final_without_a_change_is_called_so(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    given: dict[str, Any] = {"query_types": ["top_pages"]}
    made = warehouse(server, Warehouse.sync, **given)
    final = "SELECT COUNT(*) FROM coverage WHERE final AND date = ?"
    assert made.query(final, DAY) == [(0,)]
    loads = loads_of(made, "top_pages")
    for _ in range(2):
        server.now += timedelta(days=1)
        assert made.sync(**given) == []
    assert made.query(final, DAY) == [(2,)]
    after = loads_of(made, "top_pages")
    assert {place: own for place, own in after.items() if place[1] == DAY} == {
        place: own for place, own in loads.items() if place[1] == DAY
    }
    asked = len(server.log)
    made.sync(**given, since=DAY, until=DAY)
    assert not [each for each in server.log[asked:] if each.path == "/v1/query"]


def test_a_day_that_failed_in_between_is_whole_again_without_a_row_written(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    given: dict[str, Any] = {"query_types": ["top_pages"]}
    made = warehouse(server, Warehouse.sync, **given)
    before = made.tables()
    server.faults.add(
        Fault(query_type="top_pages", day=DAY, parameter_error="out of memory", times=8)
    )
    assert {gap.date for gap in made.sync(**given)} == {DAY}
    server.faults.clear()
    assert "top_pages" not in written_by_a_sync(made, **given)
    assert made.tables() == before


def test_an_empty_day_that_has_visitors_again_is_written(serve: Serve, warehouse: Make) -> None:
    server = serve()
    given: dict[str, Any] = {"query_types": ["top_pages"], "allow_empty": True}
    made = warehouse(server, Warehouse.sync, **given)
    before = made.tables()
    server.faults.add(Fault(query_type="top_pages", day=DAY, rows=[], times=None))
    assert made.sync(**given) == []
    assert made.query("SELECT COUNT(*) FROM top_pages WHERE date = ?", DAY) == [(0,)]
    assert written_by_a_sync(made, **given) == {"coverage"}, "an empty day is not emptied again"
    server.faults.clear()
    assert made.sync(**given) == []
    assert made.tables() == before


def test_rows_that_a_step_of_a_run_changes_are_written_each_time(
    serve: Serve, warehouse: Make
) -> None:
    """Else they would stay as the step left them, once it is gone."""
    server = serve()
    given: dict[str, Any] = {
        "api_key": server.api_key,
        "base_url": server.url,
        "query_types": ["top_pages"],
        "websites": [server.websites[0].id],
    }
    made = warehouse(server, Warehouse.sync, websites=given["websites"], query_types=["top_pages"])
    before = made.tables()
    _fewer(server, server.websites[0].id, DAY)
    source = databuddy_source(**given)
    for resource in source.selected_resources.values():
        if resource.name.startswith("top_pages"):
            resource.add_map(
                lambda table: table.slice(0, 0) if "name" in table.column_names else table
            )
    with time_machine.travel(server.now, tick=True):
        load(made.pipeline, source)
    assert made.query("SELECT digest, rows FROM coverage WHERE date = ?", DAY) == [(None, 0)]
    made.sync(websites=given["websites"], query_types=["top_pages"])
    other = warehouse(server, Warehouse.sync, websites=given["websites"], query_types=["top_pages"])
    assert made.tables() == other.tables() != before
