"""What the table `coverage` of a warehouse says: what is held, what is missing, and why.

It is believed for loads that are done only: where a warehouse does not change all tables at once, a
load that was killed may have brought coverage before its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from databuddy_source.coverage.reading import (
    BROUGHT,
    Tables,
    coverage_rows,
    status_of,
    tables_of,
    window_of,
)
from databuddy_source.errors import Exit, IncompleteLoad, without_window
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Window

if TYPE_CHECKING:
    import dlt

EARLIEST: Final = date(1970, 1, 1)
LATEST: Final = date(9999, 12, 31)
"""Days that every warehouse can be asked about: Snowflake's client writes the year 1 as "1"."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A complete cell of the warehouse, as coverage has it.

    Attributes:
        filters: as JSON, or None.
        final: whether later syncs will leave it alone.
        generation: of the server that gave it; None where that was not recorded.
    """

    website_id: str
    report: str
    query_type: str
    filters: str | None
    window: Window
    final: bool
    generation: str | None

    def __str__(self) -> str:
        return f"{self.report} of {self.website_id} on {self.window}"


def recorded_cells(
    pipeline: dlt.Pipeline, since: date | None = None, until: date | None = None
) -> list[Recorded]:
    """The complete cells that the warehouse holds, by the first day of their window."""
    found = query_coverage(
        pipeline,
        "SELECT website_id, report, query_type, filters, date, window_start, window_end, "
        "time_zone, grain, final, {generation} FROM {table} "
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
            window_of(row[4:9]),
            bool(row[9]),
            row[10],
        )
        for row in found
    ]


def query_coverage(
    warehouse: dlt.Pipeline | Tables, sql: str, *values: Any
) -> Sequence[Sequence[Any]]:
    """Rows of coverage whose load is done; see `coverage_rows`."""
    with tables_of(warehouse) as tables:
        return coverage_rows(tables, sql, *values)


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
    return [Gap(row[0], row[1], row[2], status_of(row[3]), row[4] or "") for row in found]


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


_NEW: Final = f"status IN ({BROUGHT}) AND fetched_at = {{checked_at}}"
_SAME: Final = f"status IN ({BROUGHT}) AND fetched_at <> {{checked_at}}"
"""SQL for cells whose rows came with the last answer, or with an earlier one."""


@dataclass(frozen=True, slots=True)
class LoadedCell:
    """What a load has to say of one cell.

    Attributes:
        report: the name of the table.
        window: its days and instants.
        rows: that the table has of it.
        status: what is known of it now.
        reason: why it is not complete; empty where it is.
        seconds: from the beginning of its load until its last answer was there.
        changed: whether its rows are new in the table: no answer, and one that says what the last
            one said, change nothing.
    """

    website_id: str
    report: str
    window: Window
    rows: int
    status: Status
    reason: str
    seconds: float
    changed: bool

    @property
    def is_gap(self) -> bool:
        """Whether the warehouse lacks something of it that may be had."""
        return self.status.is_gap

    @property
    def cause(self) -> str:
        """The reason without window and request: the same for all that failed together."""
        return without_window(self.reason)

    def __str__(self) -> str:
        return f"{self.report} of {self.website_id} on {self.window}"


def loaded_cells(pipeline: dlt.Pipeline, load_ids: Sequence[str]) -> list[LoadedCell]:
    """What these loads asked for, cell by cell, oldest first.

    Args:
        pipeline: that ran.
        load_ids: of the loads, as `sync` returns them. A cell that two of them asked for is told
            once, as the later one left it.

    Raises:
        the destination's own errors, when it cannot be asked.
    """
    found = _of_loads(
        pipeline,
        load_ids,
        "website_id, report, date, window_start, window_end, time_zone, grain, {rows}, status, "
        f"reason, {{checked_at}}, _dlt_load_id, CASE WHEN {_NEW} THEN 1 ELSE 0 END",
        "status IS NOT NULL",
        "ORDER BY window_start, website_id, report",
    )
    return [
        LoadedCell(
            row[0],
            row[1],
            window_of(row[2:7]),
            row[7],
            status_of(row[8]),
            row[9] or "",
            # a load is called by the second in which it began, and another clock may be behind
            max(0.0, row[10].timestamp() - float(row[11])),
            bool(row[12]),
        )
        for row in found
    ]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What loads brought for one report, tombstones and gaps not counted as rows.

    Attributes:
        rows: that are new in the table. An answer that says what the last one said brings none.
        cells: website and window, also those that failed.
        first, last: first days of the oldest and the newest window, cut in `time_zone`.
        unchanged: cells whose answer says what the last one said.
    """

    report: str
    rows: int
    cells: int
    failed: int
    first: date
    last: date
    time_zone: str
    unchanged: int = 0


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
        f"report, CAST(SUM(CASE WHEN {_NEW} THEN {{rows}} ELSE 0 END) AS BIGINT), COUNT(*), "
        "COUNT(CASE WHEN status = 'failed' THEN 1 END), MIN(date), MAX(date), MIN(time_zone), "
        f"COUNT(CASE WHEN {_SAME} THEN 1 END)",
        "status <> 'unavailable'",
        "GROUP BY report ORDER BY report",
    )
    return [Loaded(*row) for row in found]


def exit_of(loaded: Sequence[Loaded], gaps: Sequence[Gap]) -> Exit:
    """What the command line ends with after loads: complete, incomplete, or failed where each cell
    did.

    Args:
        loaded: what they brought, as `loaded_reports` tells it.
        gaps: what they could not bring, as `gaps_of_loads` tells it.

    Raises:
        nothing.
    """
    serious = [gap for gap in gaps if gap.status.is_gap]
    failed = sum(gap.status is Status.FAILED for gap in serious)
    if serious and failed == sum(each.cells for each in loaded):
        return Exit.FAILED
    return Exit.INCOMPLETE if serious else Exit.COMPLETE


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
