"""What a query type of one name means in another generation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from databuddy_source.demo import Generation
from tests.demo.conftest import BUSY, TODAY, YESTERDAY, Client, Of

FIRST = YESTERDAY - timedelta(days=20)
WEEKS: dict[str, Any] = {"start": FIRST, "end": YESTERDAY, "limit": 1000}
NEWER: tuple[Generation, ...] = ("2026-06", "2026-10")
newer = pytest.mark.parametrize("generation", NEWER)


@pytest.fixture(params=NEWER)
def later(request: pytest.FixtureRequest, of: Of) -> Client:
    """The servers of June and October."""
    return of(request.param)


def test_a_view_without_a_session_no_longer_counts_as_a_view_of_a_page(
    api: Client, later: Client
) -> None:
    def views(client: Client) -> int:
        rows = client.rows("top_pages", start=FIRST, end=YESTERDAY, limit=10_000)
        return sum(row["pageviews"] for row in rows)

    without = api.truth(
        "SELECT count(*) FROM events WHERE kind = 'screen_view' AND website_id = ? "
        "AND session_id = '' AND CAST(time AS DATE) BETWEEN ? AND ?",
        [api.id(0), FIRST, YESTERDAY],
    )[0][0]
    assert views(api) - views(later) == without > 0
    assert later.rows("summary_metrics", **WEEKS)[0]["pageviews"] == views(api)


@pytest.mark.parametrize("name", ["entry_pages", "exit_pages", "page_time_analysis"])
def test_other_page_types_differ_a_little_too(api: Client, later: Client, name: str) -> None:
    before, after = ({r["name"]: r for r in c.rows(name, **WEEKS)} for c in (api, later))
    changed = {path for path in before if before[path] != after.get(path)}
    assert len(changed) > 0
    assert len(before.keys() ^ after.keys()) < 5


@pytest.mark.parametrize("name", ["summary_metrics", "events_by_date"])
def test_the_median_has_another_estimator(api: Client, later: Client, name: str) -> None:
    column = "median_session_duration"
    days = [YESTERDAY - timedelta(days=n) for n in range(8)]
    before, after = ([c.rows(name, start=day)[0] for day in days] for c in (api, later))
    assert [row[column] for row in before] != [row[column] for row in after]
    assert [row | {column: 0} for row in before] == [row | {column: 0} for row in after]


def test_scroll_depth_is_a_share_and_no_longer_a_percentage(api: Client, later: Client) -> None:
    before, after = (c.rows("page_scroll_performance", **WEEKS) for c in (api, later))
    assert max(row["avg_scroll_depth"] for row in before) > 50
    assert 0 < max(row["avg_scroll_depth"] for row in after) <= 1
    assert list(before[0]) == list(after[0])


def test_a_click_on_an_outbound_link_counts_once_and_no_longer_for_each_page_event_around_it(
    api: Client, old: Client, later: Client
) -> None:
    def clicks(client: Client) -> int:
        return sum(row["total_clicks"] for row in client.rows("outbound_links", **WEEKS))

    stored = api.truth(
        "SELECT count(*) FROM events WHERE kind = 'link_out' AND website_id = ? AND "
        "received_at <= TIMESTAMP '2026-11-22 18:00' AND CAST(time AS DATE) BETWEEN ? AND ?",
        [api.id(0), FIRST, YESTERDAY],
    )[0][0]
    assert clicks(later) == stored
    assert clicks(old) == clicks(api) > 1.5 * stored


def test_sources_of_one_site_are_one_row_with_a_type(api: Client, later: Client) -> None:
    for name, column in (("top_referrers", "name"), ("traffic_sources", "source")):
        before, after = (c.rows(name, **WEEKS) for c in (api, later))
        assert set(after[0]) - set(before[0]) >= {"referrer_type"}
        names = [row[column] for row in after]
        assert names.count("Google") == 1
        assert len(names) == len(set(names)) < len(before)
        types = {row["name"]: row["referrer_type"] for row in after}
        assert (types["Direct"], types["Google"], types["X"]) == ("direct", "search", "social")


@newer
def test_the_websites_own_address_is_no_source(of: Of, generation: Generation) -> None:
    client = of(generation)
    rows = client.rows("top_referrers", **WEEKS)
    assert client.server.websites[0].domain not in {row["domain"] for row in rows}


def test_a_profile_is_one_row_and_may_have_a_name(api: Client, later: Client) -> None:
    given: dict[str, Any] = {"start": YESTERDAY, "limit": 1000}
    before, after = (c.rows("profile_list", **given) for c in (api, later))
    visitors = [row["visitor_id"] for row in after]
    assert len(visitors) == len(set(visitors)) < len(before)
    assert set(after[0]) - set(before[0]) == {"profile_id", "ltv", "display_name", "email"}
    assert {"events", "session_id", "page_views", "duration"} <= set(before[0]) - set(after[0])
    assert any(row["ltv"] for row in after)


def test_revenue_is_split_by_currency_in_october(of: Of) -> None:
    june, october = of("2026-06"), of("2026-10")
    (one,) = june.rows("revenue_overview", **WEEKS)
    several = october.rows("revenue_overview", **WEEKS)
    assert {row["currency"] for row in several} == {"USD", "EUR"}
    total = sum(row["total_revenue"] for row in several)
    assert total == pytest.approx(one["total_revenue"])
    assert {"payment_failure_rate", "top_payment_failure_reason"} <= set(several[0]) - set(one)
    for name, key in (("revenue_time_series", "date"), ("revenue_by_utm_source", "name")):
        rows = october.rows(name, **WEEKS)
        keys = [row[key] for row in rows]
        assert len(set(keys)) < len(keys) == len({(row[key], row["currency"]) for row in rows})
        assert "currency" not in june.rows(name, **WEEKS)[0]


@pytest.mark.parametrize("name", ["web_vitals_by_page", "web_vitals_by_device"])
def test_web_vitals_have_a_75th_percentile_in_october(of: Of, name: str) -> None:
    columns = [set(of(generation).rows(name, **WEEKS)[0]) for generation in NEWER]
    assert columns[1] - columns[0] == {"p75_lcp", "p75_inp"}


def test_sessions_over_time_lose_their_empty_column_in_october(of: Of) -> None:
    columns = [set(of(generation).rows("sessions_time_series", **WEEKS)[0]) for generation in NEWER]
    assert columns[0] - columns[1] == {"avg_session_duration"}


def test_segments_have_at_most_fifty_values_of_a_dimension(october: Client) -> None:
    rows = october.rows("traffic_segments", start=TODAY - timedelta(days=39), end=TODAY)
    by = [row["dimension"] for row in rows]
    assert set(by) == {"country", "device_type", "browser_name", "utm_source"}
    assert max(map(by.count, by)) <= 50
    assert len(rows) == len({(row["dimension"], row["value"]) for row in rows})


def test_engagement_knows_pages_with_five_views_or_more(october: Client) -> None:
    rows = october.rows("engagement_quality_by_page", start=BUSY, limit=10_000)
    views = {r["name"]: r["pageviews"] for r in october.rows("top_pages", start=BUSY, limit=10_000)}
    assert rows
    assert min(row["page_views"] for row in rows) >= 5
    assert min(views.values()) < 5


def test_gaps_of_the_calls_series_are_filled(october: Client) -> None:
    zone = "Asia/Kolkata"
    rows = october.rows("mcp_calls_series", start="2026-11-18", end="2026-11-20", timezone=zone)
    assert [(row["date"], row["calls"]) for row in rows] == [
        ("2026-11-18", 0), ("2026-11-19", 0), ("2026-11-20", 0),
    ]  # fmt: skip


def test_visitors_without_an_assistant_have_a_row_of_their_own(october: Client) -> None:
    (row,) = october.rows("ai_visitor_outcomes")
    (summary,) = october.rows("summary_metrics")
    assert (row["product"], row["visitors"]) == ("All visitors", summary["unique_visitors"])
