"""Notes what changed of windows that were over when they were loaded before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import orjson
import pyarrow as pa

from databuddy_source.coverage import restatements
from databuddy_source.coverage.marks import Slot, slot_of
from databuddy_source.coverage.reading import Tables, among
from databuddy_source.model.digests import is_current, says_the_same
from databuddy_source.model.query_types import Kind, QueryType, Shape
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import HeldCell, Result, Row
from databuddy_source.model.windows import Grain, Window, tile
from databuddy_source.tables.layout import Layout

MOST_KEYS: Final = 10
"""That a change names."""

_SUMMED: Final = {Kind.COUNT, Kind.COUNT_OVER_ROWS, Kind.AMOUNT}
"""What may be summed over the rows of a window."""

_Key: TypeAlias = tuple[str | None, ...]


@dataclass(frozen=True)
class Compared:
    """The columns of a query type by which rows before and after are compared.

    Attributes:
        summed: those that may be summed over the rows of a window.
        key: those that name a row; none of rows about single visitors.
        measure: what is compared of each key.
    """

    summed: Sequence[str]
    key: Sequence[str]
    measure: str

    @classmethod
    def of(cls, query_type: QueryType) -> Compared:
        """The columns of a query type."""
        columns = query_type.columns
        summed = [name for name, kind in columns.items() if kind in _SUMMED]
        named = not (query_type.personal or query_type.shape is Shape.LOG)
        key = [each for each in query_type.key if named and columns.get(each) is not Kind.DATE]
        measure = next(iter([*summed, *query_type.counting]), "")
        return cls(summed, key if measure else [], measure)

    @property
    def names(self) -> Sequence[str]:
        """All of them, each once."""
        return [*dict.fromkeys([*self.summed, *self.key, self.measure])] if self.measure else []


@dataclass(frozen=True)
class Told:
    """What the rows of a window say, as far as it is compared.

    Attributes:
        rows: how many.
        sums: of the columns that may be summed.
        keys: the measure of each key.
    """

    rows: int
    sums: Mapping[str, float]
    keys: Mapping[_Key, float]


@dataclass(frozen=True)
class Change:
    """A window of which the server says something else than it did.

    Attributes:
        held: what the warehouse has of it.
        at: when the answer was there, UTC.
        after: what it says.
        why: it was asked for.
    """

    cell: Cell
    held: HeldCell
    at: datetime
    after: Told
    why: str


def change_of(result: Result, held: HeldCell | None, why: str) -> Change | None:
    """What an answer restates: it has other rows than the warehouse, and those came when the last
    day of the window was over. None for one that does not.

    Args:
        result: with its rows and their digest.
        held: what the warehouse holds of the cell.
        why: it was asked for.
    """
    if held is None or not is_current(held.digest) or not result.is_new:
        return None
    if says_the_same(held.digest, result.digest):  # rows are missing, or of another load
        return None
    if held.checked_at is None or held.checked_at < _over(result.cell.window):
        return None
    after = _told(result.rows, Compared.of(result.cell.report.query_type))
    return Change(result.cell, held, result.fetched_at, after, why)


def restated(tables: Tables, changes: Sequence[Change], layout: Layout) -> pa.Table:
    """Rows of the table of what changed, without their ids.

    Args:
        tables: that are open; they have the rows from before.
        changes: of one website and report.
        layout: the columns of the report's table.
    """
    compared = Compared.of(changes[0].cell.report.query_type)
    before = _told_before(tables, changes, layout, compared)
    rows = []
    for each in changes:
        window = each.cell.window
        had = before.get(slot_of(window), Told(0, {}, {}))
        rows.append(
            {
                "website_id": each.cell.website_id,
                "report": each.cell.report.name,
                "window_start": window.start,
                "window_end": window.end,
                "date": window.date,
                "grain": window.grain.value,
                "noticed_at": each.at,
                "loaded_at": each.held.fetched_at,
                "why": each.why,
                "rows_before": had.rows,
                "rows_after": each.after.rows,
                "sums": _changed_sums(had, each.after, compared),
                "keys": _changed_keys(had, each.after, compared),
            }
        )
    return pa.Table.from_pylist(rows, restatements.NOTED)


def _over(window: Window) -> datetime:
    """When the last day of a window is over; of an hour its day."""
    return tile(window.date, window.date, window.zone)[-1].end if _is_hour(window) else window.end


def _is_hour(window: Window) -> bool:
    return window.grain is Grain.HOUR


def _told(rows: Iterable[Row], compared: Compared) -> Told:
    sums: dict[str, float] = defaultdict(float)
    keys: dict[_Key, float] = defaultdict(float)
    count = 0
    for row in rows:
        count += 1
        for name in compared.summed:
            sums[name] += _number(row.get(name))
        if compared.key:
            key = tuple(_text(row.get(name)) for name in compared.key)
            keys[key] += _number(row.get(compared.measure))
    return Told(count, sums, keys)


def _told_before(
    tables: Tables, changes: Sequence[Change], layout: Layout, compared: Compared
) -> Mapping[Slot, Told]:
    cell = changes[0].cell
    columns = {
        name: tables.quoted(column)
        for name in compared.names
        if (column := layout.column(name)) and column in layout.held
    }
    is_hourly = _is_hour(cell.window)
    asked = ", ".join([tables.quoted("hour" if is_hourly else "date"), *columns.values()])
    days = among({each.cell.window.date for each in changes})
    found: dict[Slot, list[Row]] = defaultdict(list)
    for at, *values in tables.rows(
        cell.report.name,
        f"SELECT {asked} FROM {{table}} WHERE website_id = %s AND {days}",
        cell.website_id,
    ):
        row = dict(zip(columns, values, strict=True))
        found[at.astimezone(UTC) if is_hourly else at].append(row)
    return {at: _told(rows, compared) for at, rows in found.items()}


def _changed_sums(before: Told, after: Told, compared: Compared) -> str:
    both = {
        name: [_plain(before.sums.get(name, 0)), _plain(after.sums.get(name, 0))]
        for name in compared.summed
    }
    return orjson.dumps({name: [a, b] for name, (a, b) in both.items() if a != b}).decode()


def _changed_keys(before: Told, after: Told, compared: Compared) -> str | None:
    if not compared.key:
        return None
    both = {
        key: (_plain(before.keys.get(key, 0)), _plain(after.keys.get(key, 0)))
        for key in {*before.keys, *after.keys}
    }
    changed = [(key, pair) for key, pair in both.items() if pair[0] != pair[1]]
    changed.sort(key=lambda each: (-abs(each[1][1] - each[1][0]), str(each[0])))
    told = [
        {**dict(zip(compared.key, key, strict=True)), compared.measure: pair}
        for key, pair in changed[:MOST_KEYS]
    ]
    return orjson.dumps(told).decode("utf-8", "replace")


def _number(value: Any) -> float:
    try:
        return float(value or 0)
    except (TypeError, ValueError):  # no number, and kept as text
        return 0.0


def _plain(value: float) -> float:
    """Without the last digits, in which the sums of floats differ by their order."""
    rounded = round(float(value), 6)
    return int(rounded) if rounded.is_integer() else rounded


def _text(value: object) -> str | None:
    return None if value is None else str(value)
