"""The calendar of a website's report, from what the table `coverage` says of it.

It begins with the first day that the warehouse has, or with a `start_date` that is earlier; a
report that has none yet begins where its first sync would. It ends with the newest day that is
settled or known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from databuddy_source import clock
from databuddy_source.coverage.finality import last_settled
from databuddy_source.coverage.marks import Known, Marked, Slot, marked
from databuddy_source.coverage.parts import SUNDAY
from databuddy_source.coverage.reading import Tables, coverage_rows, tables_of
from databuddy_source.model import windows
from databuddy_source.model.statuses import Mark, Status
from databuddy_source.model.windows import DEFAULT_DAYS, Grain, Weeks

if TYPE_CHECKING:
    import dlt


class Chosen(Protocol):
    """What a user chose of the days to keep: the settings of these names."""

    @property
    def start_date(self) -> date | None: ...
    @property
    def lookback_days(self) -> int: ...
    @property
    def weeks(self) -> Weeks: ...


@dataclass(frozen=True)
class Held:
    """What the warehouse has of one website and report.

    Attributes:
        zone: IANA name of the zone that cuts the windows.
        first: day of the oldest window.
        last: day of the newest window.
        synced_at: when the newest answer was there, UTC.
        load_id: dlt's, of the newest load.
        known: what coverage says of each window.
    """

    grain: Grain
    zone: str
    first: date
    last: date
    synced_at: datetime
    load_id: str
    known: dict[Slot, Known] = field(default_factory=dict)

    @property
    def weeks(self) -> Weeks:
        """The day that its weeks begin with."""
        return Weeks.SUNDAY if self.first.weekday() == SUNDAY else Weeks.ISO


def held(warehouse: dlt.Pipeline | Tables) -> Mapping[tuple[str, str], Held]:
    """What the warehouse has, by id of the website and name of the report."""
    with tables_of(warehouse) as tables:
        return _held(tables)


def _held(tables: Tables) -> Mapping[tuple[str, str], Held]:
    found: dict[tuple[str, str], Held] = {}
    for website_id, report, grain, zone, first, last, synced_at, load_id in coverage_rows(
        tables,
        # one zone may have two names
        "SELECT website_id, report, grain, MAX(time_zone), MIN(date), MAX(date), "
        "MAX({checked_at}), MAX(_dlt_load_id) FROM {table} GROUP BY website_id, report, grain "
        "ORDER BY website_id, report",
    ):
        found[website_id, report] = Held(
            Grain(grain), zone, first, last, synced_at.astimezone(UTC), load_id
        )
    # their days count as asked for, and as missing
    lost = tables.missing({report for _, report in found})
    marks: dict[tuple[str, bool, bool], Mark] = {}
    alike: dict[tuple[Mark, int, str], Known] = {}
    # an instant takes ten times as long to read as a date
    for website_id, report, day, hour, status, final, silent, rows, reason in coverage_rows(
        tables,
        "SELECT website_id, report, date, CASE WHEN grain = 'hour' THEN window_start END, status, "
        "final, silent, {rows}, reason FROM {table}",
    ):
        kind = (status, final, silent)
        if kind not in marks:
            marks[kind] = Mark.of(Status(status), final=bool(final), silent=bool(silent))
        what = marks[kind], rows, reason or ""
        if what not in alike:
            alike[what] = Known(what[0], what[2], rows)
        own = found.get((website_id, report))
        if own and report not in lost:  # else loaded since the first query
            own.known[hour.astimezone(UTC) if own.grain is Grain.HOUR else day] = alike[what]
    return found


def calendar_of(
    held: Held | None, settings: Chosen, *, zone: str, grain: Grain, now: datetime
) -> list[Marked]:
    """The windows of one website and report that have begun, oldest first, and what is known of
    them.

    Args:
        held: what the warehouse has of them; None for nothing yet.
        settings: where they begin, how weeks are cut, and when a day is settled.
        zone: IANA name of the zone that cuts them.
        grain: their length.
        now: this instant.
    """
    today = clock.today(zone, now)
    settled = last_settled(today, settings.lookback_days)
    first = held.first if held else today - timedelta(days=DEFAULT_DAYS)
    if settings.start_date:
        first = min(first, settings.start_date) if held else settings.start_date
    last = max(settled, held.last) if held else settled
    weeks = held.weeks if held and grain is Grain.WEEK else settings.weeks
    tiles = windows.tile(first, last, zone, grain, weeks)
    begun = [window for window in tiles if window.start <= now]
    return marked(begun, held.known if held else {}, settled)


def within(marks: list[Marked], since: date | None, until: date | None) -> list[Marked]:
    """The windows that touch the days from `since` to `until`, both included."""
    return [
        each
        for each in marks
        if (not since or each.window.last_date >= since)
        and (not until or each.window.date <= until)
    ]
