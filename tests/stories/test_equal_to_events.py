"""The warehouse is equal to SQL over the events, over a real socket, for each generation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from math import ceil

import pytest

from databuddy_source.demo import DemoServer, Generation, queries
from databuddy_source.model.query_types import load_catalog
from tests.stories.conftest import (
    GENERATIONS,
    TODAY,
    Warehouse,
    days_between,
    truth,
)

FIRST = TODAY - timedelta(days=10)  # the shop's day with more than 1,500 paths
LAST = FIRST + timedelta(days=2)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_cell_of_every_default_report_equals_the_events(
    generation: Generation,
    serve: Callable[..., DemoServer],
    warehouse: Callable[[DemoServer], Warehouse],
) -> None:
    server = serve(generation)
    made = warehouse(server)
    websites = [website.id for website in server.websites]
    gaps = made.sync(since=FIRST, until=LAST, websites=websites)
    reports = [name for name in load_catalog().selection("default") if name in queries(generation)]
    assert len(reports) >= {"2025": 25, "2026-04": 27}.get(generation, 26)
    assert not gaps  # also where a 2025 server gives 1,000 rows at once and its pages overlap
    assert max(map(len, made.cells("top_pages").values())) > 1500
    cells = {report: made.cells(report) for report in reports}
    different = [
        (report, website.id, day)
        for website in server.websites
        for day in days_between(FIRST, LAST)
        for report, rows in truth(server, reports, website.id, day).items()
        if cells[report][website.id, day] != rows
    ]
    assert different == []


def test_more_paths_than_a_page_of_2025_has_take_a_request_for_each_thousand(
    serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]
) -> None:
    server = serve("2025")
    made, shop = warehouse(server), server.websites[0].id
    assert not made.sync(query_types=["top_pages"], since=FIRST, until=FIRST, websites=[shop])
    rows = made.cells("top_pages")[shop, FIRST]
    assert {"top_pages": rows} == truth(server, ["top_pages"], shop, FIRST)
    asked = [arrival for arrival in server.log if arrival.path == "/v1/query"]
    assert len(asked) == ceil(len(rows) / 1_000) == 2


DAYS = [
    ("America/New_York", date(2026, 3, 8)),  # 23 hours
    ("America/New_York", date(2026, 11, 1)),  # 25 hours
    ("Europe/Berlin", date(2026, 10, 25)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # 24.5 hours
    ("Africa/Cairo", date(2026, 4, 24)),  # begins at 01:00
    ("Africa/Cairo", date(2026, 10, 29)),  # has 23:00 twice
    ("Asia/Kolkata", date(2026, 3, 8)),  # half an hour off, no change
    ("Pacific/Chatham", date(2026, 4, 5)),  # three quarters of an hour off, 25 hours
    ("UTC", date(2026, 3, 8)),
]


# servers of 2025 know days of UTC alone
@pytest.mark.sampled(3)
@pytest.mark.parametrize(("zone", "change"), DAYS)
@pytest.mark.parametrize("generation", GENERATIONS[:3])
def test_days_are_days_of_the_reporting_time_zone(
    generation: Generation,
    zone: str,
    change: date,
    serve: Callable[..., DemoServer],
    warehouse: Callable[[DemoServer], Warehouse],
) -> None:
    days = days_between(change - timedelta(days=1), change + timedelta(days=1))
    server = serve(generation, today=change + timedelta(days=2), days=6)
    made = warehouse(server)
    shop = server.websites[0].id
    reports = [name for name in load_catalog().selection("default") if name in queries(generation)]
    assert made.sync(timezone=zone, websites=[shop], since=days[0], until=days[-1]) == []
    zones = dict(made.query("SELECT DISTINCT report, time_zone FROM coverage"))
    # this series is cut in UTC by the server whatever is asked, and coverage says so
    assert zones.pop("sessions_time_series") == "UTC"
    assert set(zones.values()) == {zone}
    local = [report for report in reports if report in zones]
    cells = {report: made.cells(report) for report in reports}
    assert {day for rows in cells.values() for _, day in rows} == set(days)
    different = []
    for day in days:
        expected = truth(server, local, shop, day, zone)
        expected |= truth(server, ["sessions_time_series"], shop, day, "UTC")
        different += [
            (report, day) for report in reports if cells[report][shop, day] != expected[report]
        ]
    assert different == []
    assert len(cells["top_pages"][shop, change]) > 10
