"""The calendar of a website's report, from what the table `coverage` says of it.

It begins with the first day that the warehouse has, or with a `start_date` that is earlier; a
report that has none yet begins where its first sync would. It ends with the newest day that is
settled or known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, Protocol

from databuddy_source import clock
from databuddy_source.coverage.finality import last_settled
from databuddy_source.coverage.marks import Stretch, joined, slot_of, unknown
from databuddy_source.coverage.parts import SUNDAY
from databuddy_source.coverage.queries import EARLIEST, LATEST
from databuddy_source.coverage.reading import (
    Tables,
    coverage_rows,
    grain_of,
    status_of,
    tables_of,
    zone_of,
)
from databuddy_source.model import windows
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import DEFAULT_DAYS, ONE_DAY, Grain, Weeks

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
        known: what coverage says of its windows, oldest first.
    """

    grain: Grain
    zone: str
    first: date
    last: date
    synced_at: datetime
    load_id: str
    known: list[Stretch] = field(default_factory=list)

    @property
    def weeks(self) -> Weeks:
        """The day that its weeks begin with."""
        return Weeks.SUNDAY if self.first.weekday() == SUNDAY else Weeks.ISO


AT_ONCE: Final = 250_000
"""Cells that one query looks at, where a website has not more."""

_SAME: Final = " AND ".join(
    f"LAG({name}) OVER (PARTITION BY website_id, report ORDER BY window_start) = {value}"
    for name, value in {
        "window_end": "window_start",
        "status": "status",
        "final": "final",
        "silent": "silent",
        "COALESCE(reason, '')": "COALESCE(reason, '')",
    }.items()
)
"""SQL for a window that begins where the one before it ends, and of which the same is known."""

_STRETCHES: Final = (
    "SELECT website_id, report, grain, MIN(date), MAX(date), "
    # an instant takes ten times as long to read as a date
    "MIN(CASE WHEN grain = 'hour' THEN window_start END), "
    "MAX(CASE WHEN grain = 'hour' THEN window_start END), "
    "status, final, silent, MAX(reason), COUNT(*), SUM(row_count) FROM "
    "(SELECT told.*, SUM(is_new) OVER (PARTITION BY website_id, report ORDER BY window_start "
    "ROWS UNBOUNDED PRECEDING) AS stretch FROM "
    "(SELECT website_id, report, grain, date, window_start, status, final, silent, reason, "
    f"{{rows}} AS row_count, CASE WHEN {_SAME} THEN 0 ELSE 1 END AS is_new FROM {{table}} "
    "WHERE window_start <= %s AND date <= %s AND (date >= %s OR (grain = 'week' AND date >= %s) "
    "OR (grain = 'month' AND date >= %s)) AND website_id IN ({websites})) AS told) AS numbered "
    "GROUP BY website_id, report, grain, status, final, silent, stretch "
    "ORDER BY website_id, report, MIN(window_start)"
)


def held(
    warehouse: dlt.Pipeline | Tables,
    now: datetime,
    since: date | None = None,
    until: date | None = None,
) -> Mapping[tuple[str, str], Held]:
    """What the warehouse has, by id of the website and name of the report.

    Args:
        warehouse: whose coverage is read.
        now: this instant; a window that has not begun is not known.
        since, until: only of windows that touch these days, both included, anything is known.
    """
    with tables_of(warehouse) as tables:
        return _held(tables, now, since or EARLIEST, until or LATEST)


def instant_there(held: Mapping[tuple[str, str], Held], now: datetime) -> datetime:
    """This instant by the server's clock, as far as the newest load shows that this machine's is
    ahead of it: a load is called by the machine's clock, its answers are told by the server's.

    Args:
        held: what the warehouse has.
        now: this instant by this machine's clock. Where that is before the newest load began, it
            has been set right since, or belongs to another machine, and is believed.
    """
    newest = max((float(each.load_id) for each in held.values()), default=0.0)
    answered = (each.synced_at for each in held.values() if float(each.load_id) == newest)
    ahead = newest - max((each.timestamp() for each in answered), default=newest)
    return now - timedelta(seconds=ahead) if ahead > 0 and newest <= now.timestamp() else now


def _held(
    tables: Tables, now: datetime, since: date, until: date
) -> Mapping[tuple[str, str], Held]:
    found: dict[tuple[str, str], Held] = {}
    sizes: Counter[str] = Counter()
    for website_id, report, grain, zone, first, last, synced_at, load_id, count in coverage_rows(
        tables,
        # one zone may have two names
        "SELECT website_id, report, grain, MAX(time_zone), MIN(date), MAX(date), "
        "MAX({checked_at}), MAX(_dlt_load_id), COUNT(*) FROM {table} "
        "GROUP BY website_id, report, grain ORDER BY website_id, report",
    ):
        found[website_id, report] = Held(
            grain_of(grain), zone_of(zone), first, last, synced_at.astimezone(UTC), load_id
        )
        sizes[website_id] += count
    # their days count as asked for, and as missing
    lost = tables.missing({report for _, report in found})
    for row in _stretches(
        tables, sizes, now, until, since, since - 6 * ONE_DAY, since.replace(day=1)
    ):
        website_id, report, _, first, newest, begins, ends, status, final, silent, *rest = row
        reason, cells, rows = rest
        own = found.get((website_id, report))
        if own and report not in lost:  # else loaded since the first query
            is_hourly = own.grain is Grain.HOUR
            own.known.append(
                Stretch(
                    Mark.of(status_of(status), final=bool(final), silent=bool(silent)),
                    own.grain,
                    begins.astimezone(UTC) if is_hourly else first,
                    ends.astimezone(UTC) if is_hourly else newest,
                    first,
                    newest,
                    cells,
                    reason or "",
                    int(rows),
                )
            )
    return found


def _stretches(tables: Tables, sizes: Mapping[str, int], *values: Any) -> Iterator[Sequence[Any]]:
    """Asks for some websites after the other, so that a warehouse of millions of cells needs no
    more memory than one of thousands."""
    group: list[str] = []
    for website_id in sizes:
        if group and sum(map(sizes.__getitem__, group)) + sizes[website_id] > AT_ONCE:
            yield from _of_websites(tables, group, *values)
            group = []
        group.append(website_id)
    if group:
        yield from _of_websites(tables, group, *values)


def _of_websites(tables: Tables, ids: Sequence[str], *values: Any) -> Sequence[Sequence[Any]]:
    sql = _STRETCHES.replace("{websites}", ", ".join(["%s"] * len(ids)))
    return coverage_rows(tables, sql, *values, *ids)


def calendar_of(
    held: Held | None,
    settings: Chosen,
    *,
    zone: str,
    grain: Grain,
    now: datetime,
    since: date | None = None,
    until: date | None = None,
) -> list[Stretch]:
    """The windows of one website and report that have begun, oldest first, and what is known of
    them.

    Args:
        held: what the warehouse has of them; None for nothing yet.
        settings: where they begin, how weeks are cut, and when a day is settled.
        zone: IANA name of the zone that cuts them.
        grain: their length.
        now: this instant.
        since, until: only the windows that touch these days, both included, as they were held.
    """
    today = clock.today(zone, now)
    settled = last_settled(today, settings.lookback_days)
    first = held.first if held else today - timedelta(days=DEFAULT_DAYS)
    if settings.start_date:
        first = min(first, settings.start_date) if held else settings.start_date
    last = max(settled, held.last) if held else settled
    first, last = max(first, since or first), min(last, until or last)
    weeks = held.weeks if held and grain is Grain.WEEK else settings.weeks

    def between(before: Stretch | None, after: Stretch | None) -> Iterator[Stretch]:
        begins, ends = before.newest if before else first, after.first if after else last
        if before and after and grain is not Grain.HOUR and before.last + ONE_DAY == ends:
            return  # neighbours, as nearly all are
        tiles = windows.tile(begins, ends, zone, grain, weeks) if begins <= ends else ()
        yield from unknown(
            (
                each
                for each in tiles
                if each.start <= now
                and not (before and slot_of(each) <= before.ends)
                and not (after and slot_of(each) >= after.begins)
            ),
            settled,
        )

    known = held.known if held else []
    found: list[Stretch] = []
    for before, after in pairwise([None, *known, None]):
        found += between(before, after)
        found += [after] if after else []
    return joined(found)
