"""Whether a silence is to be believed: of a day that had visitors, and of a query type.

No requests and no warehouse here: what a cell brought comes from a function, what the warehouse
holds is handed in. What had data and is silent is believed only where nothing speaks against it:

- a type that has rows whenever there are page views is not silent beside another one that counts
  some in the same window, and page views do not go while a day's other rows stay;
- a type may be quiet on a single day, but is not on all days that a run asks for, where it had data
  on more than one of them;
- whether a website had visitors in a window is told only by what counts things, and only by cells
  that lie wholly inside it. A series that is cut in UTC has hours of two local days;
- of a website about which such a type is silent in this run, no other silence is believed either;
  nor where such a type lost more than one hour of a day.

A day that lost its page views is doubted as a whole: whatever shares an instant with it stays as
it is, weeks, months and days in UTC, too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain

from databuddy_source.extract.once import Once
from databuddy_source.extract.timeline import Span, Timeline
from databuddy_source.fetch.failures import ENOUGH, signature_of
from databuddy_source.model.query_types import Shape
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import HeldCell, Result
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Grain, Window, tile


@dataclass(frozen=True, slots=True)
class _Told:
    """What the cells inside a span tell of it.

    Attributes:
        visitors: somebody was counted.
        page_views: by a type that has rows whenever there are page views.
    """

    visitors: bool
    page_views: bool


class Doubts:
    """Judges the results of one run by each other and by what is held.

    Args:
        result_of: waits for what came of a cell that is wanted.
        websites: ids of those that the server lists.
        allow_empty: believe a day that had data and is now empty.

    Attributes:
        held: the cells that the warehouse holds, by website, report and start of the window: those
            with data, and silent ones of 0.1.0.
    """

    def __init__(
        self,
        result_of: Callable[[Cell], Awaitable[Result]],
        websites: Collection[str],
        *,
        allow_empty: bool,
    ) -> None:
        self._result_of = result_of
        self._websites = websites
        self._allow_empty = allow_empty
        self._timelines: dict[str, Timeline[Cell]] = defaultdict(Timeline)
        self._cells: list[list[Cell]] = []
        self._series: dict[tuple[str, Report], list[Cell]] = {}
        self._once = Once()
        self.held: Mapping[tuple[str, str, datetime], HeldCell] = {}

    def want(self, cells: Iterable[Cell]) -> None:
        """These cells of one website and report will have results. All are known before the first
        result is judged."""
        own = list(cells)
        self._cells.append(own)
        if own:
            self._series[own[0].series] = own
        for cell in own:
            self._timelines[cell.website_id].add(_span(cell.window), cell)

    @property
    def cells(self) -> Iterator[Cell]:
        """All cells that are wanted."""
        return chain.from_iterable(self._cells)

    async def judged(self, result: Result) -> Result:
        """The same result; `suspect` when its emptiness is not to be believed, and with what the
        warehouse keeps of the cell when it brings no rows."""
        if result.status.brings_rows and (doubt := await self._doubt(result)):
            result = result.doubted(doubt)
        if result.status.brings_rows:
            return result
        unavailable = result.status is Status.UNAVAILABLE
        if not result.lacking and (unavailable or await self._fails_throughout(result)):
            name = result.cell.report.name
            lacks = await self._once(("lacks", name), lambda: self._lacks(name))
            result = replace(result, status=Status.UNAVAILABLE if lacks else Status.FAILED)
        return replace(result, kept=self._kept_of(result.cell))

    def failed(self, result: Result, reason: str) -> Result:
        """The same cell, failed after all, with what the warehouse keeps of it."""
        kept = self._kept_of(result.cell)
        return replace(result, status=Status.FAILED, rows=(), reason=reason, kept=kept)

    async def _fails_throughout(self, result: Result) -> bool:
        """Whether all cells of a website and report failed alike that are too few for the type to
        be given up: what a longer run calls unavailable is not failed in a shorter one."""
        own = self._series[result.cell.series]
        if result.outage or result.cell.report.named or len(own) >= ENOUGH:
            return False
        results = await self._results(own)
        reasons = {signature_of(each.reason) for each in results}
        failed = {Status.FAILED, Status.UNAVAILABLE}  # as judged before
        return len(reasons) == 1 and {each.status for each in results} <= failed

    async def _lacks(self, report: str) -> bool:
        """Whether the server lacks a type for good: it answers others, and this one for no
        website, and the warehouse never had it."""
        answered = await self._once("answered", self._answered)
        had = {name for _, name in await self._once("had", self._had)}
        return bool(answered) and report not in answered and report not in had

    async def _doubt(self, result: Result) -> str:
        """Why a result is not believed, or an empty string."""
        cell = result.cell
        if result.silent and cell.website_id not in self._websites:
            return "the answer is empty and the server does not list the website"
        kept = self._kept_of(cell)
        if kept is None or self._allow_empty:
            return ""
        if not result.silent:
            if not _proves_its_days(result) and await self._lacks_a_day(cell):
                return "the answer lacks a day that had data and is empty now"
            return ""
        if await self._was_empty(cell):
            return ""
        if kept.final:
            return "the answer is empty, but the day was final and had data"
        website_id, window = cell.website_id, cell.window
        if not (await self._told(website_id, _span(_judge_of(window)))).visitors:
            return "the day had data and now everything about it is empty"
        if cell.report.query_type.follows and (
            window.grain is not Grain.HOUR
            or (await self._told(website_id, _span(window))).page_views
        ):
            return "the answer is empty, but had data that does not go while the day has visitors"
        if await self._once(("quiet", *cell.series), lambda: self._is_quiet_throughout(cell)):
            return "the answer is empty, and so are all others of this report in this run"
        if await self._once(("ill", website_id), lambda: self._is_ill(website_id)):
            return "the answer is empty, and so are others of this run that cannot be"
        return ""

    def _may_be_zeros(self, cell: Cell) -> bool:
        """Whether a summary that is held may be the row of zeros that servers of June 2026 give of
        a window without visitors. 0.1.0 took it for data, and recorded no generation."""
        kept = self._kept_of(cell)
        is_summary = cell.report.query_type.shape is Shape.SUMMARY
        return is_summary and kept is not None and kept.generation is None

    async def _was_empty(self, cell: Cell) -> bool:
        """Whether such a summary was that row: coverage says of the same window that the reports
        were silent that follow page views and have data of others. One that failed, or was not
        asked for, proves nothing."""
        if not self._may_be_zeros(cell):
            return False
        had = await self._once("had", self._had)
        others = [
            self.held.get(_key(each))
            for each in self._timelines[cell.website_id].at(_span(cell.window))
            if each.report.query_type.follows
            and each.report.query_type.shape is not Shape.SUMMARY
            and (each.website_id, each.report.name) in had
        ]
        return bool(others) and all(each and each.silent for each in others)

    async def _is_quiet_throughout(self, cell: Cell) -> bool:
        """Whether all answers about the cell's website and report are silent, where the warehouse
        has data of more than one."""
        answers = await self._answers(self._series[cell.series])
        had = sum(self._kept_of(each.cell) is not None for each in answers)
        return had > 1 and all(each.silent for each in answers)

    async def _told(self, website_id: str, span: Span) -> _Told:
        async def look() -> _Told:
            results = await self._results(self._timelines[website_id].inside(span))
            telling = [each.cell.report.query_type for each in results if _tells(each)]
            return _Told(bool(telling), any(each.follows for each in telling))

        return await self._once((website_id, span), look)

    async def _lacks_a_day(self, cell: Cell) -> bool:
        """Whether the cell shares an instant with a day, week or month that lost its page views."""
        website_id = cell.website_id
        could = await self._once(("days", website_id), lambda: self._that_could_be_lost(website_id))
        for span in could.touching(_span(cell.window)):
            if (
                any(each.silent for each in await self._answers(could.at(span)))
                and not (await self._told(website_id, span)).page_views
            ):
                return True
        return False

    async def _that_could_be_lost(self, website_id: str) -> Timeline[Cell]:
        """The days, weeks and months that had page views; no hours, which are judged by their day.
        What is cut in UTC beside local days tells of none: it may be its own series that is
        silent."""
        found: Timeline[Cell] = Timeline()
        for span, cells in self._timelines[website_id]:
            for cell in cells:
                other = cell.window.grain is Grain.HOUR or cell.report.query_type.in_utc
                if self._had_page_views(cell) and not other:
                    found.add(span, cell)
        return found

    async def _is_ill(self, website_id: str) -> bool:
        """Whether a type is silent that cannot be: of a day, week or month, or of more than one
        hour of a day. A single hour may have had a visitor who is gone."""
        had = [
            cell
            for _, cells in self._timelines[website_id]
            for cell in cells
            if self._had_page_views(cell)
        ]
        silent = [each.cell for each in await self._answers(had) if each.silent]
        hours: Counter[tuple[Report, date]] = Counter()
        for cell in silent:
            if cell.window.grain is Grain.HOUR:
                hours[cell.report, cell.window.date] += not self._may_be_zeros(cell)
            elif not await self._was_empty(cell):
                return True
        return any(count > 1 for count in hours.values())

    def _had_page_views(self, cell: Cell) -> bool:
        """Whether the warehouse has rows of it that are there whenever there are page views."""
        return bool(cell.report.query_type.follows and self._kept_of(cell))

    async def _answered(self) -> Collection[str]:
        """The reports that the server answered for any website."""
        return {each.cell.report.name for each in await self._answers(self.cells)}

    async def _had(self) -> Collection[tuple[str, str]]:
        """The websites and reports that the warehouse has data of."""
        return {key[:2] for key, each in self.held.items() if not each.silent}

    def _kept_of(self, cell: Cell) -> HeldCell | None:
        """The data that the warehouse holds of a cell."""
        held = self.held.get(_key(cell))
        return None if held is None or held.silent else held

    async def _answers(self, cells: Iterable[Cell]) -> list[Result]:
        return [each for each in await self._results(cells) if _is_answer(each)]

    async def _results(self, cells: Iterable[Cell]) -> list[Result]:
        return [await self._result_of(cell) for cell in cells]


def _key(cell: Cell) -> tuple[str, str, datetime]:
    return cell.website_id, cell.report.name, cell.window.start


def _span(window: Window) -> Span:
    return window.start, window.end


def _judge_of(window: Window) -> Window:
    """The window that tells whether there were visitors: an hour's whole day."""
    return tile(window.date, window.date, window.zone)[0] if window.grain is Grain.HOUR else window


def _tells(result: Result) -> bool:
    """Whether an answer tells that somebody came within the cell's window."""
    counts = _is_answer(result) and result.counts
    return counts and result.cell.report.query_type.keeps_to_its_window


def _is_answer(result: Result) -> bool:
    """Whether the server answered. What was judged before is among the others as it was judged."""
    return result.status.brings_rows or result.status is Status.SUSPECT


def _proves_its_days(result: Result) -> bool:
    """Whether an answer by itself shows that its day has not lost all page views."""
    query_type, grain = result.cell.report.query_type, result.cell.window.grain
    local_day = grain in {Grain.HOUR, Grain.DAY} and not query_type.in_utc
    return bool(query_type.follows) and local_day and _tells(result)
