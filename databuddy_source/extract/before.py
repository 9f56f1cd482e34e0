"""What the warehouse's rows of windows say that are about to change."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date
from math import isfinite
from typing import Any, Final, TypeAlias

import pyarrow as pa

from databuddy_source.coverage.marks import Slot, slot_of
from databuddy_source.coverage.reading import TABLE, Tables, among
from databuddy_source.extract.evidence import Evidence
from databuddy_source.model.query_types import Kind, QueryType, Shape
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import Row
from databuddy_source.model.windows import Grain
from databuddy_source.tables.layout import Layout

ROWS_AT_ONCE: Final = 10_000
"""That are read for the sake of other websites, or by one question for several reports."""

QUIET: Final = 0.1
"""Seconds without anybody new who waits."""

_NUMBERS: Final = {pa.int64(), pa.float64()}

_SUMMED: Final = {Kind.COUNT, Kind.COUNT_OVER_ROWS, Kind.AMOUNT}
"""What may be summed over the rows of a window."""

Key: TypeAlias = tuple[str | None, ...]
_Place: TypeAlias = tuple[str, str, Slot]


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
    keys: Mapping[Key, float]


def told_of(rows: Iterable[Row], compared: Compared) -> Told:
    """What rows of a window say.

    Args:
        rows: by the API's names of their columns.
        compared: the columns that matter.
    """
    sums: dict[str, float] = defaultdict(float)
    keys: dict[Key, float] = defaultdict(float)
    count = 0
    for row in rows:
        count += 1
        for name in compared.summed:
            sums[name] += _number(row.get(name))
        if compared.key:
            key = tuple(_text(row.get(name)) for name in compared.key)
            keys[key] += _number(row.get(compared.measure))
    return Told(count, sums, keys)


def _number(value: Any) -> float:
    try:
        number = float(value or 0)
    except (TypeError, ValueError, OverflowError):  # no number, or kept as text
        return 0.0
    return number if isfinite(number) else 0.0


def _text(value: object) -> str | None:
    return None if value is None else str(value)


class Before:
    """What the warehouse's rows of windows say that are about to change. It is read for several
    websites and reports at once, since elsewhere it takes a second or more to ask for anything.

    Args:
        evidence: of the run.
        opened: opens the tables.
    """

    def __init__(
        self, evidence: Evidence, opened: Callable[[], AbstractContextManager[Tables]]
    ) -> None:
        self._evidence = evidence
        self._opened = opened
        self._by_report: dict[str, list[Cell]] = defaultdict(list)
        self._told: dict[_Place, Told] = {}
        self._waiting: list[tuple[Sequence[Cell], Layout]] = []
        self._reading: asyncio.Task[None] | None = None

    async def read(self, changing: Sequence[Cell], layout: Layout) -> Mapping[Cell, Told]:
        """What the rows of cells say, each once.

        Args:
            changing: cells of one website and report.
            layout: the columns of the report's table.
        """
        if any(_place(cell) not in self._told for cell in changing):
            self._waiting.append((changing, layout))
            self._reading = self._reading or asyncio.create_task(self._read())
            await self._reading
        return {cell: self._told.pop(_place(cell)) for cell in changing}

    async def _read(self) -> None:
        """Read what several wait for, once all of them do whose answers came together."""
        known = 0
        while known < len(self._waiting):
            known = len(self._waiting)
            await asyncio.sleep(QUIET)
        waiting, self._waiting, self._reading = self._waiting, [], None
        asked: set[_Place] = set()
        parts: dict[object, list[_Part]] = defaultdict(list)
        rows = 0
        for changing, layout in waiting:
            if part := self._part(changing, layout, asked):
                asked |= part.places
                parts[part.kind, rows // ROWS_AT_ONCE].append(part)
                rows += part.rows
        with self._opened() as tables:
            for own in parts.values():
                self._told.update(_told_before(tables, own))

    def _part(self, changing: Sequence[Cell], layout: Layout, asked: Set[_Place]) -> _Part | None:
        """What to ask of a report, cells of other websites, too, that may have changed; None where
        others ask for all of it."""
        known = asked | self._told.keys()
        cells = [cell for cell in changing if _place(cell) not in known]
        if not cells:
            return None
        days = {cell.window.date for cell in cells}
        lacking = {_place(cell): self._rows(cell) for cell in cells}
        more = 0
        for cell in self._wanted(cells[0].report):
            place = _place(cell)
            if cell.window.date in days and place not in known and place not in lacking:
                more += self._rows(cell)
                if more <= ROWS_AT_ONCE and self._evidence.held_of(cell):
                    lacking[place] = self._rows(cell)
        return _Part(cells[0].report, layout, lacking.keys(), days, sum(lacking.values()))

    def _wanted(self, report: Report) -> Sequence[Cell]:
        """The cells of a report that are asked for, of all websites."""
        if not self._by_report:
            for cell in self._evidence.cells:
                self._by_report[cell.report.name].append(cell)
        return self._by_report[report.name]

    def _rows(self, cell: Cell) -> int:
        held = self._evidence.held_of(cell)
        return held.rows if held else 0


class _Part:
    """What a question asks of one table.

    Args:
        report: whose table.
        layout: its columns.
        places: of the cells.
        days: of them.
        rows: that they have, by coverage.

    Attributes:
        kind: what a question asks for has one. Numbers of all types go together, and texts do;
            what else a user's hints have made of a column stands alone.
        numbers, texts: the columns, by the API's names.
    """

    def __init__(
        self, report: Report, layout: Layout, places: Set[_Place], days: Set[date], rows: int
    ) -> None:
        self.report = report
        self.compared = Compared.of(report.query_type)
        self.places = places
        self.days = days
        self.rows = rows
        columns = {
            name: column
            for name in self.compared.names
            if (column := layout.column(name)) and column in layout.held
        }
        types = {name: layout.held[column] for name, column in columns.items()}
        is_usual = {*types.values()} <= {*_NUMBERS, pa.string()}
        self.kind = report.grain is Grain.HOUR, "" if is_usual else report.name
        self.numbers = {each: columns[each] for each in columns if types[each] in _NUMBERS}
        self.texts = {each: columns[each] for each in columns if each not in self.numbers}


def _told_before(tables: Tables, parts: Sequence[_Part]) -> Mapping[_Place, Told]:
    """What the rows of all places say that are asked for, by one question."""
    most_numbers = max(len(part.numbers) for part in parts)
    most_texts = max(len(part.texts) for part in parts)
    selects, values = [], []
    for number, part in enumerate(parts):
        at = tables.quoted("hour" if part.report.grain is Grain.HOUR else "date")
        numbers, texts = (map(tables.quoted, own.values()) for own in (part.numbers, part.texts))
        columns = [*_filled(numbers, "0", most_numbers), *_filled(texts, "''", most_texts)]
        websites = sorted({website_id for _, website_id, _ in part.places})
        selects.append(
            f"SELECT {', '.join([str(number), 'website_id', at, *columns])} "
            f"FROM {tables.place(part.report.name)} "
            f"WHERE website_id IN ({', '.join(['%s'] * len(websites))}) AND {among(part.days)}"
        )
        values += websites
    found: dict[tuple[int, str, Slot], list[Row]] = defaultdict(list)
    for number, website_id, slot, *told in tables.rows(TABLE, " UNION ALL ".join(selects), *values):
        part = parts[number]
        slot = slot.astimezone(UTC) if part.report.grain is Grain.HOUR else slot
        row = dict(zip(part.numbers, told, strict=False))
        found[number, website_id, slot].append(
            {**row, **dict(zip(part.texts, told[most_numbers:], strict=False))}
        )
    if not found and len(parts) > 1:  # perhaps one of the tables is not there
        alone = [_told_before(tables, [part]) for part in parts]
        return {place: told for own in alone for place, told in own.items()}
    return {
        place: told_of(found.get((number, *place[1:]), ()), part.compared)
        for number, part in enumerate(parts)
        for place in part.places
    }


def _filled(columns: Iterable[str], filling: str, width: int) -> list[str]:
    found = list(columns)
    return found + [filling] * (width - len(found))


def _place(cell: Cell) -> _Place:
    return cell.report.name, cell.website_id, slot_of(cell.window)
