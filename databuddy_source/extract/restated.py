"""Notes what changed of windows that were over when they were loaded before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from math import isfinite
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

ROWS_AT_ONCE: Final = 10_000
"""That are read for the sake of other websites."""

_EXACT: Final = 2**53
"""Whole numbers below it are the same as floats, and JSON's readers have them."""

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
        request_id: the server's, of the request that the answer came by.
    """

    cell: Cell
    held: HeldCell
    at: datetime
    after: Told
    why: str
    request_id: str = ""


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
    return Change(result.cell, held, result.fetched_at, after, why, result.request_id)


class Before:
    """What the warehouse's rows of windows say that are about to change. It is read for several
    websites at once, since elsewhere it takes a second or more to ask for anything.

    Args:
        held_of: what the warehouse holds of a cell.
    """

    def __init__(self, held_of: Callable[[Cell], HeldCell | None]) -> None:
        self._held_of = held_of
        self._told: dict[tuple[str, str, Slot], Told] = {}

    def read(
        self, tables: Tables, changes: Sequence[Change], cells: Iterable[Cell], layout: Layout
    ) -> None:
        """Read it, where that was not done for the sake of another website.

        Args:
            tables: that are open.
            changes: of one website and report.
            cells: others of the report that may have changed, too.
            layout: the columns of the report's table.
        """
        lacking = [each.cell for each in changes if _place(each.cell) not in self._told]
        if not lacking:
            return
        days, rows = {cell.window.date for cell in lacking}, 0
        for cell in cells:
            held = self._held_of(cell)
            if cell.window.date in days and held and _place(cell) not in self._told:
                rows += held.rows
                lacking += [cell] if rows <= ROWS_AT_ONCE else []
        asked = {_place(cell) for cell in lacking}
        for place, told in _told_before(tables, lacking, days, layout).items():
            if place in asked:
                self._told[place] = told
        for place in asked:
            self._told.setdefault(place, Told(0, {}, {}))

    def pop(self, cell: Cell) -> Told:
        """What was read of a cell, once."""
        return self._told.pop(_place(cell))


def _place(cell: Cell) -> tuple[str, str, Slot]:
    return cell.report.name, cell.website_id, slot_of(cell.window)


def _told_before(
    tables: Tables, cells: Sequence[Cell], days: Collection[date], layout: Layout
) -> Mapping[tuple[str, str, Slot], Told]:
    report = cells[0].report
    compared = Compared.of(report.query_type)
    columns = {
        name: tables.quoted(column)
        for name in compared.names
        if (column := layout.column(name)) and column in layout.held
    }
    at = tables.quoted("hour" if report.grain is Grain.HOUR else "date")
    websites = sorted({cell.website_id for cell in cells})
    found: dict[tuple[str, str, Slot], list[Row]] = defaultdict(list)
    for website_id, slot, *values in tables.rows(
        report.name,
        f"SELECT {', '.join(['website_id', at, *columns.values()])} FROM {{table}} "
        f"WHERE website_id IN ({', '.join(['%s'] * len(websites))}) AND {among(days)}",
        *websites,
    ):
        slot = slot.astimezone(UTC) if report.grain is Grain.HOUR else slot
        found[report.name, website_id, slot].append(dict(zip(columns, values, strict=True)))
    return {place: _told(rows, compared) for place, rows in found.items()}


def restated(changes: Sequence[Change], before: Before) -> pa.Table:
    """Rows of the table of what changed, without their ids.

    Args:
        changes: of one website and report.
        before: what the warehouse has of them.
    """
    compared = Compared.of(changes[0].cell.report.query_type)
    rows = []
    for each in changes:
        window = each.cell.window
        had = before.pop(each.cell)
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
                "request_id": each.request_id or None,
            }
        )
    return pa.Table.from_pylist(rows, restatements.NOTED)


def _over(window: Window) -> datetime:
    """When the last day of a window is over; of an hour its day."""
    if window.grain is not Grain.HOUR:
        return window.end
    return tile(window.date, window.date, window.zone)[-1].end


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
        number = float(value or 0)
    except (TypeError, ValueError, OverflowError):  # no number, or kept as text
        return 0.0
    return number if isfinite(number) else 0.0


def _plain(value: float) -> float:
    """Without the last digits, in which the sums of floats differ by their order."""
    rounded = round(float(value), 6)
    return int(rounded) if rounded.is_integer() and abs(rounded) < _EXACT else rounded


def _text(value: object) -> str | None:
    return None if value is None else str(value)
