"""What checks of assets say of a calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import pytest
import time_machine

from databuddy_source import NothingLoaded, ReportStatus, Settings
from databuddy_source.coverage.marks import Stretch
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from databuddy_source.orchestrators.dagster_checks import (
    complete,
    final,
    fresh,
    not_loaded,
)
from databuddy_source.orchestrators.partitions import Period, Time

KEY = dg.AssetKey(["databuddy", "top_pages"])
NOW = datetime(2026, 3, 20, 6, tzinfo=UTC)
TODAY = NOW.date()
FIRST = TODAY - timedelta(days=20)
SETTINGS = Settings.of(api_key="k", lookback_days=3)


def a_report(
    *known: tuple[Mark, date, date], grain: Grain = Grain.DAY, synced: bool = True
) -> ReportStatus:
    calendar = [
        Stretch.of(tile(first, last, "UTC", grain), mark, "a reason") for mark, first, last in known
    ]
    at = NOW if synced else None
    return ReportStatus("shop", "shop.example", "top_pages", grain, "UTC", at, "1", calendar)


def ago(days: int) -> date:
    return TODAY - days * ONE_DAY


def where(found: dg.AssetCheckResult) -> str:
    return str(found.metadata["where"].value)


def test_a_day_that_was_asked_for_and_is_not_there_is_named_with_its_reason() -> None:
    found = complete(
        KEY,
        [
            a_report(
                (Mark.COMPLETE, ago(9), ago(8)),
                (Mark.FAILED, ago(7), ago(6)),
                (Mark.MISSING, ago(5), ago(5)),
                (Mark.DUE, ago(1), ago(1)),
            )
        ],
        SETTINGS,
    )
    assert not found.passed
    assert found.metadata["cells"].value == 2
    assert where(found) == f"- shop.example, {ago(7)} to {ago(6)}: failed. a reason"


@pytest.mark.parametrize("synced", [False, True])
def test_a_table_that_was_asked_for_and_never_came_is_not_complete(synced: bool) -> None:
    found = complete(KEY, [a_report((Mark.MISSING, ago(9), ago(8)), synced=synced)], SETTINGS)
    assert found.passed is not synced


@pytest.mark.parametrize(
    ("grain", "first", "last", "named"),
    [
        (Grain.DAY, ago(3), ago(1), ""),
        (Grain.DAY, ago(6), ago(1), f"- shop.example, {ago(6)} to {ago(4)}"),
        (
            Grain.WEEK,
            date(2026, 3, 9),
            date(2026, 3, 15),
            "- shop.example, 2026-03-09 to 2026-03-09",
        ),
        (Grain.WEEK, date(2026, 3, 16), date(2026, 3, 22), ""),
    ],
)
def test_what_was_loaded_too_early_and_never_again_is_not_final(
    grain: Grain, first: date, last: date, named: str
) -> None:
    with time_machine.travel(NOW, tick=False):
        found = final(KEY, [a_report((Mark.RESTATED, first, last), grain=grain)], SETTINGS)
    assert found.passed is not bool(named)
    assert where(found) == (named or "nowhere")
    assert found.severity is dg.AssetCheckSeverity.WARN


@pytest.mark.parametrize("mark", [Mark.MISSING, Mark.DUE])
def test_a_hole_between_what_was_loaded_is_named_and_what_lies_around_is_not(mark: Mark) -> None:
    found = complete(
        KEY,
        [
            a_report(
                (Mark.MISSING, ago(12), ago(10)),
                (Mark.COMPLETE, ago(9), ago(8)),
                (mark, ago(7), ago(5)),
                (Mark.RESTATED, ago(4), ago(3)),
                (Mark.DUE, ago(2), ago(1)),
            )
        ],
        SETTINGS,
    )
    assert not found.passed
    assert found.metadata["cells"].value == 3
    assert where(found).startswith(f"- shop.example, {ago(7)} to {ago(5)}: {mark.words}.")


def due(hours: int = 0, name: str = "day", first: date = FIRST) -> Time | None:
    """The newest partition that has to be there so long after it is over."""
    return Period.of(name, SETTINGS, first).due(NOW - timedelta(hours=hours))


@pytest.mark.parametrize(
    ("last", "hours", "is_fresh"), [(ago(1), 0, True), (ago(2), 8, True), (ago(2), 5, False)]
)
def test_a_website_is_behind_once_its_newest_day_is_late(
    last: date, hours: int, is_fresh: bool
) -> None:
    reports = [a_report((Mark.COMPLETE, ago(9), last), (Mark.FAILED, last + ONE_DAY, TODAY))]
    found = fresh(KEY, reports, due(hours))
    assert found.passed is is_fresh
    assert ("loaded until" in where(found)) is not is_fresh


def test_a_website_without_any_day_is_behind() -> None:
    found = fresh(KEY, [a_report((Mark.DUE, ago(1), ago(1)))], due())
    assert where(found) == "- shop.example: nothing is there"


def test_no_website_is_behind_before_the_first_week_is_over() -> None:
    monday = ago(TODAY.weekday())
    nothing = [a_report((Mark.DUE, monday, monday), grain=Grain.WEEK)]
    assert fresh(KEY, nothing, due(name="week", first=monday)).passed
    assert not fresh(KEY, nothing, due(name="week", first=monday - ONE_DAY)).passed


@pytest.mark.parametrize(("added", "is_fresh"), [(ago(0), True), (ago(1), False)])
def test_a_website_that_was_added_after_a_day_does_not_lack_it(added: date, is_fresh: bool) -> None:
    at = datetime.combine(added, time(), UTC)
    new = replace(a_report((Mark.DUE, ago(1), ago(1)), synced=False), added_at=at)
    assert fresh(KEY, [new], due()).passed is is_fresh


def test_before_the_first_load_it_is_said_that_nothing_is_there() -> None:
    error = NothingLoaded("Nothing was loaded into the dataset web")
    found = not_loaded(KEY, due(), error)
    assert not found.passed
    assert where(found) == f"- {error}"
    assert not_loaded(KEY, None, error).passed
