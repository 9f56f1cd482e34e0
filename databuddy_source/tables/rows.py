"""Rows of cells to Arrow tables with types, keys and tombstones.

A column keeps the type that it first had. What that type cannot hold goes, as text, into a column
`<name>__v_text` beside it, as dlt names such columns: no value is lost, and no load can fail for
a value's type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, chain
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from databuddy_source.model.query_types import Kind, QueryType, Shape
from databuddy_source.model.reports import Report
from databuddy_source.model.results import Result
from databuddy_source.model.windows import Grain
from databuddy_source.tables.columns import TIMESTAMP, Columns

TOMBSTONE: Final = "tombstone"
LEFTOVER: Final = "__v_text"

_TYPES: Mapping[Kind, pa.DataType] = {
    Kind.TEXT: pa.string(),
    Kind.DATE: pa.string(),
    Kind.TIME: TIMESTAMP,
    Kind.COUNT: pa.int64(),
    Kind.COUNT_OVER_ROWS: pa.int64(),
    Kind.COUNT_OVER_WINDOWS: pa.int64(),
    Kind.UNIQUE: pa.int64(),
    Kind.WHOLE: pa.int64(),
    Kind.AMOUNT: pa.float64(),
    Kind.NUMBER: pa.float64(),
    Kind.JSON: pa.string(),
}
_KNOWN_TYPES: Mapping[str, pa.DataType] = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": TIMESTAMP,
    "bool": pa.bool_(),
}
"""dlt's names of the types that a table may already have."""


def type_name(kind: Kind) -> str:
    """dlt's name of the type that a column has in the warehouse."""
    if kind is Kind.DATE:  # fills the table's own column
        return "date"
    return next(name for name, held in _KNOWN_TYPES.items() if held == _TYPES[kind])


def rows_table(
    report: Report,
    results: Sequence[Result],
    existing: Callable[[str], str | None] = lambda _: None,
) -> pa.Table:
    """The rows of cells whose partitions are to be replaced, one table for all.

    A cell without rows gives one tombstone row, which empties its partition.

    Args:
        report: whose query type tells what the columns hold.
        results: its cells that bring rows (`Status.brings_rows`).
        existing: dlt's name for the type that a column of the destination table has, if any.

    Returns:
        `website_id` (text), `date` (first day of the window), `hour` (first instant of an hourly
        window, UTC), the type's own columns under the API's names, `tombstone` (true or null).
    """
    query_type, grain = report.query_type, report.grain
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
    for name in _own_columns(query_type, found.names):
        own = own_name(name, grain)
        kind = query_type.columns.get(name)
        known = _KNOWN_TYPES.get(existing(own) or "")
        target = known or (_TYPES[kind] if kind else found.kind(name))
        if target is None:  # a column of nulls that nobody knows: wait for a value
            continue
        array, leftover = found.array(name, target, as_json=kind is Kind.JSON)
        columns[own] = _and_nulls(array, len(empty))
        if leftover is not None:
            columns[own + LEFTOVER] = _and_nulls(leftover, len(empty))
    columns[TOMBSTONE] = pa.chunked_array(
        [pa.nulls(len(rows), pa.bool_()), pa.repeat(True, len(empty))], pa.bool_()
    )
    schema = pa.schema(
        [pa.field(name, array.type, name not in required) for name, array in columns.items()]
    )
    return pa.table(columns, schema=schema)


def _own_columns(query_type: QueryType, came: Sequence[str]) -> list[str]:
    """The catalogue's columns, then unknown ones in the order in which they came."""
    names = dict.fromkeys([*query_type.columns, *came])
    if query_type.shape is Shape.TIME_SERIES:
        names.pop("date", None)  # it is the cell's
    return list(names)


def own_name(name: str, grain: Grain) -> str:
    """A column of the API that has a name of ours steps aside."""
    return name + "_value" if name in our_columns(grain) else name


def our_columns(grain: Grain) -> frozenset[str]:
    """The columns of a report's table that are not the API's."""
    ours = frozenset({"website_id", "date", TOMBSTONE, "_dlt_load_id"})
    return ours | {"hour"} if grain is Grain.HOUR else ours


def _repeat(values: list[object], lengths: list[int], target: pa.DataType) -> pa.Array:
    ends = pa.array(accumulate(lengths), pa.int32())
    return pc.run_end_decode(pa.RunEndEncodedArray.from_arrays(ends, pa.array(values, target)))


def _and_nulls(array: pa.Array, count: int) -> pa.ChunkedArray:
    return pa.chunked_array([array, pa.nulls(count, array.type)])
