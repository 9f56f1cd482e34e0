"""The same sync into each warehouse keeps the same promises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import orjson
import pytest

from databuddy_source.demo import DemoServer, Fault
from databuddy_source.model.statuses import Status
from tests.stories.conftest import TODAY, days_between, plain, truth
from tests.warehouses.conftest import DATASET, Synced
from tests.warehouses.killed import kill_at
from tests.warehouses.warehouse import Warehouse

Serve = Callable[..., DemoServer]
Into = Callable[[DemoServer], Synced]

PROJECT = Path(__file__).resolve().parents[2]
FEW = ["summary_metrics", "top_pages", "events_by_date", "error_types"]
FIRST = TODAY - timedelta(days=5)
YESTERDAY = TODAY - timedelta(days=1)


@pytest.fixture
def made(serve: Serve, synced: Into) -> Synced:
    """Two websites, six days."""
    made = synced(serve())
    assert sync(made) == []
    return made


def sync(made: Synced, **given: object) -> list[object]:
    websites = [website.id for website in made.server.websites[:2]]
    return list(
        made.sync(**{"websites": websites, "query_types": FEW, "start_date": FIRST, **given})
    )


def everything(made: Synced) -> dict[str, list[tuple[object, ...]]]:
    """What two equal syncs have in common."""
    left_out = {"_dlt_load_id", "load_id", "request_id", "fetched_at", "checked_at", "final"}
    left_out.add("proofs")
    return {
        name: made.rows(name, *(column for column in table["columns"] if column not in left_out))
        for name, table in made.pipeline.default_schema.tables.items()
        if not name.startswith("_dlt") and name != "restatements"
    }


def pageviews(made: Synced, day: date, website: str) -> int:
    where = f"date = DATE '{day}' AND website_id = '{website}'"
    ((found,),) = made.rows("summary_metrics", "pageviews", where=where)
    return int(found)


def paths(made: Synced, day: date, website: str, table: str = "top_pages") -> set[str]:
    where = f"date = DATE '{day}' AND website_id = '{website}'"
    return {name for (name,) in made.rows(table, "name", where=where)}


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def test_the_rows_of_two_websites_equal_the_events(made: Synced) -> None:
    ours = {"website_id", "date", "tombstone", "_dlt_load_id"}
    for report in FEW:
        columns = made.pipeline.default_schema.tables[report]["columns"]
        own = [name for name in columns if name not in ours]
        found = made.rows(report, "website_id", "date", *own)
        for website in made.server.websites[:2]:
            for day in days_between(FIRST, TODAY):
                rows = [tuple(map(plain, row[2:])) for row in found if row[:2] == (website.id, day)]
                expected = truth(made.server, [report], website.id, day)[report]
                assert sorted(rows) == expected, (report, website.id, day)


@pytest.mark.emulated_once
def test_a_second_sync_changes_nothing(made: Synced) -> None:
    before = everything(made)
    assert len(before["top_pages"]) > 20
    assert sync(made) == []
    assert everything(made) == before


@pytest.mark.emulated_once
def test_a_day_is_replaced_whole_and_other_websites_stay(made: Synced) -> None:
    shop, blog = (website.id for website in made.server.websites[:2])
    before = pageviews(made, YESTERDAY, shop)
    of_blog = paths(made, YESTERDAY, blog)
    assert "/" in paths(made, YESTERDAY, shop)
    made.server.events.add(shop, noon(YESTERDAY), path="/late")
    made.server.events.delete(shop, YESTERDAY, path="/")
    assert sync(made) == []
    assert pageviews(made, YESTERDAY, shop) < before
    assert "/late" in paths(made, YESTERDAY, shop)
    assert "/" not in paths(made, YESTERDAY, shop)
    assert paths(made, YESTERDAY, blog) == of_blog


@pytest.mark.emulated_once
def test_final_days_are_restated_when_that_is_asked_for(made: Synced) -> None:
    shop = made.server.websites[0].id
    made.server.events.add(shop, noon(FIRST), path="/late")
    assert sync(made, since=FIRST, until=FIRST, refetch=True) == []
    assert "/late" in paths(made, FIRST, shop)


def test_what_one_report_has_found_alone_is_asked_of_the_others(made: Synced) -> None:
    shop = made.server.websites[0].id
    where = f"date = DATE '{FIRST}' AND website_id = '{shop}'"
    rows = {report: len(made.rows(report, "date", where=where)) for report in FEW}
    views = pageviews(made, FIRST, shop)
    made.server.events.add(shop, noon(FIRST), path="/late")
    made.server.now += timedelta(minutes=5)
    assert sync(made, query_types=["events_by_date"]) == []
    assert "/late" not in paths(made, FIRST, shop)
    made.server.now += timedelta(minutes=5)
    assert sync(made) == []
    assert "/late" in paths(made, FIRST, shop)
    names = ("report", "rows_before", "rows_after", "sums", "keys")
    told = {row[0]: row[1:] for row in made.rows("restatements", *names, where=where)}
    assert {"top_pages", "summary_metrics"} <= told.keys()
    assert {report: had for report, (had, *_) in told.items()} == {
        each: rows[each] for each in told
    }
    _, after, sums, keys = told["top_pages"]
    assert (after, orjson.loads(sums)) == (rows["top_pages"] + 1, {"pageviews": [views, views + 1]})
    assert orjson.loads(keys) == [{"name": "/late", "pageviews": [0, 1]}]


@pytest.mark.emulated_once
def test_a_tombstone_empties_a_day_and_is_not_kept(made: Synced) -> None:
    shop = made.server.websites[0].id
    assert paths(made, YESTERDAY, shop, "error_types")
    made.server.events.delete(shop, YESTERDAY, kind="error")
    assert sync(made, allow_empty=True) == []
    assert not paths(made, YESTERDAY, shop, "error_types")
    assert {flag for (flag,) in made.rows("error_types", "tombstone")} <= {None}


@pytest.mark.emulated_once
def test_coverage_says_what_is_there_and_what_is_missing(made: Synced) -> None:
    shop = made.server.websites[0].id
    covered = made.rows("coverage", "rows", "status", where="report = 'top_pages'")
    assert sum(rows for rows, _ in covered) == len(made.rows("top_pages", "name"))
    assert {status for _, status in covered} == {"complete"}
    made.server.faults.add(
        Fault(
            query_type="top_pages",
            website_id=shop,
            day=YESTERDAY,
            parameter_error="no memory",
            times=2,
        )
    )
    (gap,) = made.sync(websites=[shop], query_types=FEW, start_date=FIRST)
    assert (gap.report, gap.date, gap.status) == ("top_pages", YESTERDAY, Status.FAILED)
    failed = made.rows("coverage", "report", "date", where="status = 'failed'")
    assert failed == [("top_pages", YESTERDAY)]
    assert paths(made, YESTERDAY, shop)  # the rows of before stay
    assert sync(made) == []
    assert made.rows("coverage", "report", where="status = 'failed'") == []


@pytest.mark.emulated_once
def test_the_cursor_comes_back_after_the_working_directory_is_deleted(made: Synced) -> None:
    before, asked = everything(made), len(made.server.log)
    made.pipeline.drop()
    assert sync(made, pack_size=1) == []  # no room for old days
    assert everything(made) == before
    later = [arrival for arrival in made.server.log[asked:] if arrival.path == "/v1/query"]
    # lookback days only, and all days of a series
    assert sum(arrival.parameters for arrival in later) <= 2 * (3 * 4 + 1 + 1)


@pytest.mark.parametrize(
    "step",
    [pytest.param("create_followup_jobs", marks=pytest.mark.emulated_once), "complete_package"],
)
def test_killed_in_a_load_the_next_sync_ends_as_if_nothing_had_happened(
    step: str, made: Synced, warehouse: Warehouse, tmp_path: Path
) -> None:
    shop = made.server.websites[0].id
    made.server.events.add(shop, noon(YESTERDAY), path="/late")
    kill_at(step, warehouse, DATASET, tmp_path / "state", made.server, shop)
    assert sync(made) == []
    assert "/late" in paths(made, YESTERDAY, shop)
    after = everything(made)
    assert len(set(after["top_pages"])) == len(after["top_pages"])
    made.pipeline.drop()
    assert sync(made) == []
    assert everything(made) == after
