"""What a run's answers say of what the warehouse has already: the same, something else, or so much
else that it is not believed yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

import dlt
import pyarrow as pa

from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.believed import held_cells
from databuddy_source.coverage.marks import Slot, slot_of
from databuddy_source.coverage.present import Present, has_all, rows_of_cells
from databuddy_source.coverage.proofs import kept_proofs
from databuddy_source.coverage.reading import Tables
from databuddy_source.coverage.resources import resource_name
from databuddy_source.extract.before import Before
from databuddy_source.extract.evidence import Evidence
from databuddy_source.extract.once import Once
from databuddy_source.extract.restated import Change, change_of, restated
from databuddy_source.extract.rewritten import FEW, OF_CELLS, doubt, doubt_again, is_other
from databuddy_source.extract.scrub import Scrub
from databuddy_source.extract.unproved import Unproved
from databuddy_source.extract.unrecorded import hold_unrecorded
from databuddy_source.fetch.fetchers import Fetchers
from databuddy_source.model import windows
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Cell, Report, day_zone
from databuddy_source.model.results import HeldCell, Result
from databuddy_source.model.windows import ONE_SECOND, Window
from databuddy_source.tables.layout import Layout
from databuddy_source.warehouse.reading import once_free


class History:
    """Compares the results of one run with what is held.

    Args:
        pipeline: whose warehouse it is.
        settings: what lasts.
        scope: what is of this run.
        generation: of the server.
        fetcher: of the run.
        evidence: of the run.
        steady: names of the resources whose rows are loaded as they are; others are not compared.
        now: this instant.
    """

    def __init__(
        self,
        pipeline: dlt.Pipeline | None,
        settings: Settings,
        scope: Scope,
        generation: Generation,
        fetcher: Fetchers,
        evidence: Evidence,
        steady: Set[str],
        now: datetime,
    ) -> None:
        self._pipeline = pipeline
        self._settings = settings
        self._scope = scope
        self._generation = generation
        self._fetcher = fetcher
        self._evidence = evidence
        self._steady = steady
        self._now = now
        self._present: dict[tuple[str, str, Slot], Present] = {}
        self._scrub: Scrub | None = None
        self._tried: Set[str] = frozenset()
        self._unproved = Unproved(evidence)
        self._kept_proofs: Mapping[tuple[str, str, datetime], str] = {}
        self._once = Once()
        self._changes: dict[Cell, Change] = {}
        self._before = Before(evidence, self._tables)
        self._doubted: dict[str, str] = defaultdict(str)
        self._changed: dict[str, Sequence[Window]] = defaultdict(tuple)

    def look_back(
        self, tables: Tables, cells: Collection[Cell], *, proves: bool, tried: Set[str]
    ) -> None:
        """Read what the tables have of the wanted cells, and ask for old cells, too, in the
        requests that leave anyway. Called before the first request.

        Args:
            tables: that are open.
            cells: all that are wanted.
            proves: whether to ask for old cells, too.
            tried: ids of the websites of which an earlier try of this run did so.
        """
        is_compared = self._steady and not self._scope.refetch
        if tried or not (proves and is_compared):  # what others proved is true as before
            self._kept_proofs = kept_proofs(tables, {cell.window.date for cell in cells})
        if is_compared or not all(map(self._evidence.held_of, cells)):
            self._present.update(rows_of_cells(tables, cells))
            hold_unrecorded(self._evidence, cells, self._present, tables)
        if is_compared:
            self._tried = tried
            if proves:
                self._look_at_what_is_final(tables)

    def _is_steady(self, website_id: str, report: Report) -> bool:
        return resource_name(report.name, website_id) in self._steady

    def _look_at_what_is_final(self, tables: Tables) -> None:
        """Ask for old cells, too, in the requests that leave anyway."""
        self._scrub = Scrub(
            self._fetcher,
            tables,
            {
                series: own
                for series, own in self._evidence.series.items()
                if self._is_steady(*series) and series[0] not in self._tried
            },
            generation=self._generation,
            requests=self._settings.scrub_requests,
            now=self._now,
        )
        cells = [cell for own in self._scrub.cells.values() for cell in own]
        if cells:
            days = {cell.window.date for cell in cells}
            self._evidence.held.update(held_cells(tables, self._now, days=days))
            self._present.update(rows_of_cells(tables, cells))
            self._evidence.want(cells)

    async def cells(self, report: Report, website_id: str) -> list[Cell]:
        """The cells of a report that are asked for again though they are final, once it is known
        on which old days something differs."""
        if self._scrub is None:
            return []
        again = await self._once(("again", website_id), lambda: self._again(website_id))
        return self._scrub.cells[website_id, report.name] + again[report.name]

    async def _again(self, website_id: str) -> Mapping[str, list[Cell]]:
        """What is asked for since a series differs, by report."""
        assert self._scrub is not None
        found = await self._scrub.found(website_id)
        self._changed[website_id] = found.days
        self._doubted[website_id] = found.doubt
        again: dict[str, list[Cell]] = defaultdict(list)
        if not (found.answers or found.days):
            return again
        reports = [own for (website, own) in self._evidence.series if website == website_id]
        wanted = {
            Cell(website_id, report, window)
            for report in reports
            if self._is_steady(website_id, report)
            for day in found.days
            for window in self._touching(day, report)
        }
        given = {each.cell: each for each in found.answers}
        wanted.update(given)
        with self._tables() as tables:
            days = {cell.window.date for cell in wanted}
            self._evidence.held.update(held_cells(tables, self._now, days=days))
            self._present.update(rows_of_cells(tables, wanted))
        for cell in sorted(wanted.difference(self._evidence.cells), key=lambda each: each.window):
            held = self._evidence.held_of(cell)
            if held and held.final:
                again[cell.report.name].append(cell)
        for own in again.values():
            self._evidence.want(own)
            for cell in own:
                if cell in given:
                    self._fetcher.give(given[cell])
            if left := [cell for cell in own if cell not in given]:
                self._fetcher.want(left, proven=True)
        return again

    def _tables(self) -> AbstractContextManager[Tables]:
        assert self._pipeline is not None
        return once_free(self._pipeline)

    def _touching(self, day: Window, report: Report) -> Iterator[Window]:
        """The windows of a report that have an instant in common with a day."""
        zone = day_zone(report.query_type, self._settings.timezone, self._generation)
        first, last = (windows.local_date(at, zone) for at in (day.start, day.end - ONE_SECOND))
        for window in windows.tile(first, last, zone, report.grain, self._settings.weeks):
            if window.meets(day):
                yield window

    async def compared(self, judged: Result) -> Result:
        """A result, `suspect` where what it says of history is not believed yet, and without rows
        where it says what the warehouse has already.

        Args:
            judged: as believed by itself.
        """
        judged = self._unproved.as_it_was(judged, self._proofs_of(judged.cell))
        if self._scrub and judged.cell.website_id not in self._tried:
            proofs = self._scrub.proofs(judged.cell)
        else:
            cell = judged.cell
            proofs = self._kept_proofs.get((cell.website_id, cell.report.name, cell.window.start))
        if self._is_steady(judged.cell.website_id, judged.cell.report):
            judged = await self._compared(judged)
        return replace(judged, proofs=proofs) if proofs else judged

    async def _compared(self, judged: Result) -> Result:
        cell = judged.cell
        held = self._evidence.held_of(cell)
        place = (cell.website_id, cell.report.name, slot_of(cell.window))
        is_there = held is not None and has_all(held, self._present.get(place))
        result = judged.with_digest(held if is_there and not self._scope.refetch else None)
        if doubt := await self._doubt_of_history(result, held):
            return replace(result.doubted(doubt), kept=held)
        if change := change_of(result, held, self._why(cell)):
            self._changes[cell] = change
        return result

    async def _doubt_of_history(self, result: Result, held: HeldCell | None) -> str:
        """Why something else is not believed of what is final, or an empty string."""
        cell = result.cell
        if held is None or not result.is_new or not self._is_compared(cell):
            return ""
        if result.silent and self._scope.allow_empty:
            return ""
        if not is_other(result, held):
            return ""
        if self._scope.only_gaps:
            return doubt_again(result, held)
        if any(cell.window.meets(day) for day in await self._changed_days(cell.website_id)):
            return ""  # a series says so, too
        website_id = cell.website_id
        return await self._once(("doubt", website_id), lambda: self._doubt_of_cells(website_id))

    def _is_compared(self, cell: Cell) -> bool:
        """Whether a cell is asked for because it is final, or was doubted for what it said of
        history. One that failed before is asked for because it failed."""
        held = self._evidence.held_of(cell)
        if held is None or not held.final or self._scope.refetch:
            return False
        return self._scope.audit or held.other_digest is not None or cell in self._proofs_of(cell)

    def _proofs_of(self, cell: Cell) -> Sequence[Cell]:
        """What is asked for to be compared alone of the website and report of a cell."""
        return self._scrub.cells[cell.website_id, cell.report.name] if self._scrub else ()

    async def _changed_days(self, website_id: str) -> Sequence[Window]:
        """The days that differ by a series, and are believed."""
        if self._scrub is None:
            return ()
        await self._once(("again", website_id), lambda: self._again(website_id))
        return self._changed[website_id]

    async def _doubt_of_cells(self, website_id: str) -> str:
        """Why none of the final cells of a website that are asked for one by one is believed. Those
        of days that differ by a series do not count."""
        days = await self._changed_days(website_id)
        if self._doubted[website_id]:  # who is wrong about the series is so about the rest
            return self._doubted[website_id]
        compared = differing = 0
        for cell in list(self._evidence.cells):
            if cell.website_id != website_id or not self._is_compared(cell):
                continue
            if any(cell.window.meets(day) for day in days):
                continue
            result = await self._fetcher.result(cell)
            held = self._evidence.held_of(cell)
            if held and result.status.brings_rows:
                compared += 1
                differing += is_other(result, held)
        return doubt(differing, compared, min(FEW, compared // OF_CELLS))

    def _why(self, cell: Cell) -> str:
        """Why a cell was asked for, in the word of the table of what changed."""
        if self._scope.refetch:
            return "refetch"
        if self._scope.only_gaps:
            return "heal"
        if self._scope.audit:
            return "audit"
        held = self._evidence.held_of(cell)
        return "scrub" if held and held.final else "lookback"

    async def restated(self, results: Iterable[Result], layout: Layout) -> pa.Table | None:
        """What changed of windows that were over when they were loaded before, as rows.

        Args:
            results: of one website and report, which are on their way.
            layout: the columns of the report's table.
        """
        noted = (self._changes.pop(each.cell, None) for each in results if each.is_new)
        if not (changes := [change for change in noted if change]):
            return None
        before = await self._before.read([each.cell for each in changes], layout)
        return restated(changes, before)
