"""Hours, weeks and months are equal to SQL over the events, also around changes of the clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from databuddy_source.demo import DemoServer, Generation
from tests.stories.conftest import (
    GENERATIONS,
    TODAY,
    Warehouse,
    days_between,
    period,
    truth,
)

BY_WINDOW = ["summary_metrics", "top_pages", "country", "page_time_analysis"]


HOURS = [
    ("UTC", date(2026, 3, 8), 24),
    ("America/New_York", date(2026, 11, 1), 25),
    ("Asia/Kolkata", date(2026, 3, 8), 24),
    ("Europe/Berlin", date(2026, 3, 29), 23),
    ("Australia/Lord_Howe", date(2026, 4, 5), 25),  # one of them half an hour
    ("Africa/Cairo", date(2026, 4, 24), 23),
    ("Pacific/Chatham", date(2026, 9, 27), 24),  # two of them parts of an hour
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("zone", "change", "hours"), HOURS)
@pytest.mark.parametrize("generation", GENERATIONS[:3])
def test_each_hour_equals_the_events_of_that_hour(
    generation: Generation,
    zone: str,
    change: date,
    hours: int,
    serve: Callable[..., DemoServer],
    warehouse: Callable[[DemoServer], Warehouse],
) -> None:
    server = serve(generation, today=change + timedelta(days=2), days=4)
    made = warehouse(server)
    shop = server.websites[0].id
    names = [f"{name}_hourly" for name in ("events_by_date", "summary_metrics", "top_pages")]
    first, last = change - timedelta(days=1), change + timedelta(days=1)
    gaps = made.sync(timezone=zone, websites=[shop], query_types=names, since=first, until=last)
    assert gaps == []
    hour = period("hour", zone, "timezone('UTC', hour)")
    start = hour.replace("hour)", "window_start)")
    windows = made.query(
        f"SELECT DISTINCT date, {start}, timezone('UTC', window_start)::DATE "
        "<> timezone('UTC', window_end - INTERVAL 1 SECOND)::DATE "
        "FROM coverage WHERE report = 'top_pages_hourly'"
    )
    assert len([key for day, key, _ in windows if day == change]) == hours
    cells = {name.removesuffix("_hourly"): made.cells(name, hour) for name in names}

    # whole hours of UTC, those of a day without a change, and those of two days of UTC are asked
    # for as a range: they lose nothing, and a session belongs to the hour of its first view
    changes = zone in {"Australia/Lord_Howe", "Pacific/Chatham"}
    different = []
    for day, key, in_two_days in windows:
        single = changes and day == change and not key.endswith(":00:00") and not in_two_days
        whole = [] if single else ["events_by_date"]
        expected = truth(server, cells, shop, key, zone, "hour", whole=whole)
        different += [
            (name, key) for name, rows in expected.items() if cells[name][shop, key] != rows
        ]
    assert different == []
    assert sum(len(rows) for rows in cells["top_pages"].values()) > 100


@pytest.mark.parametrize(
    ("zone", "weeks"), [("UTC", "iso"), ("America/New_York", "sunday"), ("Asia/Kolkata", "iso")]
)
def test_weeks_and_months_are_asked_for_as_such(
    zone: str,
    weeks: str,
    serve: Callable[..., DemoServer],
    warehouse: Callable[[DemoServer], Warehouse],
) -> None:
    server = serve(days=60)
    made = warehouse(server)
    shop = server.websites[0].id
    names = [f"{name}_{grain}" for name in BY_WINDOW for grain in ("weekly", "monthly")]
    first = TODAY - timedelta(days=40)
    gaps = made.sync(
        timezone=zone, weeks=weeks, websites=[shop], query_types=names, since=first, until=TODAY
    )
    assert gaps == []
    different = []
    for suffix, grain in (
        ("weekly", "week" if weeks == "iso" else "sunday week"),
        ("monthly", "month"),
    ):
        cells = {name: made.cells(f"{name}_{suffix}") for name in BY_WINDOW}
        keys = {key for _, key in cells["summary_metrics"]}
        assert len(keys) == {"weekly": 7 if weeks == "iso" else 6, "monthly": 2}[suffix]
        for key in keys:
            expected = truth(server, BY_WINDOW, shop, key, zone, grain, whole=())
            different += [
                (name, key) for name, rows in expected.items() if cells[name][shop, key] != rows
            ]
    assert different == []


def test_unique_visitors_of_a_week_are_fewer_than_those_of_its_days(
    serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]
) -> None:
    made = warehouse(serve(days=30))
    made.sync(
        query_types=["summary_metrics", "summary_metrics_weekly"], since=TODAY - timedelta(20)
    )
    ((days, week),) = made.query(
        "SELECT (SELECT SUM(unique_visitors) FROM summary_metrics WHERE date BETWEEN "
        "DATE '2026-03-09' AND DATE '2026-03-15'), SUM(unique_visitors) "
        "FROM summary_metrics_weekly WHERE date = DATE '2026-03-09'"
    )
    assert 0 < week < days


def test_the_running_week_and_month_are_restated_until_they_are_final(
    serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]
) -> None:
    server = serve(today=date(2026, 3, 28), days=20, ahead=12)
    made = warehouse(server)
    shop = server.websites[0].id
    reports = ["summary_metrics_weekly", "summary_metrics_monthly"]
    # before and after each end, and the days around those on which the week and the month are final
    for day in (date(2026, 3, 28), *days_between(date(2026, 4, 1), date(2026, 4, 5))):
        server.now = server.now.replace(month=day.month, day=day.day)
        # no request has room for old cells
        made.sync(query_types=reports, websites=[shop], start_date=date(2026, 3, 16), pack_size=1)
        for name, grain, first in (
            ("summary_metrics_weekly", "week", date(2026, 3, 23)),
            ("summary_metrics_monthly", "month", date(2026, 3, 1)),
        ):
            ((final, load),) = made.query(
                "SELECT final, _dlt_load_id = (SELECT MAX(_dlt_load_id) FROM coverage) "
                "FROM coverage WHERE report = %s AND date = %s",
                name,
                first,
            )
            last = date(2026, 3, 29) if grain == "week" else date(2026, 3, 31)
            until_final = last + timedelta(days=4)  # the lookback and one day
            assert final is (day >= until_final)
            assert load is (day <= until_final)  # and then never again
            expected = truth(server, ["summary_metrics"], shop, first, "UTC", grain)
            if day <= until_final:
                assert made.cells(name)[shop, first] == expected["summary_metrics"]


@pytest.mark.parametrize("report", ["summary_metrics_weekly", "page_time_analysis_monthly"])
def test_a_2025_server_has_weeks_and_months_of_utc(
    report: str, serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]
) -> None:
    server = serve("2025", days=40)
    made = warehouse(server)
    shop = server.websites[0].id
    assert made.sync(timezone="America/New_York", query_types=[report], websites=[shop]) == []
    name, _, suffix = report.rpartition("_")
    cells = made.cells(report)
    assert len(cells) >= 2
    for _, key in list(cells):
        grain = suffix.removesuffix("ly")
        assert cells[shop, key] == truth(server, [name], shop, key, "UTC", grain)[name]


def test_a_2025_server_has_hours_of_its_series(
    serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]
) -> None:
    server = serve("2025")
    made = warehouse(server)
    shop = server.websites[0].id
    names = ["events_by_date_hourly"]
    assert made.sync(query_types=names, websites=[shop], start_date=TODAY - timedelta(1)) == []
    cells = made.cells(names[0], period("hour", "UTC", "timezone('UTC', hour)"))
    assert len(cells) == 24 + server.now.hour + 1
    for _, key in list(cells):
        expected = truth(server, ["events_by_date"], shop, key, "UTC", "hour")["events_by_date"]
        assert cells[shop, key] == expected


@pytest.mark.sampled(2)
@pytest.mark.parametrize("generation", GENERATIONS)
def test_two_months_of_hours_respect_the_limit_of_thirty_days(
    generation: Generation,
    serve: Callable[..., DemoServer],
    warehouse: Callable[[DemoServer], Warehouse],
) -> None:
    server = serve(generation, days=65)
    made = warehouse(server)
    first = TODAY - timedelta(days=60)
    shop = [server.websites[0].id]
    types = ["events_by_date_hourly"]
    assert made.sync(query_types=types, websites=shop, since=first, until=TODAY) == []
    ((hours,),) = made.query(
        "SELECT COUNT(DISTINCT window_start) FROM coverage WHERE status = 'complete'"
    )
    assert hours == 60 * 24 + server.now.hour + 1
