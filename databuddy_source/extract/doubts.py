"""Whether a silence is to be believed: of a day that had visitors, and of a query type.

No requests and no warehouse here: what a cell brought comes from a function, what the warehouse
holds is handed in. What had data and is silent is never believed unasked: events do not go, and
whether somebody deleted them or a server is ill, only the user can say. The reason tells what
speaks for the one or the other; whether a website had visitors in a window is told only by what
counts things, and only by cells that lie wholly inside it. A series that is cut in UTC has hours
of two local days.

A day or an hour that lost its page views is doubted as a whole: whatever shares an instant with it
stays as it is, weeks, months and days in UTC, too.

Where there never was any data a silence is a fact, but for the days after a doubted one: a server
is ill until it has data again, however long that takes. It is a fact beside page views, too: a
breakdown leaves out what has no value, so that a day of a few visitors may lack a region. It is
none of the few types that always have rows then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial

from databuddy_source.extract.evidence import Evidence, Told, span_of, tells
from databuddy_source.extract.timeline import Span, Timeline
from databuddy_source.fetch.failures import ENOUGH, signature_of
from databuddy_source.model.digests import digest_of
from databuddy_source.model.query_types import Shape
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import HeldCell, Result, may_be_of_nobody
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Grain, Window, tile


class Doubts:
    """Judges the results of one run by each other and by what is held.

    Args:
        evidence: of the run.
        websites: ids of those that the server lists.
        allow_empty: believe a day that had data and is now empty.
    """

    def __init__(self, evidence: Evidence, websites: Collection[str], *, allow_empty: bool) -> None:
        self._evidence = evidence
        self._websites = websites
        self._allow_empty = allow_empty
        self._judged: set[Cell] = set()

    async def judged(self, result: Result) -> Result:
        """The same result; `suspect` when its emptiness is not to be believed, and with what the
        warehouse keeps of the cell when it brings no rows."""
        if doubt := await self._marked(result):
            result = result.doubted(doubt)
        if result.status.brings_rows:
            return result
        unavailable = result.status is Status.UNAVAILABLE
        if not result.lacking and (unavailable or await self._fails_throughout(result)):
            name = result.cell.report.name
            lacks = await self._evidence.once(("lacks", name), lambda: self._lacks(name))
            result = replace(result, status=Status.UNAVAILABLE if lacks else Status.FAILED)
        return replace(result, kept=self._evidence.held_of(result.cell))

    async def _marked(self, result: Result) -> str:
        """Why a result is not believed, which those after it shall know, or an empty string."""
        cell = result.cell
        doubt = await self._doubt(result) if result.status.brings_rows else ""
        place = (cell.website_id, cell.report.name, cell.window.end)
        if doubt:
            self._evidence.doubted.add(place)
        elif result.status.brings_rows:
            self._evidence.doubted.discard(place)
        self._judged.add(cell)
        return doubt

    def failed(self, result: Result, reason: str) -> Result:
        """The same cell, failed after all, with what the warehouse keeps of it."""
        kept = self._evidence.held_of(result.cell)
        return replace(result, status=Status.FAILED, rows=(), digest=None, reason=reason, kept=kept)

    async def _fails_throughout(self, result: Result) -> bool:
        """Whether all cells of a website and report failed alike that are too few for the type to
        be given up: what a longer run calls unavailable is not failed in a shorter one."""
        own = self._evidence.series[result.cell.series]
        if result.outage or result.cell.report.named or len(own) >= ENOUGH:
            return False
        results = await self._evidence.results(own)
        reasons = {signature_of(each.reason) for each in results}
        return len(reasons) == 1 and all(each.status.is_unanswered for each in results)

    async def _lacks(self, report: str) -> bool:
        """Whether the server lacks a type for good: it answers others, and this one for no
        website, and the warehouse never had it."""
        answered = await self._evidence.once("answered", self._answered)
        had = {name for _, name in await self._evidence.had()}
        return bool(answered) and report not in answered and report not in had

    async def _doubt(self, result: Result) -> str:
        """Why a result is not believed, or an empty string."""
        cell = result.cell
        if result.silent and cell.website_id not in self._websites:
            return "the answer is empty and the server does not list the website"
        kept = self._evidence.kept_of(cell)
        if self._allow_empty:
            return ""
        if await self._lost_days(cell):
            return "the answer has fewer page views than there were, or than its days have together"
        held = self._evidence.held_of(cell)
        if kept is None and held is not None and held.final and result.silent:
            return ""  # as it was
        if kept is None:
            if result.silent and await self._goes_on(cell):
                return "the answer is empty, and so was the one before, which is doubted"
            if await self._lacks_rows(result):
                return "the answer is empty, but there are page views, which always give it rows"
            return ""
        if not result.silent:
            if await self._has_no_rates(result, kept):
                return "the answer has rates alone, and these as nobody leaves them, unlike before"
            return await self._shrinks(result)
        if await self._was_empty(cell):
            return ""
        if kept.final:
            return "the answer is empty, but the day was final and had data"
        if not (await self._told(cell)).visitors:
            return "the day had data and now everything about it is empty"
        return "the answer is empty, but had data, and the day has visitors"

    async def _goes_on(self, cell: Cell) -> bool:
        """Whether the window before was doubted: of the same report, where it follows page views,
        or of one that does, where nobody has counted any since."""
        website_id, start = cell.website_id, cell.window.start
        if not self._evidence.doubted:
            return False
        if cell.report.follows_page_views:
            return await self._is_doubted(website_id, cell.report, start)
        before = [
            report
            for website, report in self._evidence.series
            if website == website_id
            and report.follows_page_views
            and await self._is_doubted(website_id, report, start)
        ]
        return bool(before) and not (await self._told(cell)).page_views

    async def _is_doubted(self, website_id: str, report: Report, end: datetime) -> bool:
        """Whether the window of a report that ends then is doubted. What an earlier run doubted may
        be asked for again by this one, and its turn to be judged come later: then it comes now, and
        those before it first."""
        doubted, waiting = self._evidence.doubted, []
        by_end = await self._evidence.once(
            ("ends", website_id, report), lambda: self._by_end(website_id, report)
        )
        start = end
        while (website_id, report.name, start) in doubted and start in by_end:
            cell = by_end[start]
            if cell in self._judged:
                break
            waiting.append(cell)
            start = cell.window.start
        for result in await self._evidence.results(reversed(waiting)):
            await self._marked(result)
        return (website_id, report.name, end) in doubted

    async def _by_end(self, website_id: str, report: Report) -> Mapping[datetime, Cell]:
        return {cell.window.end: cell for cell in self._evidence.series[website_id, report]}

    async def _has_no_rates(self, result: Result, kept: HeldCell) -> bool:
        """Whether an answer that counts nothing has other rates than before, which nobody may have
        left, and nothing else tells that somebody came."""
        if kept.digest is None or not may_be_of_nobody(result.rows, result.cell.report.query_type):
            return False
        if digest_of(result.rows, result.cell.report.query_type) == kept.digest:
            return False
        return not (await self._told(result.cell)).visitors

    async def _lost_days(self, cell: Cell) -> bool:
        """Whether the week or month of a cell has lost page views of days that no sync asks for
        again."""
        if cell.window.grain not in {Grain.WEEK, Grain.MONTH}:
            return False
        look = partial(self._evidence.has_lost_days, cell.website_id, cell.window)
        return await self._evidence.once(("days", cell.website_id, span_of(cell.window)), look)

    async def _lacks_rows(self, result: Result) -> bool:
        """Whether an empty answer is of a type that has rows beside page views, as there are some.
        A window that goes on may have got its first one between two answers."""
        if not (result.silent and result.cell.report.always_has_rows):
            return False
        is_over = result.fetched_at >= result.cell.window.end
        return is_over and await self._evidence.has_page_views(result.cell)

    def _may_be_zeros(self, cell: Cell) -> bool:
        """Whether a summary that is held may be the row of zeros that servers of June 2026 give of
        a window without visitors. 0.1.0 took it for data, and recorded no generation."""
        kept = self._evidence.kept_of(cell)
        is_summary = cell.report.query_type.shape is Shape.SUMMARY
        return is_summary and kept is not None and kept.generation is None

    async def _was_empty(self, cell: Cell) -> bool:
        """Whether such a summary was that row: coverage says of the same window that the reports
        were silent that follow page views and have data of others. One that failed, or was not
        asked for, proves nothing. Of an hour it is enough that its day has visitors."""
        if not self._may_be_zeros(cell):
            return False
        if cell.window.grain is Grain.HOUR:
            told = await self._evidence.told(cell.website_id, span_of(cell.window))
            return (await self._told(cell)).visitors and not told.page_views
        had = await self._evidence.had()
        others = [
            self._evidence.held_of(each)
            for each in self._evidence.timelines[cell.website_id].at(span_of(cell.window))
            if each.report.follows_page_views
            and each.report.query_type.shape is not Shape.SUMMARY
            and (each.website_id, each.report.name) in had
        ]
        return bool(others) and all(each and each.silent for each in others)

    async def _told(self, cell: Cell) -> Told:
        """What is told of a cell's window, or of the day of an hour."""
        return await self._evidence.told(cell.website_id, span_of(_judge_of(cell.window)))

    async def _shrinks(self, result: Result) -> str:
        """Why an answer with rows has fewer than it should, or an empty string: it shares an
        instant with an hour, day, week or month that lost its page views."""
        website_id, window = result.cell.website_id, result.cell.window
        could = await self._evidence.once(
            ("could", website_id), lambda: self._that_could_be_lost(website_id)
        )
        for span in could.touching(span_of(window)):
            lost = await self._evidence.once(
                ("lost", website_id, span), partial(self._grain_lost, could, span)
            )
            if lost is Grain.HOUR:
                return "the answer lacks an hour that had data and is empty now"
            if lost and not _proves_its_days(result):
                return "the answer lacks a day that had data and is empty now"
        return ""

    async def _grain_lost(self, could: Timeline[Cell], span: Span) -> Grain | None:
        """The grain of windows that lost their page views; None where they have some."""
        silent = [each.cell for each in await self._evidence.answers(could.at(span)) if each.silent]
        if not silent or (await self._evidence.told(silent[0].website_id, span)).page_views:
            return None
        return None if await self._was_empty(silent[0]) else silent[0].window.grain

    async def _that_could_be_lost(self, website_id: str) -> Timeline[Cell]:
        """The windows that had page views. What is cut in UTC beside local days tells of none: it
        may be its own series that is silent."""
        found: Timeline[Cell] = Timeline()
        for span, cells in self._evidence.timelines[website_id]:
            for cell in cells:
                if self._evidence.had_page_views(cell) and not cell.report.query_type.in_utc:
                    found.add(span, cell)
        return found

    async def _answered(self) -> Collection[str]:
        """The reports that the server answered for any website."""
        return {
            each.cell.report.name for each in await self._evidence.answers(self._evidence.cells)
        }


def _judge_of(window: Window) -> Window:
    """The window that tells whether there were visitors: an hour's whole day."""
    return tile(window.date, window.date, window.zone)[0] if window.grain is Grain.HOUR else window


def _proves_its_days(result: Result) -> bool:
    """Whether an answer by itself shows that its day has not lost all page views."""
    query_type, grain = result.cell.report.query_type, result.cell.window.grain
    local_day = grain in {Grain.HOUR, Grain.DAY} and not query_type.in_utc
    return bool(query_type.follows) and local_day and tells(result)
