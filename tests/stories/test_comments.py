"""Each column that a sync makes says in the warehouse what it is, and nothing says nothing."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from databuddy_source import finish_tables
from databuddy_source.demo import DemoServer, Generation, queries
from databuddy_source.model.query_types import load_catalog
from tests.stories.conftest import TODAY, Make

Serve = Callable[..., DemoServer]

FILLER = re.compile(r"of the row\.|^(\w+ )?(value|column|field)s?\.$", re.IGNORECASE)


@pytest.mark.parametrize("generation", ["2026-04", "2026-10"])
def test_no_column_is_without_a_comment_that_says_something(
    generation: Generation, serve: Serve, warehouse: Make
) -> None:
    made = warehouse(serve(days=2, generation=generation))
    personal = [each.name for each in load_catalog() if each.personal and not each.why_not_loadable]
    here = [name for name in personal if name in queries(generation)]
    websites = [made.server.websites[0].id]
    made.sync(query_types=["all", *here], websites=websites, start_date=TODAY, lookback_days=0)
    finish_tables(made.pipeline)
    found = made.query(
        "SELECT table_name, column_name, comment FROM duckdb_columns() "
        "WHERE schema_name = 'databuddy' AND table_name NOT LIKE '!_dlt%' ESCAPE '!' "
        "AND table_name IN (SELECT table_name FROM duckdb_tables())"
    )
    tables = {table for table, _, _ in found}
    assert {
        "websites",
        "query_types",
        "coverage",
        "restatements",
        "summary_metrics_weekly",
    } <= tables
    assert len(found) > 400
    assert [each for each in found if not each[2]] == []
    assert [each for each in found if FILLER.search(each[2])] == []
    of = {(table, column): comment for table, column, comment in found}
    assert of["summary_metrics", "unique_visitors"] == (
        "Visitors: Different visitors with a page view, told apart by the browser's anonymous id. "
        "How many different ones: must not be added up over rows or windows. For longer windows "
        "take summary_metrics_weekly.unique_visitors or summary_metrics_monthly.unique_visitors."
    )
    assert (
        "Negative: what remains is revenue + refund_amount"
        in of["revenue_overview", "refund_amount"]
    )
    longer = re.findall(r"\w+_(?:weekly|monthly)\.\w+", " ".join(of.values()))
    assert "error_summary_weekly.affected_users" in longer  # which the API calls otherwise
    assert not [each for each in longer if re.search("[A-Z]", each)]
    assert max(len(comment) for comment in of.values()) < 1000, "BigQuery takes 1,024"
