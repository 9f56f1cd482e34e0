"""What a page to look at reads is the same in each warehouse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import time_machine

from databuddy_source import Settings, overview
from databuddy_source.demo import DemoServer, Fault
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import Synced

FIRST = TODAY - timedelta(days=17)
FAILED = TODAY - timedelta(days=3)
REPORTS = [
    *("summary_metrics", "summary_metrics_weekly", "error_summary", "error_types"),
    *("top_pages", "vitals_time_series"),
]


def test_an_overview_has_what_the_tables_have(
    serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]
) -> None:
    made = synced(serve(days=40))
    ids = [website.id for website in made.server.websites[:2]]
    given: dict[str, Any] = {"websites": ids, "query_types": REPORTS}
    fault = {"query_type": "summary_metrics", "website_id": ids[0], "times": None}
    made.server.faults.add(Fault(parameter_error="out of memory", day=FAILED, **fault))
    made.sync(**given, since=FIRST, until=TODAY)
    settings = Settings.of(api_key=made.server.api_key, start_date=FIRST, **given)
    with time_machine.travel(made.server.now, tick=True):
        found = overview(made.pipeline, settings, days=10)
    sites = {site.website_id: site for site in found.sites}
    assert (found.first, found.last) == (TODAY - timedelta(days=9), TODAY)
    assert set(sites) == {"", *ids}

    tables: dict[Any, int] = {}
    for website_id, day, pageviews in made.rows(
        "summary_metrics", "website_id", "date", "pageviews"
    ):
        tables[website_id, day] = int(pageviews)
    for website_id in ids:
        days = {day.date: day for day in sites[website_id].days}
        assert len(days) == 10
        shown = {day: each.numbers["pageviews"] for day, each in days.items() if day != FAILED}
        assert shown == {day: tables.get((website_id, day), 0) for day in shown}
    failed = next(day for day in sites[ids[0]].days if day.date == FAILED)
    assert (failed.state, failed.numbers["pageviews"]) == ("failed", None)
    assert next(day for day in sites[""].days if day.date == FAILED).numbers["pageviews"] is None
    assert sites[ids[0]].weeks[-1].state == "running"

    counted: dict[str, int] = {}
    begin = TODAY - timedelta(days=14)
    where = f"date >= DATE '{begin}' AND date < DATE '{TODAY}'"
    for name, pageviews in made.rows("top_pages", "name", "pageviews", where=where):
        counted[name] = counted.get(name, 0) + int(pageviews)
    pages = next(each for each in sites[""].rankings if each.of.report == "top_pages")
    assert [number for _, number, _ in pages.rows] == sorted(counted.values(), reverse=True)[:10]
    assert all(counted[name] == number for name, number, _ in pages.rows if name)
    errors = next(each for each in sites[ids[0]].rankings if each.of.report == "error_types")
    assert errors.rows
    assert sites[ids[0]].vitals
