"""What the tables of the warehouse hold: rows of which kind, and of which generation of servers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from databuddy_source.coverage.reading import (
    BROUGHT,
    Tables,
    coverage_rows,
    grain_of,
    tables_of,
    zone_of,
)
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Cell
from databuddy_source.model.windows import Grain

if TYPE_CHECKING:
    import dlt

SUNDAY: Final = 6


@dataclass(frozen=True, slots=True)
class Definition:
    """What the rows of a table are. Two kinds in one table would be added up by mistake.

    Attributes:
        time_zone: IANA name of the zone that cuts the windows.
        grain: length of the windows.
        query_type: canonical name.
        filters: as JSON, or None.
        week_start: number of the weekday with which weeks begin (Monday is 0), or None.
    """

    time_zone: str
    grain: str
    query_type: str
    filters: str | None
    week_start: int | None

    @classmethod
    def of(cls, cell: Cell) -> Definition:
        """The definition that a cell's table has in this run."""
        report, window = cell.report, cell.window
        week_start = window.date.weekday() if window.grain is Grain.WEEK else None
        return cls(
            window.zone,
            window.grain.value,
            report.query_type.name,
            report.filters_text,
            week_start,
        )

    def __str__(self) -> str:
        words = f"{self.query_type} by {self.grain} in {self.time_zone}"
        if self.week_start is not None:
            words += f" from {'Sunday' if self.week_start == SUNDAY else 'Monday'} on"
        return f"{words} where {self.filters}" if self.filters else words


@dataclass(frozen=True, slots=True)
class Part:
    """The days of a table that have one definition and that servers of one generation gave.

    Attributes:
        report: the name of the table.
        generation: None where that was not recorded, or is not known to this version.
        first: day of the oldest window.
        last: day of the newest one.
        last_load: dlt's id of the newest load that brought rows of some of them, or says that
            there are none; None where none did.
        holds_rows: whether the table has any of them.
    """

    report: str
    definition: Definition
    generation: Generation | None
    first: date
    last: date
    last_load: str | None
    holds_rows: bool


def parts_of_tables(warehouse: dlt.Pipeline | Tables) -> list[Part]:
    """What the tables of the warehouse hold, by report and age. Nothing before the first load."""
    columns = "report, time_zone, grain, query_type, filters, {generation}"
    found = []
    with tables_of(warehouse) as tables:
        rows = coverage_rows(
            tables,
            # a cell that failed keeps the rows and the generation of an earlier load
            f"SELECT {columns}, MIN(date), MAX(date), "
            f"MAX(CASE WHEN status IN ({BROUGHT}) THEN _dlt_load_id END), MAX({{rows}}) "
            f"FROM {{table}} GROUP BY {columns}",
        )
    for report, zone, grain, query_type, filters, told, first, last, load_id, held in rows:
        length = grain_of(grain)
        week_start = first.weekday() if length is Grain.WEEK else None
        definition = Definition(zone_of(zone), length.value, query_type, filters, week_start)
        generation = Generation(told) if told in set(Generation) else None
        found.append(Part(report, definition, generation, first, last, load_id, bool(held)))
    return sorted(found, key=lambda each: (each.report, each.first))
