"""Verifying any part of what was loaded raises no false alarm: what a day holds does not depend on
which days it was asked for with.

One warehouse for each generation and time zone, loaded in pieces, and then many parts of it. The
usual run takes a few of each generation, a campaign all zones and more than 200 parts.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
import time_machine

from databuddy_source.answers.verify import Outcome, verify
from databuddy_source.config.settings import Settings
from databuddy_source.demo import GENERATIONS, DemoServer, Generation
from tests.campaign import IS_CAMPAIGN, SEED
from tests.stories.conftest import TODAY, Warehouse, without_nameless_sessions
from tests.stories.test_silence import ZONES

REPORTS = [
    *("summary_metrics", "events_by_date", "events_by_date_hourly", "sessions_time_series"),
    *("top_pages", "entry_pages", "country", "error_trends", "summary_metrics_weekly"),
]
FIRST = TODAY - timedelta(days=14)
"""Before the clocks of New York are put forward."""

PLACES = list(product(GENERATIONS, ZONES))
USUAL = [("2025", "UTC"), ("2026-04", "Asia/Kolkata"), ("2026-10", "Australia/Lord_Howe")]
PARTS = 9 if IS_CAMPAIGN else 4


def a_part(chance: random.Random) -> dict[str, Any]:
    days = (TODAY - FIRST).days
    first = chance.randint(0, days)
    part: dict[str, Any] = {
        "since": FIRST + timedelta(days=first),
        "until": FIRST + timedelta(days=chance.randint(first, days)),
    }
    if chance.random() < 0.5:
        part["reports"] = chance.sample(REPORTS, chance.randint(1, 3))
    if chance.random() < 0.3:
        part["sample"] = chance.randint(1, 40)
    return part


def loaded_in_pieces(made: Warehouse, zone: str, chance: random.Random) -> None:
    """By two backfills and the daily sync, which asks once more for its lookback."""
    given = {"websites": [made.server.websites[0].id], "query_types": REPORTS, "timezone": zone}
    middle = FIRST + timedelta(days=chance.randint(2, 6))
    pieces: list[tuple[date, date]] = [(FIRST, middle), (middle + timedelta(days=1), TODAY)]
    for since, until in pieces:
        assert not made.sync(since=since, until=until, **given)
    assert not made.sync(start_date=TODAY - timedelta(days=chance.randint(3, 6)), **given)


@pytest.mark.parametrize(("generation", "zone"), PLACES if IS_CAMPAIGN else USUAL)
def test_no_part_of_a_range_differs_from_the_whole(
    generation: Generation,
    zone: str,
    serve: Callable[..., DemoServer],
    warehouse: Callable[[DemoServer], Warehouse],
) -> None:
    chance = random.Random(f"{SEED} {generation} {zone}")
    random.seed(SEED)  # of `sample`
    server = without_nameless_sessions(serve(generation, days=17))
    made = warehouse(server)
    loaded_in_pieces(made, zone, chance)
    settings = Settings.of(api_key=server.api_key, base_url=server.url)
    compared = 0
    for part in (a_part(chance) for _ in range(PARTS)):
        with time_machine.travel(server.now, tick=True):
            found = list(verify(made.pipeline, settings, **part))
        alarms = [
            f"{each.cell.report} {each.cell.window}: {each.outcome} {each.details}"
            for each in found
            if each.outcome is not Outcome.EQUAL
        ]
        assert alarms == [], part
        compared += len(found)
    assert compared
