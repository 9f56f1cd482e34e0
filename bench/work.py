"""What is measured: so many websites, query types and days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

LAST_DAY = date(2026, 3, 20)


@dataclass(frozen=True)
class Work:
    """`websites` x `types` x `days` cells of a server; or a first daily sync of today alone, where
    each resource has a cursor, when `days` is 0. `in_loads`: as a backfill does it."""

    url: str
    websites: list[str]
    types: list[str]
    days: int
    in_loads: bool = False

    @property
    def since(self) -> date:
        """The first day."""
        return LAST_DAY - timedelta(days=self.days - 1)

    @property
    def range(self) -> dict[str, Any]:
        """The source's arguments that choose the days."""
        if self.days:
            return {"since": self.since, "until": LAST_DAY}
        return {"start_date": datetime.now(UTC).date()}
