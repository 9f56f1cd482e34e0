"""The views are those that the tables allow."""

from __future__ import annotations

import pytest

from databuddy_source.warehouse.view_columns import CELLS, DAILY, MONTHLY, WEEKLY
from databuddy_source.warehouse.view_texts import view_texts

OURS = {
    "coverage": ["website_id", "report"],
    "_dlt_loads": ["load_id"],
    "websites": ["id", "domain"],
    "summary_metrics": ["pageviews", "unique_visitors", "sessions", "bounce_rate"],
}


@pytest.mark.parametrize(
    ("without", "more", "views"),
    [
        ([], {}, [CELLS, DAILY]),
        (["summary_metrics"], {}, [CELLS]),
        (["websites"], {}, [CELLS]),
        (["coverage"], {}, []),
        ([], {"summary_metrics_weekly": OURS["summary_metrics"]}, [CELLS, DAILY, WEEKLY]),
        ([], {"summary_metrics_monthly": OURS["summary_metrics"]}, [CELLS, DAILY, MONTHLY]),
        (["summary_metrics"], {"summary_metrics_weekly": OURS["summary_metrics"]}, [CELLS]),
    ],
)
def test_a_view_is_made_where_its_tables_are(
    without: list[str], more: dict[str, list[str]], views: list[str]
) -> None:
    tables = {name: own for name, own in OURS.items() if name not in without} | more
    assert list(view_texts(tables)) == views


def test_a_column_that_a_table_lacks_is_in_no_view() -> None:
    text = view_texts(OURS)[DAILY]
    assert "bounce_rate" in text
    assert "session_duration" not in text
    assert "events" not in text
    more = {"error_summary": ["total_errors"], "revenue_overview": ["total_revenue", "currency"]}
    text = view_texts(OURS | more)[DAILY]
    assert "AS errors" in text
    assert "AS refunds" not in text
    assert "COUNT(DISTINCT currency) <= 1" in text, "amounts of two currencies are not added up"
