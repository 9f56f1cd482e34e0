"""The warehouse is equal to SQL over the events, over a real socket, for both generations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from databuddy_source.catalog import load_catalog
from databuddy_source.demo import DemoServer, Generation, queries
from tests.sync.conftest import TODAY, Warehouse, days_between, truth

FIRST = TODAY - timedelta(days=11)  # the shop's day with more than 1,500 paths is ten days ago


@pytest.mark.parametrize("generation", ["2026", "2025"])
def test_every_cell_of_every_default_report_equals_the_events(
    generation: Generation,
    serve: Callable[..., DemoServer],
    warehouse: Callable[[DemoServer], Warehouse],
) -> None:
    server = serve(generation)
    made = warehouse(server)
    gaps = made.sync(start_date=FIRST, websites=[website.id for website in server.websites])
    reports = [name for name in load_catalog().selection("default") if name in queries(generation)]
    assert len(reports) >= (25 if generation == "2025" else 27)
    assert not gaps  # also where a 2025 server gives 1,000 rows at once and its pages overlap
    assert max(map(len, made.cells("top_pages").values())) > 1500
    cells = {report: made.cells(report) for report in reports}
    different = [
        (report, website.id, day)
        for website in server.websites
        for day in days_between(FIRST, TODAY)
        for report, rows in truth(server, reports, website.id, day).items()
        if cells[report][website.id, day] != rows
    ]
    assert different == []


@pytest.mark.parametrize(
    ("zone", "today"),
    [("America/New_York", date(2026, 3, 9)), ("Asia/Kolkata", date(2026, 3, 9))],
)
def test_days_are_days_of_the_reporting_time_zone(
    zone: str,
    today: date,
    serve: Callable[..., DemoServer],
    warehouse: Callable[[DemoServer], Warehouse],
) -> None:
    server = serve(today=today, days=8)
    made = warehouse(server)
    shop = server.websites[0].id
    reports = ["summary_metrics", "top_pages", "country", "events_by_date", "sessions_time_series"]
    assert (
        made.sync(
            timezone=zone,
            websites=[shop],
            query_types=reports,
            start_date=today - timedelta(days=4),
        )
        == []
    )
    zones = dict(made.query("SELECT DISTINCT report, time_zone FROM coverage"))
    # this series is cut in UTC by the server whatever is asked, and the table says so
    assert zones.pop("sessions_time_series") == "UTC"
    assert set(zones.values()) == {zone}
    for report in reports:
        cells = made.cells(report)
        for day in days_between(today - timedelta(days=4), today - timedelta(days=1)):
            expected = truth(server, [report], shop, day, zones.get(report, "UTC"))[report]
            assert expected
            assert cells[shop, day] == expected, (report, day)
