"""Limits, pages, and what gets lost between them."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from databuddy_source.demo import queries
from tests.demo.conftest import BUSY, YESTERDAY, Client


def all_pages(client: Client, name: str, limit: int, **given: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for page in count(1):
        more = client.rows(name, limit=limit, page=page, **given)
        rows += more
        if not more:
            return rows
    raise AssertionError


def test_a_hundred_rows_come_when_no_limit_is_given(api: Client) -> None:
    assert len(api.rows("top_pages", start=BUSY)) == 100


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_2026_refuses_limits_outside_1_to_10000(api: Client, limit: int) -> None:
    body = {"parameters": ["top_pages"], "startDate": "2026-11-01", "endDate": "2026-11-01"}
    answer = api.post({**body, "limit": limit})
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert api.post({**body, "limit": 10_000}).status_code == 200


@pytest.mark.parametrize("field", ["limit", "page"])
def test_a_number_as_text_is_a_500_in_2026(api: Client, field: str) -> None:
    body = {"parameters": ["top_pages"], "startDate": "2026-11-01", "endDate": "2026-11-01"}
    answer = api.post({**body, field: "5"})
    assert answer.status_code == 500
    assert set(answer.json()) == {"error", "code"}
    assert answer.json()["code"] == "VALIDATION"


def test_2026_refuses_page_0(api: Client) -> None:
    body = {"parameters": ["top_pages"], "startDate": "2026-11-01", "endDate": "2026-11-01"}
    assert api.post({**body, "page": 0}).status_code == 400


def test_a_limit_above_1000_fails_each_parameter_in_2025(old: Client) -> None:
    assert "1000" in old.error("top_pages", limit=1001)
    assert len(old.rows("top_pages", start=BUSY, limit=1000)) == 1000


def test_past_the_last_page_there_is_nothing(api: Client) -> None:
    assert api.rows("os_name", page=2) == []


@pytest.mark.parametrize("limit", [50, 100, 1000])
def test_pages_overlap_and_lose_rows_but_their_number_is_right(api: Client, limit: int) -> None:
    whole = api.rows("top_pages", start=BUSY, limit=10_000)
    assert len(whole) > 1500
    paged = all_pages(api, "top_pages", limit, start=BUSY)
    assert len(paged) == len(whole)
    assert len({row["name"] for row in paged}) < len(whole)


def test_a_page_is_repeatable_and_so_is_one_call_for_everything(api: Client) -> None:
    for asked in ({"limit": 50, "page": 3}, {"limit": 10_000}):
        first = api.rows("top_pages", start=BUSY, **asked)
        assert api.rows("top_pages", start=BUSY, **asked) == first


IGNORING_PAGE = [name for name, query in queries().items() if not query.page_honoured]


@pytest.mark.parametrize("name", IGNORING_PAGE)
def test_some_types_ignore_page_for_ever(api: Client, name: str) -> None:
    first = api.rows(name, limit=10)
    assert first
    assert api.rows(name, limit=10, page=7) == first


def test_which_types_ignore_page(old: Client) -> None:
    assert {"summary_metrics", "events_by_date", "recent_errors", "error_summary",
            "web_vitals_by_page", "vitals_time_series", "outbound_links", "retention_rate",
            "revenue_overview", "custom_events"} <= set(IGNORING_PAGE)  # fmt: skip
    assert "custom_events_recent" not in IGNORING_PAGE
    assert old.rows("recent_errors", limit=1, page=2) != old.rows("recent_errors", limit=1)


@pytest.mark.parametrize("name", ["events_by_date", "vitals_time_series", "retention_rate"])
def test_some_series_ignore_limit(api: Client, name: str) -> None:
    asked = {"start": "2026-11-01", "end": YESTERDAY}
    assert len(api.rows(name, limit=1, **asked)) == len(api.rows(name, **asked)) > 20


def test_other_series_honour_limit(api: Client) -> None:
    rows = api.rows("sessions_time_series", start="2026-11-01", end=YESTERDAY, limit=3)
    assert [row["date"] for row in rows] == ["2026-11-01", "2026-11-02", "2026-11-03"]


def test_countries_are_merged_after_the_limit(api: Client) -> None:
    asked = {"start": "2026-10-24", "end": YESTERDAY}
    (true,) = [row for row in api.rows("country", **asked) if row["name"] == "US"]
    parts = [row for row in all_pages(api, "country", 2, **asked) if row["country_code"] == "US"]
    assert len(parts) > 1
    assert sum(row["pageviews"] for row in parts) == true["pageviews"]
    assert true["country_name"] == "United States"


def test_the_percentage_of_a_country_is_of_its_page(api: Client) -> None:
    (only,) = api.rows("country", limit=1)
    assert only["percentage"] == 100
    assert isinstance(only["percentage"], int)


def test_a_page_of_countries_before_the_last_may_be_short(api: Client) -> None:
    asked = {"start": "2026-10-24", "end": YESTERDAY, "limit": 10}
    assert len(api.rows("country", **asked)) < 10
    assert api.rows("country", page=2, **asked)


def test_performance_by_country_takes_the_first_rows_averages(api: Client) -> None:
    asked = {"start": "2026-10-24", "end": YESTERDAY}
    merged = {row["name"]: row for row in api.rows("performance_by_country", **asked)}
    single = all_pages(api, "performance_by_country", 1, **asked)
    american = [row for row in single if row["country_code"] == "US"]
    assert len(american) == 3
    assert merged["US"]["avg_load_time"] == american[0]["avg_load_time"]
    assert merged["US"]["pageviews"] == sum(row["pageviews"] for row in american)


def test_countries_keep_their_spelling_and_whole_percentages_in_2025(old: Client) -> None:
    rows = old.rows("country", start="2026-11-01", end=YESTERDAY)
    (american,) = [row for row in rows if row["country_code"] == "US"]
    assert american["name"] == "United States"
    assert all(isinstance(row["percentage"], int) for row in rows)


def test_the_limit_of_profile_list_counts_visitors(api: Client) -> None:
    rows = api.rows("profile_list", start=YESTERDAY, limit=30)
    assert len({row["visitor_id"] for row in rows}) == 30
    assert len(rows) > 30
    # sessions outside the window come too, and the visitor's columns repeat
    assert min(row["session_start"] for row in rows) < str(YESTERDAY)


def test_the_newest_errors_come_first(api: Client) -> None:
    rows = api.rows("recent_errors", start="2026-11-01", end=YESTERDAY, limit=20)
    times = [row["timestamp"] for row in rows]
    assert len(times) == 20
    assert times == sorted(times, reverse=True)
