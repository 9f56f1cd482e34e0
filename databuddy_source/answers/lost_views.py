"""Which views for analysts a warehouse lacks, though it has the tables that they read. Asks nothing
of the API."""

from __future__ import annotations

from databuddy_source.coverage.reading import Tables
from databuddy_source.coverage.views import NEEDS


def lost_views(tables: Tables) -> list[str]:
    """The views that are not there, or that cannot be read for lack of another one, though the
    tables are there that they read: somebody dropped them, an older version made none, or a file
    was restored without them. The next sync makes them.

    Args:
        tables: that are open.
    """
    return [
        view
        for view, needs in NEEDS.items()
        if not tables.columns(view) and all(map(tables.columns, needs))
    ]
