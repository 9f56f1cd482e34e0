"""What a run believes of coverage: which windows it need not ask for, and what it may lose.

What a machine has recorded whose clock was wrong is not believed, by the time that the run goes by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from databuddy_source.coverage.queries import EARLIEST, LATEST, query_coverage
from databuddy_source.coverage.reading import (
    BROUGHT,
    LATE,
    Tables,
    among,
    status_of,
)
from databuddy_source.model.results import HeldCell
from databuddy_source.model.statuses import Status

if TYPE_CHECKING:
    import dlt

NOT_YET: Final = "(status = 'suspect' AND {other_digest} IS NOT NULL)"
"""SQL for cells whose last answer is not believed until it has lasted."""

FIRST_INSTANT: Final = datetime(1970, 1, 1, tzinfo=UTC)

UNTRUE: Final = "(window_start > %s OR {checked_at} > %s OR (final AND window_end > {checked_at}))"
"""SQL for cells that a clock has recorded which was wrong: their window had not begun, the answer
is still to come, or was there before the window ended."""


def true_until(now: datetime) -> tuple[datetime, datetime]:
    """The values of `UNTRUE`.

    Args:
        now: this instant.
    """
    return now, now + LATE


def held_cells(
    warehouse: dlt.Pipeline | Tables,
    now: datetime,
    since: datetime | None = None,
    days: Collection[date] | None = None,
) -> Mapping[tuple[str, str, datetime], HeldCell]:
    """The cells that the warehouse holds, by website, report and start of the window: those with
    data, and silent ones that are complete or have rows of zeros. Empty before the first load, and
    without a destination.

    Args:
        warehouse: whose coverage is read.
        now: this instant.
        since: the first window that matters, UTC. Default: the first of all.
        days: the first days of the windows that matter. Default: all.
    """
    which = "" if days is None else f" AND {among(days)}"
    found = query_coverage(
        warehouse,
        f"SELECT website_id, report, window_start, {{rows}}, final AND NOT {UNTRUE}, "
        "{generation}, silent, {digest}, fetched_at, "
        f"CASE WHEN status IN ({BROUGHT}) THEN {{checked_at}} ELSE fetched_at END, "
        "{load_id}, {other_digest}, {doubted_at}, {request_id}, status, rows_expected, reason "
        "FROM {table} "
        "WHERE (NOT silent OR status = 'complete' OR {rows} > 0) AND window_start >= %s" + which,
        *true_until(now),
        since or FIRST_INSTANT,
    )
    return {
        (row[0], row[1], row[2]): HeldCell(
            row[3],
            bool(row[4]),
            row[5],
            bool(row[6]),
            row[7],
            row[8].astimezone(UTC),
            row[9].astimezone(UTC),
            row[10],
            row[11],
            row[12] and row[12].astimezone(UTC),
            row[13],
            status_of(row[14]),
            row[15],
            row[16] or "",
        )
        for row in found
    }


def brought_since(
    pipeline: dlt.Pipeline, since: datetime, now: datetime
) -> Mapping[tuple[str, str, datetime], datetime]:
    """When the last answer of each cell was there that brought rows, or said the same again, by
    website, report and start of the window.

    Args:
        pipeline: whose warehouse it is.
        since: answers that were there before do not matter.
        now: this instant.
    """
    asked = (
        f"SELECT website_id, report, window_start, {{checked_at}} FROM {{table}} "
        f"WHERE {{checked_at}} > %s AND NOT {UNTRUE} AND status IN ({BROUGHT})"
    )
    return {
        (website_id, report, start.astimezone(UTC)): at.astimezone(UTC)
        for website_id, report, start, at in query_coverage(
            pipeline, asked, since, *true_until(now)
        )
    }


def doubted_windows(
    warehouse: dlt.Pipeline | Tables, since: datetime
) -> set[tuple[str, str, datetime]]:
    """Website, report and end of the window of each cell that is suspect for its silence and ends
    at `since` (UTC) or later.

    Args:
        warehouse: whose coverage is read.
        since: the first window that matters.
    """
    asked = (
        "SELECT website_id, report, window_end FROM {table} "
        "WHERE status = 'suspect' AND {other_digest} IS NULL AND window_end >= %s"
    )
    found = query_coverage(warehouse, asked, since)
    return {(website_id, report, end.astimezone(UTC)) for website_id, report, end in found}


def final_windows(
    pipeline: dlt.Pipeline, now: datetime, since: date | None = None, until: date | None = None
) -> Mapping[tuple[str, str], set[datetime]]:
    """Where the windows begin that later syncs leave alone, by website and report. A final window
    whose last answer was none, or was not believed, is not among them: what it holds is kept, and
    it is asked for again. So is one that a wrong clock called final, or that is there twice.

    Args:
        pipeline: whose warehouse it is.
        now: this instant.
        since: the days that matter, in the zones of the windows.
        until: the last of them.
    """
    longest = timedelta(days=31)  # a month that began before the first day
    found: dict[tuple[str, str], set[datetime]] = defaultdict(set)
    for website_id, report, start in query_coverage(
        pipeline,
        "SELECT website_id, report, window_start FROM {table} "
        f"WHERE final AND NOT {UNTRUE} AND status IN ({BROUGHT}) AND date >= %s AND date <= %s "
        "GROUP BY website_id, report, window_start HAVING COUNT(*) = 1",
        *true_until(now),
        since - longest if since else EARLIEST,
        until or LATEST,
    ):
        found[website_id, report].add(start.astimezone(UTC))
    return found


def done_windows(
    pipeline: dlt.Pipeline, since: datetime, now: datetime
) -> Mapping[tuple[str, str], set[datetime]]:
    """Where the windows begin whose last answer was there at an instant or later and left no gap,
    by website and report.

    Args:
        pipeline: whose warehouse it is.
        since: that instant.
        now: this one.
    """
    done = ", ".join(f"'{each}'" for each in Status if not each.is_gap)
    found: dict[tuple[str, str], set[datetime]] = defaultdict(set)
    for website_id, report, start in query_coverage(
        pipeline,
        "SELECT website_id, report, window_start FROM {table} "
        f"WHERE {{checked_at}} >= %s AND NOT {UNTRUE} AND status IN ({done})",
        since,
        *true_until(now),
    ):
        found[website_id, report].add(start.astimezone(UTC))
    return found
