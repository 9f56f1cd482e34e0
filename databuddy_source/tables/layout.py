"""Which column each name of the API has in a table, and of which type: the same for all websites
and in all loads.

Names are the server's own, and a warehouse cannot take each of them: two may become one in its
spelling (`fooBar`, `foo_bar`), some are ours or the warehouse's, some are no name at all. Whoever
came first keeps the plain name, and later ones stand beside it; the table's schema remembers which
name has which column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from hashlib import sha256
from itertools import count
from typing import Any, Final

import dlt
import pyarrow as pa

from databuddy_source.model.query_types import Kind
from databuddy_source.model.reports import Report
from databuddy_source.model.windows import Grain
from databuddy_source.tables.columns import TIMESTAMP

TOMBSTONE: Final = "tombstone"
LEFTOVER: Final = "__v_text"
MORE: Final = "more_columns"
"""Holds, as one JSON object, what a table has no column for."""

API_NAME: Final = "x-api-name"
"""The hint by which dlt's schema remembers whose a column is."""

MOST_COLUMNS: Final = 200
"""That a table has of names which the catalogue lacks. Each may get a second one, of values that
do not fit, and a row of Postgres has no room for more than about 400 texts."""

_ASIDE: Final = "_value"
_NAMELESS: Final = "unnamed"
_TAKEN: Final = frozenset({MORE, "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"})
"""Besides ours: every table of Postgres has these."""

_REFUSED: Final = (
    "_table_",
    "_file_",
    "_partition",
    "_row_timestamp",
    "_colidentifier",
    "_change_",
)
"""How no column of BigQuery may begin."""

_ROOM: Final = len(LEFTOVER) + len("_200")

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
_HELD_TYPES: Mapping[str, pa.DataType] = {
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
    return next(name for name, held in _HELD_TYPES.items() if held == _TYPES[kind])


def our_columns(grain: Grain) -> frozenset[str]:
    """The columns of a report's table that are not the API's."""
    ours = frozenset({"website_id", "date", TOMBSTONE, "_dlt_load_id"})
    return ours | {"hour"} if grain is Grain.HOUR else ours


class Layout:
    """The columns of a report's table. All websites of a load share one, so what one of them
    brings first has the same name and the same type in all.

    Args:
        report: whose query type tells what the catalogue knows of its columns.
        held: the columns that the table has, with dlt's hints, by name.
        normalized: spells a name as the destination does; ValueError where it cannot.
        longest: how many characters a name may have there; None: any number.

    Attributes:
        held: the types of the columns that the table had before this run; None of one of which this
            source makes none.
    """

    def __init__(
        self,
        report: Report,
        held: Mapping[str, Mapping[str, Any]] | None = None,
        normalized: Callable[[str], str] = str,
        longest: int | None = None,
    ) -> None:
        self._known = report.query_type.columns
        self._normalized = normalized
        self._longest = longest
        self.held: Mapping[str, pa.DataType | None] = {
            column: _HELD_TYPES.get(hints.get("data_type") or "")
            for column, hints in (held or {}).items()
        }
        self._ours = {normalized(name).lower() for name in our_columns(report.grain)} | _TAKEN
        self._columns: dict[str, str] = {}
        # by column, in lower case, since some warehouses tell names apart by no more than that
        self._owners: dict[str, str] = {}
        self._types = {column: type_ for column, type_ in self.held.items() if type_ is not None}
        for column, hints in (held or {}).items():
            if (name := hints.get(API_NAME)) is not None:
                self._take(name, column)
        for name in self._known:
            self.column(name)

    @classmethod
    def of(cls, report: Report, schema: dlt.Schema) -> Layout:
        """The columns of a report's table as dlt's schema has them."""
        held = schema.tables.get(report.name, {}).get("columns", {})
        naming = schema.naming
        return cls(report, held, naming.normalize_path, naming.max_length)

    @property
    def names(self) -> Mapping[str, str]:
        """The API's names of columns, by column."""
        return {column: name for name, column in self._columns.items()}

    def in_order(self, names: list[str]) -> list[str]:
        """Names of the API: the catalogue's, then those that need no other spelling, then all
        others, each in the order in which they came."""
        plain = [name for name in names if self.spelled(name) == name]
        return list(dict.fromkeys([*self._known, *plain, *names]))

    def column(self, name: str) -> str | None:
        """The column of a name of the API; None where the table has no room for one more."""
        if name not in self._columns:
            if name not in self._known and len(self._owners) >= len(self._known) + MOST_COLUMNS:
                return None
            free = (each for each in self._candidates(name) if each.lower() not in self._owners)
            self._take(name, next(free))
        return self._columns[name]

    def spelled(self, name: str) -> str:
        """A name of the API as the warehouse spells it, which does not change when it is spelled
        again; empty where it cannot."""
        for _ in range(len(name)):
            try:
                spelled = self._normalized(name)
            except ValueError:
                return ""
            if spelled == name:
                break
            name = spelled
        return name.strip()

    def leftover(self, column: str) -> str:
        """The column for values of another one that do not fit, as text."""
        plain = column + LEFTOVER
        names = (plain if number == 1 else f"{plain}_{number}" for number in count(1))
        return next(each for each in names if self._types.get(each, pa.string()) == pa.string())

    def type(self, name: str, seen: Callable[[], pa.DataType | None]) -> pa.DataType | None:
        """The type of a name's column: what the table holds, else the catalogue's, else the first
        one that was seen in this load. None where there were nothing but nulls so far.

        Args:
            name: of the API.
            seen: the type of the values at hand.
        """
        column = self._columns[name]
        if column not in self._types:
            kind = self._known.get(name)
            found = _TYPES[kind] if kind else seen()
            if found is None:
                return None
            self._types[column] = found
        return self._types[column]

    def _take(self, name: str, column: str) -> None:
        self._columns[name] = column
        self._owners[column.lower()] = name

    def _candidates(self, name: str) -> Iterator[str]:
        spelled = self.spelled(name) or _NAMELESS
        low = spelled.lower()
        if low in self._ours or low.startswith("_dlt_") or LEFTOVER in low:
            spelled += _ASIDE
        elif low.startswith(_REFUSED):
            spelled = "api" + spelled
        if self._longest and len(spelled) + _ROOM > self._longest:
            tag = "_" + sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
            spelled = spelled[: self._longest - _ROOM - len(tag)] + tag
        yield spelled
        yield from (f"{spelled}_{number}" for number in count(2))
