"""Which views for analysts a warehouse lacks, though it has the tables that they read. Asks nothing
of the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from databuddy_source.coverage.reading import TABLE, Tables

DAILY, WEEKLY, MONTHLY = "daily_summary", "weekly_summary", "monthly_summary"

VIEWS: Final[Mapping[str, Sequence[str]]] = {
    "cell_states": (TABLE,),
    DAILY: ("websites", "summary_metrics"),
    WEEKLY: ("websites", "summary_metrics_weekly", DAILY),
    MONTHLY: ("websites", "summary_metrics_monthly", DAILY),
}
"""What each view reads, those first that others read; of another view only where it can be."""


def lost_views(tables: Tables) -> list[str]:
    """The views that are not there, or that cannot be read for lack of another one, though the
    tables are there that they read: somebody dropped them, an older version made none, or a file
    was restored without them. The next sync makes them.

    Args:
        tables: that are open.
    """
    lost: list[str] = []
    for view, read in VIEWS.items():
        is_whole = tables.columns(view) and not any(each in lost for each in read)
        if not is_whole and all(tables.columns(each) for each in read if each not in VIEWS):
            lost.append(view)
    return lost
