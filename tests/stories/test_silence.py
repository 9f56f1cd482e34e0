"""A server that is ill wipes nothing: what it is silent about stays in the warehouse and is called
suspect, until somebody says that the days are empty.

Each generation, in six time zones, with seven kinds of silence. The usual run takes what harmed
most, a campaign takes all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from databuddy_source.demo import GENERATIONS, DemoServer, Generation, Silence
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY
from tests.campaign import IS_CAMPAIGN
from tests.stories.conftest import TODAY, Make, Warehouse

Serve = Callable[..., DemoServer]

ZONES = [
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Pacific/Chatham",
    "UTC",
]
REPORTS = ["summary_metrics", "top_pages", "country", "error_types", "sessions_time_series"]
FIRST, LOST = TODAY - timedelta(days=7), TODAY - timedelta(days=2)
ALL, A_WEBSITE, A_DAY, HALF = "all", "a website", "a day", "half"
A_QUIET_DAY = "a day of a quiet type"
# one that is there whenever there are page views, and one that has its quiet days
TYPES = A_TYPE, A_QUIET_TYPE = "country", "error_types"
SILENCES = [ALL, A_WEBSITE, A_DAY, *TYPES, A_QUIET_DAY, HALF]

CASES = list(product(GENERATIONS, ZONES, SILENCES))
# what harmed most: a row of zeros for the empty day, a series that has hours of two days, and
# a type that no other one speaks against
USUAL = [
    ("2026-06", "UTC", ALL),
    ("2026-04", "America/New_York", A_DAY),
    ("2026-06", "UTC", A_QUIET_DAY),
]
DRAWN = CASES if IS_CAMPAIGN else USUAL


def silence_of(what: str, server: DemoServer, zone: str) -> Silence:
    """`zone` cuts the days; servers of 2025 know UTC days only."""
    if what in TYPES:
        return Silence(query_types=(what,))
    lost: dict[str, Any] = {
        "first": LOST,
        "timezone": "UTC" if server.generation == "2025" else zone,
    }
    return {
        ALL: Silence(),
        A_WEBSITE: Silence(website_id=server.websites[0].id),
        A_DAY: Silence(**lost),
        A_QUIET_DAY: Silence(**lost, query_types=(A_QUIET_TYPE,)),
        HALF: Silence(every=2),
    }[what]


def sync(made: Warehouse, zone: str, **more: Any) -> list[tuple[str, str, Any]]:
    """Returns the cells that are suspect. Nothing else may be lacking."""
    gaps = made.sync(query_types=REPORTS, start_date=FIRST, timezone=zone, **more)
    assert {gap.status for gap in gaps} <= {Status.SUSPECT}
    return sorted((gap.website_id, gap.report, gap.date) for gap in gaps)


def established(made: Warehouse, zone: str) -> None:
    """Fill a warehouse with what is right."""
    assert sync(made, zone) == []


def rows(made: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    return {name: held for name, held in made.tables().items() if name in REPORTS}


def cells_with_data(made: Warehouse) -> list[tuple[str, str, Any]]:
    return sorted(
        (row[0], row[1], row[2])
        for row in made.query("SELECT website_id, report, date FROM coverage WHERE NOT silent")
    )


@pytest.mark.parametrize(("generation", "zone", "what"), DRAWN)
def test_nothing_is_lost_to_a_silent_server(
    generation: Generation, zone: str, what: str, serve: Serve, warehouse: Make
) -> None:
    made = warehouse(serve(generation, days=9), established, zone=zone)
    server, before, had = made.server, rows(made), cells_with_data(made)
    server.faults.add(silence_of(what, server, zone))

    suspect = sync(made, zone)
    assert rows(made) == before
    every = {"since": FIRST, "until": TODAY + timedelta(days=1), "refetch": True}
    suspect_of_all = sync(made, zone, **every)  # days that are final, too
    assert rows(made) == before
    assert cells_with_data(made) == had
    assert suspect
    assert set(suspect) <= set(suspect_of_all) | set(had)
    concerned = {
        ALL: had,
        A_WEBSITE: [cell for cell in had if cell[0] == server.websites[0].id],
        A_QUIET_DAY: [cell for cell in had if cell[1:] == (A_QUIET_TYPE, LOST)],
        **{name: [cell for cell in had if cell[1] == name] for name in TYPES},
    }
    if what in concerned:  # days after a doubted one that never had data are doubted with it
        assert sorted(set(suspect_of_all) & set(had)) == concerned[what]
    if what == A_DAY:
        of_the_day = [cell for cell in had if cell[2] == LOST]
        assert set(of_the_day) <= set(suspect_of_all)
        # but for UTC days beside local ones, which have hours of it
        others = set(suspect_of_all) - set(of_the_day)
        assert {report for _, report, _ in others} <= {"sessions_time_series"}

    if what != HALF:
        assert sync(made, zone, allow_empty=True, **every) == []
        silent = set(had) - set(cells_with_data(made))
        expected = set(concerned.get(what, of_the_day if what == A_DAY else []))
        if what == A_DAY and zone != "UTC" and generation != "2025":
            # its UTC day has hours of the next local day, where a quiet website may have nobody
            silent, expected = (
                {cell for cell in each if cell[1] != "sessions_time_series"}
                for each in (silent, expected)
            )
        assert silent == expected
    server.faults.clear()
    assert sync(made, zone, **every) == []
    assert rows(made) == before


def test_an_outage_longer_than_a_run_looks_back_leaves_no_hole(
    serve: Serve, warehouse: Make
) -> None:
    """Each run says so, and heal brings all days once the server is well again."""
    server = serve("2026-06", ahead=5)
    made, whole = warehouse(server), warehouse(server)
    chosen: dict[str, Any] = {"query_types": REPORTS, "start_date": TODAY - 3 * ONE_DAY}
    chosen["lookback_days"] = 1
    assert made.sync(**chosen) == []
    server.faults.add(Silence())
    for _ in range(4):
        server.now += ONE_DAY
        gaps = made.sync(**chosen)
        newest = {(gap.website_id, gap.report) for gap in gaps if gap.date == server.now.date()}
        assert {report for _, report in newest} == set(REPORTS)
    server.faults.clear()
    server.now += timedelta(hours=1)
    assert whole.sync(**chosen) == []
    days = {"since": TODAY - 3 * ONE_DAY, "until": server.now.date()}
    assert made.sync(**chosen, **days) == []
    assert rows(made) == rows(whole)


@pytest.mark.parametrize("generation", ["2026-04", "2026-06"])
def test_a_report_that_is_added_while_it_is_silent_gets_no_holes(
    generation: Generation, serve: Serve, warehouse: Make
) -> None:
    """Its days have page views in the warehouse, which it always has rows of."""
    server = serve(generation, days=12, ahead=4)
    given = {"websites": [server.websites[0].id], "start_date": FIRST - 2 * ONE_DAY}
    made = warehouse(server, Warehouse.sync, **given, query_types=["summary_metrics"])
    both = {**given, "query_types": ["summary_metrics", "top_pages"]}
    many = "SELECT date FROM summary_metrics WHERE pageviews >= 10 AND date < ? ORDER BY date"
    busy = {day for (day,) in made.query(many, TODAY)}
    assert len(busy) > 5
    server.faults.add(Silence(query_types=("top_pages",)))
    gaps = made.sync(**both)
    assert {gap.date for gap in gaps if gap.status is Status.SUSPECT} >= busy
    assert {gap.report for gap in gaps} == {"top_pages"}
    server.faults.clear()
    server.now += ONE_DAY
    assert made.sync(**both) == []
    rows = "SELECT date FROM coverage WHERE report = 'top_pages' AND rows > 0"
    assert {day for (day,) in made.query(rows)} >= busy


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_weeks_and_months_do_not_shrink_with_days_that_a_server_has_lost(
    zone: str, serve: Serve, warehouse: Make
) -> None:
    """Of the days themselves none is asked for again, since they are final."""
    server = serve("2026-06", days=12)
    daily = ["summary_metrics", "top_pages"]
    longer = ["summary_metrics_weekly", "top_pages_weekly", "top_pages_monthly", "country_weekly"]
    given: dict[str, Any] = {
        "websites": [server.websites[0].id],
        "query_types": [*daily, *longer],
        "start_date": TODAY - timedelta(days=9),
        "lookback_days": 2,
        "timezone": zone,
        "pack_size": 1,  # no request has room for old days
    }
    made = warehouse(server, Warehouse.sync, **given)
    before = made.tables()
    lost = TODAY - timedelta(days=3)
    server.faults.add(Silence(first=lost, last=lost, timezone=zone))
    gaps = made.sync(**given)
    assert {gap.status for gap in gaps} == {Status.SUSPECT}
    assert {gap.report for gap in gaps} == set(longer)
    assert all("fewer page views than there were" in gap.reason for gap in gaps)
    assert {name: before[name] for name in longer} == {name: made.tables()[name] for name in longer}
    assert made.sync(**given, allow_empty=True) == []
    assert made.tables()["top_pages_weekly"] != before["top_pages_weekly"]
    server.faults.clear()
    assert made.sync(**given) == []
    assert made.tables() == before
