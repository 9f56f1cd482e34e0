"""Cells to questions, questions to packs. Pure: no requests here.

A question ("ask") is one parameter of a request. Most ask for one cell; a series that brings its
own dates is asked for a whole range of cells at once. A pack is one request: questions of one
website, up to about a hundred, each with an id of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby

from databuddy_source import windows
from databuddy_source.api.models import Generation, Parameter, QueryBody
from databuddy_source.reports import Cell, Report
from databuddy_source.windows import Window

PACK_SIZE = 100
"""Questions in a request. Above 100 to 200 the server's own query grows too long and it falls
back to one by one, at 15 to 45 ms each."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One parameter of a request.

    Attributes:
        cells: of one website and report, in order, without a gap.
        spelling: the query type's name on this server.
        limit: rows a page.
        page: from 1.
    """

    cells: tuple[Cell, ...]
    spelling: str
    limit: int
    page: int = 1

    @property
    def website_id(self) -> str:
        return self.cells[0].website_id

    @property
    def report(self) -> Report:
        return self.cells[0].report

    @property
    def series(self) -> tuple[str, Report]:
        return self.cells[0].series

    def halves(self) -> tuple[Ask, Ask]:
        """The same cells in two questions. Needs two cells."""
        middle = len(self.cells) // 2
        return (
            replace(self, cells=self.cells[:middle], page=1),
            replace(self, cells=self.cells[middle:], page=1),
        )

    def __str__(self) -> str:
        first, last = self.cells[0].window, self.cells[-1].window
        return f"{first}" if first == last else f"{first} .. {last}"


def asks_of(cells: Sequence[Cell], spelling: str, limit: int) -> list[Ask]:
    """The questions for cells of one website and report, oldest first: one each, or one for each
    range without a gap."""
    ordered = sorted(cells, key=lambda cell: cell.window)
    if not ordered or not ordered[0].report.query_type.ranged:
        return [Ask((cell,), spelling, limit) for cell in ordered]
    asks: list[list[Cell]] = []
    for cell in ordered:
        if asks and asks[-1][-1].window.end == cell.window.start:
            asks[-1].append(cell)
        else:
            asks.append([cell])
    return [Ask(tuple(group), spelling, limit) for group in asks]


@dataclass(frozen=True, slots=True)
class Pack:
    """The questions of one website that travel in one request."""

    asks: tuple[Ask, ...]

    @property
    def website_id(self) -> str:
        return self.asks[0].website_id

    def halves(self) -> tuple[Pack, Pack]:
        """The same questions in two packs. Needs two questions."""
        middle = len(self.asks) // 2
        return Pack(self.asks[:middle]), Pack(self.asks[middle:])

    def named(self) -> dict[str, Ask]:
        """Each question under the id that it travels with."""
        return {f"c{number}": ask for number, ask in enumerate(self.asks)}


def bodies_of(pack: Pack, generation: Generation) -> list[QueryBody]:
    """The bodies of one request. `limit` and `page` hold for a whole body, so questions that
    differ in them go into bodies of their own; an array of bodies still is one request."""
    by_form = sorted(pack.named().items(), key=lambda item: _form(item[1]))
    bodies = []
    for number, (form, group) in enumerate(groupby(by_form, key=lambda item: _form(item[1]))):
        parameters = [_parameter(name, ask, generation) for name, ask in group]
        limit, page = form
        bodies.append(
            QueryBody(
                id=f"b{number}",
                parameters=parameters,
                startDate=min(parameter.start_date for parameter in parameters),
                endDate=max(parameter.end_date for parameter in parameters),
                limit=limit,
                page=page,
            )
        )
    return bodies


def _form(ask: Ask) -> tuple[int, int]:
    return ask.limit, ask.page


def _parameter(name: str, ask: Ask, generation: Generation) -> Parameter:
    query_type = ask.report.query_type
    span = windows.asked(
        _reach_back(ask.cells[0].window, query_type.trailing_days),
        ask.cells[-1].window,
        offsets=generation.takes_offsets,
        # the day after comes along with a range, and is dropped
        beyond=query_type.ranged or query_type.end_is_midnight,
    )
    return Parameter(name=ask.spelling, id=name, start_date=span.start, end_date=span.end)


def _reach_back(window: Window, days: int) -> Window:
    """The window that starts a trailing range of so many days."""
    if not days:
        return window
    first = window.date - timedelta(days=days - 1)
    return next(windows.days(first, window.date, window.zone))
