"""What the table `coverage` says of single cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from databuddy_source.coverage.reading import (
    Tables,
    coverage_rows,
    status_of,
    tables_of,
    zone_of,
)
from databuddy_source.model.statuses import Mark

if TYPE_CHECKING:
    import dlt


@dataclass
class Single:
    """What is known of the cells of one website and report.

    Attributes:
        zone: IANA name of the zone that cuts them; empty where none is known.
        cells: mark, rows and reason, by the first instant of the window, UTC.
    """

    zone: str = ""
    cells: dict[datetime, tuple[Mark, int, str]] = field(default_factory=dict)


def single_cells(
    warehouse: dlt.Pipeline | Tables, since: date, until: date
) -> Mapping[tuple[str, str], Single]:
    """What is known of cells, by website and report. Of a table that is lost, nothing is.

    Args:
        warehouse: whose coverage is read.
        since, until: days that their windows touch.
    """
    found: dict[tuple[str, str], Single] = defaultdict(Single)
    with tables_of(warehouse) as tables:
        rows = coverage_rows(
            tables,
            "SELECT website_id, report, window_start, time_zone, status, final, silent, {rows}, "
            "reason FROM {table} WHERE date >= %s AND date <= %s",
            since - timedelta(days=31),  # a month that began before the first day
            until,
        )
        lost = tables.missing({row[1] for row in rows})
    for website_id, report, start, zone, status, final, silent, count, reason in rows:
        own = found[website_id, report]
        own.zone = zone_of(zone)
        if report not in lost:
            mark = Mark.of(status_of(status), final=bool(final), silent=bool(silent))
            own.cells[start.astimezone(UTC)] = mark, count, reason or ""
    return found
