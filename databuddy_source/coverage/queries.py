"""What the table `coverage` of a warehouse says: what is held, what is missing, and why.

It is believed for loads that are done only: where a warehouse does not change all tables at once, a
load that was killed may have brought coverage before its rows.
"""

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

_BRING_ROWS: Final = ", ".join(f"'{status}'" for status in Status if status.brings_rows)


def held_cells(
    pipeline: dlt.Pipeline, since: datetime
) -> Mapping[tuple[str, str, datetime], HeldCell]:
    """The cells with data that the warehouse holds, from `since` (UTC) on, by website, report
    and start of the window. Empty before the first load, and without a destination."""
    found = query_coverage(
        pipeline,
        "SELECT website_id, report, window_start, {rows}, final FROM {table} "
        "WHERE NOT silent AND window_start >= %s",
        since,
    )
    return {(row[0], row[1], row[2]): HeldCell(row[3], bool(row[4])) for row in found}


def final_windows(
    pipeline: dlt.Pipeline, since: date | None = None, until: date | None = None
) -> Mapping[tuple[str, str], set[datetime]]:
    """Where the windows begin that later syncs leave alone, by website and report. A final window
    whose last answer was none, or was not believed, is not among them: what it holds is kept, and
    it is asked for again.

    Args:
        pipeline: whose warehouse it is.
        since: the days that matter, in the zones of the windows.
        until: the last of them.
    """
    longest = timedelta(days=31)  # a month that began before the first day
    found: dict[tuple[str, str], set[datetime]] = defaultdict(set)
    for website_id, report, start in query_coverage(
        pipeline,
        "SELECT website_id, report, window_start FROM {table} "
        f"WHERE final AND status IN ({_BRING_ROWS}) AND date >= %s AND date <= %s",
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
    for report, zone, grain, query_type, filters, first in query_coverage(
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
    found = query_coverage(
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


def query_coverage(pipeline: dlt.Pipeline, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
    """Rows of coverage whose load is done; see `query_table`."""
    return _query(pipeline, TABLE, _DONE, sql, *values)


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
    return _query(pipeline, table, "{table}", sql, *values)


_DONE: Final = (
    "(SELECT * FROM {table} WHERE _dlt_load_id IN "
    "(SELECT load_id FROM {loads} WHERE status = 0)) AS done"
)


def _query(
    pipeline: dlt.Pipeline, table: str, of: str, sql: str, *values: Any
) -> Sequence[Sequence[Any]]:
    try:
        with pipeline.sql_client() as client:
            loads = client.make_qualified_table_name("_dlt_loads")
            rows_of = of.format(table=client.make_qualified_table_name(table), loads=loads)
            rows = client.escape_column_name("rows")  # a reserved word in BigQuery and Snowflake
            return client.execute_sql(sql.format(table=rows_of, rows=rows), *values) or []
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
    return query_coverage(
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
    failed: int
    first: date
    last: date
    time_zone: str


def loaded_reports(pipeline: dlt.Pipeline, load_ids: Sequence[str]) -> list[Loaded]:
    """What these loads brought, by report, in alphabetical order."""
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
