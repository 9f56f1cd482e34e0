"""The same sync into each warehouse keeps the same promises."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

from databuddy_source.demo import DemoServer
from tests.sync.conftest import TODAY
from tests.warehouses.conftest import Synced

Serve = Callable[..., DemoServer]
Into = Callable[[DemoServer], Synced]

FEW = ["summary_metrics", "top_pages", "events_by_date", "error_types"]
FIRST = TODAY - timedelta(days=5)
YESTERDAY = TODAY - timedelta(days=1)


def test_rows(serve: Serve, synced: Into) -> None:
    server = serve()
    made = synced(server)
    shop, blog = (website.id for website in server.websites[:2])
    assert made.sync(websites=[shop, blog], query_types=FEW, start_date=FIRST) == []
    print(made.rows("top_pages", "date", "website_id", "name", "pageviews")[:5])
    print(made.rows("summary_metrics", "date", "website_id", "pageviews")[:5])
    print(made.pipeline.last_trace.last_load_info)
