"""What the table `coverage` of a warehouse says: what is held, what is missing, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import dlt

from databuddy_source.coverage.table import TABLE
from databuddy_source.dlt_seam import (
    ConfigurationException,
    DestinationUndefinedEntity,
    PipelineConfigMissing,
)
from databuddy_source.errors import IncompleteLoad
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import HeldCell
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Grain, Window

EARLIEST: Final = date(1970, 1, 1)
LATEST: Final = date(9999, 12, 31)
"""Days that every warehouse can be asked about: Snowflake's client writes the year 1 as "1"."""


def held_cells(
    pipeline: dlt.Pipeline, since: datetime
) -> Mapping[tuple[str, str, datetime], HeldCell]:
    """The cells with data that the warehouse holds, from `since` (UTC) on, by website, report
    and start of the window. Empty before the first load, and without a destination."""
    found = _query(
        pipeline,
        "SELECT website_id, report, window_start, {rows}, final FROM {table} "
        "WHERE NOT silent AND window_start >= %s",
        since,
    )
    return {(row[0], row[1], row[2]): HeldCell(row[3], bool(row[4])) for row in found}


def final_windows(
    pipeline: dlt.Pipeline, since: date | None = None, until: date | None = None
) -> Mapping[tuple[str, str], set[datetime]]:
    """Where the windows begin that later syncs leave alone, by website and report.

    Args:
        pipeline: whose warehouse it is.
        since: the days that matter, in the zones of the windows.
        until: the last of them.
    """
    longest = timedelta(days=31)  # a month that began before the first day
    found: dict[tuple[str, str], set[datetime]] = defaultdict(set)
    for website_id, report, start in _query(
        pipeline,
        "SELECT website_id, report, window_start FROM {table} "
        "WHERE final AND date >= %s AND date <= %s",
        since - longest if since else EARLIEST,
        until or LATEST,
    ):
        found[website_id, report].add(start.astimezone(UTC))
    return found


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


@dataclass(frozen=True, slots=True)
class Recorded:
    """A complete cell of the warehouse, as coverage has it.

    Attributes:
        filters: as JSON, or None.
        final: whether later syncs will leave it alone.
    """

    website_id: str
    report: str
    query_type: str
    filters: str | None
    window: Window
    final: bool

    def __str__(self) -> str:
        return f"{self.report} of {self.website_id} on {self.window}"


def recorded_cells(
    pipeline: dlt.Pipeline, since: date | None = None, until: date | None = None
) -> list[Recorded]:
    """The complete cells that the warehouse holds, by the first day of their window."""
    found = _query(
        pipeline,
        "SELECT website_id, report, query_type, filters, date, window_start, window_end, "
        "time_zone, grain, final FROM {table} "
        "WHERE status = 'complete' AND date >= %s AND date <= %s",
        since or EARLIEST,
        until or LATEST,
    )
    return [
        Recorded(
            row[0],
            row[1],
            row[2],
            row[3],
            Window(row[4], row[5].astimezone(UTC), row[6].astimezone(UTC), row[7], Grain(row[8])),
            bool(row[9]),
        )
        for row in found
    ]


def _query(pipeline: dlt.Pipeline, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
    return query_table(pipeline, TABLE, sql, *values)


def query_table(
    pipeline: dlt.Pipeline, table: str, sql: str, *values: Any
) -> Sequence[Sequence[Any]]:
    """Rows of a table in this pipeline's dataset; none before the first load, and none without a
    destination.

    Args:
        pipeline: whose warehouse it is.
        table: its name.
        sql: has `{table}` where the qualified name belongs, `{rows}` for the column of that name,
            and `%s` for each value.
    """
    try:
        with pipeline.sql_client() as client:
            qualified = client.make_qualified_table_name(table)
            rows = client.escape_column_name("rows")  # a reserved word in BigQuery and Snowflake
            return client.execute_sql(sql.format(table=qualified, rows=rows), *values) or []
    except (DestinationUndefinedEntity, PipelineConfigMissing, ConfigurationException):
        return []


@dataclass(frozen=True, slots=True)
class Gap:
    """A cell that a run did not bring whole.

    Attributes:
        date: first day of its window, in the zone that cuts the report's days.
        status: what it is instead of complete.
        reason: in a sentence; the server's, where it gave one.
    """

    website_id: str
    report: str
    date: date
    status: Status
    reason: str

    def __str__(self) -> str:
        return f"{self.report} of {self.website_id} on {self.date}: {self.status}: {self.reason}"


def gaps_of_loads(pipeline: dlt.Pipeline, load_ids: Sequence[str]) -> list[Gap]:
    """The cells that these loads recorded as not complete, unavailable ones, too, oldest
    first.

    Args:
        pipeline: that ran.
        load_ids: of the loads, as `sync` returns them.

    Raises:
        the destination's own errors, when it cannot be asked.
    """
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
    """What loads brought for one report, tombstones and gaps not counted as rows.

    Attributes:
        cells: website and window, also those that failed.
        first, last: first days of the oldest and the newest window, cut in `time_zone`.
    """

    report: str
    rows: int
    cells: int
    failed: int
    first: date
    last: date
    time_zone: str


def loaded_reports(pipeline: dlt.Pipeline, load_ids: Sequence[str]) -> list[Loaded]:
    """What these loads brought, by report, in alphabetical order, without what the server lacks.

    Args:
        pipeline: that ran.
        load_ids: of the loads, as `sync` returns them.

    Raises:
        the destination's own errors, when it cannot be asked.
    """
    found = _of_loads(
        pipeline,
        load_ids,
        "report, CAST(SUM({rows}) AS BIGINT), COUNT(*), "
        "COUNT(CASE WHEN status = 'failed' THEN 1 END), MIN(date), MAX(date), MIN(time_zone)",
        "status <> 'unavailable'",
        "GROUP BY report ORDER BY report",
    )
    return [Loaded(*row) for row in found]


def raise_if_incomplete(pipeline: dlt.Pipeline, load_ids: Sequence[str]) -> None:
    """For wrappers that shall see red when a load has gaps.

    Args:
        pipeline: that ran.
        load_ids: `load_info.loads_ids` of the run.

    Raises:
        IncompleteLoad: names the first gaps. Types that are unavailable on this server and were
            not asked for by name are no gaps.
    """
    gaps = [each for each in gaps_of_loads(pipeline, load_ids) if each.status.is_gap]
    if gaps:
        more = f"; and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        named = "; ".join(str(gap) for gap in gaps[:3])
        raise IncompleteLoad(f"{len(gaps)} cells are not complete: {named}{more}")
