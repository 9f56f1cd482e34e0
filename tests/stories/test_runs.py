"""What runs after the first one do: nothing twice, nothing lost, nothing believed too easily."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from databuddy_source import Outcome, Settings, plan, remove, verify
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.errors import MissingScope, OtherDays
from databuddy_source.model.statuses import Status
from tests.stories.conftest import TODAY, Make, Warehouse

Serve = Callable[..., DemoServer]

FIRST = TODAY - timedelta(days=5)
FEW = ["summary_metrics", "top_pages", "events_by_date", "error_types"]
YESTERDAY = TODAY - timedelta(days=1)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def pageviews(made: Warehouse, day: date, website_id: str) -> int | None:
    found = made.query(
        "SELECT pageviews FROM summary_metrics WHERE date = %s AND website_id = %s", day, website_id
    )
    return int(found[0][0]) if found else None


def test_a_second_run_changes_nothing(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    before = made.tables()
    assert before["top_pages"]
    asked = len(server.log)
    made.sync(query_types=FEW, start_date=FIRST)
    assert made.tables() == before
    again = [arrival for arrival in server.log[asked:] if arrival.path == "/v1/query"]
    assert len(again) == 2  # one pack for each website, lookback days only


def test_late_events_appear(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    shop = server.websites[0].id
    before = {day: pageviews(made, day, shop) for day in (YESTERDAY, FIRST)}
    for day in (YESTERDAY, FIRST):
        server.events.add(shop, noon(day), path="/late")
    made.sync(query_types=FEW, start_date=FIRST)
    assert pageviews(made, YESTERDAY, shop) == (before[YESTERDAY] or 0) + 1
    # older than three days, and final: its series shows it
    assert pageviews(made, FIRST, shop) == (before[FIRST] or 0) + 1
    late = made.query("SELECT date FROM top_pages WHERE name = '/late' ORDER BY date")
    assert late == [(FIRST,), (YESTERDAY,)]


def test_a_row_that_vanished_at_the_source_vanishes(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    shop = server.websites[0].id
    server.events.delete(shop, YESTERDAY, path="/")
    count = "SELECT count(*) FROM top_pages WHERE name = '/' AND date = %s AND website_id = %s"
    assert made.query(count, YESTERDAY, shop) == [(1,)]
    assert made.sync(query_types=FEW, start_date=FIRST) == []
    assert made.query(count, YESTERDAY, shop) == [(0,)]


def test_a_type_that_is_emptied_at_the_source_is_empty_when_that_is_accepted(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    shop = server.websites[0].id
    count = "SELECT count(*) FROM error_types WHERE date = %s AND website_id = %s"
    assert made.query(count, YESTERDAY, shop) > [(0,)]
    server.events.delete(shop, YESTERDAY, kind="error")
    gaps = made.sync(query_types=FEW, start_date=FIRST)
    assert [(gap.website_id, gap.report, gap.date) for gap in gaps] == [
        (shop, "error_types", YESTERDAY)
    ]
    assert made.query(count, YESTERDAY, shop) > [(0,)]
    assert made.sync(query_types=FEW, start_date=FIRST, allow_empty=True) == []
    assert made.query(count, YESTERDAY, shop) == [(0,)]
    assert pageviews(made, YESTERDAY, shop)


def test_a_whole_day_that_turns_empty_is_suspect_until_it_is_accepted(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    shop = server.websites[0].id
    before = made.tables()
    server.events.delete(shop, YESTERDAY)
    gaps = made.sync(query_types=FEW, start_date=FIRST)
    assert {(gap.website_id, gap.date, gap.status) for gap in gaps} == {
        (shop, YESTERDAY, Status.SUSPECT)
    }
    assert made.tables()["top_pages"] == before["top_pages"]
    again = made.sync(query_types=FEW, start_date=FIRST)  # as little believed the second time
    assert {gap.status for gap in again} == {Status.SUSPECT}
    assert made.tables()["top_pages"] == before["top_pages"]
    assert made.sync(query_types=FEW, start_date=FIRST, allow_empty=True) == []
    assert pageviews(made, YESTERDAY, shop) is None
    assert made.sync(query_types=FEW, start_date=FIRST) == []


def test_an_hour_that_turns_empty_is_suspect_until_it_is_accepted(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    made = warehouse(server)
    shop = server.websites[0].id
    server.events.delete(shop, YESTERDAY)
    for hour, path in ((3, "/gone"), (12, "/kept")):
        server.events.add(shop, datetime.combine(YESTERDAY, time(hour), UTC), path=path)
    hourly = {"query_types": ["top_pages_hourly"], "start_date": YESTERDAY, "websites": [shop]}
    paths = "SELECT name FROM top_pages_hourly WHERE date = %s"
    made.sync(**hourly)
    assert sorted(made.query(paths, YESTERDAY)) == [("/gone",), ("/kept",)]
    server.events.delete(shop, YESTERDAY, path="/gone")
    assert {gap.status for gap in made.sync(**hourly)} == {Status.SUSPECT}
    assert sorted(made.query(paths, YESTERDAY)) == [("/gone",), ("/kept",)]
    assert made.sync(**hourly, allow_empty=True) == []
    assert made.query(paths, YESTERDAY) == [("/kept",)]


@pytest.mark.parametrize(
    ("beside", "told"),
    [("sessions_time_series", "the day has visitors"), ("summary_metrics", "everything")],
)
def test_what_is_said_of_a_day_in_utc_comes_from_what_lies_within_it(
    serve: Serve, warehouse: Make, beside: str, told: str
) -> None:
    server = serve()
    made = warehouse(server)
    types = ["error_trends", beside]
    local = {"query_types": types, "start_date": FIRST, "timezone": "America/New_York"}
    count = "SELECT count(*) FROM error_trends WHERE date = %s AND website_id = %s"
    made.sync(**local)
    shop = server.websites[0].id
    before = made.query(count, YESTERDAY, shop)
    assert before > [(0,)]
    server.events.delete(shop, YESTERDAY, kind="error")
    (gap,) = made.sync(**local)
    assert gap.report == "error_trends"
    assert told in gap.reason
    assert made.query(count, YESTERDAY, shop) == before


def test_a_final_day_that_turns_empty_is_suspect(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    shop = server.websites[0].id
    server.events.delete(shop, FIRST, kind="error")
    gaps = made.sync(query_types=["error_types"], since=FIRST, until=FIRST, refetch=True)
    assert [(gap.report, gap.date, gap.status) for gap in gaps] == [
        ("error_types", FIRST, Status.SUSPECT)
    ]
    assert made.query("SELECT count(*) FROM error_types WHERE date = %s", FIRST) > [(0,)]


def test_a_final_day_whose_refetch_failed_keeps_its_rows_and_is_asked_for_again(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    shop = server.websites[0].id
    server.events.add(shop, noon(FIRST), path="/late")
    bounded = {"query_types": ["top_pages"], "since": FIRST, "until": FIRST, "websites": [shop]}
    server.faults.add(
        Fault(
            query_type="top_pages", website_id=shop, day=FIRST, parameter_error="full", times=None
        )
    )
    gaps = made.sync(**bounded, refetch=True)
    assert [(gap.date, gap.status) for gap in gaps] == [(FIRST, Status.FAILED)]
    count = "SELECT count(*) FROM top_pages WHERE date = %s AND website_id = %s"
    late = f"{count} AND name = '/late'"
    assert made.query(count, FIRST, shop) > [(0,)]
    assert made.query(late, FIRST, shop) == [(0,)]
    server.faults.clear()
    assert made.sync(**bounded) == []
    assert made.query(late, FIRST, shop) == [(1,)]
    # brought at last, it is final again
    asked = len(server.log)
    assert made.sync(**bounded) == []
    assert "/v1/query" not in {arrival.path for arrival in server.log[asked:]}


@pytest.mark.parametrize("generation", ["2026-04", "2025"])
def test_a_removed_website_keeps_its_rows_and_the_others_load(
    generation: str, serve: Serve, warehouse: Make
) -> None:
    server = serve(generation)
    shop, blog, quiet = (website.id for website in server.websites)
    chosen = {"query_types": FEW, "start_date": FIRST, "websites": [shop, blog, quiet]}
    made = warehouse(server, Warehouse.sync, **chosen)
    before = made.query("SELECT count(*) FROM top_pages WHERE website_id = %s", shop)
    server.events.remove_website(shop)
    server.events.add(blog, noon(YESTERDAY), path="/new")
    gaps = made.sync(**chosen)
    assert {gap.website_id for gap in gaps} == {shop}
    expected = Status.FAILED if generation == "2026-04" else Status.SUSPECT
    assert {gap.status for gap in gaps} == {expected}
    assert made.query("SELECT count(*) FROM top_pages WHERE website_id = %s", shop) == before
    assert made.query("SELECT website_id FROM top_pages WHERE name = '/new'") == [(blog,)]
    assert made.query("SELECT count(*) FROM websites") == [(3,)]


def test_a_website_that_the_key_no_longer_sees_is_named_where_none_was_chosen(
    serve: Serve, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    chosen: dict[str, Any] = {"query_types": FEW, "start_date": FIRST, "websites": None}
    made = warehouse(server, Warehouse.sync, **chosen)
    shop = server.websites[0]
    server.events.remove_website(shop.id)
    for day in range(2):  # once in a process
        with caplog.at_level(logging.WARNING, "databuddy_source"):
            assert made.sync(**chosen) == []
        (said,) = [each for each in caplog.messages if "no longer sees" in each]
        assert f"no longer sees {shop.id} ({shop.domain})" in said, day
        assert "remove --website" in said
    caplog.clear()
    with time_machine.travel(server.now, tick=True):
        remove(made.pipeline, websites=[shop.id])
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        assert made.sync(**chosen) == []
        assert made.another(made.file.parent / "other").sync(**chosen) == []
    assert caplog.messages == []


def test_one_failing_cell_costs_no_other_and_is_asked_again(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server)
    shop = server.websites[0].id
    whole = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    server.faults.add(
        Fault(
            query_type="top_pages",
            website_id=shop,
            day=FIRST,
            parameter_error="memory limit",
            times=2,
        )
    )
    gaps = made.sync(query_types=FEW, start_date=FIRST)
    assert [(gap.report, gap.date, gap.status) for gap in gaps] == [
        ("top_pages", FIRST, Status.FAILED)
    ]
    assert "memory limit" in gaps[0].reason
    assert len(made.tables()["events_by_date"]) == len(whole.tables()["events_by_date"])
    # FIRST is older than the lookback, so only the listed hole brings it back
    assert made.sync(query_types=FEW, start_date=FIRST) == []
    assert made.tables() == whole.tables()


def test_a_type_that_always_fails_is_asked_a_few_times_and_the_rest_is_complete(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    made = warehouse(server)
    shop = server.websites[0].id
    given = {"websites": [shop], "start_date": FIRST, "lookback_days": 0}
    types = ["page_performance", "browser_versions", "browser_name", "top_pages"]
    given["resources"] = [f"{name}__{shop}" for name in types]
    server.faults.add(Fault(query_type="browser_versions", times=None, parameter_error="no column"))
    gaps = made.sync(query_types=["all"], **given)
    assert {gap.status for gap in gaps} == {Status.UNAVAILABLE}
    assert {"browser_versions", "page_performance"} <= {gap.report for gap in gaps}
    # the catalogue says that page_performance fails, so three cells were asked, each once more,
    # and no others
    asked = [
        parameter["name"]
        for arrival in server.log
        if arrival.path == "/v1/query"
        for body in (arrival.body if isinstance(arrival.body, list) else [arrival.body])
        for parameter in body["parameters"]
    ]
    assert asked.count("page_performance") == 6
    server.faults.clear()
    assert not made.query(
        "SELECT 1 FROM information_schema.tables WHERE table_name = 'browser_versions'"
    )
    made.sync(query_types=["all"], **given)
    days = made.query("SELECT count(DISTINCT date) FROM browser_versions")
    assert days == [(6,)]  # all of its history, once it works


def test_one_websites_failing_type_is_no_matter_of_the_others(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    made = warehouse(server)
    shop, blog = (website.id for website in server.websites[:2])
    fault = Fault(query_type="browser_name", website_id=shop, times=None, parameter_error="boom")
    server.faults.add(fault)
    given = {"query_types": ["default"], "start_date": FIRST}
    types = ["browser_name", "top_pages"]  # of those, which nobody named
    given["resources"] = [f"{name}__{website}" for name in types for website in (shop, blog)]
    for _ in range(2):  # as loud the second time
        gaps = made.sync(**given)
        assert {(gap.website_id, gap.report, gap.status) for gap in gaps} == {
            (shop, "browser_name", Status.FAILED)
        }
    days = made.query(
        "SELECT website_id, count(*) FROM coverage "
        "WHERE report = 'browser_name' AND status = 'complete' GROUP BY 1"
    )
    assert days == [(blog, 6)]


def test_an_outage_of_many_runs_costs_no_day(
    serve: Serve, warehouse: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("databuddy_source.extract.cursor.MAX_ATTEMPTS", 1)
    server = serve()
    made, whole = warehouse(server), warehouse(server)
    server.faults.add(Fault(status=401, body={"code": "AUTH_REQUIRED"}, times=None))
    for _ in range(2):
        assert {gap.status for gap in made.sync(query_types=FEW, start_date=FIRST)} == {
            Status.FAILED
        }
    server.faults.clear()
    assert made.sync(query_types=FEW, start_date=FIRST) == []
    whole.sync(query_types=FEW, start_date=FIRST)
    assert made.tables() == whole.tables()


def assert_as_loaded_now(made: Warehouse, warehouse: Make, **given: Any) -> None:
    """The tables are those of somebody who loads all now, and each old day is final."""
    whole = warehouse(made.server, Warehouse.sync, start_date=FIRST, **given)
    own, fresh = made.tables(), whole.tables()
    own.pop("coverage"), fresh.pop("coverage")
    assert own == fresh
    open_days = "SELECT DISTINCT date FROM coverage WHERE NOT final AND grain = 'day'"
    assert made.query(open_days) == whole.query(open_days)


LATER = timedelta(days=12)
"""A pause, after which the days before it are long over."""


def test_a_pipeline_of_another_name_goes_on_where_the_first_one_stopped(
    serve: Serve, warehouse: Make, tmp_path: Path
) -> None:
    server = serve(ahead=14)
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    server.now += LATER
    given = {"query_types": FEW, "start_date": server.now.date() - timedelta(days=5)}
    assert made.another(tmp_path).sync(**given) == []
    assert_as_loaded_now(made, warehouse, query_types=FEW)


def test_days_that_no_lookback_reaches_any_more_are_settled_all_the_same(
    serve: Serve, warehouse: Make
) -> None:
    server = serve(ahead=3)
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST, lookback_days=5)
    for day in range(1, 5):
        server.events.add(server.websites[0].id, noon(TODAY - timedelta(days=day)), path="/late")
    assert made.sync(query_types=FEW, start_date=FIRST, lookback_days=1) == []
    assert_as_loaded_now(made, warehouse, query_types=FEW, lookback_days=1)


def test_a_backfill_of_long_ago_is_not_where_a_sync_goes_on(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server)
    made.sync(query_types=FEW, since=TODAY - timedelta(days=20), until=TODAY - timedelta(days=19))
    made.sync(query_types=FEW, start_date=FIRST)
    between = "SELECT COUNT(*) FROM coverage WHERE date BETWEEN ? AND ?"
    assert made.query(between, TODAY - timedelta(days=18), FIRST - timedelta(days=1)) == [(0,)]


def test_a_type_that_was_named_fails_loudly(serve: Serve, warehouse: Make) -> None:
    made = warehouse(serve())
    gaps = made.sync(query_types=["page_performance", "summary_metrics"], start_date=FIRST)
    assert {(gap.report, gap.status) for gap in gaps} == {("page_performance", Status.FAILED)}


def test_an_earlier_start_date_loads_the_missing_days(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=YESTERDAY)
    made.sync(query_types=FEW, start_date=FIRST)
    whole = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    assert made.tables() == whole.tables()


def test_a_bounded_run_loads_exactly_its_days_and_leaves_the_cursor(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=YESTERDAY)
    state = made.pipeline.state["sources"]
    days = FIRST, FIRST + timedelta(days=1)
    made.sync(query_types=FEW, since=days[0], until=days[1])
    assert made.query("SELECT DISTINCT date FROM events_by_date ORDER BY date") == [
        (days[0],),
        (days[1],),
        (YESTERDAY,),
        (TODAY,),
    ]
    assert made.pipeline.state["sources"] == state


def test_days_that_nobody_synced_are_caught_up(serve: Serve, warehouse: Make) -> None:
    server = serve(ahead=5)
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    server.now = server.now + timedelta(days=5)
    made.sync(query_types=FEW, start_date=server.now.date())
    whole = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    assert made.tables()["events_by_date"] == whole.tables()["events_by_date"]


def test_the_server_going_away_in_the_middle_costs_only_what_was_not_there_yet(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    made = warehouse(server)
    server.faults.add(Fault(status=401, body={"code": "AUTH_REQUIRED"}, skip=1, times=None))
    gaps = made.sync(query_types=FEW, start_date=FIRST)
    assert {gap.status for gap in gaps} == {Status.FAILED}
    loaded = {
        website
        for (website,) in made.query(
            "SELECT DISTINCT website_id FROM coverage WHERE status = 'complete'"
        )
    }
    assert len(loaded) == 1
    server.faults.clear()
    assert made.sync(query_types=FEW, start_date=FIRST) == []
    whole = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    assert made.tables() == whole.tables()


def test_a_deleted_working_directory_is_restored_from_the_warehouse(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    before = made.tables()
    asked = len(server.log)
    made.pipeline.drop()
    made.sync(query_types=FEW, start_date=FIRST, pack_size=1)  # no room for old days
    assert made.tables() == before
    parameters = sum(a.parameters for a in server.log[asked:] if a.path == "/v1/query")
    # lookback days only, and all days of a series: the cursor came back
    assert parameters <= 2 * (3 * 4 + 1 + 1)


def test_a_cell_that_failed_is_not_believed_empty_afterwards(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server)
    given = {"query_types": ["top_pages"], "websites": [server.websites[0].id]}
    made.sync(**given, start_date=FIRST)
    before = made.tables()["top_pages"]
    server.faults.add(Fault(query_type="top_pages", times=None, parameter_error="boom"))
    assert {gap.status for gap in made.sync(**given, start_date=FIRST)} == {Status.FAILED}
    server.faults.clear()
    server.faults.add(Fault(query_type="top_pages", times=None, rows=[]))
    assert {gap.status for gap in made.sync(**given, start_date=FIRST)} == {Status.SUSPECT}
    assert made.tables()["top_pages"] == before


def test_another_time_zone_is_refused_and_changes_nothing(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server, Warehouse.sync, query_types=FEW, start_date=FIRST)
    before = made.tables()
    asked = len([arrival for arrival in server.log if arrival.path == "/v1/query"])
    berlin = {"query_types": FEW, "start_date": FIRST, "timezone": "Europe/Berlin"}
    with pytest.raises(OtherDays, match=r"days of UTC.*cut them in Europe/Berlin"):
        made.sync(**berlin)
    assert len([arrival for arrival in server.log if arrival.path == "/v1/query"]) == asked
    assert made.tables() == before
    assert made.sync(query_types=FEW, start_date=FIRST) == []


def test_a_server_of_another_generation_is_refused_under_local_days(
    serve: Serve, warehouse: Make
) -> None:
    newer, older = serve("2026-04"), serve("2025")
    made = warehouse(newer)
    given = {"query_types": FEW, "start_date": FIRST, "timezone": "America/New_York"}
    made.sync(**given)
    made.server = older
    with pytest.raises(OtherDays, match=r"days of America/New_York.*cut them in UTC"):
        made.sync(**given)


def test_a_server_of_2025_cuts_days_in_utc_and_says_so_once(
    serve: Serve, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    made = warehouse(serve("2025"))
    for _ in range(2):  # as a series of loads does
        made.sync(query_types=FEW, start_date=FIRST, timezone="America/New_York")
    said = [record.getMessage() for record in caplog.records if "UTC days" in record.getMessage()]
    assert said == [
        "This server knows UTC days only, so days are UTC days and not those of America/New_York."
    ]
    assert made.query("SELECT DISTINCT time_zone FROM coverage") == [("UTC",)]


def test_a_key_that_may_not_list_websites_loads_those_that_are_named_by_id(
    serve: Serve, warehouse: Make
) -> None:
    server = serve()
    made = warehouse(server)
    refusal = {"success": False, "error": "Not for this key", "code": "ACCESS_DENIED"}
    server.faults.add(Fault(path="/v1/query/websites", status=403, body=refusal, times=None))
    chosen = {"query_types": FEW, "start_date": FIRST}
    doubted = made.sync(**chosen)  # a day without visitors may be one that the key may not read
    assert {gap.status for gap in doubted} == {Status.SUSPECT}
    ids = {website.id for website in server.websites[:2]}
    assert {id_ for (id_,) in made.query("SELECT DISTINCT website_id FROM top_pages")} == ids
    assert made.query("SELECT COUNT(*) FROM websites") == [(0,)]
    with time_machine.travel(server.now, tick=True):
        settings = Settings.of(
            api_key=server.api_key, base_url=server.url, websites=sorted(ids), **chosen
        )
        assert plan(made.pipeline, settings).cells > 0
        assert {each.outcome for each in verify(made.pipeline, settings, reports=["pages"])} == {
            Outcome.EQUAL
        }
    doubted = made.sync(
        query_types=["error_types"], start_date=FIRST
    )  # of some days there are none
    assert {gap.status for gap in doubted} == {Status.SUSPECT}
    for websites in ([], ["shop.example.com"]):  # which only the list tells
        with pytest.raises(MissingScope, match="may not list websites"):
            made.sync(websites=websites, **chosen)
