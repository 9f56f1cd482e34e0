"""What a run's answers and the warehouse say of each other, before anybody judges.

No requests and no warehouse here: what a cell brought comes from a function, what the warehouse
holds is handed in.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final

from databuddy_source.coverage.marks import Slot, slot_of
from databuddy_source.extract.once import Once
from databuddy_source.extract.timeline import Span, Timeline
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import HeldCell, Result
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Grain, Window, tile

MANY: Final = 10
"""So many page views leave a row in each type that always has rows: some servers drop one of a
hundred, so that a single one may be none."""


DIFFERENCE: Final = 0.02
"""By so much of it a number may differ from the sum of its days: servers of June 2026 count one of
a hundred page views less than those before."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the cells inside a span tell of it.

    Attributes:
        visitors: somebody was counted.
        page_views: by a type that has rows whenever there are page views.
    """

    visitors: bool
    page_views: bool


class Evidence:
    """The cells of one run, with what came of them and what is held of them.

    Args:
        result_of: waits for what came of a cell that is wanted.

    Attributes:
        held: the cells that the warehouse holds, by website, report and start of the window: those
            with data, and silent ones of 0.1.0.
        doubted: website, report and end of the window of each cell that is suspect: at first those
            that an earlier run left, then also those of this one.
        series: the wanted cells, by website and report; none where one only follows others.
        timelines: the same, by website.
        viewed: tells how many page views the warehouse has of windows, by website, report and what
            coverage calls the window.
        once: for what is found out once in a run.
    """

    def __init__(self, result_of: Callable[[Cell], Awaitable[Result]]) -> None:
        self._result_of = result_of
        self._cells: list[list[Cell]] = []
        self.held: dict[tuple[str, str, datetime], HeldCell] = {}
        self.doubted: set[tuple[str, str, datetime]] = set()
        self.series: dict[tuple[str, Report], list[Cell]] = defaultdict(list)
        self.timelines: dict[str, Timeline[Cell]] = defaultdict(Timeline)
        self.viewed: Callable[[], Mapping[tuple[str, str, Slot], int]] = dict
        self.once = Once()

    def want(self, cells: Iterable[Cell]) -> None:
        """These cells will have results. What was found out without them is forgotten."""
        own = list(cells)
        self._cells.append(own)
        for cell in own:
            self.series[cell.series].append(cell)
            self.timelines[cell.website_id].add(span_of(cell.window), cell)
        self.once = Once()

    def follow(self, series: tuple[str, Report]) -> None:
        """Cells of a website and report may be wanted once it is known which days differ."""
        self.series[series] += []

    @property
    def cells(self) -> Iterator[Cell]:
        """All cells that are wanted."""
        return chain.from_iterable(self._cells)

    async def told(self, website_id: str, span: Span) -> Told:
        """What the cells inside a span tell of a website."""

        async def look() -> Told:
            results = await self.results(self.timelines[website_id].inside(span))
            telling = [each.cell.report.query_type for each in results if tells(each)]
            return Told(bool(telling), any(each.follows for each in telling))

        return await self.once((website_id, span), look)

    async def has_page_views(self, cell: Cell) -> bool:
        """Whether a cell's window has many page views, by what the server answers or the warehouse
        has of the types that always have rows."""
        window = cell.window
        same = self.timelines[cell.website_id].at(span_of(window))
        others = [each for each in same if each.report.always_has_rows]
        if any(each.page_views >= MANY for each in await self.answers(others)):
            return True
        website_id, slot = cell.website_id, slot_of(window)
        reports = self._that_always_have_rows(website_id, window.grain)
        return any(self.viewed().get((website_id, each.name, slot), 0) >= MANY for each in reports)

    async def has_lost_days(self, website_id: str, window: Window) -> bool:
        """Whether a week or month has fewer page views than the warehouse has of it, or than its
        days, by a type that counts them in both. What one of its newest days has lost is no sign:
        that is believed of the day, too; nor is it that the warehouse has more of it, where all
        its days or hours together have not."""
        for each in await self.answers(self.timelines[website_id].at(span_of(window))):
            if each.cell.report.always_has_rows and each.status is not Status.TRUNCATED:
                place = (website_id, each.cell.report.name, slot_of(window))
                days, fewer = await self._page_views_of_days(each.cell)
                if _are_less(each.page_views, days):
                    return True
                had = self.viewed().get(place, 0) - fewer
                if _are_less(each.page_views, had) and not await self._parts_agree(each):
                    return True
        return False

    async def _parts_agree(self, result: Result) -> bool:
        """Whether all days or hours of a window are known, and have no more page views together
        than an answer, by any type that always has rows."""
        website_id, window = result.cell.website_id, result.cell.window
        for grain in (Grain.DAY, Grain.HOUR):
            parts = tile(window.date, window.last_date, window.zone, grain)
            begun = [each for each in parts if each.start < result.fetched_at]
            for report in self._that_always_have_rows(website_id, grain):
                views = [await self._views_of(Cell(website_id, report, each)) for each in begun]
                known = [each for each in views if each is not None]
                if known == views and not _are_less(result.page_views, sum(known)):
                    return True
        return False

    async def _views_of(self, cell: Cell) -> int | None:
        """How many page views a window has: by what the server answers, but where that may not be
        believed by what the warehouse has; None where nobody knows."""
        held = self.held_of(cell)
        viewed = self.viewed().get((cell.website_id, cell.report.name, slot_of(cell.window)), 0)
        if held is None or not held.final:
            at = self.timelines[cell.website_id].at(span_of(cell.window))
            answers = await self.answers(each for each in at if each == cell)
            if answers and (answers[0].page_views or not viewed):
                return answers[0].page_views
        return None if held is None else viewed

    async def _page_views_of_days(self, cell: Cell) -> tuple[int, int]:
        """How many page views the days of a cell have: by what the server answers of days that are
        asked for and over, else by the warehouse. Of a day that goes on it has fewer. And how many
        fewer the server answers of days that are not final than the warehouse has."""
        website_id, found, fewer = cell.website_id, 0, 0
        for report in self._that_always_have_rows(website_id, Grain.DAY):
            if report.query_type.name != cell.report.query_type.name:
                continue
            for day in tile(cell.window.date, cell.window.last_date, cell.window.zone):
                at = self.timelines[website_id].at(span_of(day))
                own = await self.answers(each for each in at if each.report.name == report.name)
                viewed = self.viewed().get((website_id, report.name, day.date), 0)
                found += own[0].page_views if own and own[0].fetched_at >= day.end else viewed
                if own and own[0].page_views and not self._is_final(own[0].cell):
                    fewer += max(0, viewed - own[0].page_views)
        return found, fewer

    def _is_final(self, cell: Cell) -> bool:
        held = self.held_of(cell)
        return held is not None and held.final

    def _that_always_have_rows(self, website_id: str, grain: Grain) -> list[Report]:
        """The reports of a website by this grain that have rows whenever there are page views."""
        return [
            report
            for of, report in self.series
            if of == website_id and report.grain is grain and report.always_has_rows
        ]

    def had_page_views(self, cell: Cell) -> bool:
        """Whether the warehouse has rows of it that are there whenever there are page views."""
        return cell.report.follows_page_views and self.kept_of(cell) is not None

    async def had(self) -> Collection[tuple[str, str]]:
        """The websites and reports that the warehouse has data of."""

        async def look() -> Collection[tuple[str, str]]:
            return {key[:2] for key, each in self.held.items() if not each.silent}

        return await self.once("had", look)

    def held_of(self, cell: Cell) -> HeldCell | None:
        """What the warehouse holds of a cell."""
        return self.held.get((cell.website_id, cell.report.name, cell.window.start))

    def kept_of(self, cell: Cell) -> HeldCell | None:
        """The data that the warehouse holds of a cell."""
        held = self.held_of(cell)
        return None if held is None or held.silent else held

    async def answers(self, cells: Iterable[Cell]) -> list[Result]:
        """What the server answered of these cells."""
        return [each for each in await self.results(cells) if is_answer(each)]

    async def results(self, cells: Iterable[Cell]) -> list[Result]:
        """What came of these cells."""
        return [await self._result_of(cell) for cell in cells]


def span_of(window: Window) -> Span:
    """From when until when a window lasts."""
    return window.start, window.end


def _are_less(views: int, had: int) -> bool:
    """Whether page views are fewer than they were, and more so than servers differ."""
    return had >= MANY and views < had * (1 - DIFFERENCE)


def tells(result: Result) -> bool:
    """Whether an answer tells that somebody came within the cell's window."""
    counts = is_answer(result) and result.counts
    return counts and result.cell.report.query_type.keeps_to_its_window


def is_answer(result: Result) -> bool:
    """Whether the server answered. What was judged before is among the others as it was judged."""
    return result.status.brings_rows or result.status is Status.SUSPECT
