"""A machine whose clock is wrong: the server's counts, and what a wrong one left is mended."""

from __future__ import annotations

import logging
import time as clock_time
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import time_machine

from databuddy_source import databuddy_source, status, sync
from databuddy_source.config.resolve import checked
from databuddy_source.coverage.queries import gaps_of_loads
from databuddy_source.demo import DemoServer
from tests.stories.conftest import TODAY, Make, Warehouse, days_between

Serve = Callable[..., DemoServer]

FIRST = TODAY - timedelta(days=3)


def given(made: Warehouse, **more: Any) -> dict[str, Any]:
    return {
        "api_key": made.server.api_key,
        "base_url": made.server.url,
        "websites": [made.server.websites[0].id],
        "query_types": ["summary_metrics"],
        "reports": [
            {"query_type": "summary_metrics", "grain": "hour"},
            {"query_type": "summary_metrics", "grain": "week"},
        ],
        "start_date": FIRST,
        "lookback_days": 1,
        **more,
    }


def by_command(made: Warehouse, ahead: timedelta, **more: Any) -> None:
    """A sync on a machine whose clock is that much ahead of the server's."""
    with time_machine.travel(made.server.now + ahead, tick=True):
        ids = sync(made.pipeline, *checked(**given(made, **more)))
    assert gaps_of_loads(made.pipeline, ids) == []


def by_dlt(made: Warehouse, ahead: timedelta, **more: Any) -> None:
    with time_machine.travel(made.server.now + ahead, tick=True):
        made.pipeline.run(databuddy_source(**given(made, **more)))


Run = Callable[..., None]
IDIOMS = pytest.mark.parametrize("run", [by_command, by_dlt])
RIGHT = timedelta()


def everything(made: Warehouse) -> tuple[object, object]:
    """What the warehouse holds, and which of it is final."""
    final = made.query("SELECT website_id, report, window_start, final FROM coverage ORDER BY ALL")
    return made.tables(), final


def covered(made: Warehouse) -> list[Any]:
    found = made.query("SELECT date FROM coverage WHERE report = 'summary_metrics' ORDER BY date")
    return [day for (day,) in found]


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if "clock" in each.getMessage()]


@pytest.fixture
def right(serve: Serve, warehouse: Make) -> object:
    """A warehouse whose machine was never wrong."""
    made = warehouse(serve(days=8), by_command, ahead=RIGHT)
    assert covered(made) == days_between(FIRST, TODAY)
    return everything(made)


@pytest.mark.sampled(3)  # each difference, and each idiom
@IDIOMS
@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(days=20), "20.0 days ahead of"),
        (timedelta(minutes=-50), "50 min behind"),
        (timedelta(days=-3), "3.0 days behind"),
    ],
)
def test_days_are_those_of_the_server(
    serve: Serve,
    warehouse: Make,
    right: object,
    caplog: pytest.LogCaptureFixture,
    run: Run,
    ahead: timedelta,
    words: str,
) -> None:
    made = warehouse(serve(days=8))
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        run(made, ahead)
    assert everything(made) == right
    assert told(caplog) == [
        f"This machine's clock is {words} the server's. Days are those of the server's clock."
    ]
    latest = datetime.combine(TODAY, time(18, 30), UTC)
    assert made.query("SELECT max(fetched_at) < ? FROM coverage", latest) == [(True,)]


def test_a_day_that_goes_on_at_the_server_is_not_final(
    serve: Serve, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """However little the clocks differ; then nothing is said."""
    made = warehouse(serve(days=8, now=datetime.combine(TODAY, time(23, 59), UTC)))
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        by_command(made, timedelta(minutes=2), lookback_days=0, reports=[])
    assert told(caplog) == []
    assert covered(made) == days_between(FIRST, TODAY)
    final = made.query("SELECT max(date) FROM coverage WHERE final AND grain = 'day'")
    assert final == [(TODAY - timedelta(days=1),)]


@pytest.mark.parametrize(
    "date",
    [None, "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"],
)
def test_the_machine_counts_where_the_server_tells_no_time(
    serve: Serve,
    warehouse: Make,
    caplog: pytest.LogCaptureFixture,
    date: str | None,
) -> None:
    made = warehouse(serve(days=8))
    made.server.date = lambda: date
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        by_command(made, timedelta(days=-1), reports=[])
    assert covered(made) == days_between(FIRST, TODAY - timedelta(days=1))
    assert told(caplog) == []


@IDIOMS
def test_days_of_the_future_do_not_survive_the_next_run(
    serve: Serve, warehouse: Make, right: object, run: Run
) -> None:
    made = warehouse(serve(days=8))
    tells, made.server.date = made.server.date, lambda: None
    run(made, timedelta(days=3))
    assert max(covered(made)) > TODAY
    made.server.date = tells
    run(made, RIGHT)
    assert everything(made) == right


@IDIOMS
def test_a_server_whose_clock_is_behind_takes_no_day_away(
    serve: Serve, warehouse: Make, run: Run
) -> None:
    made = warehouse(serve(days=8), run, ahead=RIGHT)
    rows = "SELECT date, pageviews FROM summary_metrics ORDER BY ALL"
    before = made.query(rows)
    assert before
    tells = made.server.date
    made.server.date = lambda: format_datetime(made.server.now - timedelta(days=5), usegmt=True)
    run(made, RIGHT)
    assert set(before) <= set(made.query(rows))  # a run by that clock asks for older days, too
    made.server.date = tells
    run(made, RIGHT)
    assert set(before) <= set(made.query(rows))  # a run by that clock asks for older days, too


def test_no_day_is_passed_over_that_was_of_the_future_where_the_server_tells_no_time(
    serve: Serve, warehouse: Make
) -> None:
    """Nothing is taken out then, since nobody knows which clock is right."""
    made = warehouse(serve(days=8))
    made.server.date = lambda: None
    for days, ahead in ((4, 4), (3, 0), (0, 0)):
        made.server.now = datetime.combine(TODAY - timedelta(days), time(18), UTC)
        by_command(made, timedelta(ahead), start_date=FIRST - timedelta(2))
    other = warehouse(made.server)
    by_command(other, RIGHT, start_date=FIRST - timedelta(2))
    assert everything(made) == everything(other)


@pytest.mark.parametrize(
    "wrong",
    [
        # as an earlier version with a wrong clock left it
        "fetched_at = window_start + INTERVAL 1 HOUR",
        "fetched_at = fetched_at + INTERVAL 20 DAY",
    ],
)
def test_a_final_cell_that_cannot_be_is_asked_for_again(
    serve: Serve, warehouse: Make, wrong: str
) -> None:
    made = warehouse(serve(days=8), by_dlt, ahead=RIGHT)
    right = everything(made)
    # one whose answer was another one then
    made.query("UPDATE summary_metrics SET pageviews = 0 WHERE date = ?", FIRST)
    made.query(f"UPDATE coverage SET {wrong}, checked_at = NULL WHERE date = ?", FIRST)
    made.query(
        "UPDATE coverage SET digest = NULL WHERE date = ? AND report = 'summary_metrics'", FIRST
    )
    by_dlt(made, RIGHT)
    assert everything(made) == right
    before = made.query("SELECT max(fetched_at) FROM coverage WHERE date = ?", FIRST)
    by_dlt(made, RIGHT)
    # once
    assert made.query("SELECT max(fetched_at) FROM coverage WHERE date = ?", FIRST) == before


def listed_in_status(made: Warehouse) -> set[str]:
    with time_machine.travel(made.server.now, tick=True):
        settings, _ = checked(**given(made, websites=None))
        return {each.website_id for each in status(made.pipeline, settings).reports}


def test_a_listing_of_the_future_hides_no_later_one(serve: Serve, warehouse: Make) -> None:
    """One that a clock ahead recorded counts only where there is no other."""
    made = warehouse(serve(days=8), by_command, ahead=RIGHT, websites=None)
    all_of_them = {each.id for each in made.server.websites}
    ahead = str((made.server.now + timedelta(days=20)).timestamp())
    made.query("UPDATE websites SET _dlt_load_id = ?", ahead)
    made.query("UPDATE query_types SET _dlt_load_id = ?", ahead)
    assert listed_in_status(made) == all_of_them
    left = made.server.websites[0].id
    at = str((made.server.now - timedelta(hours=1)).timestamp())
    made.query("UPDATE websites SET _dlt_load_id = ? WHERE id = ?", at, left)
    assert listed_in_status(made) == {left}


@pytest.mark.parametrize("later", [timedelta(minutes=10), timedelta(days=9)])
def test_status_lists_no_day_to_come_as_missing(
    serve: Serve, warehouse: Make, monkeypatch: pytest.MonkeyPatch, later: timedelta
) -> None:
    """But those that are missing since the last sync, as a right clock lists them."""
    # dlt takes the clock's time once for each process, and counts on
    monkeypatch.setattr("dlt.extract.storage.create_load_id", lambda: str(clock_time.time()))
    ahead = timedelta(days=20)
    made = warehouse(serve(days=8))
    by_command(made, ahead)
    settings, _ = checked(**given(made))
    found = []
    for clock in (made.server.now, made.server.now + ahead):
        with time_machine.travel(clock + later, tick=False):
            found.append(status(made.pipeline, settings))
    right, wrong = found
    assert [each.calendar for each in wrong.reports] == [each.calendar for each in right.reports]
    assert bool(right.lacking) is (later > timedelta(days=1))
    assert any(each.last == TODAY for each in wrong.reports)
