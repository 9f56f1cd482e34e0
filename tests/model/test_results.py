"""What an answer says of whether anybody came, and what is left of it once it has gone on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import Kind, QueryType, Shape, load_catalog
from databuddy_source.model.results import Row, counted, is_silent
from databuddy_source.model.statuses import Status
from tests.cells import a_report, a_result, cells_of

NUMBERS = QueryType(name="x", columns={"name": Kind.TEXT, "rate": Kind.NUMBER, "n": Kind.WHOLE})
UNKNOWN = QueryType(name="x", known=False)
LOG = QueryType(name="x", shape=Shape.LOG, columns={"line": Kind.WHOLE})

OF_NOBODY: dict[str, Row] = {
    "2025": {"pageviews": 0, "sessions": 0, "bounce_rate": 0, "avg_session_duration": None},
    "since June 2026": {
        "pageviews": 0,
        "unique_visitors": 0,
        "sessions": 0,
        "bounce_rate": 100.0,
        "median_session_duration": None,
        "total_events": 0,
    },
}


@pytest.mark.parametrize("row", OF_NOBODY.values(), ids=OF_NOBODY)
@pytest.mark.parametrize("generation", Generation)
def test_a_summary_of_nobody_is_silent_whatever_its_rates_are(
    row: Row, generation: Generation
) -> None:
    summary = load_catalog().get("summary_metrics").on(generation)
    assert is_silent([row], summary)
    assert not is_silent([row | {"pageviews": 1}], summary)


@pytest.mark.parametrize(
    ("rows", "query_type", "says"),
    [
        ([], "country", False),
        ([], LOG, False),
        ([{"line": 0}], LOG, True),
        ([{"date": "2026-03-02", "pageviews": 0, "bounce_rate": 3.5}], "events_by_date", False),
        ([{"pageviews": None}], "summary_metrics", False),
        ([{"pageviews": 0}, {"visitors": 1}], "country", True),
        ([{"revenue": -0.5}], "revenue_by_provider", True),
        ([{"pageviews": "12"}], "country", True),
        ([{"pageviews": "0"}], "country", False),
        ([{"pageviews": "a dozen"}], "country", None),
        ([{"views": 12, "bounce_rate": 100}], "summary_metrics", None),
        ([{"rate": 100.0, "n": 4}], NUMBERS, None),
        ([{"views": 12}], UNKNOWN, None),
    ],
)
def test_only_what_counts_things_tells_that_somebody_came(
    rows: list[Row], query_type: str | QueryType, says: bool | None
) -> None:
    if isinstance(query_type, str):
        query_type = load_catalog().get(query_type)
    assert counted(rows, query_type) is says


@pytest.mark.parametrize(
    ("row", "silent"),
    [
        ({"rate": -0.5}, False),
        ({"rate": 0.0, "n": None}, True),
        ({"rate": True, "name": "x"}, True),
        ({}, True),
    ],
)
def test_where_nothing_is_known_to_count_any_number_breaks_the_silence(
    row: Row, silent: bool
) -> None:
    assert is_silent([row], NUMBERS) is silent
    assert is_silent([row], UNKNOWN) is silent


@pytest.mark.parametrize(
    "rate",
    [
        *("bounce_rate", "errorRate", "percentage", "uptime_percentage", "percentage_of_sessions"),
        *("avg_time", "average_time", "median_time", "p50", "p75_lcp", "p99", "traffic_share"),
        *("quality_score", "coverage_ratio", "pages_per_session"),
    ],
)
def test_rates_of_a_type_that_nobody_described_tell_nothing_beside_other_numbers(rate: str) -> None:
    assert is_silent([{"views": 0, rate: 100.0}], UNKNOWN)
    assert not is_silent([{"views": 1, rate: 0.0}], UNKNOWN)
    assert not is_silent([{"views": None, rate: 100.0}], UNKNOWN)  # there is nothing else to tell


@pytest.mark.parametrize("name", ["rate", "p2", "rates", "scores", "averaged", "pages", "shares"])
def test_other_names_break_the_silence(name: str) -> None:
    assert not is_silent([{"views": 0, name: 4}], UNKNOWN)


def test_averages_rates_and_shares_are_no_counts() -> None:
    assert {kind for kind in Kind if kind.counts} == {
        *(Kind.COUNT, Kind.COUNT_OVER_ROWS, Kind.COUNT_OVER_WINDOWS, Kind.UNIQUE, Kind.AMOUNT)
    }
    rates = ("percentage", "rate", "ratio", "median", "avg", "p50", "p75", "duration")
    for query_type in load_catalog():
        for generation in query_type.generations:
            counting = query_type.on(generation).counting
            assert not [name for name in counting if any(word in name for word in rates)]


def test_an_answer_loses_its_rows_and_nothing_else_once_they_have_gone_on() -> None:
    (cell,) = cells_of(a_report())
    result = a_result(cell, [{"name": "/", "pageviews": 3}], Status.TRUNCATED, "more exist")
    assert result.without_rows() == replace(result, rows=(), views=3)
    assert result.without_rows().counts
    assert result.without_rows().without_rows() == result.without_rows()


@pytest.mark.parametrize("views", ["9" * 400, 10**400, 1e308])
def test_a_number_beyond_all_numbers_counts(views: object) -> None:
    (cell,) = cells_of(a_report("summary_metrics"))
    result = a_result(cell, [{"pageviews": views}, {"pageviews": views}])
    assert result.page_views >= 2**63
    assert not is_silent(result.rows, cell.report.query_type)


def test_a_doubted_answer_is_suspect_for_a_reason_and_brings_no_rows() -> None:
    (cell,) = cells_of(a_report())
    result = a_result(cell, [{"name": "/", "pageviews": 3}])
    doubted = result.doubted("it cannot be")
    told = replace(result, status=Status.SUSPECT, reason="it cannot be")
    assert doubted == replace(told, rows=(), views=3)
    assert not doubted.status.brings_rows
