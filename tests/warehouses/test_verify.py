"""What was loaded into a warehouse and read back equals what the API says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import time_machine

from databuddy_source import status
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


def test_rows_that_were_deleted_by_hand_are_found_by_counting(
    serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]
) -> None:
    made = synced(serve())
    shop, types = made.server.websites[0].id, ["top_pages", "events_by_date_hourly"]
    assert made.sync(websites=[shop], query_types=types, start_date=FIRST) == []
    settings = Settings.of(websites=[shop], query_types=types, start_date=FIRST)
    with time_machine.travel(made.server.now, tick=True):
        assert status(made.pipeline, settings, deep=True).is_complete
        with made.pipeline.sql_client() as client:
            for table, path in (("top_pages", "name = '/'"), ("events_by_date_hourly", "1 = 1")):
                name = client.make_qualified_table_name(table)
                client.execute_sql(f"DELETE FROM {name} WHERE date = '{FIRST}' AND {path}")
        found = status(made.pipeline, settings, deep=True)
    assert not found.is_complete
    assert [(each.report, each.date) for each in found.miscounts] == [
        ("events_by_date_hourly", FIRST),
        ("top_pages", FIRST),
    ]
    hours, pages = found.miscounts
    assert hours.told > 12
    assert (hours.there, pages.told - pages.there) == (0, 1)
