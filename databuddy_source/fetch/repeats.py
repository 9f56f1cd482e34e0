"""What tells rows apart, and what an answer has twice. Pure: no requests here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from databuddy_source.model.query_types import QueryType, Shape
from databuddy_source.model.results import Row


def key_of(row: Row, columns: Sequence[str]) -> tuple[str, ...]:
    """The values that tell a row from all others. Text, since nested values have no hash."""
    return tuple(repr(row.get(column)) for column in columns)


class Repeated(NamedTuple):
    """What an answer has twice.

    Attributes:
        again: how many are another one's.
        reason: says so.
        rows: what is loaded. Totals that are there twice are one row; of rows with one key nobody
            knows which is right, so all stay.
    """

    again: int
    reason: str
    rows: list[Row]


def repeated(rows: list[Row], query_type: QueryType) -> Repeated | None:
    """What a cell's rows have twice: a key, or where they have none and are totals of a window, all
    of a row. Where a row lacks a column of the key, this server tells rows apart by something
    else."""
    key = query_type.key
    if query_type.shape is Shape.SUMMARY and not key:
        once = list({repr(sorted(row.items())): row for row in rows}.values())
        told = "repeat another one"
    elif key and all(column in row for row in rows for column in key):
        once = list({key_of(row, key): row for row in rows}.values())
        told = f"have the key of another one ({', '.join(key)})"
    else:
        return None
    if not (again := len(rows) - len(once)):
        return None
    return Repeated(again, f"{again} of {len(rows)} rows {told}", rows if key else once)
