"""Values of one column to an Arrow array, without loss.

Two ways lead to the same array. Where all values of a column are of one kind, Arrow reads the
rows at once, in C++. Where they are not, a column is taken value by value, and what its type
cannot hold comes back as text.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from databuddy_source.model.results import Row

TIMESTAMP: Final = pa.timestamp("us", tz="UTC")

_REFUSED = (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError)
"""How Arrow says that values are of several kinds, or too large, or half a surrogate pair."""

_FIRST = pa.scalar(datetime.min.replace(tzinfo=UTC), TIMESTAMP)
"""Arrow knows a year before it, which Python and some warehouses do not."""

_LARGEST = int(sys.float_info.max)


class Columns:
    """Rows, seen as columns. A row without a column has a null there.

    Args:
        rows: as JSON gave them.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._arrays: dict[str, pa.Array | None] = {}

    @cached_property
    def names(self) -> list[str]:
        """In the order in which they came."""
        names: dict[str, None] = {}
        for keys in dict.fromkeys(map(tuple, self._rows)) if self._whole is None else self._rows:
            names.update(dict.fromkeys(keys))
            if self._whole is not None and len(names) == len(self._whole.type):
                break
        return list(names)

    def kind(self, name: str) -> pa.DataType | None:
        """The type for a column that nobody described; None when it has nothing but nulls. Whole
        numbers become double, since a number that is whole today may not be tomorrow."""
        array = self._at_once(name)
        kinds = {array.type} if array is not None else set(map(type, self._values(name)))
        if kinds <= {type(None), pa.null()}:
            return None
        if kinds <= {bool, type(None), pa.bool_()}:
            return pa.bool_()
        numbers = {int, float, type(None), pa.int64(), pa.float64()}
        return pa.float64() if kinds <= numbers else pa.string()

    def array(
        self, name: str, target: pa.DataType, *, as_json: bool
    ) -> tuple[pa.Array, pa.Array | None]:
        """A column as an array of the type, and what does not fit as text (None if all fits).

        Args:
            name: of the column.
            target: text, bigint, double, bool or timestamp.
            as_json: write texts as JSON, too, because the column is nested.
        """
        array = self._at_once(name)
        if array is not None and not (as_json and not pa.types.is_null(array.type)):
            try:
                return _as_type(array, target), None
            except _REFUSED:
                pass
        return _typed(self._values(name), target, as_json=as_json)

    def objects(self, names: Sequence[str]) -> pa.Array:
        """Several columns as one of JSON objects; null where a row has no value in any."""
        found = [
            {name: row[name] for name in names if row.get(name) is not None} for row in self._rows
        ]
        return _texts([each or None for each in found], as_json=True)

    def _values(self, name: str) -> list[object]:
        return [row.get(name) for row in self._rows]

    def _at_once(self, name: str) -> pa.Array | None:
        """A column as Arrow reads it, or None when it needs care."""
        if name not in self._arrays:
            array = self._read(name)
            hidden = array is not None and self._hides_truth(name, array)
            self._arrays[name] = None if hidden else array
        return self._arrays[name]

    def _read(self, name: str) -> pa.Array | None:
        if self._whole is None:
            return _read(self._values(name))
        index = self._whole.type.get_field_index(name)
        return pa.nulls(len(self._rows)) if index < 0 else self._whole.field(index)

    @cached_property
    def _whole(self) -> pa.StructArray | None:
        """All rows, or None when a column of theirs is of several kinds."""
        rows = _read(self._rows)
        return rows if isinstance(rows, pa.StructArray) else None

    def _hides_truth(self, name: str, array: pa.Array) -> bool:
        """Whether truth values are among the numbers: Arrow takes True for 1.0."""
        if array.type != pa.float64():
            return False
        suspects = pc.indices_nonzero(pc.is_in(array, pa.array([0.0, 1.0])))
        return any(isinstance(self._rows[row].get(name), bool) for row in suspects.tolist())


def _read(values: Sequence[object]) -> pa.Array | None:
    try:
        array = pa.array(values)
    except _REFUSED:
        return None
    return array if isinstance(array, pa.Array) else None  # more text than one array holds


def _as_type(array: pa.Array, target: pa.DataType) -> pa.Array:
    """Values that Arrow has read, as the type, or an error where some would change."""
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), target)
    if target == TIMESTAMP and pa.types.is_string(array.type):
        moments = array.cast(pa.timestamp("us")).cast(target)
        if pc.any(pc.less(moments, _FIRST)).as_py():
            raise pa.ArrowInvalid("a year before the first")
        return moments
    if target == array.type:
        return _without_nul(array) if pa.types.is_string(target) else array
    if {array.type, target} == {pa.int64(), pa.float64()}:
        return array.cast(target)
    raise pa.ArrowInvalid("text, numbers and truth values are not read as each other")


def _typed(
    values: Sequence[object], target: pa.DataType, *, as_json: bool
) -> tuple[pa.Array, pa.Array | None]:
    """Values as an array of the type, and those that do not fit as text (None if all fit)."""
    if pa.types.is_string(target):
        return _texts(values, as_json=as_json), None
    fitting = [_fit(value, target) for value in values]
    odd = [
        None if value is None or fit is not None else _as_text(value)
        for value, fit in zip(values, fitting, strict=True)
    ]
    leftover = _texts(odd, as_json=False) if any(each is not None for each in odd) else None
    return pa.array(fitting, target), leftover


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
        case str() if target == TIMESTAMP:
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
    texts = [
        None if value is None else json_text(value) if as_json else _as_text(value)
        for value in values
    ]
    return _without_nul(pa.array(texts, pa.string()))


def _without_nul(array: pa.Array) -> pa.Array:
    """NUL is a character that some warehouses refuse."""
    characters = array.buffers()[2]
    # the array may be a part of its buffer, so a NUL there says only that it is worth a look
    if characters is None or b"\x00" not in characters.to_pybytes():
        return array
    return pc.replace_substring(array, "\x00", "\ufffd")


def _as_text(value: object) -> str:
    """A value as text: text as it is but for half surrogate pairs, all else as JSON."""
    if not isinstance(value, str):
        return json_text(value)
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def json_text(value: object) -> str:
    """A value of an answer as compact JSON.

    Args:
        value: as JSON gave it, with numbers of any size.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # beyond 64 bits, or half a surrogate pair somewhere inside
        return _as_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
