"""Verifying finds each cell that differs from the API, names it, and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, time, timedelta
from typing import Any

import pytest
import time_machine

from databuddy_source.answers.verify import Checked, Outcome, verify
from databuddy_source.config.settings import Settings
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.errors import OtherDays
from tests.stories.conftest import TODAY, Warehouse

FIRST = TODAY - timedelta(days=9)
FINAL = TODAY - timedelta(days=6)


def checked(made: Warehouse, server: DemoServer | None = None, **given: Any) -> list[Checked]:
    server = server or made.server
    settings = Settings.of(api_key=server.api_key, base_url=server.url)
    with time_machine.travel(server.now, tick=True):
        return list(verify(made.pipeline, settings, **given))


def not_equal(found: Iterable[Checked]) -> dict[str, tuple[Outcome, tuple[str, ...]]]:
    return {
        f"{each.cell.report} {each.cell.window}": (each.outcome, each.details)
        for each in found
        if each.outcome is not Outcome.EQUAL
    }


def change(made: Warehouse, sql: str) -> None:
    with made.pipeline.sql_client() as client:
        client.execute_sql(sql)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_what_was_loaded_is_equal_whatever_its_grain_filters_and_columns(
    zone: str, serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]
) -> None:
    made = warehouse(serve())
    names = [
        *("default", "summary_metrics_weekly", "events_by_date_hourly", "session_list"),
        *("recent_errors", "profile_list", "web_vitals_by_page", "summary_metrics_monthly"),
    ]
    filtered = {
        "name": "phones",
        "query_type": "pages",
        "filters": [{"field": "device_type", "op": "eq", "value": "mobile"}],
    }
    made.sync(query_types=names, reports=[filtered], timezone=zone, start_date=TODAY - timedelta(2))
    held = made.tables()
    found = checked(made)
    assert not_equal(found) == {}
    assert len(found) == made.query("SELECT COUNT(*) FROM coverage WHERE status = 'complete'")[0][0]
    assert {each.cell.report for each in found} > {"phones", "session_list", "recent_errors"}
    assert made.tables() == held


def test_a_final_cell_that_differs_is_different_and_a_running_one_restated(
    serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]
) -> None:
    server = serve()
    made = warehouse(server)
    shop = server.websites[0].id
    made.sync(query_types=["top_pages"], websites=[shop], start_date=FIRST)
    for day in (FINAL, TODAY - timedelta(days=1)):
        at = datetime.combine(day, time(12), server.now.tzinfo)
        server.events.add(shop, at, path="/late", received_at=at)
    found = not_equal(checked(made))
    late = ("name '/late' is at the server, but not here",)
    kinds = {key: outcome for key, (outcome, _) in found.items()}
    assert kinds == {
        f"top_pages {FINAL}": Outcome.DIFFERENT,
        f"top_pages {TODAY - timedelta(days=1)}": Outcome.RESTATED,
    }
    assert all(late[0] in details for _, details in found.values())


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        (
            "UPDATE top_pages SET visitors = visitors + 1 WHERE name = '/' AND date = '{day}'",
            "name '/': visitors is ",
        ),
        (
            "INSERT INTO top_pages (website_id, date, name, pageviews, _dlt_load_id) "
            "SELECT website_id, date, '/made-up', 1, '' FROM top_pages "
            "WHERE date = '{day}' AND name = '/'",
            "name '/made-up' is here, but not at the server",
        ),
        (
            "DELETE FROM top_pages WHERE name = '/' AND date = '{day}'",
            "name '/' is at the server, but not here",
        ),
        (
            "UPDATE events_by_date SET pageviews = NULL WHERE date = '{day}'",
            "the row: pageviews is None here and ",
        ),
    ],
)
def test_each_kind_of_difference_is_told_in_a_sentence(
    sql: str,
    sentence: str,
    serve: Callable[..., DemoServer],
    warehouse: Callable[[DemoServer], Warehouse],
) -> None:
    server = serve()
    made = warehouse(server)
    given = {"query_types": ["top_pages", "events_by_date"], "websites": [server.websites[0].id]}
    made.sync(**given, start_date=FIRST)
    change(made, sql.format(day=FINAL))
    ((outcome, details),) = not_equal(checked(made)).values()
    assert outcome is Outcome.DIFFERENT
    assert details[0].startswith(sentence)
    assert len(details) == 1


def test_a_session_without_an_id_is_no_difference_whatever_is_asked_together(
    serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]
) -> None:
    """All of them are one session, of the first day of a question that has some."""
    server = serve()
    shop, later = server.websites[0].id, FIRST + timedelta(days=4)
    server.events.connection().execute("DELETE FROM events WHERE session_id = ''")
    for day in (FIRST, later):
        server.events.add(shop, datetime.combine(day, time(12)), session_id="", path="/")
    made = warehouse(server)
    made.sync(query_types=["events_by_date"], websites=[shop], start_date=FIRST)
    assert not_equal(checked(made, since=later)) == {}
    held = made.tables()
    made.sync(
        query_types=["events_by_date"], websites=[shop], since=later, until=later, refetch=True
    )
    (sessions,), (again,) = (
        [row for row in tables["events_by_date"] if later in row]
        for tables in (held, made.tables())
    )
    assert sessions != again, "it is another number"
    assert made.query("SELECT COUNT(*) FROM restatements") == [(0,)]


def test_only_the_cells_that_were_asked_for_are_compared(
    serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]
) -> None:
    server = serve()
    made = warehouse(server)
    made.sync(query_types=["top_pages", "country"], start_date=FIRST)
    assert len(checked(made, sample=7)) == 7
    only = {"since": FINAL, "until": FINAL, "reports": ["pages"]}
    found = checked(made, **only, websites=[server.websites[0].domain])
    assert [str(each.cell) for each in found] == [
        f"top_pages of {server.websites[0].id} on {FINAL}"
    ]


def test_what_the_server_does_not_answer_is_named(
    serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]
) -> None:
    server = serve()
    made = warehouse(server)
    made.sync(query_types=["top_pages"], websites=[server.websites[0].id], start_date=FIRST)
    server.faults.add(
        Fault(query_type="top_pages", day=FINAL, parameter_error="out of memory", times=2)
    )
    assert not_equal(checked(made)) == {
        f"top_pages {FINAL}": (Outcome.UNANSWERED, ("out of memory",))
    }


def test_local_days_are_not_compared_with_days_in_utc(
    serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]
) -> None:
    made = warehouse(serve())
    made.sync(query_types=["top_pages"], timezone="Europe/Berlin", start_date=FIRST)
    with pytest.raises(OtherDays, match="hold days of Europe/Berlin, and this server knows UTC da"):
        checked(made, serve("2025"))
