"""What the warehouse knows of chosen cells."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any

from databuddy_source import Cells, Settings, known_cells
from databuddy_source.coverage.reading import Tables
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import ONE_DAY
from tests.cells import DAY

SETTINGS = Settings.of(api_key="k", query_types=["country"])


@dataclass(frozen=True)
class Complete(Tables):
    """A warehouse that has every day of a website.

    Attributes:
        read: days of which it was asked, in each query.
    """

    read: list[list[date]] = field(default_factory=list)

    def place(self, table: str) -> str:
        return table

    def rows(self, table: str, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        if "SELECT website_id, report, window_start" not in sql:
            return []
        first, last = values
        days = [first + number * ONE_DAY for number in range((last - first).days + 1)]
        self.read.append(days)
        rest = "UTC", "complete", True, False, 7, None
        return [("shop", "country", datetime.combine(day, time(), UTC), *rest) for day in days]

    def missing(self, names: Collection[str]) -> Set[str]:
        return frozenset()


def test_of_the_years_between_two_days_nothing_is_read() -> None:
    tables = Complete()
    days = [DAY - 700 * ONE_DAY, DAY - 3 * ONE_DAY, DAY]
    chosen = [Cells("country", "shop", day, day) for day in days]
    found = known_cells(tables, chosen, SETTINGS)
    assert [(each.window.date, each.mark, each.rows) for each in found] == [
        (day, Mark.COMPLETE, 7) for day in days
    ]
    assert len(tables.read) == 2
    assert sum(map(len, tables.read)) < 100
