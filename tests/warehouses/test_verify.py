"""What was loaded into a warehouse and read back equals what the API says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import time_machine

from databuddy_source.answers.verify import Checked, Outcome, verify
from databuddy_source.config.settings import Settings
from databuddy_source.demo import DemoServer
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import Synced

FIRST = TODAY - timedelta(days=5)
TYPES = ["default", "summary_metrics_weekly", "events_by_date_hourly", "recent_errors"]


def checked(made: Synced) -> list[Checked]:
    settings = Settings.of(api_key=made.server.api_key, base_url=made.server.url)
    with time_machine.travel(made.server.now, tick=True):
        return list(verify(made.pipeline, settings))


def test_verify_finds_all_equal_and_then_the_day_that_differs(
    serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]
) -> None:
    made = synced(serve())
    shop = made.server.websites[0].id
    assert made.sync(websites=[shop], query_types=TYPES, start_date=FIRST) == []
    found = checked(made)
    assert [each for each in found if each.outcome is not Outcome.EQUAL] == []
    reports = {each.cell.report for each in found}
    assert {"events_by_date_hourly", "recent_errors", "country"} <= reports
    made.server.events.add(shop, datetime.combine(FIRST, time(12), UTC), path="/late")
    different = {each.cell.report for each in checked(made) if each.outcome is Outcome.DIFFERENT}
    assert {"top_pages", "summary_metrics"} <= different
