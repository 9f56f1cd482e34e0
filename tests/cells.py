"""Reports, cells and results as tests need them: only what a test is about has to be said."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime

from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import QueryType, load_catalog
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import Result, Row, counted, is_silent
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Grain, tile

DAY = date(2026, 3, 2)
"""A day like any other: Monday, no clock changes anywhere near it."""

FETCHED = datetime(2026, 4, 3, 12, tzinfo=UTC)


def a_report(
    query_type: str | QueryType = "top_pages",
    generation: Generation = Generation.G2026_04,
    *,
    named: bool = False,
) -> Report:
    """A report of a type of the catalogue, or of one that a test made up."""
    if isinstance(query_type, str):
        query_type = load_catalog().get(query_type).on(generation)
    return Report(query_type.name, query_type, named=named)


def cells_of(
    report: Report,
    first: date = DAY,
    last: date | None = None,
    *,
    website: str = "shop",
    zone: str = "UTC",
) -> list[Cell]:
    """The cells of a website from one day to another, both included."""
    return [Cell(website, report, window) for window in tile(first, last or first, zone, Grain.DAY)]


def a_result(
    cell: Cell, rows: Iterable[Row] = (), status: Status = Status.COMPLETE, reason: str = ""
) -> Result:
    """What came of a cell."""
    own = tuple(rows)
    query_type = cell.report.query_type
    return Result(
        cell,
        status,
        FETCHED,
        own,
        silent=is_silent(own, query_type),
        counts=bool(counted(own, query_type)),
        reason=reason,
    )
