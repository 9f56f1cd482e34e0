"""Websites and reports are taken out of a dataset, and stay out unless they are chosen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dlt
import pytest
import time_machine

from databuddy_source import (
    BadConfiguration,
    Removal,
    Settings,
    databuddy_source,
    remove,
    status,
    sync,
)
from databuddy_source.config.resolve import checked
from databuddy_source.coverage.queries import gaps_of_loads
from databuddy_source.demo import DemoServer
from databuddy_source.dlt_seam import resource_states
from databuddy_source.runs.plan import plan
from tests.stories.conftest import TODAY, Make, Warehouse

REPORTS = ["summary_metrics", "top_pages", "custom_events"]
FIRST = TODAY - timedelta(days=9)
OURS = {"coverage", "query_types", "websites"}


def given(made: Warehouse, **other: Any) -> dict[str, Any]:
    return {
        "api_key": made.server.api_key,
        "base_url": made.server.url,
        "websites": ids(made),
        "query_types": REPORTS,
        "start_date": FIRST,
    } | other


def ids(made: Warehouse) -> list[str]:
    """Of the shop and the blog."""
    return [website.id for website in made.server.websites[:2]]


def synced(made: Warehouse, **other: Any) -> list[str]:
    with time_machine.travel(made.server.now, tick=True):
        loads = sync(made.pipeline, *checked(**given(made, **other)))
    assert gaps_of_loads(made.pipeline, loads) == []
    return loads


def removed(made: Warehouse, **what: Any) -> Removal:
    with time_machine.travel(made.server.now, tick=True):
        what.setdefault("settings", settings(made))
        return remove(made.pipeline, **what)


def settings(made: Warehouse, **other: Any) -> Settings:
    return checked(**given(made, **other)).settings


def held(made: Warehouse) -> set[tuple[str, str]]:
    """The websites and reports of which there are rows, by table."""
    return {
        (name, website_id)
        for name in made.tables()
        if name not in {"query_types", "websites"}
        for (website_id,) in made.query(f"SELECT DISTINCT website_id FROM {name}")
    }


def resources(pipeline: dlt.Pipeline) -> set[str]:
    """Those that have a state."""
    return set(resource_states(pipeline, "databuddy"))


def elsewhere(made: Warehouse, tmp_path: Path) -> dlt.Pipeline:
    """The same pipeline on a machine that has nothing but the warehouse."""
    other = dlt.pipeline(
        made.pipeline.pipeline_name,
        destination=made.pipeline.destination,
        dataset_name="databuddy",
        pipelines_dir=str(tmp_path / "elsewhere"),
    )
    other.sync_destination()
    return other


@pytest.fixture
def made(serve: Callable[..., DemoServer], warehouse: Make) -> Warehouse:
    return warehouse(serve(), synced)


def test_a_website_goes_with_its_rows_coverage_and_state(made: Warehouse, tmp_path: Path) -> None:
    shop, blog = ids(made)
    before = made.tables()
    gone = removed(made, websites=[shop])
    assert {shop for _, shop in held(made)} == {blog}
    assert [row[0] for row in made.tables()["websites"]] == sorted(
        website.id for website in made.server.websites if website.id != shop
    )
    after = made.tables()
    for name in ("top_pages", "coverage"):
        assert after[name] == [row for row in before[name] if shop not in row]
    lost = {each.table: (each.rows, each.left, each.dropped) for each in gone.tables}
    assert lost["top_pages"] == (
        len(before["top_pages"]) - len(after["top_pages"]),
        len(after["top_pages"]),
        False,
    )
    assert lost["websites"] == (1, len(made.server.websites) - 1, False)
    assert gone.rows == sum(
        len(before[name]) - len(after[name]) for name in {*before} - {"coverage"}
    )
    assert sum(each.cells for each in gone.tables) == len(REPORTS) * 10
    assert gone.resources == sorted(f"{report}__{shop}" for report in REPORTS)
    own = {f"{report}__{blog}" for report in REPORTS}
    assert resources(made.pipeline) == own
    assert resources(elsewhere(made, tmp_path)) == own


def test_what_is_no_longer_chosen_stays_out(made: Warehouse) -> None:
    shop, blog = ids(made)
    removed(made, websites=[shop])
    removed(made, reports=["top_pages"])
    for _ in range(2):
        synced(made, websites=[blog], query_types=["summary_metrics", "custom_events"])
    assert held(made) == {(name, blog) for name in ("summary_metrics", "custom_events", "coverage")}
    assert {row[1] for row in made.tables()["coverage"]} == {"summary_metrics", "custom_events"}


@pytest.mark.parametrize("how", ["as it was", "from a day on", "without its state"])
def test_what_is_chosen_again_begins_anew(how: str, made: Warehouse, tmp_path: Path) -> None:
    shop, _ = ids(made)
    before = made.tables()
    removed(made, websites=[shop], reports=["top_pages"])
    if how == "without its state":
        made = Warehouse(made.server, elsewhere(made, tmp_path))
    start = TODAY - timedelta(days=2) if how == "from a day on" else FIRST
    with time_machine.travel(made.server.now, tick=True):
        planned = plan(made.pipeline, *checked(**given(made, start_date=start)))
    synced(made, start_date=start)
    dates = made.query("SELECT MIN(date), MAX(date) FROM top_pages WHERE website_id = %s", shop)
    assert dates == [(start, TODAY)]
    assert planned.by_website[shop].cells >= (TODAY - start).days + 1
    if how != "from a day on":
        assert made.tables() == before


def test_a_report_goes_with_its_table(made: Warehouse, tmp_path: Path) -> None:
    before = made.tables()
    gone = removed(made, reports=["pages"])
    (lost,) = gone.tables
    assert (lost.table, lost.rows, lost.left) == ("top_pages", len(before["top_pages"]), 0)
    assert lost.dropped
    assert "top_pages" not in made.tables()
    assert "top_pages" not in {row[1] for row in made.tables()["coverage"]}
    for pipeline in (made.pipeline, elsewhere(made, tmp_path)):
        assert "top_pages" not in pipeline.default_schema.tables
        assert not [name for name in resources(pipeline) if name.startswith("top_pages")]
    # nobody takes it for lost
    synced(made, query_types=["summary_metrics"])
    assert "top_pages" not in made.tables()
    # and what is chosen again has a table again, as dlt once stored the schema with it
    synced(made)
    assert made.tables() == before


def test_a_report_may_be_defined_otherwise_once_it_is_taken_out(made: Warehouse) -> None:
    def own(**definition: Any) -> dict[str, Any]:
        return {"query_types": [], "reports": [{"name": "mine", **definition}]}

    by_hour = own(query_type="top_pages", grain="hour")
    synced(made, **by_hour, start_date=TODAY)
    by_week = own(query_type="country", grain="week")
    with pytest.raises(BadConfiguration, match=r"take what is there out with `remove --report`"):
        synced(made, **by_week)
    removed(made, reports=["mine"])
    synced(made, **by_week)
    columns = made.pipeline.default_schema.get_table("mine")["columns"]
    assert "hour" not in columns
    assert [name for name, each in columns.items() if each.get("merge_key")] == [
        "website_id",
        "date",
    ]
    assert made.query("SELECT COUNT(*) FROM mine WHERE dayofweek(date) <> 1") == [(0,)]


def test_a_report_without_rows_keeps_its_table_for_the_websites_that_stay(made: Warehouse) -> None:
    """Days without rows are days that were loaded."""
    shop, blog = ids(made)
    made.query("DELETE FROM custom_events WHERE website_id = %s", blog)
    gone = removed(made, websites=[shop])
    assert not any(each.dropped for each in gone.tables)
    assert made.tables()["custom_events"] == []


def test_a_report_of_the_last_website_goes_with_its_table(made: Warehouse) -> None:
    shop, blog = ids(made)
    assert not removed(made, websites=[shop], reports=["top_pages"]).tables[0].dropped
    assert removed(made, websites=[blog], reports=["top_pages"]).tables[0].dropped
    assert set(made.tables()) == {"summary_metrics", "custom_events", *OURS}
    assert blog in {row[0] for row in made.tables()["websites"]}


def test_a_look_changes_nothing(made: Warehouse) -> None:
    shop, _ = ids(made)
    before, states = made.tables(), resources(made.pipeline)
    loads = made.query("SELECT * FROM _dlt_loads")
    looked = removed(made, websites=[shop], dry_run=True)
    assert looked.load_id is None
    assert (made.tables(), resources(made.pipeline)) == (before, states)
    assert made.query("SELECT * FROM _dlt_loads") == loads
    done = removed(made, websites=[shop])
    assert (done.tables, done.resources) == (looked.tables, looked.resources)
    assert done.load_id in {load_id for load_id, *_ in made.query("SELECT * FROM _dlt_loads")}


def test_what_is_gone_is_no_error(made: Warehouse) -> None:
    shop, _ = ids(made)
    assert removed(made, websites=[shop], reports=["top_pages"]).load_id
    before = made.tables()
    again = removed(made, websites=[shop], reports=["top_pages"])
    assert (again.rows, again.resources, again.load_id) == (0, [], None)
    assert again.is_empty
    assert made.tables() == before


def test_a_state_that_another_pipeline_has_goes_too(made: Warehouse, tmp_path: Path) -> None:
    shop, blog = ids(made)
    other = made.another(tmp_path).pipeline
    made_by = Warehouse(made.server, other)
    synced(made_by, websites=[made.server.websites[2].id], query_types=["top_pages"])
    removed(made, reports=["top_pages"])
    other.sync_destination()
    assert resources(other) == set()
    assert resources(made.pipeline) == {
        f"{report}__{each}" for report in REPORTS[::2] for each in (shop, blog)
    }


@pytest.mark.parametrize("before", ["nothing", "a sync", "a run as dlt knows it"])
def test_a_pipeline_takes_out_what_another_one_loaded(
    before: str, made: Warehouse, tmp_path: Path
) -> None:
    """Where nothing is new, its own schema has no table of a report."""
    shop, _ = ids(made)
    other = made.another(tmp_path)
    if before == "a sync":
        synced(other)
    elif before == "a run as dlt knows it":
        with time_machine.travel(made.server.now, tick=True):
            other.pipeline.run(databuddy_source(**given(made)))
    rows = made.tables()
    looked = removed(other, websites=[shop], dry_run=True)
    assert made.tables() == rows
    gone = removed(other, websites=[shop])
    assert gone.tables == looked.tables
    lost = {each.table: (each.rows, each.left) for each in gone.tables if each.rows}
    for report in REPORTS:
        left = [row for row in rows[report] if shop not in row]
        assert lost[report] == (len(rows[report]) - len(left), len(left))
        assert made.tables()[report] == left
    assert removed(other, reports=["top_pages"]).tables[0].dropped
    assert "top_pages" not in made.tables()
    # whoever comes next knows all that is left
    third = elsewhere(made, tmp_path)
    assert {*REPORTS, *OURS} - {"top_pages"} <= set(third.default_schema.tables)
    assert "top_pages" not in third.default_schema.tables
    for each in (made, other):
        synced(each)
        assert made.tables() == rows


def test_tables_of_people_stay_whichever_columns_they_have(made: Warehouse) -> None:
    shop, blog = ids(made)
    goals = [{"website_id": shop, "date": TODAY, "goal": 10}]
    made.pipeline.run(goals, table_name="goals")
    before = made.tables()["goals"]
    looked = removed(made, websites=[shop], dry_run=True)
    assert "goals" not in {each.table for each in looked.tables}
    for website in (shop, blog):
        removed(made, websites=[website])
        assert made.tables()["goals"] == before
    with pytest.raises(BadConfiguration, match="'goals' is no report of this dataset"):
        removed(made, reports=["goals"])


def test_what_an_interrupted_load_left_comes_first_and_goes_too(
    made: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    shop, blog = ids(made)
    from databuddy_source.extract.source import source_of

    with time_machine.travel(made.server.now, tick=True):
        choices = checked(**given(made, query_types=["country"]))
        made.pipeline.extract(source_of(*choices))
        made.pipeline.normalize()
    with caplog.at_level(logging.INFO, "databuddy_source"):
        gone = removed(made, websites=[shop])
    assert "Loading first what an earlier run left behind." in caplog.messages
    assert "country" in {each.table for each in gone.tables if each.rows}
    assert ("country", blog) in held(made)
    assert shop not in {website_id for _, website_id in held(made)}
    synced(made, websites=[blog])
    assert shop not in {website_id for _, website_id in held(made)}


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ({"websites": ["shop.exmaple"]}, "'shop.exmaple' is no website of this dataset. Did you"),
        ({"reports": ["top_pagez"]}, "'top_pagez' is no report of this dataset. Did you mean top_"),
        ({"reports": ["pagez"]}, "'pagez' is no report of this dataset. Did you mean pages?"),
        ({"reports": ["city"]}, "'city' is no report of this dataset. It has: custom_events, sum"),
        ({"reports": ["exit_pages"]}, "'exit_pages' is no report of this dataset. It has: custom_"),
        ({"reports": ["coverage"]}, "'coverage' is no report of this dataset."),
        ({"reports": ["websites"]}, "'websites' is no report of this dataset."),
        ({}, "Nothing is named that shall go. Name a website, a report, or both."),
    ],
)
def test_a_wrong_name_changes_nothing(what: dict[str, Any], says: str, made: Warehouse) -> None:
    before = made.tables()
    with pytest.raises(BadConfiguration) as failed:
        removed(made, **what)
    assert str(failed.value).startswith(says)
    assert made.tables() == before


def test_a_dataset_in_which_nothing_is_has_nothing_to_be_taken_out(
    serve: Callable[..., DemoServer], warehouse: Make, tmp_path: Path
) -> None:
    empty = warehouse(serve())
    with pytest.raises(BadConfiguration, match="Nothing was loaded into the dataset databuddy"):
        removed(empty, websites=["shop"])


def test_status_says_what_is_there_after(made: Warehouse) -> None:
    shop, blog = ids(made)
    removed(made, websites=[shop], reports=["top_pages"])
    with time_machine.travel(made.server.now, tick=True):
        found = status(made.pipeline, settings(made))
        assert {(e.website_id, e.report) for e in found.reports if e.gaps} == {(shop, "top_pages")}
        assert status(made.pipeline, settings(made, websites=[blog])).is_complete
