"""Whether a silence is to be believed: of a day that had visitors, and of a query type.

No requests and no warehouse here: what a cell brought comes from a function, what the warehouse
holds is handed in.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from itertools import chain

from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import HeldCell, Result
from databuddy_source.model.statuses import Status


class Doubts:
    """Judges the results of one run by each other and by what is held.

    Args:
        result_of: waits for what came of a cell that is wanted.
        websites: ids of those that the server lists.
        allow_empty: believe a day that had data and is now empty.

    Attributes:
        held: the cells with data that the warehouse holds, by website, report and start of the
            window.
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
        self._of_days: dict[tuple[str, date, date], list[Cell]] = defaultdict(list)
        self.held: Mapping[tuple[str, str, datetime], HeldCell] = {}

    def want(self, cells: Iterable[Cell]) -> None:
        """These cells will have results. All are known before the first result is judged."""
        for cell in cells:
            window = cell.window
            self._of_days[cell.website_id, window.date, window.last_date].append(cell)

    @property
    def cells(self) -> Iterator[Cell]:
        """All cells that are wanted."""
        return chain.from_iterable(self._of_days.values())

    async def judged(self, result: Result) -> Result:
        """The same result; `suspect` when its emptiness is not to be believed, and with what the
        warehouse keeps of the cell when it brings no rows."""
        result = await self._believed(result)
        if result.status.brings_rows:
            return result
        if result.status is Status.UNAVAILABLE and not result.lacking:
            report = result.cell.report
            if self._had(report) or not is_lacking(report, await self._results(self.cells)):
                result = replace(result, status=Status.FAILED)
        return replace(result, kept=self._kept_of(result.cell))

    async def _believed(self, result: Result) -> Result:
        if not (result.status.brings_rows and result.silent):
            return result
        cell = result.cell
        if cell.website_id not in self._websites:
            return result.doubted("the answer is empty and the server does not list the website")
        kept = self._kept_of(cell)
        if kept is None or self._allow_empty:
            return result
        if kept.final:
            return result.doubted("the answer is empty, but the day was final and had data")
        same_days = await self._results(self.about_the_days_of(cell))
        if all(other.silent for other in same_days):
            return result.doubted("the day had data and now everything about it is empty")
        return result

    def about_the_days_of(self, cell: Cell) -> list[Cell]:
        """Cells that tell whether a website had visitors then: those of the same days, an hour's
        whole day among them, but none of a longer time."""
        own = cell.window
        length = own.last_date - own.date
        return [
            each
            for (website_id, first, last), cells in self._of_days.items()
            if website_id == cell.website_id
            and first <= own.last_date
            and last >= own.date
            and last - first <= length
            for each in cells
        ]

    def _kept_of(self, cell: Cell) -> HeldCell | None:
        return self.held.get((cell.website_id, cell.report.name, cell.window.start))

    def _had(self, report: Report) -> bool:
        return any(name == report.name for _, name, _ in self.held)

    async def _results(self, cells: Iterable[Cell]) -> list[Result]:
        return await asyncio.gather(*map(self._result_of, cells))


def is_lacking(report: Report, results: Iterable[Result]) -> bool:
    """Whether the server lacks a type for good: it answers others, and this one for no website."""
    answered = {result.cell.report for result in results if result.status.brings_rows}
    return bool(answered) and report not in answered
