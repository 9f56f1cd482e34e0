"""What the resources of one run share: the server, the fetcher, one clock, and what the warehouse
holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from functools import cache, cached_property, partial

import dlt

from databuddy_source.api.models import TypeMeta
from databuddy_source.api.server import Server
from databuddy_source.clock import today
from databuddy_source.config.connect import contact
from databuddy_source.config.reports import ReportSetting
from databuddy_source.config.scope import Scope
from databuddy_source.config.selection import are_named_by_id, refuse_unseen
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.believed import (
    done_windows,
    doubted_windows,
    final_windows,
    held_cells,
)
from databuddy_source.coverage.calendar import Held, calendar_of, held
from databuddy_source.coverage.covered import Covered, covered_days, recorded_windows
from databuddy_source.coverage.marks import Slot
from databuddy_source.coverage.parts import parts_of_tables
from databuddy_source.coverage.present import page_views
from databuddy_source.coverage.reading import tables_of
from databuddy_source.dlt_seam import NULL_COLLECTOR, Collector, active_pipeline
from databuddy_source.errors import UnknownQueryType
from databuddy_source.extract.definitions import refuse_a_mixture, tell_redefinitions
from databuddy_source.extract.doubts import Doubts
from databuddy_source.extract.evidence import Evidence
from databuddy_source.extract.fetching import fetchers_for
from databuddy_source.extract.history import History
from databuddy_source.fetch.packing import questions_of
from databuddy_source.fetch.queue import Route, route_of
from databuddy_source.model import windows
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import Cell, Report, day_zone
from databuddy_source.model.results import Result
from databuddy_source.model.windows import Grain, Window
from databuddy_source.tables.layout import Layout
from databuddy_source.warehouse.reading import once_free


class Extraction:
    """One run's contact with the server.

    Args:
        settings: what lasts.
        scope: what is of this run.
        pipeline: whose warehouse tells what is there. Default: the active one.
        progress: told of questions and rows.
        steady: names of the resources whose rows are loaded as they are, so that those which the
            warehouse has already may be left out.
        proves: whether a run that is to compare old days does so.
    """

    def __init__(
        self,
        settings: Settings,
        scope: Scope,
        pipeline: dlt.Pipeline | None = None,
        progress: Collector = NULL_COLLECTOR,
        steady: Set[str] = frozenset(),
        *,
        proves: bool = True,
    ) -> None:
        begun: set[str] = set()

        def count(what: str, done: int, wanted: int) -> None:
            if not wanted:
                progress.update(what, done)
            elif what in begun:
                progress.update(what, done, inc_total=wanted)
            else:  # dlt's collectors take a total when a counter begins, and then what comes on top
                begun.add(what)
                progress.update(what, done, total=wanted)

        self.settings = settings
        self.scope = scope
        self._pipeline = pipeline or active_pipeline()
        self.server: Server = contact(settings, listing=not are_named_by_id(settings))
        if not self.server.refused:  # the website of an account that is refused may be any
            refuse_unseen(settings, self.server.websites)
        self.now = self.server.now()
        self.fetcher = fetchers_for(settings, self.server, count)
        self.members: set[str] = set()
        self.joined = 0
        self._evidence = Evidence(self.fetcher.result)
        self._doubts = Doubts(self._evidence, self.server.websites, allow_empty=scope.allow_empty)
        self._looked_back = False
        self.steady = steady
        self._proves = proves and scope.proves
        self._tried: Set[str] = frozenset()
        self.history = History(
            self._pipeline,
            settings,
            scope,
            self.server.generation,
            self.fetcher,
            self._evidence,
            steady,
            self.now,
        )
        self._layouts: dict[str, Layout] = {}
        self._final: Mapping[tuple[str, str], Set[datetime]] | None = None
        self._held: Mapping[tuple[str, str], Held] | None = None

    def report(self, chosen: ReportSetting) -> Report | None:
        """The report as this server gives it, or None when the server lacks its query type and
        nobody named it.

        Raises:
            UnknownQueryType: the user named it and the server lacks it.
            WrongReport: the server has no such windows or filters.
        """
        query_type = chosen.query_type
        spelling = self.server.spelling(query_type)
        if spelling is None:
            if chosen.named:
                near = load_catalog().suggestions(query_type, self.server.types)
                hint = f"Did you mean {' or '.join(near)}? " if near else ""
                raise UnknownQueryType(
                    f"This server has no query type {query_type!r}",
                    hint + UnknownQueryType.default_todo,
                )
            return None
        return chosen.on(self.server.generation, self.server.types[spelling])

    def meta(self, report: Report) -> TypeMeta | None:
        """What the API says of the report's query type; about half of them have it."""
        return self.server.types[self.server.spelling(report.query_type.name) or ""].meta

    def layout(self, report: Report, schema: dlt.Schema) -> Layout:
        """The columns of the report's table, the same for all websites."""
        if report.name not in self._layouts:
            self._layouts[report.name] = Layout.of(report, schema)
        return self._layouts[report.name]

    def zone(self, report: Report) -> str:
        """The time zone that cuts a report's days here."""
        return day_zone(report.query_type, self.settings.timezone, self.server.generation)

    def today(self, report: Report) -> date:
        """Today, where this report's days are cut."""
        return today(self.zone(report), self.now)

    @cached_property
    def covered(self) -> Mapping[tuple[str, str], Covered] | None:
        """How far coverage goes, by website and report; None where nothing was ever loaded."""
        if self._pipeline and self._pipeline.default_schema_name:  # else asking would make a file
            empty = self.scope.allow_empty and not self.scope.bounded
            settled = self.now - timedelta(days=self.settings.lookback_days)
            return covered_days(self._pipeline, self.now, settled, allow_empty=empty)
        return None

    def final_windows(self, report: Report, website_id: str) -> Set[datetime]:
        """Where the windows begin that coverage calls final; none when they shall be asked for
        again all the same. So are those that this run, in an earlier try of it, has had answers
        for."""
        if self._final is None:
            self._final = {}
            since, until, done_since = self.scope.since, self.scope.until, self.scope.done_since
            if self._pipeline and not self.scope.refetch:
                self._final = final_windows(self._pipeline, self.now, since, until)
            if self._pipeline and done_since:
                ahead = timedelta(seconds=self.server.clock_ahead or 0.0)
                done = done_windows(self._pipeline, done_since + ahead, self.now)
                self._tried = {website for website, _ in done}
                self._final = {
                    place: {*self._final.get(place, ()), *done.get(place, ())}
                    for place in {*self._final, *done}
                }
        if self.covered is not None and (website_id, report.name) not in self.covered:
            return frozenset()  # the table is lost
        return self._final.get((website_id, report.name), frozenset())

    def holes(self, report: Report, website_id: str, first: date) -> Set[date]:
        """The first days of windows from a day on of which coverage says nothing, though it goes
        beyond them: somebody took them away.

        Args:
            report: whose they are.
            website_id: of the website.
            first: day from which on each was asked for once.
        """
        covered = (self.covered or {}).get((website_id, report.name))
        if not (covered and covered.has_holes and self._pipeline):
            return frozenset()
        there = recorded_windows(self._pipeline, website_id, report.name)
        tiles = windows.tile(
            max(first, covered.first),
            covered.last,
            self.zone(report),
            report.grain,
            self.settings.weeks,
        )
        return {each.date for each in tiles if each.start not in there}

    def gaps(self, report: Report, website_id: str) -> list[Window]:
        """The windows of a bounded run that failed, are truncated, suspect or missing, oldest
        first."""
        scope = self.scope
        if self._held is None:
            days = scope.since, scope.until
            self._held = held(self._pipeline, self.now, *days) if self._pipeline else {}
        own = self._held.get((website_id, report.name))
        zone = self.zone(report)
        calendar = calendar_of(
            own,
            self.settings,
            zone=zone,
            grain=report.grain,
            now=self.now,
            since=scope.since,
            until=scope.until,
        )
        lacking = (each for each in calendar if each.mark.is_gap)
        weeks = own.weeks if own and report.grain is Grain.WEEK else self.settings.weeks
        ranges = scope.days_of(report.name, website_id)
        return [
            window
            for each in lacking
            for window in each.windows(zone, weeks)
            if any(first <= window.last_date and window.date <= last for first, last in ranges)
        ]

    def questions(self, cells: Sequence[Cell], *, proven: bool) -> list[tuple[Window, Route]]:
        """The first window of each question that cells of one website and report need, and which
        requests it may travel in.

        Args:
            cells: of one website and report.
            proven: whether an earlier run had answers of the type for this website.
        """
        asked = questions_of(cells, cells[0].report.query_type.name, limit=1, proven=proven)
        return [(question.cells[0].window, route_of(question)) for question in asked]

    def want(
        self, series: tuple[str, Report], cells: Sequence[Cell], *, cautious: bool, proven: bool
    ) -> None:
        """Line cells of one website and report up to be fetched."""
        if self._proves:
            self._evidence.follow(series)
        self.fetcher.want(cells, cautious=cautious, proven=proven)
        self._evidence.want(cells)

    def look_back(self) -> None:
        """Read what the warehouse already holds of the wanted cells. Called once all are known,
        before the first request.

        Raises:
            OtherDays, OtherReport: a table holds rows that do not go with those of this run.
        """
        if self._looked_back:
            return
        cells = list(self._evidence.cells)
        if self._pipeline and cells:
            with tables_of(self._pipeline) as tables:
                parts = parts_of_tables(tables)
                refuse_a_mixture(cells, parts)
                tell_redefinitions(cells, parts, self.server.generation)
                since = min(cell.window.start for cell in cells)
                self._evidence.held.update(held_cells(tables, self.now, since))
                self._evidence.doubted = doubted_windows(tables, since)
                self.history.look_back(tables, cells, proves=self._proves, tried=self._tried)
            days = [cell.window.date for cell in cells]
            always = {
                (report.name, report.grain)
                for report in {cell.report for cell in cells}
                if report.always_has_rows
            }
            self._evidence.viewed = cache(partial(self._viewed, always, min(days), max(days)))
        self._looked_back = True

    def _viewed(
        self, reports: Set[tuple[str, Grain]], first: date, last: date
    ) -> Mapping[tuple[str, str, Slot], int]:
        """How many page views the warehouse has of windows; asked for where it matters."""
        assert self._pipeline is not None
        with once_free(self._pipeline) as tables:
            return page_views(tables, reports, first, last)

    async def result(self, cell: Cell) -> Result:
        """The cell's result; `suspect` when its emptiness is not to be believed, or what it says of
        history, and without rows where it says what the warehouse has already."""
        judged = await self._doubts.judged(await self.fetcher.result(cell))
        return await self.history.compared(judged)

    def unloadable(self, result: Result, reason: str) -> Result:
        """The result of a cell whose rows the warehouse cannot take: what it has stays."""
        return self._doubts.failed(result, reason)
