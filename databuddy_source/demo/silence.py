"""Silence: events that a server has and does not see for a while.

It is done where the events are read, so each generation answers a silent day in its own way: with
no row, with a row of zeros, or with days filled up with zeros.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Silence:
    """Events that no answer counts while this is in a server's `faults`.

    Without any field it is every event. `website_id` hides those of one website; `first` and
    `last`, both inclusive, those of these days of `timezone` (`last` alone may be left out);
    `query_types` hides them from these types only; `every=2` from each second answer that it is
    about, beginning with the first.
    """

    website_id: str | None = None
    first: date | None = None
    last: date | None = None
    timezone: str = "UTC"
    query_types: tuple[str, ...] = ()
    every: int = 1

    def __post_init__(self) -> None:
        if self.last is not None and self.first is None:
            raise ValueError("`last` needs `first`")

    def concerns(self, websites: Collection[str], query_type: str) -> bool:
        """Whether an answer about these websites could count a hidden event."""
        about = self.website_id is None or self.website_id in websites
        return about and (not self.query_types or query_type in self.query_types)

    @property
    def hidden(self) -> str:
        """The hidden events as an SQL condition."""
        conditions = ["true"]
        if self.website_id is not None:
            conditions.append("website_id = '{}'".format(self.website_id.replace("'", "''")))
        if self.first is not None:
            after = (self.last or self.first) + timedelta(days=1)
            conditions.append(f"time >= TIMESTAMP '{self._midnight(self.first)}'")
            conditions.append(f"time < TIMESTAMP '{self._midnight(after)}'")
        return " AND ".join(conditions)

    def _midnight(self, day: date) -> datetime:
        local = datetime.combine(day, time(), ZoneInfo(self.timezone))
        return local.astimezone(UTC).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Vanished:
    """A query type that the server knows no more: it is not listed and cannot be asked."""

    query_type: str


@dataclass(frozen=True, slots=True)
class Added:
    """A query type that no generation had and the server knows from now on. It answers as `like`
    does."""

    query_type: str
    like: str
