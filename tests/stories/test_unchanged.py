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
    loads = loads_of(made, "top_pages")
    assert written_by_a_sync(made) == {"coverage"}
    assert made.tables() == before
    assert versions(made) == versions_before
    assert loads_of(made, "top_pages") == loads
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


def test_refetch_writes_all_the_same(serve: Serve, warehouse: Make) -> None:
    server = serve()
    given: dict[str, Any] = {"query_types": ["top_pages"]}
    made = warehouse(server, Warehouse.sync, **given)
    rows = made.cells("top_pages")
    made.query("DELETE FROM top_pages WHERE date = ?", DAY)
    days = {"since": DAY, "until": DAY}
    made.sync(**given)
    assert made.cells("top_pages") != rows, "what somebody deletes is found by counting"
    made.sync(**given, **days, refetch=True)
    assert made.cells("top_pages") == rows


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
