"""From when until when coverage goes, and what it asks for again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from databuddy_source.coverage.believed import NOT_YET, UNTRUE, true_until
from databuddy_source.coverage.queries import query_coverage
from databuddy_source.coverage.reading import (
    BROUGHT,
    coverage_rows,
    grain_of,
    tables_of,
)
from databuddy_source.coverage.refused import REFUSED
from databuddy_source.model import windows
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Grain

if TYPE_CHECKING:
    import dlt


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
