"""What the warehouse lacks is told, and healed with requests for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine

from databuddy_source import Settings, heal, status
from databuddy_source.answers.status import WarehouseStatus
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.errors import BadSetting
from databuddy_source.model.statuses import Mark, Status
from tests.stories.conftest import TODAY, Make, Warehouse

START = TODAY - timedelta(days=8)
REPORTS = ["top_pages", "events_by_date", "summary_metrics_weekly", "events_by_date_hourly"]
CHOSEN = {"query_types": REPORTS, "start_date": START}
DAY = TODAY - timedelta(days=6)


@pytest.fixture
def held(serve: Callable[..., DemoServer], warehouse: Make) -> Warehouse:
    return warehouse(serve())


@pytest.fixture
def synced(serve: Callable[..., DemoServer], warehouse: Make) -> Warehouse:
    return warehouse(serve(), Warehouse.sync, **CHOSEN)


def given(held: Warehouse, **more: Any) -> dict[str, Any]:
    own = {
        "api_key": held.server.api_key,
        "base_url": held.server.url,
        "websites": [website.id for website in held.server.websites[:2]],
        **CHOSEN,
    }
    return own | more


def status_now(held: Warehouse, **more: Any) -> WarehouseStatus:
    with time_machine.travel(held.server.now, tick=True):
        return status(held.pipeline, Settings.of(**given(held, **more)))


def healed(held: Warehouse, **more: Any) -> list[dict[str, Any]]:
    """Heal. Returns the parameters of the requests that it sent."""
    before = len(held.server.log)
    bounds = {key: more.pop(key) for key in ("since", "until") if key in more}
    with time_machine.travel(held.server.now, tick=True):
        heal(held.pipeline, Settings.of(**given(held, **more)), **bounds)
    return [
        {"website_id": arrival.website_id, **asked}
        for arrival in held.server.log[before:]
        for asked in arrival.asked
        if isinstance(asked, dict)
    ]


def cursors(held: Warehouse) -> dict[str, Any]:
    resources = held.pipeline.state["sources"]["databuddy"]["resources"]
    return {
        name: state["incremental"]["date"]["last_value"]
        for name, state in resources.items()
        if "incremental" in state
    }


def test_what_failed_is_healed_alone_and_no_cursor_moves(held: Warehouse) -> None:
    shop = held.server.websites[0].id
    held.server.faults.add(
        Fault(
            website_id=shop, query_type="top_pages", day=DAY, parameter_error="no memory", times=2
        )
    )
    assert len(held.sync(**given(held))) == 1
    found = status_now(held)
    assert found.lacking == 1
    (lacking,) = [each for each in found.reports if each.gaps]
    (gap,) = lacking.gaps
    assert (lacking.website_id, lacking.report) == (shop, "top_pages")
    assert (gap.mark, gap.first, gap.last, gap.cells) == (Mark.FAILED, DAY, DAY, 1)
    assert "no memory" in gap.reason
    resources = held.pipeline.state["sources"]["databuddy"]["resources"]
    assert resources[f"top_pages__{shop}"]["failed"] == {str(DAY): 1}
    moved = cursors(held)

    (asked,) = healed(held)
    assert (asked["website_id"], asked["name"]) == (shop, "top_pages")
    assert (asked["start_date"], asked["end_date"]) == (str(DAY), str(DAY))
    assert status_now(held).is_complete
    assert held.cells("top_pages")[shop, DAY]
    assert cursors(held) == moved
    resources = held.pipeline.state["sources"]["databuddy"]["resources"]
    assert resources[f"top_pages__{shop}"]["failed"] == {}
    assert healed(held) == []


def test_what_fails_again_stays_listed_for_the_next_sync(held: Warehouse) -> None:
    shop = held.server.websites[0].id
    fault = Fault(website_id=shop, query_type="top_pages", day=DAY, parameter_error="no", times=4)
    held.server.faults.add(fault)
    held.sync(**given(held))
    assert len(healed(held)) == 2  # asked once more
    assert status_now(held).cells[Mark.FAILED] == 1
    resources = held.pipeline.state["sources"]["databuddy"]["resources"]
    assert resources[f"top_pages__{shop}"]["failed"] == {str(DAY): 1}


@pytest.mark.parametrize("status_of_cell", [Status.TRUNCATED, Status.SUSPECT, Status.FAILED])
def test_a_final_cell_that_lacks_something_is_healed(
    synced: Warehouse, status_of_cell: Status
) -> None:
    shop = synced.server.websites[0].id
    synced.query(
        "UPDATE coverage SET status = %s WHERE report = 'top_pages' AND date = %s "
        "AND website_id = %s AND final",
        status_of_cell.value,
        DAY,
        shop,
    )
    assert status_now(synced).cells[Mark(status_of_cell.value)] == 1
    (asked,) = healed(synced)
    assert (asked["website_id"], asked["name"], asked["start_date"]) == (
        shop,
        "top_pages",
        str(DAY),
    )
    assert status_now(synced).is_complete


def test_days_hours_and_weeks_that_nobody_asked_for_are_missing_and_healed(
    synced: Warehouse,
) -> None:
    before = synced.tables()
    shop = synced.server.websites[0].id
    week = TODAY - timedelta(days=TODAY.weekday() + 7)
    for report, condition in {
        "top_pages": f"date BETWEEN '{DAY}' AND '{DAY + timedelta(days=1)}'",
        "events_by_date": f"date = '{DAY}'",
        "events_by_date_hourly": f"date = '{DAY}' AND hour(window_start) IN (3, 4, 9)",
        "summary_metrics_weekly": f"date = '{week}'",
    }.items():
        synced.query(
            f"DELETE FROM coverage WHERE report = '{report}' AND website_id = '{shop}' "
            f"AND {condition}"
        )
    found = status_now(synced)
    gaps = {each.report: each.gaps for each in found.reports if each.website_id == shop}
    assert {(gap.mark, gap.cells) for gap in gaps["top_pages"]} == {(Mark.MISSING, 2)}
    assert [gap.cells for gap in gaps["events_by_date_hourly"]] == [2, 1]
    assert [(g.first, g.last) for g in gaps["summary_metrics_weekly"]] == [
        (week, week + timedelta(days=6))
    ]
    assert found.lacking == 2 + 1 + 3 + 1

    asked = healed(synced)
    assert {each["website_id"] for each in asked} == {shop}
    # two days, one series, two ranges of hours, one week
    assert sorted(each["name"] for each in asked) == sorted(
        ["top_pages"] * 2 + ["events_by_date"] * 3 + ["summary_metrics"]
    )
    assert status_now(synced).is_complete
    assert synced.tables() == before


def test_a_start_that_moved_earlier_is_missing_and_healed_within_the_named_days(
    held: Warehouse,
) -> None:
    held.sync(**given(held, query_types=["top_pages"]))
    earlier = {"query_types": ["top_pages"], "start_date": START - timedelta(days=3)}
    assert status_now(held, **earlier).cells[Mark.MISSING] == 2 * 3
    day = START - timedelta(days=2)
    asked = healed(held, **earlier, since=day, until=day)
    assert {each["start_date"] for each in asked} == {str(day)}
    assert len(asked) == 2
    assert status_now(held, **earlier).cells[Mark.MISSING] == 2 * 2


def test_days_of_a_week_before_the_named_ones_are_left_alone(held: Warehouse) -> None:
    reports = ["top_pages", "summary_metrics_weekly"]
    held.sync(**given(held, query_types=reports))
    held.query("DELETE FROM coverage")
    thursday = TODAY - timedelta(days=TODAY.weekday() + 4)
    asked = healed(
        held,
        query_types=reports,
        start_date=thursday - timedelta(days=5),
        since=thursday,
        until=thursday,
    )
    assert {(each["name"], each["start_date"]) for each in asked} == {
        ("top_pages", str(thursday)),
        ("summary_metrics", str(thursday - timedelta(days=3))),
    }


def test_reports_that_are_not_configured_are_named_and_not_judged(held: Warehouse) -> None:
    held.server.faults.add(Fault(query_type="top_pages", parameter_error="no", times=None))
    held.sync(**given(held))
    found = status_now(held, query_types=["events_by_date"])
    assert found.is_complete
    assert {report for _, report in found.others} == set(REPORTS) - {"events_by_date"}


def test_a_type_that_the_server_lacks_is_not_missing(
    serve: Callable[..., DemoServer], warehouse: Make
) -> None:
    held = warehouse(serve("2025"))
    held.sync(**given(held, query_types=["default"]))
    found = status_now(held, query_types=["default"])
    assert found.is_complete
    assert found.reports


def test_a_website_that_is_gone_is_not_missing(held: Warehouse) -> None:
    everything = {"websites": [], "query_types": ["top_pages"]}
    held.sync(**given(held, **everything))
    three = {each.website_id for each in status_now(held, **everything).reports}
    assert three == {website.id for website in held.server.websites}
    at = str(held.server.now.timestamp())  # the tests' own clock names loads by times to come
    held.query("UPDATE websites SET _dlt_load_id = %s", at)
    held.query("UPDATE websites SET _dlt_load_id = '1' WHERE id = %s", held.server.websites[2].id)
    two = {each.website_id for each in status_now(held, **everything).reports}
    assert two == {website.id for website in held.server.websites[:2]}
    gone = held.server.websites[2]
    (own,) = status_now(held, **{**everything, "websites": [gone.domain]}).reports
    assert (own.website_id, own.domain, own.is_gone) == (gone.id, gone.domain, True)
    # as a sync understands it: a website that was added anew has the domain of the one before
    shop = held.server.websites[0].id
    held.query("UPDATE websites SET domain = %s WHERE id = %s", gone.domain, shop)
    (own,) = status_now(held, **{**everything, "websites": [gone.domain]}).reports
    assert (own.website_id, own.is_gone) == (shop, False)


def test_a_domain_that_was_never_synced_is_named(held: Warehouse) -> None:
    held.sync(**given(held, query_types=["top_pages"]))
    assert status_now(held, websites=["blog.example.com"]).reports
    with pytest.raises(BadSetting, match=r"'no\.example' is no website that was synced"):
        status_now(held, websites=["no.example"])


def test_a_status_asks_nothing(synced: Warehouse) -> None:
    before = len(synced.server.log)
    found = status_now(synced)
    assert found.is_complete
    assert len(synced.server.log) == before
    one = next(each for each in found.reports if each.report == "top_pages")
    ((rows, load_id),) = synced.query(
        "SELECT count(*), max(_dlt_load_id) FROM top_pages WHERE website_id = %s", one.website_id
    )
    assert (one.rows, one.load_id) == (rows, load_id)
    assert (one.first, one.last) == (START, TODAY)
    assert one.cells[Mark.RESTATED] == 4


def test_before_the_first_sync_all_settled_days_are_missing(held: Warehouse) -> None:
    found = status_now(held, query_types=["top_pages"], start_date=date(2026, 3, 10))
    assert found.cells == {Mark.MISSING: 2 * 7}
    assert {each.synced_at for each in found.reports} == {None}


@pytest.mark.parametrize(("generation", "rows"), [("2026-04", 0), ("2026-06", 9)])
def test_days_without_visitors_are_empty_also_where_the_server_has_a_row_of_zeros(
    generation: str,
    rows: int,
    serve: Callable[..., DemoServer],
    warehouse: Make,
) -> None:
    made = warehouse(serve(generation))
    quiet = made.server.websites[2].id
    assert not made.sync(
        **given(made, websites=[quiet], query_types=["summary_metrics", "country"])
    )
    ((held_rows, views),) = made.query("SELECT COUNT(*), SUM(pageviews) FROM summary_metrics")
    assert (held_rows, views or 0) == (rows, 0)
    found = status_now(made, websites=[quiet], query_types=["summary_metrics", "country"])
    assert found.is_complete
    assert found.cells == {Mark.EMPTY: 2 * 5, Mark.RESTATED: 2 * 4}


def test_a_zone_under_its_new_name_goes_on(held: Warehouse) -> None:
    few = given(held, query_types=["top_pages"], start_date=TODAY - timedelta(days=4))
    held.sync(timezone="Asia/Calcutta", **few)
    before = held.tables()["top_pages"]
    assert held.sync(timezone="Asia/Kolkata", **few) == []
    assert held.tables()["top_pages"] == before
    found = status_now(held, timezone="Asia/Kolkata", **few)
    assert {each.first for each in found.reports} == {TODAY - timedelta(days=4)}
