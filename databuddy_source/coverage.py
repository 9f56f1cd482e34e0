"""Coverage: what was fetched, when, and whether it is complete.

One row for each cell, in the same load as the cell's rows. It is what exit codes, guards and
repairs read, so a cell that could not be loaded whole has a row that says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import dlt
import pyarrow as pa
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema.typing import TColumnSchema
from dlt.pipeline.exceptions import PipelineConfigMissing

from databuddy_source.api.errors import DatabuddyError
from databuddy_source.fetch.results import Kept, Result, Status
from databuddy_source.reports import Cell
from databuddy_source.windows import Grain

TABLE: Final = "coverage"
KEY: Final = ("website_id", "report", "window_start")

_INSTANT = pa.timestamp("us", tz="UTC")
SCHEMA: Final = pa.schema(
    [
        pa.field("website_id", pa.string(), False),
        pa.field("report", pa.string(), False),
        pa.field("window_start", _INSTANT, False),
        pa.field("window_end", _INSTANT, False),
        pa.field("date", pa.date32(), False),
        pa.field("grain", pa.string()),
        pa.field("time_zone", pa.string()),
        pa.field("query_type", pa.string()),
        pa.field("filters", pa.string()),
        pa.field("status", pa.string()),
        pa.field("rows", pa.int64()),
        pa.field("rows_expected", pa.int64()),
        pa.field("silent", pa.bool_()),
        pa.field("final", pa.bool_()),
        pa.field("reason", pa.string()),
        pa.field("fetched_at", _INSTANT),
    ]
)

COLUMNS: Final[dict[str, TColumnSchema]] = {
    "window_start": {"description": "First instant of the window, UTC."},
    "window_end": {"description": "First instant after the window, UTC."},
    "date": {"description": "First day of the window, in time_zone."},
    "grain": {"description": "Length of the window: hour, day, week or month."},
    "filters": {"description": "Of a report with filters, as JSON; all have to hold."},
    "time_zone": {"description": "IANA name of the zone that cuts this report's days."},
    "status": {
        "description": "complete, truncated (more rows exist), suspect (an empty answer that is "
        "not believed), failed, or unavailable (the server fails for this type every time)."
    },
    "rows": {"description": "Rows loaded for this cell."},
    "rows_expected": {"description": "Rows that there should be, where known and different."},
    "silent": {"description": "No rows, or each number in them is zero or null."},
    "final": {"description": "Whether later syncs will leave this cell alone."},
    "reason": {"description": "Why the cell is not complete."},
    "fetched_at": {"description": "When the answer was there, UTC."},
}


def coverage_table(results: Sequence[Result], last_final: date) -> pa.Table:
    """The coverage rows of cells.

    Args:
        results: cells that were asked for.
        last_final: newest day that later syncs will not ask for again.
    """
    rows = [
        {
            "website_id": result.cell.website_id,
            "report": result.cell.report.name,
            "window_start": result.cell.window.start,
            "window_end": result.cell.window.end,
            "date": result.cell.window.date,
            "grain": result.cell.report.grain.value,
            "time_zone": result.cell.window.zone,
            "query_type": result.cell.report.query_type.name,
            "filters": result.cell.report.filters_text,
            "status": result.status.value,
            "rows": result.kept.rows if result.kept else len(result.rows),
            "rows_expected": result.rows_expected,
            # what is kept goes on to count as data, or the next run would believe its absence
            "silent": result.silent and not result.kept,
            "final": result.kept.final
            if result.kept
            else result.cell.window.last_date <= last_final and result.status.brings_rows,
            "reason": result.reason or None,
            "fetched_at": result.fetched_at,
        }
        for result in results
    ]
    return pa.Table.from_pylist(rows, SCHEMA)


def kept_cells(pipeline: dlt.Pipeline, since: datetime) -> Mapping[tuple[str, str, datetime], Kept]:
    """The cells with data that the warehouse holds, from `since` (UTC) on, by website, report
    and start of the window. Empty before the first load, and without a destination."""
    found = _query(
        pipeline,
        "SELECT website_id, report, window_start, rows, final FROM {table} "
        "WHERE NOT silent AND window_start >= %s",
        since,
    )
    return {(row[0], row[1], row[2]): Kept(row[3], bool(row[4])) for row in found}


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


SUNDAY: Final = 6


def definitions(pipeline: dlt.Pipeline) -> Mapping[str, set[Definition]]:
    """What the tables of the warehouse hold, by report."""
    found: dict[str, set[Definition]] = defaultdict(set)
    columns = "report, time_zone, grain, query_type, filters"
    for report, zone, grain, query_type, filters, first in _query(
        pipeline, f"SELECT {columns}, MIN(date) FROM {{table}} GROUP BY {columns}"
    ):
        week_start = first.weekday() if grain == Grain.WEEK else None
        found[report].add(Definition(zone, grain, query_type, filters, week_start))
    return found


def _query(pipeline: dlt.Pipeline, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
    """Rows of the table in this pipeline's dataset; none before the first load, and none without
    a destination."""
    try:
        with pipeline.sql_client() as client:
            table = client.make_qualified_table_name(TABLE)
            return client.execute_sql(sql.format(table=table), *values) or []
    except (DestinationUndefinedEntity, PipelineConfigMissing, ConfigurationException):
        return []


@dataclass(frozen=True, slots=True)
class Gap:
    """A cell that a run did not bring whole."""

    website_id: str
    report: str
    date: date
    status: Status
    reason: str

    def __str__(self) -> str:
        return f"{self.report} of {self.website_id} on {self.date}: {self.status}: {self.reason}"


def gaps_of_loads(pipeline: dlt.Pipeline, load_ids: Sequence[str]) -> list[Gap]:
    """The cells that these loads recorded as not complete, oldest first."""
    found = _of_loads(
        pipeline,
        load_ids,
        "website_id, report, date, status, reason",
        "status <> 'complete'",
        "ORDER BY date, website_id, report",
    )
    return [Gap(row[0], row[1], row[2], Status(row[3]), row[4] or "") for row in found]


def _of_loads(
    pipeline: dlt.Pipeline, load_ids: Sequence[str], columns: str, condition: str, rest: str
) -> Sequence[Sequence[Any]]:
    if not load_ids:
        return []
    marks = ", ".join(["%s"] * len(load_ids))
    return _query(
        pipeline,
        f"SELECT {columns} FROM {{table}} WHERE {condition} AND _dlt_load_id IN ({marks}) {rest}",
        *load_ids,
    )


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loads brought for one report, tombstones and gaps not counted as rows."""

    report: str
    rows: int
    cells: int
    first: date
    last: date
    time_zone: str


def loaded_reports(pipeline: dlt.Pipeline, load_ids: Sequence[str]) -> list[Loaded]:
    """What these loads brought, by report, in alphabetical order."""
    found = _of_loads(
        pipeline,
        load_ids,
        "report, CAST(SUM(rows) AS BIGINT), COUNT(*), MIN(date), MAX(date), MIN(time_zone)",
        "status <> 'unavailable'",
        "GROUP BY report ORDER BY report",
    )
    return [Loaded(*row) for row in found]


class IncompleteLoad(DatabuddyError):
    """Some cells failed, are truncated or suspect. Everything else was loaded."""

    default_todo = "The next run asks for them again; the table `coverage` has the reasons."


def raise_if_incomplete(pipeline: dlt.Pipeline, load_ids: Sequence[str]) -> None:
    """For wrappers that shall see red when a load has gaps.

    Args:
        pipeline: that ran.
        load_ids: `load_info.loads_ids` of the run.

    Raises:
        IncompleteLoad: names the first gaps. Types that are unavailable on this server and were
            not asked for by name are no gaps.
    """
    gaps = [
        gap for gap in gaps_of_loads(pipeline, load_ids) if gap.status is not Status.UNAVAILABLE
    ]
    if gaps:
        more = f"; and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        named = "; ".join(str(gap) for gap in gaps[:3])
        raise IncompleteLoad(f"{len(gaps)} cells are not complete: {named}{more}")
