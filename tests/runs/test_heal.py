"""What healing chooses to ask for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import cast
from unittest.mock import MagicMock

import dlt
import pytest
import time_machine

from databuddy_source.answers.status import ReportStatus, WarehouseStatus
from databuddy_source.config.resolve import Choices
from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.marks import Stretch
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from databuddy_source.runs import heal
from databuddy_source.runs.load import LoadHooks

MONDAY = date(2026, 3, 2)
SETTINGS = Settings.of(api_key="k", timezone="America/New_York")
PIPELINE = cast(dlt.Pipeline, MagicMock())


def a_report(
    website: str, *marks: Mark, first: date = MONDAY, grain: Grain = Grain.DAY
) -> ReportStatus:
    days = 7 if grain is Grain.WEEK else 1
    last = first + timedelta(days=days * len(marks) - 1)
    windows = tile(first, last, "UTC", grain)
    calendar = [Stretch.of([window], mark) for window, mark in zip(windows, marks, strict=True)]
    return ReportStatus(website, None, "top_pages", grain, "UTC", None, None, calendar)


def chosen(
    monkeypatch: pytest.MonkeyPatch,
    *reports: ReportStatus,
    since: date | None = None,
    until: date | None = None,
    allow_empty: bool = False,
) -> Choices | None:
    def status(*given: object, **days: date | None) -> WarehouseStatus:
        assert given == (PIPELINE, SETTINGS)
        assert days == {"since": since, "until": until}
        return WarehouseStatus(reports, [])

    monkeypatch.setattr(heal, "status", status)
    with time_machine.travel(datetime(2026, 3, 20, 3, tzinfo=UTC), tick=False):
        scope = Scope(allow_empty=allow_empty)
        return heal.choice_of_gaps(PIPELINE, SETTINGS, scope, since, until)


def test_where_nothing_is_lacking_nothing_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    well = a_report("shop", Mark.COMPLETE, Mark.EMPTY, Mark.UNAVAILABLE, Mark.RESTATED, Mark.DUE)
    assert chosen(monkeypatch, well) is None


def test_the_days_and_websites_that_lack_something_are_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = chosen(
        monkeypatch,
        a_report("shop", Mark.COMPLETE, Mark.FAILED, Mark.COMPLETE),
        a_report("blog", Mark.COMPLETE, Mark.COMPLETE, Mark.MISSING, Mark.COMPLETE),
        a_report("quiet", *[Mark.COMPLETE] * 9),
        allow_empty=True,
    )
    assert found is not None
    assert found.settings.websites == ("blog", "shop")
    assert found.scope == Scope(
        since=MONDAY + ONE_DAY, until=MONDAY + 2 * ONE_DAY, only_gaps=True, allow_empty=True
    )


def test_days_of_a_week_outside_of_the_named_ones_are_not_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    week = a_report("shop", Mark.FAILED, grain=Grain.WEEK)
    since, until = MONDAY + 2 * ONE_DAY, MONDAY + 3 * ONE_DAY
    found = chosen(monkeypatch, week, since=since, until=until)
    assert found is not None
    assert (found.scope.since, found.scope.until) == (since, until)
    found = chosen(monkeypatch, week)
    assert found is not None
    assert (found.scope.since, found.scope.until) == (MONDAY, MONDAY + 6 * ONE_DAY)


def test_a_day_of_utc_that_has_not_begun_here_begins_no_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that began after today would be refused."""
    found = chosen(monkeypatch, a_report("shop", Mark.FAILED, first=date(2026, 3, 20)))
    assert found is not None
    assert (found.scope.since, found.scope.until) == (date(2026, 3, 19), date(2026, 3, 20))


@pytest.mark.parametrize("allow_empty", [False, True])
def test_what_is_lacking_is_loaded_as_it_was_configured(
    monkeypatch: pytest.MonkeyPatch, allow_empty: bool
) -> None:
    gaps = Choices(SETTINGS, Scope(since=MONDAY, until=MONDAY, only_gaps=True))
    choice, sync, waited = MagicMock(return_value=gaps), MagicMock(return_value=["1"]), MagicMock()
    monkeypatch.setattr(heal, "choice_of_gaps", choice)
    monkeypatch.setattr(heal, "sync", sync)
    monkeypatch.setattr(heal, "configured", lambda: SETTINGS)
    monkeypatch.setattr(heal, "scoped", lambda: Scope(allow_empty=allow_empty))
    given = {"hooks": LoadHooks(before_load=waited), "tell": print, "wait": True}
    assert heal.heal(PIPELINE, since=MONDAY, until=MONDAY, **given) == ["1"]
    asked = PIPELINE, SETTINGS, Scope(allow_empty=allow_empty), MONDAY, MONDAY
    choice.assert_called_once_with(*asked)
    sync.assert_called_once_with(PIPELINE, *gaps, **given)
    waited.assert_called_once_with()


def test_where_nothing_is_lacking_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heal, "choice_of_gaps", lambda *given: None)
    monkeypatch.setattr(heal, "sync", MagicMock(side_effect=AssertionError("nothing is asked")))
    assert heal.heal(PIPELINE, SETTINGS) == []
