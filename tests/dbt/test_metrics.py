"""Metrics, asked as people ask: a right question gets the server's number, a wrong one none."""

from __future__ import annotations

import re

import pytest

from tests.dbt.conftest import Project

WEEK, MONTH, DAY = (f"metric_time__{grain}" for grain in ("week", "month", "day"))
DOMAIN = "website__domain"

WRONG = {
    "a week's visitors as a sum of days": (
        "unique_visitors_of_summary_metrics",
        (WEEK, DOMAIN),
    ),
    "a month's visitors as a sum of weeks": (
        "unique_visitors_of_summary_metrics_weekly",
        (MONTH, DOMAIN),
    ),
    "visitors of two websites": ("unique_visitors_of_summary_metrics_weekly", (WEEK,)),
    "visitors of all time": ("unique_visitors_of_summary_metrics", ()),
    "bounce rate of a week as that of its days": (
        "bounce_rate_of_summary_metrics",
        (WEEK, DOMAIN),
    ),
    "median of a week as that of its days": (
        "median_session_duration_of_summary_metrics",
        (WEEK, DOMAIN),
    ),
    "visitors of all pages": ("visitors_of_top_pages", (DAY, DOMAIN)),
    "entries of a week as a sum of days": ("pageviews_of_entry_pages", (WEEK, DOMAIN)),
}


@pytest.mark.parametrize("question", WRONG)
def test_a_wrong_question_gets_no_number(built: Project, question: str) -> None:
    metric, by = WRONG[question]
    answer = built.asked(metric, *by)
    assert answer
    assert set(answer.values()) == {None}


RIGHT = {
    "visitors of a week": (
        ("unique_visitors_of_summary_metrics_weekly", WEEK, DOMAIN),
        "SELECT t.date, w.domain, t.unique_visitors FROM {summary_metrics_weekly} t",
    ),
    "visitors of a day": (
        ("unique_visitors_of_summary_metrics", DAY, DOMAIN),
        "SELECT t.date, w.domain, t.unique_visitors FROM {summary_metrics} t",
    ),
    "visitors of a page": (
        ("visitors_of_top_pages", DAY, DOMAIN, "top_pages_row__name"),
        "SELECT t.date, w.domain, t.name, t.visitors FROM {top_pages} t",
    ),
    "page views of a month": (
        ("pageviews_of_summary_metrics", MONTH, DOMAIN),
        "SELECT DATE '2026-03-01', w.domain, SUM(t.pageviews) FROM {summary_metrics} t",
    ),
    "entries of a day": (
        ("pageviews_of_entry_pages", DAY, DOMAIN),
        "SELECT t.date, w.domain, SUM(t.pageviews) FROM {entry_pages} t",
    ),
    "load time": (
        ("avg_load_time_of_slow_pages", DOMAIN),
        "SELECT w.domain, SUM(t.avg_load_time * t.pageviews) / SUM(t.pageviews) "
        "FROM {slow_pages} t",
    ),
    "revenue": (
        ("revenue_of_revenue_by_utm_source", DOMAIN),
        "SELECT w.domain, SUM(t.revenue) FROM {revenue_by_utm_source} t",
    ),
}


@pytest.mark.parametrize("question", RIGHT)
def test_a_right_question_gets_the_number_of_the_server(built: Project, question: str) -> None:
    asked, sql = RIGHT[question]
    report = sql.partition("{")[2].partition("}")[0]
    sql = sql.replace(f"{{{report}}}", built.table(report))
    sql += f" JOIN {built.table('websites')} w ON w.id = t.website_id"
    if "SUM" in sql:
        columns = sql.removeprefix("SELECT ").partition(", SUM")[0]
        sql += f" GROUP BY {', '.join(c for c in columns.split(', ') if '.' in c)}"
    told = {tuple(sorted(map(str, keys))): float(value) for *keys, value in built.rows(sql)}
    answer = built.asked(*asked)
    shown = {
        tuple(sorted(re.sub(r"[T ]00:00:00.*", "", key) for key in keys)): value
        for keys, value in answer.items()
    }
    assert shown == {keys: pytest.approx(value) for keys, value in told.items()}
