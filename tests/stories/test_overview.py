"""What a page to look at shows is what the server counted, and says what is not known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from databuddy_source import Overview, Settings, Site, overview
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.errors import NothingLoaded
from tests.stories.conftest import TODAY, Make, Warehouse

FIRST = TODAY - timedelta(days=30)
FAILED = TODAY - timedelta(days=3)
REPORTS = [
    *("summary_metrics", "summary_metrics_weekly", "summary_metrics_monthly"),
    *("error_summary", "top_pages", "vitals_time_series"),
]
CHOSEN: dict[str, Any] = {"query_types": REPORTS, "start_date": FIRST}


def filled(held: Warehouse) -> None:
    """The second website has a day that failed, and the first pages from yesterday on."""
    blog = held.server.websites[1].id
    for report in ("summary_metrics", "top_pages"):
        fault = {"query_type": report, "website_id": blog, "day": FAILED, "times": None}
        held.server.faults.add(Fault(parameter_error="out of memory", **fault))
    held.sync(**CHOSEN)


@pytest.fixture
def held(serve: Callable[..., DemoServer], warehouse: Make) -> Warehouse:
    return warehouse(serve(days=40), filled)


def seen(held: Warehouse, days: int = 30, **given: Any) -> Overview:
    own = {
        "api_key": held.server.api_key,
        "websites": [website.id for website in held.server.websites[:2]],
        **CHOSEN,
        **given,
    }
    with time_machine.travel(held.server.now, tick=True):
        return overview(held.pipeline, Settings.of(**own), days=days)


def of(found: Overview, website_id: str) -> Site:
    return next(site for site in found.sites if site.website_id == website_id)


def test_numbers_are_those_of_the_tables(held: Warehouse) -> None:
    shop = held.server.websites[0].id
    site = of(seen(held), shop)
    assert len(site.days) == 30
    assert site.days[-1].state == "running"
    tables = held.query(
        "SELECT date, pageviews, unique_visitors FROM summary_metrics "
        "WHERE website_id = %s AND date > %s ORDER BY date",
        shop,
        TODAY - timedelta(days=30),
    )
    shown = [(each.date, each.numbers["pageviews"], each.numbers["visitors"]) for each in site.days]
    assert shown == tables
    weeks = held.query("SELECT COUNT(*) FROM summary_metrics_weekly WHERE website_id = %s", shop)
    assert len(site.weeks) == weeks[0][0]


def test_a_day_that_failed_is_unknown_also_in_a_sum(held: Warehouse) -> None:
    found = seen(held)
    for site in (of(found, held.server.websites[1].id), of(found, "")):
        day = next(each for each in site.days if each.date == FAILED)
        assert (day.state, day.numbers["pageviews"]) == ("failed", None)
        assert site.cells["top_pages"].states["failed"] == [FAILED]
    assert found.status.lacking == 2


def test_visitors_of_several_websites_are_not_added_up(held: Warehouse) -> None:
    every = of(seen(held), "")
    assert every.days[0].numbers.keys() == {"pageviews", "sessions", "total_events", "errors"}
    assert not every.weeks
    assert not every.months


def test_a_ranking_is_compared_only_where_both_times_are_known(held: Warehouse) -> None:
    found = seen(held)
    shop, blog = (of(found, website.id) for website in held.server.websites[:2])
    pages, failed = (
        next(r for r in s.rankings if r.of.report == "top_pages") for s in (shop, blog)
    )
    assert pages.is_compared
    assert not failed.is_compared
    assert (pages.extent.last, pages.extent.days) == (TODAY - timedelta(days=1), 14)
    tables = held.query(
        "SELECT name, SUM(pageviews) FROM top_pages WHERE website_id = %s AND date >= %s "
        "AND date < %s GROUP BY name ORDER BY 2 DESC, 1 LIMIT 10",
        shop.website_id,
        pages.extent.first,
        TODAY,
    )
    assert [row[:2] for row in pages.rows] == tables
    all_pages = next(r for r in of(found, "").rankings if r.of.report == "top_pages")
    top = held.query(
        "SELECT name, SUM(pageviews) FROM top_pages WHERE date >= %s AND date < %s "
        "GROUP BY name ORDER BY 2 DESC, 1 LIMIT 1",
        pages.extent.first,
        TODAY,
    )
    assert [all_pages.rows[0][:2]] == top


def test_what_is_not_loaded_is_empty_and_no_error(held: Warehouse) -> None:
    shop = of(seen(held), held.server.websites[0].id)
    devices = next(each for each in shop.rankings if each.of.report == "device_types")
    assert devices.extent.is_empty
    assert not devices.rows
    assert "revenue" not in shop.days[0].numbers
    assert shop.cells["revenue_overview"].is_empty


def test_vitals_are_those_of_the_newest_day_that_is_over(held: Warehouse) -> None:
    shop = of(seen(held), held.server.websites[0].id)
    assert shop.vitals_of == TODAY - timedelta(days=1)
    tables = held.query(
        "SELECT metric_name, p75, samples FROM vitals_time_series WHERE website_id = %s "
        "AND date = %s ORDER BY 1",
        shop.website_id,
        shop.vitals_of,
    )
    assert tables
    assert list(shop.vitals) == tables


def test_one_website_has_no_sum(held: Warehouse) -> None:
    found = seen(held, websites=[held.server.websites[0].id])
    assert [site.name for site in found.sites] == [held.server.websites[0].domain]


def test_few_days_are_looked_at(held: Warehouse) -> None:
    found = seen(held, days=1)
    assert found.first == found.last == TODAY
    assert all(len(site.days) == 1 for site in found.sites)


def test_a_website_that_was_not_synced_of_late_ends_with_missing_days(held: Warehouse) -> None:
    shop, blog = (website.id for website in held.server.websites[:2])
    held.query(
        "DELETE FROM coverage WHERE website_id = %s AND date >= %s", blog, TODAY - timedelta(days=1)
    )
    found = seen(held)
    assert [day.state for day in of(found, blog).days[-3:]] == ["may grow", "missing", "missing"]
    assert of(found, "").days[-1].numbers["pageviews"] is None
    assert of(found, shop).days[-1].state == "running"


LEFT = TODAY - timedelta(days=3)


def without_blog(held: Warehouse) -> None:
    """Synced three days ago; the second website is gone since."""
    server = held.server
    all_of_them: dict[str, Any] = {**CHOSEN, "websites": []}
    server.now -= timedelta(days=3)
    held.sync(**all_of_them)
    server.events.remove_website(server.websites[1].id)
    server.now += timedelta(days=3)
    held.sync(**all_of_them)


@pytest.fixture
def left(serve: Callable[..., DemoServer], warehouse: Make) -> Warehouse:
    return warehouse(serve(days=40), without_blog)


def test_a_website_that_is_gone_counts_as_long_as_it_was_asked_for(left: Warehouse) -> None:
    found = seen(left, websites=[])
    blog = "blog.example.com"
    summed = left.query("SELECT date, SUM(pageviews)::INT FROM daily_summary GROUP BY 1 ORDER BY 1")
    every = found.sites[0]
    assert every.name == "All websites"
    assert [(day.date, day.numbers["pageviews"]) for day in every.days] == summed[-30:]
    assert every.days[-1].state == "running"
    assert every.gone == {blog: LEFT}
    assert every.cells["summary_metrics"].states.keys() <= {"may grow", "running"}
    own = next(site for site in found.sites if site.name == blog)
    assert own.gone == {blog: LEFT}
    assert own.days[-1].state == "missing"
    assert not found.status.lacking  # it is not asked for any more
    others = [site for site in found.sites if site.website_id and site is not own]
    assert others
    assert not any(site.gone for site in others)


def test_a_website_that_is_gone_can_be_named(left: Warehouse) -> None:
    (site,) = seen(left, websites=["blog.example.com"]).sites
    assert site.gone == {"blog.example.com": LEFT}
    ids = {name for (name,) in left.query("SELECT id FROM websites WHERE domain LIKE 'blog%'")}
    assert {site.website_id} == ids


def test_of_a_website_that_is_gone_longer_than_the_days_nothing_is_shown(left: Warehouse) -> None:
    found = seen(left, 2, websites=[])
    assert "blog.example.com" not in {site.name for site in found.sites}
    assert not found.sites[0].gone


def test_a_warehouse_without_views_says_what_to_do(held: Warehouse) -> None:
    for view in ("monthly_summary", "weekly_summary", "daily_summary", "cell_states"):
        held.query(f"DROP VIEW {view}")
    with pytest.raises(NothingLoaded, match=r"no view cell_states\. Sync once more"):
        seen(held)
