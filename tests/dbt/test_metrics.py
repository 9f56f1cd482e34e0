"""Metrics, asked as people ask: a right question gets the server's number, a wrong one none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import duckdb
import pytest

from databuddy_source.answers.dbt.files import behind, staged
from databuddy_source.answers.dbt.metrics import measured, semantic
from databuddy_source.answers.dbt.models import Column, Model
from databuddy_source.demo import DemoServer
from databuddy_source.model.query_types import Kind
from databuddy_source.model.windows import Grain
from tests.dbt.conftest import Answer, Project, kept
from tests.stories.conftest import TODAY

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
    "a month's page views as a sum of weeks": (
        "pageviews_of_summary_metrics_weekly",
        (MONTH, DOMAIN),
    ),
    "a month's page views of a page as a sum of weeks": (
        "pageviews_of_top_pages_weekly",
        (MONTH, DOMAIN, "top_pages_weekly_row__name"),
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

RIGHT = {
    "visitors of a week": (
        ("unique_visitors_of_summary_metrics_weekly", WEEK, DOMAIN),
        "SELECT t.date, w.domain, t.unique_visitors FROM {summary_metrics_weekly} t",
    ),
    "page views of a week": (
        ("pageviews_of_summary_metrics_weekly", WEEK),
        "SELECT t.date, SUM(t.pageviews) FROM {summary_metrics_weekly} t",
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


@pytest.fixture(scope="module")
def answers(built: Project) -> Mapping[str, Answer]:
    """What is answered to each question."""
    asked = {name: ([metric], by) for name, (metric, by) in WRONG.items()}
    asked |= {name: ([metric], tuple(by)) for name, ((metric, *by), _) in RIGHT.items()}
    # a build that found what is wrong has left out what comes after it
    assert built.dbt("run").returncode == 0
    return dict(zip(asked, built.asked(*asked.values()), strict=True))


@pytest.mark.parametrize("question", WRONG)
def test_a_wrong_question_gets_no_number(answers: Mapping[str, Answer], question: str) -> None:
    assert answers[question]
    several = {
        keys: value
        for keys, value in answers[question].items()
        # a page that was seen in one week only is no sum
        if question != "a month's page views of a page as a sum of weeks" or "/" in keys
    }
    assert set(several.values()) == {(None,)}


@pytest.mark.parametrize("question", RIGHT)
def test_a_right_question_gets_the_number_of_the_server(
    built: Project, answers: Mapping[str, Answer], question: str
) -> None:
    _, sql = RIGHT[question]
    report = sql.partition("{")[2].partition("}")[0]
    sql = sql.replace(f"{{{report}}}", built.table(report))
    sql += f" JOIN {built.table('websites')} w ON w.id = t.website_id"
    if "SUM" in sql:
        columns = sql.removeprefix("SELECT ").partition(", SUM")[0]
        sql += f" GROUP BY {', '.join(c for c in columns.split(', ') if '.' in c)}"
    told = {tuple(sorted(map(str, keys))): float(value) for *keys, value in built.rows(sql)}
    shown = {keys: value for keys, (value,) in answers[question].items()}
    assert shown == {keys: pytest.approx(value) for keys, value in told.items()}


def test_what_is_not_known_is_in_no_number(built: Project, server: DemoServer) -> None:
    """Whether older rows of the window are there or none: its numbers are null, and so are those of
    longer windows with it. Others are as they were."""
    shop, blog = server.websites[:2]
    day = TODAY - timedelta(days=5)
    cell = f"date = '{day}' AND website_id = '{shop.id}'"
    with kept(built, "coverage", "summary_metrics"):
        built.rows(f"DELETE FROM {built.table('summary_metrics')} WHERE {cell}")
        for report, status in {
            "summary_metrics": "failed",
            "utm_sources": "suspect",
            "slow_pages": "truncated",
        }.items():
            built.rows(
                f"UPDATE {built.table('coverage')} SET status = '{status}' "
                f"WHERE report = '{report}' AND {cell}"
            )
        asked = (
            "pageviews_of_summary_metrics",
            "pageviews_of_utm_sources",
            "avg_load_time_of_slow_pages",
        )
        answers = built.asked(
            *(([metric], (grain, DOMAIN)) for grain in (DAY, MONTH) for metric in asked)
        )
    by_day, by_month = answers[: len(asked)], answers[len(asked) :]
    for answer in by_day:
        assert answer[str(day), shop.domain] == (None,)
        assert {keys for keys, value in answer.items() if value == (None,)} == {
            (str(day), shop.domain)
        }
    for answer in by_month:
        assert answer["2026-03-01", shop.domain] == (None,)
        assert answer["2026-03-01", blog.domain] != (None,)


def test_amounts_of_several_currencies_or_of_one_and_unknown_ones_are_not_added_up() -> None:
    columns = [
        Column("website_id", "Id."),
        Column("currency", "Currency.", kind=Kind.TEXT),
        Column("revenue", "Paid.", kind=Kind.AMOUNT),
    ]
    models = [
        Model("cell_states", "States.", ()),
        Model("paid", "Payments.", columns, grain=Grain.DAY),
    ]
    content = semantic(measured(models), staged, behind)
    (_, paid) = content["semantic_models"]
    counted = {each["name"]: each["expr"] for each in paid["measures"]}["currencies_of_paid"]
    for rows, many in {
        "('USD', 1), ('USD', 2)": 1,
        "(NULL, 1), (NULL, 2)": 1,
        "('USD', 1), (NULL, 2)": 2,
        "('USD', 1), (NULL, 0), (NULL, NULL)": 1,
        "('USD', 1), ('EUR', 2)": 2,
    }.items():
        sql = f"SELECT COUNT(DISTINCT {counted}) FROM (VALUES {rows}) AS t (currency, revenue)"
        assert duckdb.sql(sql).fetchall() == [(many,)], rows
    metrics = {each["name"]: each for each in content["metrics"]}
    assert "currencies_of_paid <= 1" in metrics["revenue_of_paid"]["type_params"]["expr"]
