"""What came of a cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final, TypeAlias

from databuddy_source.model.digests import digest_of, says_the_same
from databuddy_source.model.query_types import QueryType, Shape
from databuddy_source.model.reports import Cell
from databuddy_source.model.statuses import Status

Row: TypeAlias = dict[str, object]
"""One row of a result: column name to JSON value."""

RATES: Final = (
    *("*_rate", "*Rate", "*_ratio", "percentage", "*_percentage", "percentage_*", "*_share"),
    *("avg_*", "average_*", "median_*", "p[5-9][0-9]", "p[5-9][0-9]_*", "*_score", "*_per_*"),
)
"""How servers spell what is an average, a rate or a share, in types that nobody described."""


@dataclass(frozen=True, slots=True)
class HeldCell:
    """What the warehouse holds of a cell from earlier runs.

    Attributes:
        rows: how many.
        final: whether daily syncs leave the cell alone.
        generation: of the server that gave it; None where that was not recorded.
        silent: it is known that nobody came, so there is no data to keep.
        digest: of the rows; None where it was not recorded, or a step of a run changed them.
        fetched_at: when the answer was there that brought them, UTC.
        checked_at: when the last one was there that was believed, UTC.
        load_id: of the load that did.
        other_digest: of the last answer, where that was not believed until it has lasted.
        doubted_at: since when it has come, UTC.
        request_id: the server's, of the request that brought the rows.
        status: of the last answer.
        rows_expected: how many there should be, where that is known and differs.
        reason: one sentence when the status is not complete.
    """

    rows: int
    final: bool
    generation: str | None = None
    silent: bool = False
    digest: str | None = None
    fetched_at: datetime | None = None
    checked_at: datetime | None = None
    load_id: str | None = None
    other_digest: str | None = None
    doubted_at: datetime | None = None
    request_id: str | None = None
    status: Status = Status.COMPLETE
    rows_expected: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """One cell and what the server answered.

    Attributes:
        rows: as they came.
        rows_expected: how many there should be, where that is known and differs.
        silent: the answer says that nobody came.
        counts: the answer says that somebody came, by what counts things. An answer may say
            neither.
        reason: one sentence when the status is not complete.
        fetched_at: when the answer was there, UTC.
        kept: what stays in the warehouse because this answer brings no rows.
        digest: of the rows; of those that came, where they are not believed until they come again.
        same: what the warehouse has already, because this answer says the same.
        views: how many page views the rows had that have gone on; see `page_views`.
        lacking: the server itself says that it does not have this: that is no fault.
        proofs: of the report's older days, as coverage keeps them; of the newest cell alone.
        outage: the server or the key was the reason, so nothing was learned of the cell.
        request_id: the server's, of the request that the answer came by; of many pages the last.
        unproved_at: when the cell was asked for to be compared and had no answer, UTC.
    """

    cell: Cell
    status: Status
    fetched_at: datetime
    rows: tuple[Row, ...] = ()
    rows_expected: int | None = None
    silent: bool = True
    counts: bool = False
    reason: str = ""
    kept: HeldCell | None = None
    digest: str | None = None
    same: HeldCell | None = None
    views: int = 0
    proofs: str | None = None
    lacking: bool = False
    outage: bool = False
    request_id: str = ""
    unproved_at: datetime | None = None

    def without_rows(self) -> Result:
        """What has to be remembered once the rows have gone on."""
        return replace(self, rows=(), views=self.page_views) if self.rows else self

    @property
    def page_views(self) -> int:
        """How many page views the answer counts; none where it is of a type that may lack some."""
        if not self.rows or not self.cell.report.always_has_rows:
            return self.views
        return int(sum(_number(row.get("pageviews")) or 0 for row in self.rows))

    @property
    def is_new(self) -> bool:
        """Whether the partition is replaced."""
        return self.status.brings_rows and self.same is None

    @property
    def comes_again(self) -> bool:
        """Whether the next sync asks for the cell by what coverage says of it: it is believed once
        it says the same again."""
        return self.status is Status.SUSPECT and self.digest is not None

    def with_digest(self, held: HeldCell | None) -> Result:
        """The same answer, and whether the warehouse has it already; then without rows.

        Args:
            held: what the warehouse holds of the cell; None for nothing that is to be kept. Of a
                final one, what a server estimates anew in each answer does not count.
        """
        if not self.status.brings_rows:
            return self
        digest = digest_of(self.rows, self.cell.report.query_type)
        same = says_the_same if held and held.final else str.__eq__
        if held is None or not (held.digest and same(held.digest, digest)):
            return replace(self, digest=digest)
        return replace(self.without_rows(), digest=digest, same=held)

    def doubted(self, reason: str) -> Result:
        """The same answer, not believed."""
        return replace(self.without_rows(), status=Status.SUSPECT, reason=reason)

    def unproved(self, held: HeldCell) -> Result:
        """A cell that had no answer and was asked for to be compared alone: it stays what it is.

        Args:
            held: what the warehouse holds of it.
        """
        return replace(
            self,
            status=held.status,
            fetched_at=held.checked_at or self.fetched_at,
            rows_expected=held.rows_expected,
            silent=held.silent,
            reason=held.reason,
            kept=None,
            digest=held.digest,
            same=held,
            unproved_at=None if self.outage else self.fetched_at,
        )


def counted(rows: Sequence[Row], query_type: QueryType) -> bool | None:
    """Whether rows say that somebody was counted; None where nothing in them is known to count."""
    if query_type.shape is Shape.LOG or not rows:
        return bool(rows)
    found = [row[name] for name in query_type.counting for row in rows if name in row]
    if not found or any(value is not None and _number(value) is None for value in found):
        return None
    return any(map(_number, found))


def is_silent(rows: Sequence[Row], query_type: QueryType) -> bool:
    """Whether rows say that nobody came: there are none, or each count in them is zero or null
    (2025 servers fill empty days with zeros, and some summaries always have a row). Averages,
    rates and shares tell nothing of that, as the bounce rate of nobody may be 100. Only where
    nothing is known to count, any number that is not zero will do, of those that are no rate by
    their name; and rates, where there is no other number."""
    somebody = counted(rows, query_type)
    if somebody is not None:
        return not somebody
    numbers = [
        (name, number)
        for row in rows
        for name, value in row.items()
        if (number := _number(value)) is not None
    ]
    telling = [each for each in numbers if not _is_rate(each[0])]
    return not any(value for _, value in telling or numbers)


def may_be_of_nobody(rows: Sequence[Row], query_type: QueryType) -> bool:
    """Whether rows have nothing but rates, and all of them are as those of nobody are: none, the
    whole, or a hundred of a hundred."""
    if counted(rows, query_type) is not None:
        return False
    numbers = [
        (name, number)
        for row in rows
        for name, value in row.items()
        if (number := _number(value)) is not None
    ]
    return bool(numbers) and all(
        _is_rate(name) and number in _RATES_OF_NOBODY for name, number in numbers
    )


_RATES_OF_NOBODY: Final = {0.0, 1.0, 100.0}

_SPELLED: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def _is_rate(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in RATES)


_MOST: Final = 2**63
"""No store counts further, and what is added up stays a number."""


def _number(value: object) -> float | None:
    """A number, also one that is spelled as a text, as JSON often has whole ones of 64 bits."""
    if isinstance(value, str) and _SPELLED.fullmatch(value):
        value = float(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return max(-_MOST, min(value, _MOST))
