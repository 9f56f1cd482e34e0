"""Days that have changed since some of their cells were asked for.

What one run finds of a day it loads in the reports that it was told to load. Those that it was not
told of have no sign of it, and would be as they were until their turn comes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Final

from databuddy_source.coverage.believed import UNTRUE, true_until
from databuddy_source.coverage.proofs import Series
from databuddy_source.coverage.reading import (
    BROUGHT,
    LATE,
    RESTATEMENTS,
    Tables,
    coverage_rows,
)
from databuddy_source.coverage.turns import rows_of
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
    """The days by website of which a report has changed since a final cell of theirs was asked for
    last, in another load.

    Args:
        tables: that are open.
        series: that are asked for; at least one.
        telling: names of the reports whose changes tell of the others; at least one.
        zone: that the windows are called by.
        now: this instant.
    """
    which, of_these = rows_of(series)
    # newest days are asked for in all reports anyway; what is of the future, a wrong clock saw
    changed = (
        "(SELECT website_id AS whose, date AS day, window_start AS begins, window_end AS ends, "
        "noticed_at AS changed_at, _dlt_load_id AS changed_by "
        f"FROM {tables.place(RESTATEMENTS)} WHERE why <> 'lookback' AND noticed_at <= %s "
        f"AND report IN ({', '.join(['%s'] * len(telling))})) AS changed"
    )
    values = (now + LATE, *telling, *true_until(now), *of_these)
    asked = " UNION ALL ".join(
        f"SELECT DISTINCT whose, day, begins, ends FROM {{table}} JOIN {changed} "
        f"ON website_id = whose AND {meet} WHERE {{checked_at}} < changed_at "
        f"AND _dlt_load_id <> changed_by AND final AND NOT {UNTRUE} AND status IN ({BROUGHT}) "
        f"AND {which}"
        for meet in (_SAME_DAY, _AROUND)
    )
    found: dict[str, set[Window]] = defaultdict(set)
    for website_id, day, begins, ends in coverage_rows(tables, asked, *values, *values):
        window = Window(day, begins.astimezone(UTC), ends.astimezone(UTC), zone)
        found[website_id].add(window)
    return {website_id: sorted(own) for website_id, own in found.items()}
