"""Rows of cells to Arrow tables with types, keys and tombstones.

A column keeps the type that it first had. What that type cannot hold goes, as text, into a column
`<name>__v_text` beside it, as dlt names such columns: no value is lost, and no load can fail for
a value's type.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from databuddy_source.api.models import Row
from databuddy_source.catalog import Kind, QueryType, Shape
from databuddy_source.fetch.results import Result
from databuddy_source.reports import Report
from databuddy_source.windows import Grain

TOMBSTONE: Final = "tombstone"
LEFTOVER: Final = "__v_text"

_OURS = frozenset({"website_id", "date", TOMBSTONE, "_dlt_load_id"})

_LARGEST = int(sys.float_info.max)
_TIMESTAMP = pa.timestamp("us", tz="UTC")
_TYPES: Mapping[Kind, pa.DataType] = {
    Kind.TEXT: pa.string(),
    Kind.DATE: pa.string(),
    Kind.TIME: _TIMESTAMP,
    Kind.COUNT: pa.int64(),
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
    "timestamp": _TIMESTAMP,
    "bool": pa.bool_(),
}
"""dlt's names of the types that a table may already have."""


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
    rows = [row for result in results for row in result.rows]
    empty = [result for result in results if not result.rows]
    lengths = [len(result.rows) for result in results] + [1] * len(empty)
    owners = [*results, *empty]
    columns: dict[str, pa.Array] = {
        "website_id": _repeat([each.cell.website_id for each in owners], lengths, pa.string()),
        "date": _repeat([each.cell.window.date for each in owners], lengths, pa.date32()),
    }
    if grain is Grain.HOUR:
        columns["hour"] = _repeat([each.cell.window.start for each in owners], lengths, _TIMESTAMP)
    required = set(columns)
    for name in _own_columns(query_type, rows):
        values = [row.get(name) for row in rows]
        own = own_name(name, grain)
        kind = query_type.columns.get(name)
        known = _KNOWN_TYPES.get(existing(own) or "")
        target = known or (_TYPES[kind] if kind else _infer(values))
        if target is None:  # a column of nulls that nobody knows: wait for a value
            continue
        array, leftover = _typed(values, target, as_json=kind is Kind.JSON)
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


def _own_columns(query_type: QueryType, rows: Sequence[Row]) -> list[str]:
    """The catalogue's columns, then unknown ones in the order in which they came."""
    names = dict.fromkeys(query_type.columns)
    for keys in {tuple(row): None for row in rows}:
        names.update(dict.fromkeys(keys))
    if query_type.shape is Shape.TIME_SERIES:
        names.pop("date", None)  # it is the cell's
    return list(names)


def own_name(name: str, grain: Grain) -> str:
    """A column of the API that has a name of ours steps aside."""
    ours = name in _OURS or (name == "hour" and grain is Grain.HOUR)
    return name + "_value" if ours else name


def _repeat(values: list[object], lengths: list[int], target: pa.DataType) -> pa.Array:
    indices = [index for index, length in enumerate(lengths) for _ in range(length)]
    return pa.array(values, target).take(pa.array(indices, pa.int32()))


def _and_nulls(array: pa.Array, count: int) -> pa.ChunkedArray:
    return pa.chunked_array([array, pa.nulls(count, array.type)])


def _infer(values: Sequence[object]) -> pa.DataType | None:
    """The type for a column that nobody described: whole numbers become double, since a number
    that is whole today may not be tomorrow."""
    kinds = {type(value) for value in values if value is not None}
    if not kinds:
        return None
    if kinds == {bool}:
        return pa.bool_()
    return pa.float64() if kinds <= {int, float} else pa.string()


def _typed(
    values: Sequence[object], target: pa.DataType, *, as_json: bool
) -> tuple[pa.Array, pa.Array | None]:
    """Values as an array of the type, and those that do not fit as text (None if all fit)."""
    if pa.types.is_string(target):
        return _texts(values, as_json=as_json), None
    try:
        return _cast_without_loss(values, target), None
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        fitting = [_fit(value, target) for value in values]
        odd = [
            None if value is None or fit is not None else _as_text(value)
            for value, fit in zip(values, fitting, strict=True)
        ]
        leftover = _texts(odd, as_json=False) if any(each is not None for each in odd) else None
        return pa.array(fitting, target), leftover


def _cast_without_loss(values: Sequence[object], target: pa.DataType) -> pa.Array:
    """All values at once, or an error. Arrow's own conversion would cut 1.5 to 1 and take True
    for 1.0, so the values' type is inferred first and then cast with care."""
    if target == _TIMESTAMP:
        return pa.array(values, pa.string()).cast(pa.timestamp("us")).cast(target)
    kinds = set(map(type, values)) - {type(None)}
    if not (kinds <= {bool} if pa.types.is_boolean(target) else bool not in kinds):
        raise pa.ArrowInvalid("truth values are no numbers, and numbers no truth values")
    array = pa.array(values)
    if pa.types.is_string(array.type) or pa.types.is_nested(array.type):
        raise pa.ArrowInvalid("neither text nor nested values are read as numbers")
    return array.cast(target)


def _fit(value: object, target: pa.DataType) -> object:
    """The value as the type holds it without loss, or None."""
    match value:
        case bool():
            return value if target == pa.bool_() else None
        case int() if target == pa.int64():
            return value if -(2**63) <= value < 2**63 else None
        case int() if target == pa.float64():
            return float(value) if abs(value) <= _LARGEST and float(value) == value else None
        case float() if target == pa.float64():
            return value
        case float() if target == pa.int64():
            return int(value) if value.is_integer() and abs(value) < 2**63 else None
        case str() if target == _TIMESTAMP:
            return _instant(value)
    return None


def _instant(text: str) -> datetime | None:
    """An event time; UTC when it has no offset."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):  # OverflowError: an offset that leads out of all years
        return None


def _texts(values: Sequence[object], *, as_json: bool) -> pa.Array:
    try:
        if as_json:
            raise TypeError("nested values are written as JSON one by one")
        array = pa.array(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError, UnicodeEncodeError):
        texts = [
            None if value is None else _dumps(value) if as_json else _as_text(value)
            for value in values
        ]
        array = pa.array(texts, pa.string())
    # NUL is a character that some warehouses refuse
    if pc.any(pc.match_substring(array, "\x00")).as_py():
        array = pc.replace_substring(array, "\x00", "\ufffd")
    return array


def _as_text(value: object) -> str:
    """A value as text: text as it is but for half surrogate pairs, all else as JSON."""
    if not isinstance(value, str):
        return _dumps(value)
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _dumps(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # beyond 64 bits, or half a surrogate pair somewhere inside
        return _as_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
