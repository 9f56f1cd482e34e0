"""Rows of cells to Arrow tables with types, keys and tombstones.

A column keeps the type that it first had. What that type cannot hold goes, as text, into a column
`<name>__v_text` beside it, as dlt names such columns: no value is lost, and no load can fail for
a value's type.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate, chain

import pyarrow as pa
import pyarrow.compute as pc

from databuddy_source.model.query_types import Kind, Shape
from databuddy_source.model.reports import Report
from databuddy_source.model.results import Result
from databuddy_source.model.windows import Grain
from databuddy_source.tables.columns import TIMESTAMP, Columns
from databuddy_source.tables.layout import MORE, TOMBSTONE, Layout


def rows_table(
    report: Report,
    results: Sequence[Result],
    layout: Layout | None = None,
) -> pa.Table:
    """The rows of cells whose partitions are to be replaced, one table for all.

    A cell without rows gives one tombstone row, which empties its partition.

    Args:
        report: whose query type tells what the columns hold.
        results: its cells that bring rows (`Status.brings_rows`).
        layout: the columns of the table. Default: those of a new table.

    Returns:
        `website_id` (text), `date` (first day of the window), `hour` (first instant of an hourly
        window, UTC), the type's own columns, `more_columns` (text) where there are too many,
        `tombstone` (true or null).
    """
    query_type, grain = report.query_type, report.grain
    layout = layout or Layout(report)
    rows = list(chain.from_iterable(result.rows for result in results))
    found = Columns(rows)
    filled = [result for result in results if result.rows]
    empty = [result for result in results if not result.rows]
    lengths = [len(result.rows) for result in filled] + [1] * len(empty)
    owners = [*filled, *empty]
    columns: dict[str, pa.Array] = {
        "website_id": _repeat([each.cell.website_id for each in owners], lengths, pa.string()),
        "date": _repeat([each.cell.window.date for each in owners], lengths, pa.date32()),
    }
    if grain is Grain.HOUR:
        columns["hour"] = _repeat([each.cell.window.start for each in owners], lengths, TIMESTAMP)
    required = set(columns)
    names = layout.in_order(found.names)
    if query_type.shape is Shape.TIME_SERIES and "date" in names:
        names.remove("date")  # it is the cell's
    crowded = []
    for name in names:
        own = layout.column(name)
        if own is None:
            crowded.append(name)
            continue
        target = layout.type(name, partial(found.kind, name))
        if target is None:  # a column of nulls that nobody knows: wait for a value
            continue
        as_json = query_type.columns.get(name) is Kind.JSON
        array, leftover = found.array(name, target, as_json=as_json)
        columns[own] = _and_nulls(array, len(empty))
        if leftover is not None:
            columns[layout.leftover(own)] = _and_nulls(leftover, len(empty))
    if crowded:
        columns[MORE] = _and_nulls(found.objects(crowded), len(empty))
    columns[TOMBSTONE] = pa.chunked_array(
        [pa.nulls(len(rows), pa.bool_()), pa.repeat(True, len(empty))], pa.bool_()
    )
    schema = pa.schema(
        [pa.field(name, array.type, name not in required) for name, array in columns.items()]
    )
    return pa.table(columns, schema=schema)


def no_rows(report: Report, layout: Layout) -> pa.Table:
    """A table without rows that has the columns of the report's, as far as they are known.

    Args:
        report: whose query type tells what the columns hold.
        layout: the columns of the table.
    """
    table = rows_table(report, [], layout)
    for column, name in layout.names.items():
        type_ = layout.type(name, lambda: None)
        if type_ is not None and column not in table.column_names:
            table = table.append_column(column, pa.array([], type_))
    return table


def _repeat(values: list[object], lengths: list[int], target: pa.DataType) -> pa.Array:
    ends = pa.array(accumulate(lengths), pa.int32())
    return pc.run_end_decode(pa.RunEndEncodedArray.from_arrays(ends, pa.array(values, target)))


def _and_nulls(array: pa.Array, count: int) -> pa.ChunkedArray:
    return pa.chunked_array([array, pa.nulls(count, array.type)])
