"""What the views for analysts read, and how their columns are called. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from databuddy_source.coverage.redefinitions import older_meanings
from databuddy_source.coverage.views import MONEY, NEEDS, SUMS

KNOWN: Final = "('final', 'may grow', 'running')"
"""The states of which a count without a row is zero."""
COMPARABLE: Final = "('final', 'may grow')"
NOTHING: Final = "('failed', 'missing')"
"""The states of which no number is shown: older rows may be of a part of the window."""
PARTIAL: Final = "is_partial"
"""The column of cells that says whether they are."""

COUNTS: Final = {"pageviews": "pageviews", "unique_visitors": "visitors", "sessions": "sessions"}
MORE_COUNTS: Final = {"total_events": "total_events"}
RATES: Final = ("bounce_rate", "median_session_duration", "avg_session_duration")
"""Columns of the summary, as the API has them; those that a table lacks are left out."""

CURRENCY: Final = "currency"

Columns = Mapping[str, Collection[str]]
"""The columns of each table that is there."""


@dataclass(frozen=True)
class Beside:
    """A report whose sum stands beside the summary.

    Attributes:
        report: its table.
        sums: columns of the table that are summed, and how they are called then.
        has_currency: whether they are amounts, and the table says of which currency.
    """

    report: str
    sums: Mapping[str, str]
    has_currency: bool = False

    @property
    def state(self) -> str:
        return f"{self.report}_state"

    def currency_of(self, row: str, amounts: Collection[str]) -> str:
        """SQL that is the currency of a row, empty where nobody knows it, and NULL where nothing
        was paid.

        Args:
            row: the row's alias, with its point; or empty.
            amounts: columns of it.
        """
        paid = " OR ".join(f"{row}{name} <> 0" for name in amounts)
        return f"CASE WHEN {paid} THEN COALESCE({row}{CURRENCY}, '') END"


READ: Final = tuple(dict.fromkeys([*chain.from_iterable(NEEDS.values()), *SUMS]))
"""The tables that a view may read."""


def own_columns(table: str, columns: Columns) -> tuple[dict[str, str], list[str]]:
    """The counts of a summary, with how they are called, and its rates.

    Args:
        table: that is there.
        columns: of each table.
    """
    counts = {
        name: called for name, called in (COUNTS | MORE_COUNTS).items() if name in columns[table]
    }
    return counts, [name for name in RATES if name in columns[table]]


def beside(columns: Columns) -> list[Beside]:
    """What stands beside a summary, as far as it is loaded.

    Args:
        columns: of each table that is there.
    """
    return [
        Beside(report, own, not MONEY.isdisjoint(own.values()) and CURRENCY in columns[report])
        for report, sums in SUMS.items()
        if report in columns
        and (own := {c: called for c, called in sums.items() if c in columns[report]})
    ]


def numbers(table: str, columns: Columns) -> list[str]:
    """The columns of a summary `s` beside its cell `c`, as SQL: none where there is no number, or
    where the last one that was believed is of a part of the window.

    Args:
        table: that is there.
        columns: of each table.
    """
    counts, rates = own_columns(table, columns)
    nothing = f"c.state IN {NOTHING} OR c.state = 'suspect' AND c.{PARTIAL}"
    return [
        *(
            f"CASE WHEN {nothing} THEN NULL "
            f"WHEN c.state IN {KNOWN} THEN COALESCE(s.{name}, 0) ELSE s.{name} END AS {called}"
            for name, called in counts.items()
        ),
        *(
            f"CASE WHEN {nothing} THEN NULL WHEN s.sessions > 0 THEN s.{name} END AS {name}"
            for name in rates
        ),
    ]


def meaning(query_type: str, column: str, generation: str) -> str:
    """SQL that is another number for each meaning that a column had; empty where it had one only.
    Numbers of which no generation was recorded may mean any.

    Args:
        query_type: canonical name.
        column: of it.
        generation: SQL for that of the server.
    """
    older = []
    for number, generations in enumerate(older_meanings(query_type, column)):
        names = ", ".join(f"'{each}'" for each in generations)
        older.append(f"WHEN {generation} IN ({names}) THEN {number}")
    if not older:
        return ""
    return f"CASE WHEN {generation} IS NULL THEN -1 {' '.join(older)} ELSE {len(older)} END"
