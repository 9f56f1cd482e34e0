"""Rows: their columns and types, and that they are what SQL over the events says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import pytest

from databuddy_source.demo import GENERATIONS, Generation, queries
from tests.demo.conftest import BUSY, TODAY, YESTERDAY, Client, Of

FIRST = date(2026, 10, 24)

# Columns in the order and with the JSON types that real servers sent; ? may be null.
COLUMNS_2026 = {
    "summary_metrics": "pageviews:int unique_visitors:int sessions:int bounce_rate:float "
    "median_session_duration:float total_events:int",
    "events_by_date": "date:str pageviews:int visitors:int sessions:int bounce_rate:float "
    "median_session_duration:float pages_per_session:float",
    "top_pages": "name:str pageviews:int visitors:int percentage:float",
    "entry_pages": "name:str pageviews:int visitors:int percentage:float",
    "page_time_analysis": "name:str sessions_with_time:int visitors:int "
    "median_time_on_page:float percentage:float",
    "top_referrers": "name:str pageviews:int visitors:int percentage:float referrer:str domain:str",
    "traffic_sources": "source:str pageviews:int visitors:int",
    "region": "name:str country:str? pageviews:int visitors:int percentage:float "
    "country_code:str country_name:str",
    "screen_resolution": "name:str pageviews:int visitors:int device_type:str? percentage:float",
    "sessions_time_series": "date:str sessions:int visitors:int avg_session_duration:str?",
    "error_summary": "totalErrors:int uniqueErrorTypes:int affectedUsers:int affectedSessions:int "
    "errorRate:float",
    "recent_errors": "message:str stack:str? path:str anonymous_id:str session_id:str "
    "timestamp:str filename:str? lineno:int? colno:int? error_type:str browser_name:str "
    "browser_version:str os_name:str os_version:str? device_type:str? country:str? region:str "
    "country_code:str country_name:str",
    "slow_pages": "name:str visitors:int avg_load_time:float p50_load_time:float avg_ttfb:float "
    "avg_dom_ready_time:float avg_render_time:float pageviews:int",
    "web_vitals_by_page": "name:str visitors:int avg_fcp:float? p50_fcp:float? avg_lcp:float? "
    "p50_lcp:float? avg_cls:float? p50_cls:float? avg_inp:float? avg_ttfb:float? measurements:int",
    "vitals_time_series": "date:str metric_name:str p50:float p75:float p90:float p95:float "
    "p99:float samples:int",
    "custom_events_recent": "event_name:str namespace:str? path:str? source:str? properties:str "
    "anonymous_id:str? session_id:str? timestamp:str",
    "outbound_links": "href:str text:str total_clicks:int unique_users:int unique_sessions:int "
    "percentage:float last_clicked:str",
    "revenue_time_series": "date:str revenue:float transactions:int customers:int "
    "refund_amount:float refund_count:int attributed_revenue:float attributed_transactions:int",
    "revenue_by_utm_source": "name:str revenue:float transactions:int customers:int "
    "percentage:float",
    "session_list": "session_id:str first_visit:str last_visit:str page_views:int visitor_id:str "
    "country:str? referrer:str? device_type:str? browser_name:str os_name:str events:list "
    "country_code:str country_name:str",
}
COLUMNS_2025 = {
    "summary_metrics": "pageviews:int unique_visitors:int sessions:int bounce_rate:float "
    "avg_session_duration:int total_events:int",
    "page_time_analysis": "name:str sessions_with_time:int visitors:int "
    "median_time_on_page:float percentage_of_sessions:float",
    "error_summary": "totalErrors:int uniqueErrorTypes:int affectedUsers:int affectedSessions:int",
    "screen_resolution": "name:str pageviews:int visitors:int percentage:float",
    "web_vitals_by_page": "name:str visitors:int avg_fcp:int? p50_fcp:int? avg_lcp:int "
    "p50_lcp:int avg_cls:float? p50_cls:float? avg_fid:float? avg_inp:int? measurements:int",
    "connection_type": "name:str pageviews:int visitors:int percentage:float",
}
TYPES: dict[str, type] = {"int": int, "str": str, "list": list}


@pytest.mark.parametrize(
    ("generation", "name", "columns"),
    [("api", name, columns) for name, columns in COLUMNS_2026.items()]
    + [("old", name, columns) for name, columns in COLUMNS_2025.items()],
)
def test_columns_have_the_names_the_order_and_the_types_of_a_real_server(
    request: pytest.FixtureRequest, generation: str, name: str, columns: str
) -> None:
    client: Client = request.getfixturevalue(generation)
    rows = client.rows(name, start=FIRST, end=YESTERDAY, limit=1000)
    expected = [column.split(":") for column in columns.split()]
    assert list(rows[0]) == [column for column, _ in expected]
    for column, kind in expected:
        # a whole value of a float column arrives as an integer
        kinds = TYPES.get(kind.rstrip("?"), (int, float))
        values = [row[column] for row in rows]
        assert all(isinstance(value, kinds) for value in values if value is not None), column
        assert (None in values) <= kind.endswith("?"), column


# They answer about now, for one visitor, or not at all.
WITHOUT_A_WINDOW = {"page_performance", "profile_detail", "active_stats"}


# Nothing in these websites makes them say anything.
ALWAYS_EMPTY = {
    "form_abandonment_by_page", "ai_products", "ai_content_formats", "ai_product_visitors",
    "ai_agent_pages", "ai_crawlers",
}  # fmt: skip


@pytest.fixture(scope="module")
def scopes(of: Of) -> Iterator[dict[Generation, duckdb.DuckDBPyConnection]]:
    """The events of yesterday in the shop, for each server."""
    cursors = {}
    for generation in GENERATIONS:
        server = of(generation).server
        shop = server.websites[0].id
        cursor = server.events.scope(shop, YESTERDAY, YESTERDAY, now=server.now, history=True)
        cursor.execute(f"CREATE TEMP TABLE buckets AS SELECT '{YESTERDAY}' AS label")
        cursors[generation] = cursor
    yield cursors
    for cursor in cursors.values():
        cursor.close()


@pytest.mark.parametrize(
    ("generation", "name"),
    [
        (generation, name)
        for generation in GENERATIONS
        for name, query in queries(generation).items()
        if name not in WITHOUT_A_WINDOW and not query.midnight_end
    ],
)
def test_every_answer_is_the_sql_over_the_events(
    of: Of,
    scopes: dict[Generation, duckdb.DuckDBPyConnection],
    generation: Generation,
    name: str,
) -> None:
    result = scopes[generation].execute(queries(generation)[name].full_sql)
    columns = [column[0] for column in result.description or ()]
    expected = [dict(zip(columns, row, strict=True)) for row in result.fetchall()]
    rows = of(generation).rows(name, limit=1000)
    assert sorted(map(_plain, rows)) == sorted(map(_plain, expected))
    assert bool(rows) is (name not in ALWAYS_EMPTY)


def _plain(row: dict[str, Any]) -> str:
    return repr([float(value) if isinstance(value, int) else value for value in row.values()])


SERIES = [
    "sessions_time_series",
    "error_trends",
    "performance_time_series",
    "vitals_time_series",
    "revenue_time_series",
]


def test_a_day_of_a_series_is_the_same_in_any_window(fresh: Client) -> None:
    # A day's own window loses its last fraction of a second, a longer one only the last day's.
    with fresh.server.events.connection() as cursor:
        cursor.execute("DELETE FROM events WHERE CAST(time AS TIME) > TIME '23:59:59'")
    days = [YESTERDAY - timedelta(days=n) for n in range(3, -1, -1)]
    for name in SERIES:
        together = fresh.rows(name, start=days[0], end=days[-1])
        assert {row["date"] for row in together} == {str(day) for day in days}
        assert [row for day in days for row in fresh.rows(name, start=day)] == together


def test_the_page_views_and_visitors_of_a_day_do_not_depend_on_the_window(fresh: Client) -> None:
    with fresh.server.events.connection() as cursor:
        cursor.execute("DELETE FROM events WHERE CAST(time AS TIME) > TIME '23:59:59'")
    days = [YESTERDAY - timedelta(days=n) for n in range(3, -1, -1)]
    together = fresh.rows("events_by_date", start=days[0], end=days[-1])
    alone = [row for day in days for row in fresh.rows("events_by_date", start=day)]
    for column in ("date", "pageviews", "visitors"):
        assert [row[column] for row in alone] == [row[column] for row in together]


def test_the_last_fraction_of_an_inner_day_is_in_a_series_but_in_no_day(fresh: Client) -> None:
    days = [YESTERDAY - timedelta(days=n) for n in range(3, -1, -1)]
    both = [
        [row for day in days for row in fresh.rows("events_by_date", start=day)],
        fresh.rows("events_by_date", start=days[0], end=days[-1]),
    ]
    views = [[row["pageviews"] for row in rows] for rows in both]
    assert [inner > own for own, inner in zip(*views, strict=True)] == [True, True, True, False]


def test_retention_depends_on_the_window(api: Client) -> None:
    (alone,) = api.rows("retention_rate", start=YESTERDAY)
    *_, last = api.rows("retention_rate", start=FIRST, end=YESTERDAY)
    assert alone["returning_users"] == 0
    assert last["returning_users"] > 0
    share = 100 * last["returning_users"] / (last["new_users"] + last["returning_users"])
    assert last["retention_rate"] == round(share, 2)


def test_a_weeks_visitors_are_fewer_than_the_sum_of_its_days(api: Client) -> None:
    days = api.rows("events_by_date", start=YESTERDAY - timedelta(days=6), end=YESTERDAY)
    (week,) = api.rows("summary_metrics", start=YESTERDAY - timedelta(days=6), end=YESTERDAY)
    assert week["unique_visitors"] < sum(day["visitors"] for day in days)
    assert week["pageviews"] == sum(day["pageviews"] for day in days)


def test_a_bounce_is_a_session_with_one_short_view(api: Client, old: Client) -> None:
    views = api.truth(
        "SELECT count(*) FILTER (kind = 'screen_view'), epoch(max(time) - min(time)) FROM events "
        "WHERE website_id = ? AND CAST(time AS DATE) = ? AND received_at <= ? "
        "AND CAST(time AS TIME) <= TIME '23:59:59' GROUP BY session_id",
        [api.id(0), YESTERDAY, datetime(2026, 11, 22, 18)],
    )
    sessions = [(count, seconds) for count, seconds in views if count]
    bounces = [seconds for count, seconds in sessions if count == 1]
    short = [seconds for seconds in bounces if seconds < 10]
    assert 0 < len(short) < len(bounces)
    for client, number in ((api, len(short)), (old, len(bounces))):
        (row,) = client.rows("summary_metrics")
        assert row["bounce_rate"] == pytest.approx(100 * number / len(sessions), abs=0.006)


def test_whole_floats_arrive_as_integers(api: Client) -> None:
    body = {"parameters": ["country"], "startDate": "2026-11-20", "endDate": "2026-11-20"}
    assert '"percentage":100,' in api.post({**body, "limit": 1}).text


@pytest.mark.parametrize(
    ("name", "newer", "older"),
    [
        ("summary_metrics", None, {"pageviews": 0, "avg_session_duration": None}),
        ("error_summary", {"totalErrors": 0, "errorRate": None}, {"totalErrors": 0}),
        ("revenue_overview", {"total_revenue": 0, "attributed_revenue": 0}, None),
        ("active_stats", {"active_users": 0}, {"active_users": 0}),
        ("top_pages", None, None),
    ],
)
def test_a_website_without_events(
    api: Client,
    old: Client,
    name: str,
    newer: dict[str, object] | None,
    older: dict[str, object] | None,
) -> None:
    for client, expected in ((api, newer), (old, older)):
        if name not in queries(client.server.generation):
            continue
        rows = client.rows(name, website=2)
        assert len(rows) == (expected is not None)
        for row in rows:
            assert expected is not None
            assert row | expected == row


def test_the_2026_server_knows_types_that_2025_does_not_and_the_other_way_round() -> None:
    newer, older = set(queries("2026-04")), set(queries("2025"))
    assert newer - older == {
        "revenue_overview", "revenue_time_series", "retention_rate", "vitals_time_series",
        "custom_events_recent", "link_total_clicks", "revenue_by_utm_source",
    }  # fmt: skip
    assert older - newer == {"connection_type"}


def test_direct_traffic_has_another_name_in_each_generation(api: Client, old: Client) -> None:
    (newer,) = [row for row in api.rows("top_referrers") if row["name"] == "Direct"]
    (older,) = [row for row in old.rows("top_referrers") if row["name"] == "Direct"]
    assert (newer["referrer"], older["referrer"]) == ("direct", "https://")
    google = [row["referrer"] for row in api.rows("top_referrers") if row["name"] == "Google"]
    assert set(google) == {"https://www.google.com/", "https://www.google.co.uk/"}


def test_2025_guesses_devices_from_screens(api: Client, old: Client) -> None:
    assert {row["name"] for row in api.rows("device_types")} == {"Desktop", "Mobile", "Tablet"}
    guessed = {row["name"] for row in old.rows("device_types", start="2026-11-01", end=YESTERDAY)}
    assert guessed == {"desktop", "laptop", "mobile", "tablet", "unknown"}


def test_names_of_web_vitals_by_page_repeat(api: Client) -> None:
    rows = api.rows("web_vitals_by_page", start=FIRST, end=YESTERDAY, limit=10_000)
    names = [row["name"] for row in rows]
    assert len(set(names)) < len(names)


def test_active_stats_are_about_now(fresh: Client) -> None:
    def active() -> int:
        return int(fresh.rows("active_stats", start="2026-01-01")[0]["active_users"])

    before, now = active(), fresh.server.now
    fresh.server.events.add(fresh.server.websites[0].id, now - timedelta(minutes=2))
    fresh.server.events.add(fresh.server.websites[0].id, now - timedelta(minutes=6))
    assert active() == before + 1


def test_nested_events_are_tuples_in_order(api: Client) -> None:
    for session in api.rows("session_list", limit=20):
        times = [event[1] for event in session["events"]]
        assert times == sorted(times)
        assert {len(event) for event in session["events"]} == {5}


def test_sessions_without_an_id_melt_into_one_row(api: Client) -> None:
    rows = api.rows("session_list", start=TODAY - timedelta(days=20), end=YESTERDAY, limit=10_000)
    (melted,) = [row for row in rows if row["session_id"] == ""]
    assert melted["last_visit"][:10] > melted["first_visit"][:10]


def test_properties_are_counted_by_value(api: Client) -> None:
    rows = api.rows("custom_event_properties", start=FIRST, end=YESTERDAY, limit=10_000)
    assert {"plan", "value", "nested"} == {row["property_key"] for row in rows}
    assert {row["property_value"] for row in rows} >= {"free", "ünï", 'a "b"', '{"a":[1,2]}'}


def test_the_busy_day_has_more_than_1500_paths(api: Client) -> None:
    assert len(api.rows("top_pages", start=BUSY, limit=10_000)) > 1500
