"""Days that have changed since some of their cells were asked for.

What one run finds of a day it loads in the reports that it was told to load. Those that it was not
told of have no sign of it, and would be as they were until their turn comes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final

from databuddy_source.clock import now as machine_time
from databuddy_source.coverage.believed import UNTRUE, true_until
from databuddy_source.coverage.proofs import Series, rows_of
from databuddy_source.coverage.reading import (
    BROUGHT,
    LATE,
    RESTATEMENTS,
    Tables,
    coverage_rows,
)
from databuddy_source.model.windows import Grain, Window

_SAME_DAY: Final = "date = day"
_AROUND: Final = (
    f"grain IN ('{Grain.WEEK}', '{Grain.MONTH}') AND window_start < ends AND begins < window_end"
)
"""How a cell and a day meet. Each by itself, since a join by both would compare each with each."""


def days_behind(
    tables: Tables,
    series: Collection[Series],
    telling: Collection[str],
    zone: str,
    now: datetime,
) -> Mapping[str, list[Window]]:
    """The days by website of which a report has changed in a later load than the one that asked
    for a final cell of theirs last.

    Args:
        tables: that are open.
        series: that are asked for; at least one.
        telling: names of the reports whose changes tell of the others; at least one.
        zone: that the windows are called by.
        now: this instant.
    """
    which, of_these = rows_of(series)
    # a day that is asked for by itself is so in all reports; loads of the future are a wrong clock
    changed = (
        "(SELECT website_id AS whose, date AS day, window_start AS begins, window_end AS ends, "
        f"MAX(_dlt_load_id) AS changed_by FROM {tables.place(RESTATEMENTS)} "
        f"WHERE why <> 'lookback' AND report IN ({', '.join(['%s'] * len(telling))}) "
        "AND _dlt_load_id <= %s GROUP BY website_id, date, window_start, window_end) AS changed"
    )
    values = (
        *telling,
        str((machine_time() + LATE).timestamp()),
        *true_until(now),
        *of_these,
    )
    asked = " UNION ALL ".join(
        f"SELECT DISTINCT whose, day, begins, ends FROM {{table}} JOIN {changed} "
        f"ON website_id = whose AND {meet} WHERE _dlt_load_id < changed_by AND final "
        f"AND NOT {UNTRUE} AND status IN ({BROUGHT}) AND {which}"
        for meet in (_SAME_DAY, _AROUND)
    )
    found: dict[str, set[Window]] = defaultdict(set)
    for website_id, day, begins, ends in coverage_rows(tables, asked, *values, *values):
        window = Window(day, begins.astimezone(UTC), ends.astimezone(UTC), zone)
        found[website_id].add(window)
    return {website_id: sorted(own) for website_id, own in found.items()}
