"""How old the proof of history is, and what changed of late. Asks nothing of the API."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from databuddy_source.coverage.proofs import proofs_of, proved_since
from databuddy_source.coverage.reading import BROUGHT, RESTATEMENTS, Tables, coverage_rows

OF_LATE: Final = timedelta(days=1)
WEEK: Final = timedelta(days=7)


@dataclass(frozen=True)
class History:
    """What is known of the cells that no sync asks for because they are new.

    Attributes:
        proved_since: each final cell was compared with the server then or later, UTC; None where
            nothing is final.
        round_days: in how many days each is, at the speed of the last week; None where nothing of
            them was compared then.
        changed_days: websites' days of which something changed in the last 24 hours after it was
            loaded as whole.
    """

    proved_since: datetime | None = None
    round_days: int | None = None
    changed_days: int = 0


def history(tables: Tables, now: datetime) -> History:
    """How old the proof of history is, and what changed of late.

    Args:
        tables: that are open.
        now: this instant.
    """
    proofs = proofs_of(tables)
    oldest, cells, compared = [], 0, 0
    for website_id, report, proved, first, count, lately in coverage_rows(
        tables,
        "SELECT website_id, report, MIN({checked_at}), MIN(date), COUNT(*), "
        "COUNT(CASE WHEN {checked_at} >= %s AND {checked_at} > fetched_at AND window_end < %s "
        f"THEN 1 END) FROM {{table}} WHERE final AND status IN ({BROUGHT}) "
        "GROUP BY website_id, report",
        now - WEEK,
        now - WEEK,
    ):
        if own := proofs.get((website_id, report)):
            oldest.append(proved_since(own, first) or proved.astimezone(UTC))
            continue
        oldest.append(proved.astimezone(UTC))
        cells += count
        compared += lately
    changed = tables.rows(
        RESTATEMENTS,
        "SELECT DISTINCT website_id, date FROM {table} "
        "WHERE noticed_at >= %s AND grain IN ('day', 'hour')",
        now - OF_LATE,
    )
    return History(
        min(oldest, default=None),
        math.ceil(cells / (compared / WEEK.days)) if compared else None,
        len(changed),
    )
