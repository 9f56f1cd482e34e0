"""What a run believes of coverage: which windows it need not ask for, and what it may lose.

What a machine has recorded whose clock was wrong is not believed, by the time that the run goes by.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from databuddy_source.coverage.queries import EARLIEST, LATEST, query_coverage
from databuddy_source.coverage.reading import (
    BROUGHT,
    LATE,
    Tables,
    among,
    coverage_rows,
    grain_of,
    status_of,
    tables_of,
)
from databuddy_source.coverage.refused import REFUSED
from databuddy_source.model import windows
from databuddy_source.model.results import HeldCell
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Grain

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


@dataclass(frozen=True, slots=True)
class Covered:
    """From when until when the warehouse has cells of one website and report, whatever came of
    them.

    Attributes:
        first: day of the oldest window.
        last: last day of the newest one.
        again: first days of windows that a wrong clock has recorded, which count for nothing, or
            whose rows the warehouse refused, or that were never asked for once they were settled,
            or of which coverage has two rows.
        has_holes: there are, or may be, windows between them of which coverage says nothing.
        doubted: first days of windows of which the last answer is believed once it has lasted, or
            at once because the user says so.
        stopped: the newest window is one that was never asked for once it was settled: those who
            asked daily have stopped there.
    """

    first: date
    last: date
    again: Set[date] = frozenset()
    has_holes: bool = False
    doubted: Set[date] = frozenset()
    stopped: bool = False


def _most(grain: Grain, first: date, newest: date, hours: timedelta) -> int:
    """How many windows there are between two, with both; of hours by the time between them, which
    is wrong where a clock is changed by half an hour."""
    if grain is Grain.HOUR:
        return round(hours / timedelta(hours=1)) + 1
    if grain is Grain.MONTH:
        return (newest.year - first.year) * 12 + newest.month - first.month + 1
    return (newest - first).days // (7 if grain is Grain.WEEK else 1) + 1


_TWICE: Final = (
    "SELECT website_id, report, MIN(date) FROM {table} "
    "GROUP BY website_id, report, window_start HAVING COUNT(*) > 1"
)
"""SQL for cells of which coverage has two rows, by somebody's hand."""


def covered_days(
    pipeline: dlt.Pipeline, now: datetime, settled: datetime, *, allow_empty: bool = False
) -> Mapping[tuple[str, str], Covered] | None:
    """How far coverage goes, by website and report; without those whose table is not there
    or of which nothing is true. None where there is no warehouse to be asked.

    Args:
        pipeline: whose warehouse it is.
        now: this instant.
        settled: what ended until then is settled: who asked for it last did so too early.
        allow_empty: what is suspect for its silence is believed now.
    """
    until = true_until(now)
    believed = f"status = '{Status.SUSPECT}'" if allow_empty else NOT_YET
    with tables_of(pipeline) as tables:
        if not tables.can_be_asked:
            return None
        found = coverage_rows(
            tables,
            "SELECT website_id, report, grain, untrue, MIN(date), MAX(date), "
            "MIN(window_start), MAX(window_start), COUNT(DISTINCT window_start), COUNT(*) FROM "
            f"(SELECT *, CASE WHEN {UNTRUE} THEN 1 ELSE 0 END AS untrue FROM {{table}}) AS judged "
            "GROUP BY website_id, report, grain, untrue",
            *until,
        )
        again: dict[tuple[str, str], set[date]] = defaultdict(set)
        doubted: dict[tuple[str, str], set[date]] = defaultdict(set)
        asked = (
            f"SELECT website_id, report, date, CASE WHEN {believed} THEN 1 ELSE 0 END "
            "FROM {table} "
            f"WHERE {UNTRUE} OR (status = 'failed' AND reason LIKE %s) OR {believed} "
            f"OR (NOT final AND status IN ({BROUGHT}) AND window_end <= %s)"
        )
        values = (*until, f"{REFUSED}%", settled)
        for website_id, report, day, not_yet in coverage_rows(tables, asked, *values):
            (doubted if not_yet else again)[website_id, report].add(day)
        if any(rows > count for *_, count, rows in found):
            for website_id, report, day in coverage_rows(tables, _TWICE):
                again[website_id, report].add(day)
        lost = tables.missing({report for _, report, *_ in found})
    return {
        (website_id, report): Covered(
            first,
            windows.last_date(newest, grain_of(grain)),
            frozenset(again[website_id, report]),
            count < _most(grain_of(grain), first, newest, end - start),
            frozenset(doubted[website_id, report]),
            newest in again[website_id, report],
        )
        for website_id, report, grain, is_untrue, first, newest, start, end, count, _ in found
        if report not in lost and not is_untrue
    }


def recorded_windows(pipeline: dlt.Pipeline, website_id: str, report: str) -> set[datetime]:
    """Where the windows begin, UTC, of which coverage says anything.

    Args:
        pipeline: whose warehouse it is.
        website_id, report: whose windows.
    """
    asked = "SELECT window_start FROM {table} WHERE website_id = %s AND report = %s"
    found = query_coverage(pipeline, asked, website_id, report)
    return {start.astimezone(UTC) for (start,) in found}
