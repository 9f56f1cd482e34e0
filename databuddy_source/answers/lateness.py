"""How late the numbers of a day still change. Asks nothing of the API."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Final

from databuddy_source.coverage.reading import BROUGHT, RESTATEMENTS, Tables, coverage_rows
from databuddy_source.model.windows import ONE_DAY

ACCEPTED: Final = 0.001
"""The part of all cells that may change after the lookback, before a longer one is proposed."""


@dataclass(frozen=True)
class Lateness:
    """How late the windows of one report still changed, as far as that was noticed.

    Attributes:
        cells: final windows.
        days: of each cell that changed, how many days after the end of its window a sync noticed
            that last, in order.
    """

    report: str
    cells: int
    days: Sequence[int]

    def after(self, lookback_days: int) -> int:
        """Of how many cells a lookback of so many days had missed a change."""
        return sum(each > lookback_days for each in self.days)

    def by(self, part: float) -> int:
        """In how many days such a part of the changes was noticed.

        Args:
            part: from 0 to 1.
        """
        return self.days[max(0, math.ceil(part * len(self.days)) - 1)] if self.days else 0


def lateness(tables: Tables) -> list[Lateness]:
    """How late the windows of each report still changed, in alphabetical order.

    Args:
        tables: that are open.
    """
    days: dict[str, list[int]] = defaultdict(list)
    for report, end, noticed in tables.rows(
        RESTATEMENTS,
        "SELECT report, window_end, MAX(noticed_at) FROM {table} "
        "WHERE why IN ('lookback', 'scrub') GROUP BY website_id, report, window_start, window_end",
    ):
        days[report].append((noticed.astimezone(UTC) - end.astimezone(UTC)) // ONE_DAY)
    counted = coverage_rows(
        tables,
        f"SELECT report, COUNT(*) FROM {{table}} WHERE final AND status IN ({BROUGHT}) "
        "GROUP BY report ORDER BY report",
    )
    return [Lateness(report, cells, sorted(days[report])) for report, cells in counted]


def proposed_lookback(found: Sequence[Lateness], lookback_days: int) -> int | None:
    """A longer lookback, where more than one in a thousand cells changes after the one that is set;
    None where it is long enough.

    Args:
        found: of all reports.
        lookback_days: that is set.
    """
    cells = sum(each.cells for each in found)
    late = sorted(day for each in found for day in each.days if day > lookback_days)
    spare = math.floor(ACCEPTED * cells)
    return late[-spare - 1] if len(late) > spare else None
