"""The daily sync's memory: which days a resource asks for, and what it remembers of them.

The cursor is dlt's `incremental` on `date`. It never filters rows: left to itself it would drop
restated days. The resource reads it, chooses its own windows, and moves it once rows are on their
way. The cursor may pass a day that failed only because that day is listed in the state.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import date, timedelta
from typing import Any, Final

from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.covered import Covered
from databuddy_source.coverage.finality import first_restated, last_settled
from databuddy_source.extract.session import Extraction
from databuddy_source.model import windows
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import Result
from databuddy_source.model.statuses import Status

MAX_ATTEMPTS = 5
"""Runs in a row that ask for a failed cell again; from then on it is asked for once a day."""

PAUSE: Final = timedelta(hours=20)
"""Between those, so that a daily run asks each time."""


class Progress:
    """Which cells a resource has to ask for, and what it remembers once they are on their way.

    The resource's state holds `first` (the earliest day that was ever asked for), `failed`
    (windows to ask for again, with the number of attempts), `later` (when those are asked for that
    failed often) and `unavailable`.

    The cursor is believed as far as coverage goes: tables may have been lost since.

    Attributes:
        first_day: that the cells are about; the week or month around it may begin earlier.
    """

    def __init__(
        self, settings: Settings, scope: Scope, cursor: Any, state: dict[str, Any]
    ) -> None:
        self._settings = settings
        self._scope = scope
        self._cursor = cursor
        self._state = state
        self._newest: date | None = None if cursor is None else cursor.last_value
        self._known: date | None = None
        if state.get("first"):
            self._known = date.fromisoformat(state["first"])
        self._first: date | None = None
        self._again: Set[date] = frozenset()
        self._stopped: date | None = None
        self._today = date.max
        self.first_day = date.max
        if cursor is not None:
            cursor.advance(cursor.last_value)  # dlt shall not filter rows

    @property
    def cautious(self) -> bool:
        """Whether the type was unavailable in the last run."""
        return bool(self._state.get("unavailable"))

    @property
    def proven(self) -> bool:
        """Whether an earlier run had answers of the type for this website."""
        return self._newest is not None and not self.cautious

    def last_final(self, today: date) -> date:
        """The newest day that later syncs will not ask for again."""
        return last_settled(today, self._settings.lookback_days)

    def cells(self, extraction: Extraction, report: Report, website_id: str) -> list[Cell]:
        """The cells to ask for, oldest first. Weeks and months are whole, also the running one;
        hours are asked for once they have begun. What coverage calls final is not asked again,
        unless gaps alone are asked for; an audit asks for nothing else."""
        if self._scope.only_gaps and self._scope.since:
            self.first_day = self._scope.since
            gaps = extraction.gaps(report, website_id)
            return [Cell(website_id, report, window) for window in gaps]
        zone, grain, weeks = extraction.zone(report), report.grain, self._settings.weeks
        self._today = extraction.today(report)
        covered = (extraction.covered or {}).get((website_id, report.name))
        self._again = covered.again if covered else frozenset()
        self._stopped = covered.last if covered and covered.stopped else None
        if self._newest is not None and extraction.covered is not None:
            self._go_back(covered)
            if self._newest is not None and self._state.get("first"):
                known = date.fromisoformat(self._state["first"])
                self._again = self._again | extraction.holes(report, website_id, known)
        doubted = covered.doubted if covered else frozenset()
        if not report.is_series_of_days or self._scope.allow_empty:  # else they are compared
            self._again = self._again | doubted
        ranges = self._ranges(extraction, report, website_id)
        if not ranges:
            return []
        self.first_day = min(first for first, _ in ranges)
        *missing, newest = (windows.tile(first, last, zone, grain, weeks) for first, last in ranges)
        if self._newest is None:
            missing, newest = [*missing, newest], ()
        final = extraction.final_windows(report, website_id) if missing else frozenset()
        audit = self._scope.audit and not self._scope.refetch
        wanted = {
            window
            for tiles in missing
            for window in tiles
            if (window.start in final or (audit and window.date in doubted)) is audit
        }
        wanted.update(newest)  # weeks and months of two ranges may overlap
        return [
            Cell(website_id, report, window)
            for window in sorted(wanted)
            if window.start <= extraction.now
        ]

    def _ranges(
        self, extraction: Extraction, report: Report, website_id: str
    ) -> list[tuple[date, date]]:
        """First and last day of what is missing, oldest first, and then of the newest days."""
        settings, scope, today = self._settings, self._scope, self._today
        if scope.bounded:
            days = scope.days_of(report.name, website_id)
            return [(first, min(last, today)) for first, last in days]
        first = min(scope.first_day(settings, extraction.now), today)
        if self._newest is None:
            # what was loaded once and is lost begins where it began, and where others who asked
            # daily have stopped, this goes on
            self._first = first = min(first, self._known or first, self._stopped or first)
            return [*((day, day) for day in sorted(self._again) if day < first), (first, today)]
        newest = min(self._newest, today)
        start = first_restated(newest, settings.lookback_days)
        known = self._known or start
        if today >= self._newest:  # else the clock moved back, and days are missing
            self._first = min(first, known)
        missing = [] if first >= known else [(first, min(known, start) - windows.ONE_DAY)]
        later, now = self._state.get("later", {}), extraction.now.isoformat()
        failed = {
            date.fromisoformat(window[:10])
            for window in self._state.get("failed", {})
            if later.get(window, "") <= now
        }
        missing += [(day, day) for day in sorted(failed | self._again) if day < start]
        return [*missing, (max(start, min(first, known)), today)]

    def _go_back(self, covered: Covered | None) -> None:
        """Forget what the warehouse has lost, and remember what coverage asks for again."""
        if covered is None:
            self._newest = None
        elif self._newest is not None:
            self._newest = min(self._newest, covered.last)
            self._known = max(self._known or covered.first, covered.first)

    def done(self, results: list[Result], *, last: bool) -> None:
        """These results are on their way to the warehouse. The cursor passes no hole that is not
        listed, and what an outage kept from being asked counts as no attempt. A bounded run only
        takes from the list what it brought."""
        if self._cursor is None:
            for result in results:
                if result.status.brings_rows:
                    for listed in ("failed", "later"):
                        self._state.get(listed, {}).pop(str(result.cell.window), None)
            return
        told = [result for result in results if not result.outage]
        self._state["unavailable"] = (
            last and bool(told) and all(each.status is Status.UNAVAILABLE for each in results)
        )
        if self._state["unavailable"] or not told:  # nothing was learned of any day
            return
        # of the running week or month only the days until today are known
        newest = min(max(result.cell.window.last_date for result in told), self._today)
        self._newest = max(newest, self._newest or newest)
        self._cursor.advance(self._newest)
        failed, later = (self._state.setdefault(name, {}) for name in ("failed", "later"))
        for result in results:
            if result.comes_again:
                continue
            day = str(result.cell.window)
            if result.outage:
                if result.cell.window.date <= self._newest:
                    failed.setdefault(day, 0)
                continue
            attempts = failed.pop(day, 0) + 1
            later.pop(day, None)
            if not result.status.brings_rows:
                failed[day] = attempts
                if attempts >= MAX_ATTEMPTS:
                    later[day] = (result.fetched_at + PAUSE).isoformat()
        if last and self._first:
            self._state["first"] = self._first.isoformat()
