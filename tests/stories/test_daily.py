"""Daily syncs cost the same on each day."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from math import ceil

from dlt.common.schema.typing import TSchemaTables

from databuddy_source.demo import DemoServer
from tests.stories.conftest import TODAY, Make, Warehouse

Serve = Callable[..., DemoServer]

KINDS = ["top_pages", "events_by_date", "top_pages_weekly"]


def remembered(made: Warehouse) -> tuple[int, TSchemaTables]:
    """The size of what the source remembers, and the tables that dlt knows."""
    state = made.pipeline.state["sources"]["databuddy"]
    assert state["resources"]
    return len(json.dumps(state, default=str)), made.pipeline.default_schema.to_dict()["tables"]


def test_state_and_schema_do_not_grow_from_day_to_day(serve: Serve, warehouse: Make) -> None:
    server = serve(days=35)
    made = warehouse(server)
    first = TODAY - timedelta(days=30)
    given = {"query_types": KINDS, "websites": [server.websites[0].id], "start_date": first}
    sizes = {}
    for day in (0, 1, 4, 5, 30):
        server.now = datetime.combine(first + timedelta(days=day), time(18), UTC)
        made.sync(**given)
        sizes[day] = remembered(made)
    assert made.query("SELECT count(DISTINCT date) FROM top_pages") == [(31,)]
    assert sizes[5] == sizes[30]


def test_a_first_sync_of_many_days_remembers_no_more_than_one_of_few(
    serve: Serve, warehouse: Make
) -> None:
    server = serve(days=35)
    sizes = []
    for days in (5, 30):
        made = warehouse(server)
        # of one website, since dlt notes for a table the first resource that fills it
        one = [server.websites[0].id]
        made.sync(start_date=TODAY - timedelta(days=days), query_types=KINDS, websites=one)
        sizes.append(remembered(made))
    assert sizes[0] == sizes[1]


def test_many_resources_leave_in_full_packs_each_day(serve: Serve, warehouse: Make) -> None:
    server = serve(days=10)
    made = warehouse(server)
    reports = [
        {
            "name": f"pages_{number}",
            "query_type": "top_pages",
            "filters": [{"field": "country", "op": "ne", "value": f"{number}"}],
        }
        for number in range(30)
    ]
    given = {
        "websites": [server.websites[0].id],
        "query_types": "pages",
        "reports": reports,
        "start_date": TODAY - timedelta(days=4),
    }
    for _ in range(2):
        server.log.clear()
        made.sync(**given)
        packs = [arrival.parameters for arrival in server.log if arrival.path == "/v1/query"]
        assert sum(packs) >= 31 * 4
        assert len(packs) <= 1.1 * ceil(sum(packs) / 100) + 3
