"""Rows as servers write them: to which cell each belongs, and numbers that come as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from databuddy_source.fetch.rows import OddRows, bucket_of, with_numbers
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import Row
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from tests.cells import DAY as FIRST
from tests.cells import a_report
from tests.fetch.fake_client import FakeClient, fetch, statuses

ZONES = ("America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/London", "UTC")
DAY, HOUR = Grain.DAY, Grain.HOUR


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_may_be_written_as_an_instant(zone: str) -> None:
    local = datetime(2024, 7, 9, tzinfo=ZoneInfo(zone))
    ways = (
        "2024-07-09",
        "2024-07-09 00:00:00",
        "2024-07-09T00:00:00.000Z",  # the words of a day, and a Z behind
        local.isoformat(),
        local.astimezone(ZoneInfo("UTC")).isoformat(),
    )
    assert {bucket_of(way, zone, DAY) for way in ways} == {"2024-07-09"}


@pytest.mark.parametrize("zone", ZONES)
def test_an_hour_may_be_written_in_other_ways_that_mean_one_thing(zone: str) -> None:
    local = datetime(2024, 7, 9, 16, tzinfo=ZoneInfo(zone))
    ways = ("2024-07-09 16:00:00", "2024-07-09T16:00:00", "2024-07-09 16:00", local.isoformat())
    assert {bucket_of(way, zone, HOUR) for way in ways} == {"2024-07-09 16:00:00"}


@pytest.mark.parametrize(
    ("value", "zone", "grain"),
    [
        ("2024-07-09T16:00:00Z", "America/New_York", HOUR),  # of New York, with a Z behind?
        (None, "UTC", DAY),
        ("yesterday", "UTC", DAY),
        (1720483200000, "UTC", HOUR),
        ([], "UTC", DAY),
    ],
)
def test_what_may_be_another_hour_or_none_is_refused(
    value: object, zone: str, grain: Grain
) -> None:
    with pytest.raises(OddRows):
        bucket_of(value, zone, grain)


def a_series(grain: Grain, days: int = 3) -> list[Cell]:
    report = replace(a_report("events_by_date"), grain=grain)
    windows = tile(FIRST, FIRST + (days - 1) * ONE_DAY, "UTC", grain)
    return [Cell("shop", report, window) for window in windows]


def answer(write: Callable[[str], Row], grain: Grain) -> FakeClient:
    """A server that gives a row for each day or hour of what it is asked, margins too."""

    def rows(question: Any) -> list[Row]:
        hours = [f"{day} {hour:02}:00:00" for day in question.days for hour in range(24)]
        return [write(name) for name in (hours if grain is HOUR else map(str, question.days))]

    return FakeClient(rows)


@pytest.mark.parametrize("grain", [DAY, HOUR])
def test_rows_that_name_no_day_are_of_no_cell(grain: Grain) -> None:
    """A server that calls the column otherwise sends the margin, too."""
    cells = a_series(grain)
    renamed = fetch(answer(lambda name: {"day": name, "pageviews": 1}, grain), cells)
    assert set(statuses(renamed.values())) & {Status.COMPLETE} == set()
    named = fetch(answer(lambda name: {"date": name, "pageviews": 1}, grain), cells)
    assert [len(each.rows) for each in named.values()] == [1] * len(cells)


def test_hours_as_instants_are_not_lost() -> None:
    cells = a_series(HOUR)
    as_instants = answer(lambda name: {"date": f"{name.replace(' ', 'T')}.000Z"}, HOUR)
    assert [len(each.rows) for each in fetch(as_instants, cells).values()] == [1] * len(cells)


def test_a_part_of_the_window_that_is_none_of_its_hours_is_refused() -> None:
    at_half = answer(lambda name: {"date": name.replace(":00:00", ":30:00")}, HOUR)
    assert Status.COMPLETE not in statuses(fetch(at_half, a_series(HOUR)).values())


def test_numbers_that_come_as_text_are_numbers() -> None:
    texts = ("12", "-3", "0", "2.5", "1e3", "012", "", "1,000", "NaN", "Infinity", "9" * 400)
    rows: list[Row] = [{"name": "12", "pageviews": text} for text in texts]
    with_numbers(rows, load_catalog().get("top_pages"))
    values = [12, -3, 0, 2.5, 1e3, "012", "", "1,000", "NaN", "Infinity", "9" * 400]
    assert [row["pageviews"] for row in rows] == values
    assert {row["name"] for row in rows} == {"12"}
    assert [type(row["pageviews"]) for row in rows[:5]] == [int, int, int, float, float]
