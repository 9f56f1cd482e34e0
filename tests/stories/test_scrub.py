"""Old days that change are found, written once, and told of; nothing else is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from databuddy_source.answers.lateness import lateness
from databuddy_source.coverage.behind import days_behind
from databuddy_source.coverage.reading import tables_of
from databuddy_source.demo import DemoServer, Fault, Generation
from databuddy_source.extract.cursor import MAX_ATTEMPTS
from databuddy_source.model.windows import Window
from tests.stories.conftest import GENERATIONS, TODAY, Make, Warehouse, without_nameless_sessions
from tests.stories.test_unchanged import written_by_a_sync

Serve = Callable[..., DemoServer]

OLD = TODAY - timedelta(days=9)
"""A day that no sync asks for by itself any more."""

A_NIGHT = timedelta(hours=11)
"""After which the same answer is believed."""


def told(made: Warehouse) -> list[dict[str, Any]]:
    """What the table of changes has, by report and day."""
    names = ("website_id", "report", "date", "why", "rows_before", "rows_after", "sums", "keys")
    if ("restatements",) not in made.query("SELECT table_name FROM duckdb_tables()"):
        return []
    rows = made.query(f"SELECT {', '.join(names)} FROM restatements ORDER BY report, date")
    return [dict(zip(names, row, strict=True)) for row in rows]


def imported(server: DemoServer, website_id: str, day: Any, visitors: int = 5) -> None:
    """Somebody imports visits of a day that is long over."""
    for number in range(visitors):
        at = datetime.combine(day, time(12, number))
        server.events.add(website_id, at, received_at=server.now, path="/imported", country="Chad")


@pytest.mark.sampled(4)
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("timezone", ["UTC", "America/New_York"])
def test_an_old_day_that_changes_is_found_and_loaded_by_the_next_sync(
    serve: Serve, warehouse: Make, generation: Generation, timezone: str
) -> None:
    server = without_nameless_sessions(serve(generation))
    made = warehouse(server, Warehouse.sync, timezone=timezone)
    shop = server.websites[0].id
    before = made.cells("top_pages")
    imported(server, shop, OLD)
    assert made.sync(timezone=timezone) == []
    after = made.cells("top_pages")
    assert {place for place, own in after.items() if own != before[place]} == {(shop, OLD)}
    other = warehouse(server)
    other.sync(timezone=timezone)
    own, fresh = made.tables(), other.tables()
    assert told(made)
    assert told(other) == []
    own.pop("coverage"), fresh.pop("coverage")
    assert own == fresh
    assert written_by_a_sync(made, timezone=timezone) == {"coverage"}


FEW_TYPES: dict[str, Any] = {"query_types": ["events_by_date", "top_pages", "country"]}


def assert_as_loaded_anew(made: Warehouse, warehouse: Make, **given: Any) -> None:
    """The tables are those of somebody who loads all now."""
    other = warehouse(made.server)
    other.sync(**given)
    own, fresh = made.tables(), other.tables()
    for name in own.keys() - {"coverage"}:
        assert own[name] == fresh[name], name


def test_what_changed_is_told_exactly(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    shop = server.websites[0].id
    of_day = "WHERE website_id = ? AND date = ?"
    ((before,),) = made.query(f"SELECT pageviews FROM events_by_date {of_day}", shop, OLD)
    pages = dict(made.query(f"SELECT name, pageviews FROM top_pages {of_day}", shop, OLD))
    imported(server, shop, OLD, visitors=5)
    server.events.change(shop, OLD, to={"path": "/prices"}, path="/pricing")
    assert made.sync(**FEW_TYPES) == []
    by_report = {each["report"]: each for each in told(made)}
    assert {(each["website_id"], each["date"], each["why"]) for each in by_report.values()} == {
        (shop, OLD, "scrub")
    }
    assert json.loads(by_report["events_by_date"]["sums"]) == {"pageviews": [before, before + 5]}
    assert by_report["events_by_date"]["keys"] is None
    keys = {each["name"]: each["pageviews"] for each in json.loads(by_report["top_pages"]["keys"])}
    assert keys == {
        "/imported": [0, 5],
        "/pricing": [pages["/pricing"], 0],
        "/prices": [0, pages["/pricing"]],
    }
    assert by_report["top_pages"]["rows_after"] - by_report["top_pages"]["rows_before"] == 1
    made.sync(**FEW_TYPES)
    assert len(told(made)) == len(by_report), "nothing is told twice"


@pytest.mark.parametrize(
    "views", [2**63, 2**64, 10**400, 1e308, "9" * 400], ids=["63", "64", "400", "float", "text"]
)
def test_a_number_beyond_all_numbers_ends_no_load(
    views: Any, serve: Serve, warehouse: Make
) -> None:
    server = serve()
    made = warehouse(server)
    first = TODAY - timedelta(days=4)
    chosen = {"query_types": ["summary_metrics", "top_pages"], "start_date": first}
    made.sync(**chosen)
    kept = made.cells("top_pages")
    server.faults.add(
        Fault(
            query_type="summary_metrics",
            times=None,
            rows=lambda rows: [{**row, "pageviews": views} for row in rows],
        )
    )
    server.now += timedelta(days=2)
    assert made.sync(**chosen, refetch=True, since=first) == []
    assert made.cells("top_pages").keys() > kept.keys()
    changed = [each for each in told(made) if each["report"] == "summary_metrics"]
    assert changed
    assert all("pageviews" in json.loads(each["sums"]) for each in changed)


def test_days_that_grow_until_they_are_over_are_no_news(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve(ahead=2))
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    before = made.cells("top_pages")
    server.now += timedelta(days=1)
    made.sync(**FEW_TYPES)
    assert made.cells("top_pages") != before
    assert {each["date"] for each in told(made)} <= {TODAY - timedelta(days=1)}, "late events"


def test_a_late_event_is_told(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    imported(server, server.websites[0].id, TODAY - timedelta(days=2))
    assert made.sync(**FEW_TYPES) == []
    assert {(each["report"], each["why"]) for each in told(made)} == {
        (name, "lookback") for name in FEW_TYPES["query_types"]
    }


def test_what_no_series_shows_is_found_within_a_round(serve: Serve, warehouse: Make) -> None:
    """A page that is renamed changes no total: its cell is asked for when its turn comes."""
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    assert server.events.change(server.websites[0].id, OLD, to={"path": "/p"}, path="/pricing")
    rounds = 0
    while not told(made):
        assert made.sync(**FEW_TYPES) == []
        rounds += 1
        assert rounds < 5
    assert [each["report"] for each in told(made)] == ["top_pages"]
    assert_as_loaded_anew(made, warehouse, **FEW_TYPES)


def test_a_day_whose_events_are_deleted_is_suspect(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    shop = server.websites[0].id
    before = made.cells("top_pages")
    server.events.delete(shop, OLD)
    gaps = made.sync(**FEW_TYPES)
    assert {(gap.report, gap.date, gap.status) for gap in gaps} == {
        (name, OLD, "suspect") for name in FEW_TYPES["query_types"]
    }
    assert made.cells("top_pages") == before
    assert made.sync(**FEW_TYPES, allow_empty=True) == []
    assert (shop, OLD) not in made.cells("top_pages")
    assert {each["rows_after"] for each in told(made) if each["keys"]} == {0}


def test_merged_visitors_are_found(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    shop = server.websites[0].id
    with server.events.connection() as cursor:
        (one,), (two,) = cursor.execute(
            "SELECT anonymous_id FROM events WHERE website_id = ? AND CAST(time AS DATE) = ? "
            "AND kind = 'screen_view' GROUP BY 1 ORDER BY 1 LIMIT 2",
            [shop, OLD],
        ).fetchall()
    server.events.change(shop, OLD, to={"anonymous_id": one}, anonymous_id=two)
    assert made.sync(**FEW_TYPES) == []
    assert all(json.loads(each["sums"]) == {} for each in told(made)), "no sum of visitors"
    assert {each["report"] for each in told(made)} >= {"events_by_date"}
    assert_as_loaded_anew(made, warehouse, **FEW_TYPES)


def lie(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Half of everything is gone."""
    return [
        {
            name: value // 2 if isinstance(value, int) and value > 1 else value
            for name, value in row.items()
        }
        for row in rows
    ]


def of_history(made: Warehouse, report: str) -> list[tuple[Any, ...]]:
    """The rows of days that no sync asks for by itself."""
    own = f"SELECT * EXCLUDE (_dlt_load_id) FROM {report} WHERE date < ? ORDER BY ALL"
    return made.query(own, TODAY - timedelta(days=3))


def test_a_server_that_lies_for_one_night_changes_no_history(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    before = {report: of_history(made, report) for report in FEW_TYPES["query_types"]}
    server.faults.add(Fault(rows=lie, times=None))
    gaps = made.sync(**FEW_TYPES)
    assert {gap.status for gap in gaps} == {"suspect"}
    assert all("10 hours later" in gap.reason for gap in gaps)
    assert {report: of_history(made, report) for report in before} == before
    server.faults.clear()
    assert made.sync(**FEW_TYPES) == []
    assert made.query("SELECT COUNT(*) FROM coverage WHERE status <> 'complete'") == [(0,)]
    assert {each["why"] for each in told(made)} == {"lookback"}, "the newest days lied, too"
    assert_as_loaded_anew(made, warehouse, **FEW_TYPES)


GAPS: dict[str, Any] = {"only_gaps": True, "since": TODAY - timedelta(days=29), "until": TODAY}


@pytest.mark.parametrize("again", [{}, GAPS], ids=["sync", "heal"])
def test_a_lie_that_lasts_a_night_is_not_believed(
    serve: Serve, warehouse: Make, again: dict[str, Any]
) -> None:
    """However often it is asked for meanwhile, by an hourly sync or by who wants it healed."""
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    before = {report: of_history(made, report) for report in FEW_TYPES["query_types"]}
    server.faults.add(Fault(rows=lie, times=None))
    made.sync(**FEW_TYPES)
    for _ in range(4):
        server.now += timedelta(hours=2)
        gaps = made.sync(**FEW_TYPES, **again)
        assert gaps
        assert all("10 hours later" in gap.reason for gap in gaps)
        assert {report: of_history(made, report) for report in before} == before
    server.faults.clear()
    assert made.sync(**FEW_TYPES, **again) == []
    assert {report: of_history(made, report) for report in before} == before


def test_much_that_differs_is_believed_when_it_comes_again(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    shop = server.websites[0].id
    for days in range(5, 12):
        imported(server, shop, TODAY - timedelta(days=days))
    gaps = made.sync(**FEW_TYPES)
    assert {gap.report for gap in gaps} >= {"events_by_date"}
    assert told(made) == []
    server.now += A_NIGHT
    assert made.sync(**FEW_TYPES) == []
    assert_as_loaded_anew(made, warehouse, **FEW_TYPES)


def test_a_quiet_month_asks_and_writes_no_more(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve(days=60, ahead=10))
    given = {**FEW_TYPES, "start_date": TODAY - timedelta(days=55)}
    made = warehouse(server, Warehouse.sync, **given)
    loads = "SELECT website_id, date, MAX(_dlt_load_id) FROM top_pages WHERE date < ? GROUP BY ALL"
    for _ in range(6):
        server.now += timedelta(days=1)
        settled = server.now.date() - timedelta(days=5)
        before = set(made.query(loads, settled))
        server.log.clear()
        assert made.sync(**given) == []
        assert len([each for each in server.log if each.path == "/v1/query"]) == 2
        assert set(made.query(loads, settled)) == before
    assert [each for each in told(made) if each["why"] != "lookback"] == []


def test_an_audit_asks_for_final_days_and_writes_what_differs(
    serve: Serve, warehouse: Make
) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    loads = "SELECT website_id, date, MAX(_dlt_load_id) FROM top_pages GROUP BY ALL"
    before = set(made.query(loads))
    shop = server.websites[0].id
    assert server.events.change(shop, OLD, to={"path": "/p"}, path="/pricing")
    days = {"since": TODAY - timedelta(days=60), "until": TODAY, "audit": True}
    assert made.sync(**FEW_TYPES, **days) == []
    assert {place[:2] for place in set(made.query(loads)) - before} == {(shop, OLD)}
    assert [(each["report"], each["why"]) for each in told(made)] == [("top_pages", "audit")]
    ((asked, first, last),) = made.query(
        "SELECT COUNT(*), MIN(date), MAX(date) FROM coverage "
        "WHERE _dlt_load_id = (SELECT MAX(load_id) FROM _dlt_loads)"
    )
    assert asked == made.query("SELECT COUNT(*) FROM coverage WHERE final")[0][0]
    assert (first, last) == (TODAY - timedelta(days=30), TODAY - timedelta(days=4))
    server.faults.add(Fault(rows=lie, times=None))
    rows = of_history(made, "top_pages")
    assert {gap.status for gap in made.sync(**FEW_TYPES, **days)} == {"suspect"}
    assert of_history(made, "top_pages") == rows


SEVERAL: dict[str, Any] = {
    "query_types": ["events_by_date", "sessions_time_series", "top_pages", "country", "os_name"],
    "reports": [{"query_type": "summary_metrics", "grain": "week"}],
}


def test_one_day_of_a_short_history_is_found_in_all_reports(serve: Serve, warehouse: Make) -> None:
    """Also where much of what is asked for again is about this one day."""
    server = without_nameless_sessions(serve())
    given = {**SEVERAL, "start_date": TODAY - timedelta(days=10)}
    made = warehouse(server, Warehouse.sync, **given)
    imported(server, server.websites[0].id, OLD)
    assert made.sync(**given) == []
    assert {each["report"] for each in told(made)} >= {"top_pages", "summary_metrics_weekly"}
    assert_as_loaded_anew(made, warehouse, **given)


def test_the_only_final_day_may_change(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve(ahead=2))
    given = {**FEW_TYPES, "start_date": TODAY - timedelta(days=4)}
    made = warehouse(server, Warehouse.sync, **given)
    imported(server, server.websites[0].id, TODAY - timedelta(days=4))
    made.sync(**given)  # one of one is many
    server.now += A_NIGHT
    assert made.sync(**given) == []
    assert len([each for each in told(made) if each["why"] == "scrub"]) == 3
    assert_as_loaded_anew(made, warehouse, **given)


def test_a_deleted_day_is_accepted_at_once(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **SEVERAL)
    server.events.delete(server.websites[0].id, OLD)
    assert made.sync(**SEVERAL, allow_empty=True) == []
    assert_as_loaded_anew(made, warehouse, **SEVERAL)


@pytest.mark.parametrize("back", [2, 9], ids=["new", "old"])
def test_a_deleted_day_is_accepted_later(serve: Serve, warehouse: Make, back: int) -> None:
    """By a plain sync that does not ask for that day by itself any more."""
    server = without_nameless_sessions(serve(ahead=8))
    made = warehouse(server, Warehouse.sync, **SEVERAL)
    day = TODAY - timedelta(days=back)
    server.events.delete(server.websites[0].id, day)
    for _ in range(MAX_ATTEMPTS):
        assert made.sync(**SEVERAL)
        server.now += timedelta(days=1)
    left = "SELECT COUNT(*) FROM coverage WHERE status = 'suspect' AND date = ? AND grain = 'day'"
    assert made.query(left, day) != [(0,)]
    made.sync(**SEVERAL, allow_empty=True)
    assert made.query(left, day) == [(0,)]
    assert made.sync(**SEVERAL) == []
    assert_as_loaded_anew(made, warehouse, **SEVERAL)


@pytest.mark.parametrize("timezone", ["America/New_York", "Australia/Lord_Howe"])
def test_a_week_is_believed_whose_hours_are(serve: Serve, warehouse: Make, timezone: str) -> None:
    """A schedule that asks for hours alone was told that they are empty. Their days are not, since
    each has kept hours."""
    server = without_nameless_sessions(serve(ahead=2))
    hours = {"query_type": "events_by_date", "grain": "hour"}
    given = {
        "query_types": ["events_by_date", "top_pages"],
        "reports": [*SEVERAL["reports"], hours],
        "timezone": timezone,
        "websites": [server.websites[0].id],
    }
    made = warehouse(server, Warehouse.sync, **given)
    server.events.delete(server.websites[0].id, TODAY - timedelta(days=2))
    alone = {**given, "query_types": [], "reports": [hours]}
    for more in ({}, {"allow_empty": True}):
        server.now += timedelta(minutes=5)
        assert bool(made.sync(**alone, **more)) is not bool(more)
    server.now += timedelta(minutes=5)
    assert made.sync(**given) == []
    assert_as_loaded_anew(made, warehouse, **given)


@pytest.mark.parametrize("by_audit", [True, False])
def test_what_an_audit_doubts_is_believed_when_it_comes_again(
    serve: Serve, warehouse: Make, by_audit: bool
) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    days = {"since": TODAY - timedelta(days=60), "until": TODAY, "audit": True}
    for back in range(5, 12):
        imported(server, server.websites[0].id, TODAY - timedelta(days=back))
    assert {gap.status for gap in made.sync(**FEW_TYPES, **days)} == {"suspect"}
    assert told(made) == []
    server.now += A_NIGHT
    assert made.sync(**FEW_TYPES, **(days if by_audit else {})) == []
    made.sync(**FEW_TYPES)  # today went on
    assert_as_loaded_anew(made, warehouse, **FEW_TYPES)


def test_a_lie_is_not_believed_in_a_small_room(serve: Serve, warehouse: Make) -> None:
    given = {**FEW_TYPES, "pack_size": 13}
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **given)
    before = {report: of_history(made, report) for report in FEW_TYPES["query_types"]}
    server.faults.add(Fault(rows=lie, times=None))
    made.sync(**given)
    assert {report: of_history(made, report) for report in before} == before


def test_a_day_that_stayed_as_it_was_until_it_was_over_is_told(
    serve: Serve, warehouse: Make
) -> None:
    """Its rows came before it was over, and later answers said the same."""
    server = without_nameless_sessions(serve(ahead=8))
    shop = server.websites[0].id
    server.events.delete(shop, TODAY - timedelta(days=2), TODAY + timedelta(days=8))
    server.events.add(shop, server.now - timedelta(hours=1), received_at=server.now)
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    for _ in range(6):
        server.now += timedelta(days=1)
        made.sync(**FEW_TYPES)
    imported(server, shop, TODAY)
    made.sync(**FEW_TYPES)
    server.now += A_NIGHT
    made.sync(**FEW_TYPES)
    assert {each["date"] for each in told(made) if each["website_id"] == shop} == {TODAY}


def test_a_quiet_day_beside_a_deleted_one_stays_believed(serve: Serve, warehouse: Make) -> None:
    server = without_nameless_sessions(serve())
    shop, quiet = server.websites[0].id, OLD + timedelta(days=1)
    server.events.delete(shop, quiet)
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    server.events.delete(shop, OLD)
    for _ in range(2):
        assert {gap.date for gap in made.sync(**FEW_TYPES)} == {OLD}


def test_a_series_that_cannot_be_had_whole_is_left_alone_and_told(
    serve: Serve, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server = without_nameless_sessions(serve(ahead=3))
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    first = TODAY - timedelta(days=32)  # with its margin, the first day of all
    fails = {"query_type": "events_by_date", "day": first, "parameter_error": "Timeout error."}
    server.faults.add(Fault(**fails, times=4))  # each of two websites is asked twice
    requests = []
    for _ in range(3):
        server.log.clear()
        assert made.sync(**FEW_TYPES) == []
        requests.append(len([each for each in server.log if each.path == "/v1/query"]))
        server.now += timedelta(days=1)
    assert requests[1:] == [2, 2]
    said = [each.getMessage() for each in caplog.records if "compared" in each.getMessage()]
    assert len(said) == 2, "of each website once"
    assert all("events_by_date" in each and "Timeout error." in each for each in said)


def behind(made: Warehouse) -> dict[str, list[Window]]:
    """The days of which not everything was asked for since one report changed."""
    places = made.query("SELECT DISTINCT website_id, report FROM coverage")
    with tables_of(made.pipeline) as tables:
        return dict(days_behind(tables, places, ["events_by_date"], "UTC", made.server.now))


ALONE: dict[str, Any] = {**SEVERAL, "query_types": ["events_by_date"], "reports": []}


@pytest.mark.parametrize(
    ("days", "why"),
    [({}, "scrub"), ({"since": OLD, "until": OLD, "refetch": True}, "refetch")],
    ids=["sync", "backfill"],
)
def test_what_one_report_has_found_alone_is_asked_of_the_others(
    serve: Serve, warehouse: Make, days: dict[str, Any], why: str
) -> None:
    """A schedule that asks for a series alone, more often, takes the sign of the change."""
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **SEVERAL)
    imported(server, server.websites[0].id, OLD)
    server.now += timedelta(minutes=5)
    made.sync(**ALONE, **days)
    assert [(each["report"], each["why"]) for each in told(made)] == [("events_by_date", why)]
    (found,) = behind(made).values()
    assert [each.date for each in found] == [OLD]
    server.now += timedelta(minutes=5)
    assert made.sync(**SEVERAL) == []
    assert_as_loaded_anew(made, warehouse, **SEVERAL)
    assert written_by_a_sync(made, **SEVERAL) == {"coverage"}
    assert behind(made) == {}


def test_lateness_counts_each_cell_once_that_a_sync_has_found(
    serve: Serve, warehouse: Make
) -> None:
    server = without_nameless_sessions(serve())
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    shop = server.websites[0].id
    for visitors in (2, 5):
        imported(server, shop, OLD, visitors)
        made.sync(**FEW_TYPES)
    day = OLD - timedelta(days=5)
    imported(server, shop, day)
    made.sync(**FEW_TYPES, since=day, until=day, refetch=True)
    assert len([each for each in told(made) if each["report"] == "top_pages"]) == 3
    with tables_of(made.pipeline) as tables:
        assert {each.report: each.days for each in lateness(tables)}["top_pages"] == [8]


NO_ANSWER = {
    "type": {"query_type": "top_pages", "parameter_error": "Memory limit exceeded."},
    "left out": {"query_type": "top_pages", "left_out": True},
    "server": {"query_type": "top_pages", "status": 500},
}


@pytest.mark.parametrize("fault", NO_ANSWER.values(), ids=NO_ANSWER)
def test_a_night_without_answers_takes_no_final_day_away(
    serve: Serve, warehouse: Make, fault: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    server = without_nameless_sessions(serve(ahead=10))
    made = warehouse(server, Warehouse.sync, **FEW_TYPES)
    server.now += timedelta(hours=1)
    final = "SELECT * EXCLUDE (doubted_at, _dlt_load_id) FROM coverage WHERE final ORDER BY ALL"
    own = final.replace("WHERE", "WHERE report = 'top_pages' AND")
    before = made.query(own)
    server.faults.add(Fault(**fault, times=None))
    newest = TODAY - timedelta(days=3)
    assert {(each.report, each.date >= newest) for each in made.sync(**FEW_TYPES)} == {
        ("top_pages", True)
    }
    assert made.query(own) == before, "what is final stays as it is"
    asked = "SELECT COUNT(doubted_at) FROM coverage WHERE final AND status = 'complete'"
    ((unproved,),) = made.query(asked)
    assert unproved, "they were asked for"
    said = [each.getMessage() for each in caplog.records if "stay as they are" in each.getMessage()]
    assert len(said) == 2, "of each website once"

    server.faults.clear()
    server.now += timedelta(hours=1)
    assert made.sync(**FEW_TYPES) == []
    assert made.query(asked) == [(unproved,)], "their turn has not come yet"
    server.now += timedelta(days=8)
    while made.query(asked) != [(0,)]:
        server.log.clear()
        made.sync(**FEW_TYPES)
        assert len([each for each in server.log if each.path == "/v1/query"]) < 10
