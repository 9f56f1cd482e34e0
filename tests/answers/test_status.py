"""What the calendars of a warehouse add up to."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
import time_machine

from databuddy_source.answers.status import ReportStatus, WarehouseStatus, status
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.marks import Stretch
from databuddy_source.coverage.reading import Tables
from databuddy_source.errors import BadSetting
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from tests.cells import DAY, FETCHED


def a_report(*marks: Mark) -> ReportStatus:
    """A day for each mark; what was asked for has ten rows."""
    windows = tile(DAY, DAY + (len(marks) - 1) * ONE_DAY, "UTC")
    calendar = [
        Stretch.of([window], mark, rows=10 if mark.is_asked else 0)
        for window, mark in zip(windows, marks, strict=True)
    ]
    return ReportStatus("shop", None, "top_pages", Grain.DAY, "UTC", None, None, calendar)


def test_it_covers_the_days_that_were_asked_for() -> None:
    one = a_report(Mark.MISSING, Mark.FAILED, Mark.MISSING, Mark.RESTATED, Mark.DUE, Mark.DUE)
    assert (one.first, one.last) == (DAY + ONE_DAY, DAY + 3 * ONE_DAY)
    assert one.rows == 20
    never = a_report(Mark.MISSING, Mark.DUE)
    assert (never.first, never.last) == (None, None)


def test_what_nobody_asked_for_is_a_hole_between_what_was_asked_for() -> None:
    one = a_report(
        *(Mark.MISSING, Mark.COMPLETE, Mark.MISSING, Mark.FAILED, Mark.DUE, Mark.EMPTY, Mark.DUE)
    )
    assert [(each.first - DAY).days for each in one.holes] == [2, 3, 4]
    lost = a_report(Mark.MISSING, Mark.DUE)
    assert not lost.holes
    (hole,) = replace(lost, synced_at=FETCHED).holes
    assert hole.mark is Mark.MISSING


def test_what_heal_would_ask_for_is_lacking_and_nothing_else() -> None:
    every = WarehouseStatus([a_report(*Mark), a_report(Mark.FAILED, Mark.COMPLETE)], [])
    assert every.cells == {**dict.fromkeys(Mark, 1), Mark.FAILED: 2, Mark.COMPLETE: 2}
    assert every.lacking == sum(gap.cells for each in every.reports for gap in each.gaps) == 5
    assert not every.is_complete
    well = {mark for mark in Mark if not mark.is_gap}
    assert WarehouseStatus([a_report(*well)], []).is_complete


@dataclass(frozen=True)
class Held(Tables):
    """A warehouse that has one day of a report of each of some websites.

    Attributes:
        websites: ids.
        types: the tables that the server offered.
    """

    websites: Sequence[str]
    types: Sequence[str] = ("top_pages", "country")
    grain: str = "day"
    zone: str = "UTC"

    def place(self, table: str) -> str:
        return table

    def rows(self, table: str, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        if table == "websites":
            return [(each, f"{each}.example.com", FETCHED) for each in self.websites]
        if table == "query_types":
            return [(each,) for each in self.types]
        if "MIN(date)" in sql and "query_type" not in sql and "window_end" not in sql:
            return [
                (each, "top_pages", self.grain, self.zone, DAY, DAY, FETCHED, "7", 1)
                for each in self.websites
            ]
        if "window_start END" in sql:
            seen = values[2] <= DAY <= values[1]  # from since to until
            one = "top_pages", self.grain, DAY, DAY, None, None, "complete", True, False, "", 1, 3
            return [(each, *one) for each in self.websites if seen]
        return []

    def missing(self, names: Collection[str]) -> Set[str]:
        return frozenset()


def status_of(
    tables: Tables, since: date | None = None, until: date | None = None, **given: Any
) -> WarehouseStatus:
    chosen = {"api_key": "k", "query_types": ["top_pages"], "start_date": DAY, "lookback_days": 0}
    with time_machine.travel(FETCHED, tick=False):
        return status(tables, Settings.of(**{**chosen, **given}), since=since, until=until)


def test_what_is_not_configured_is_named_and_not_judged() -> None:
    found = status_of(Held(["shop", "blog"]), websites=["shop"])
    assert [each.website_id for each in found.reports] == ["shop"]
    assert found.others == [("blog", "top_pages")]
    (own,) = found.reports
    assert (own.domain, own.rows, own.load_id, own.synced_at, own.added_at) == (
        "shop.example.com",
        3,
        "7",
        FETCHED,
        FETCHED,
    )


def test_a_type_that_the_server_did_not_offer_is_not_missing() -> None:
    types = ["top_pages", "country", "browser_name"]
    found = status_of(Held(["shop"]), query_types=types)
    assert [each.report for each in found.reports] == ["top_pages", "country"]


def test_windows_are_those_that_the_warehouse_has_however_it_is_configured_now() -> None:
    held = Held(["shop"], grain="week", zone="America/New_York")
    (own,) = status_of(held, timezone="Europe/Berlin").reports
    assert (own.grain, own.time_zone) == (Grain.WEEK, "America/New_York")
    (never,) = status_of(held, timezone="Europe/Berlin", query_types=["country"]).reports
    assert (never.grain, never.time_zone) == (Grain.DAY, "Europe/Berlin")
    assert (never.load_id, never.synced_at) == (None, None)


def test_a_domain_that_was_never_synced_is_refused_with_those_that_were() -> None:
    held = Held(["shop", "blog"])
    with pytest.raises(BadSetting) as e:
        status_of(held, websites=["shop.example.com", "shop.example"])
    assert "'shop.example' is no website that was synced" in str(e.value)
    assert "Synced were: blog.example.com, shop.example.com." in str(e.value)
    with pytest.raises(BadSetting, match=r"Synced were: none\."):
        status_of(Held([]), websites=["shop.example.com"])
    long = Held(["x" * 2_000])
    with pytest.raises(BadSetting) as e:
        status_of(long, websites=["y" * 2_000 + ".example"])
    assert len(str(e.value)) < 300
    # an id may be of a website that is not there yet
    found = status_of(held, websites=["new", "blog.example.com"])
    assert [each.website_id for each in found.reports] == ["blog", "new"]
    assert [each.domain for each in found.reports] == ["blog.example.com", None]


def test_a_status_of_some_days_has_the_windows_of_these_days() -> None:
    held = Held(["shop"])
    (own,) = status_of(held, since=DAY + ONE_DAY, until=DAY + 3 * ONE_DAY).reports
    assert [day for each in own.calendar for day in each.dates] == [
        DAY + n * ONE_DAY for n in (1, 2, 3)
    ]
    (own,) = status_of(held, since=DAY, until=DAY).reports
    assert [each.mark for each in own.calendar] == [Mark.COMPLETE]
    with pytest.raises(BadSetting, match=f"since \\({DAY + ONE_DAY}\\) is after until") as e:
        status_of(held, since=DAY + ONE_DAY, until=DAY)
    assert e.value.todo == "Swap them."


def test_reports_are_told_by_website() -> None:
    types = ["top_pages", "country"]
    found = status_of(Held(["shop", "blog"]), query_types=types)
    assert [(each.website_id, each.report) for each in found.reports] == [
        (website, report) for website in ("blog", "shop") for report in types
    ]
