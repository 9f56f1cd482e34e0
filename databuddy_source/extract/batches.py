"""Results of one resource to tables of a good size, with their coverage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from databuddy_source.coverage.table import coverage_table
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Report
from databuddy_source.model.results import Result
from databuddy_source.tables.layout import Layout
from databuddy_source.tables.rows import rows_table

ROWS_AT_ONCE = 10_000
"""Rows that become Arrow together. As Python objects they take six times the memory, so not many
shall wait for each other."""

ROWS_PER_TABLE = 122_880
"""Rows that a table has at most, unless one cell alone has more. A table becomes a row group of a
Parquet file, and this is DuckDB's own size of one: it takes twice as long to load somewhat smaller
or larger ones (docs/performance.md)."""

REASON_SHOWN = 300
"""Characters of why rows cannot be loaded."""


@dataclass(frozen=True)
class Batch:
    """Cells that go on together.

    Attributes:
        results: of the cells, without rows.
        rows: the rows of those that bring any, or None.
        covered: the coverage of all, in their order.
    """

    results: tuple[Result, ...]
    rows: pa.Table | None
    covered: pa.Table

    @property
    def is_new(self) -> list[bool]:
        """Whether each cell brings rows."""
        return [result.is_new for result in self.results]

    def goes_with(self, other: Batch) -> bool:
        """Whether the rows of both have the same columns."""
        return self.rows is None or other.rows is None or self.rows.schema == other.rows.schema


class Batches:
    """Collects results, in order, until there are enough for a table. No cell is parted.

    Args:
        report: whose cells come.
        last_final: newest day that later syncs will not ask for again.
        generation: of the server.
        layout: the columns of the table, which all websites share.
        unloadable: the result of a cell whose rows cannot become a table, from its answer and why.
        dropped: called with results, without rows, whose rows are not needed any longer.
    """

    def __init__(
        self,
        report: Report,
        last_final: date,
        generation: Generation,
        layout: Layout,
        unloadable: Callable[[Result, str], Result],
        dropped: Callable[[Sequence[Result]], None],
    ) -> None:
        self._report = report
        self._last_final = last_final
        self._generation = generation
        self._layout = layout
        self._unloadable = unloadable
        self._dropped = dropped
        self._parts: list[Batch] = []
        self._fresh: list[Result] = []
        self._fresh_rows = 0
        self._rows = 0

    def add(self, result: Result) -> list[Batch]:
        """Take one more result. Returns what is ready to go on."""
        ready = []
        if self._rows and self._rows + len(result.rows) > ROWS_PER_TABLE:
            ready = self.rest()
        self._fresh.append(result)
        self._fresh_rows += len(result.rows)
        self._rows += len(result.rows)
        if self._fresh_rows >= ROWS_AT_ONCE:
            ready += self._convert()
        return ready

    def rest(self) -> list[Batch]:
        """All that is left, once there are no more results to come."""
        ready = self._convert() if self._fresh else []
        if self._parts:
            ready.append(_joined(self._parts))
        self._parts, self._rows = [], 0
        return ready

    def _convert(self) -> list[Batch]:
        fresh, self._fresh, self._fresh_rows = self._fresh, [], 0
        fresh, rows = self._as_table(fresh)
        light = tuple(result.without_rows() for result in fresh)
        part = Batch(light, rows, coverage_table(fresh, self._last_final, self._generation))
        self._dropped(light)
        if all(part.goes_with(other) for other in self._parts):
            self._parts.append(part)
            return []
        ready = _joined(self._parts)
        self._parts, self._rows = [part], 0 if part.rows is None else len(part.rows)
        return [ready]

    def _as_table(self, results: list[Result]) -> tuple[list[Result], pa.Table | None]:
        """The rows of results as one table. A cell whose rows cannot become one fails alone: it
        shall cost neither the others nor another report."""
        whole = [result for result in results if result.is_new]
        if not whole:
            return results, None
        try:
            return results, rows_table(self._report, whole, self._layout)
        except Exception as error:  # whatever it is, it is about these rows
            if len(whole) == 1:
                told = f"its rows cannot be loaded: {type(error).__name__}: {error}"
                failed = self._unloadable(whole[0], told[:REASON_SHOWN])
                return [failed if each is whole[0] else each for each in results], None
        parts = [self._as_table([result]) for result in results]
        tables = [rows for _, rows in parts if rows is not None]
        joined = pa.concat_tables(tables, promote_options="default") if tables else None
        return [own for (own,), _ in parts], joined


def _joined(parts: Sequence[Batch]) -> Batch:
    tables = [part.rows for part in parts if part.rows is not None]
    return Batch(
        tuple(result for part in parts for result in part.results),
        pa.concat_tables(tables) if tables else None,
        pa.concat_tables(part.covered for part in parts),
    )
