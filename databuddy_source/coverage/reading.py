"""Tables of a warehouse that can be asked: a pipeline's, or those of a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from datetime import UTC, date, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, TypeVar
from zoneinfo import ZoneInfo

from databuddy_source.clock import now
from databuddy_source.errors import DestinationFails, NewerFile, causes
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Grain, Window

if TYPE_CHECKING:
    import dlt

T = TypeVar("T")

TABLE: Final = "coverage"
RESTATEMENTS: Final = "restatements"

NEWER: Final = "newer version of DuckDB"
"""What DuckDB says of a file that it cannot read yet. Before it stands `a`, in 1.4 `an`."""

LOADS: Final = "_dlt_loads"
"""dlt's table of the loads that are done."""

LATE: Final = timedelta(minutes=5)
"""So much later than it is something may have come, by the clock of another machine."""

_NO_TEXT: Final = "NULLIF(report, report)"
"""A null of the type of text in each dialect of SQL."""

LATER: Final[Mapping[str, tuple[str, str]]] = {
    "generation": ("generation", _NO_TEXT),
    "digest": ("digest", _NO_TEXT),
    "load_id": ("load_id", _NO_TEXT),
    "request_id": ("request_id", _NO_TEXT),
    "other_digest": ("other_digest", _NO_TEXT),
    "proofs": ("proofs", _NO_TEXT),
    "doubted_at": ("doubted_at", "NULLIF(fetched_at, fetched_at)"),
    "checked_at": ("COALESCE(checked_at, fetched_at)", "fetched_at"),
}
"""Columns that versions after 0.1.0 brought: how each is asked for, and what stands in its place
where the first load that adds it is not done."""

BROUGHT: Final = ", ".join(f"'{each}'" for each in Status if each.brings_rows)
"""The statuses of cells whose rows came with their load, for SQL."""


class Tables(ABC):
    """The tables of one dataset, open to be asked."""

    @abstractmethod
    def rows(self, table: str, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        """Rows of a table; none where there is no such table.

        Args:
            table: its name.
            sql: has `{table}` where the qualified name belongs, `{loads}` for that of the table of
                loads, `{rows}` and those of `LATER` for the columns of these names, and `%s` for
                each value.
        """

    @abstractmethod
    def place(self, table: str) -> str:
        """The qualified name of a table, as SQL."""

    def columns(self, table: str) -> Set[str]:
        """The columns that a table has in the warehouse, in lower case; none where it is not
        there."""
        return frozenset()

    def columns_of(self, tables: Collection[str]) -> Mapping[str, Set[str]]:
        """The columns that each of these tables has; see `columns`."""
        return {table: self.columns(table) for table in tables}

    def quoted(self, column: str) -> str:
        """The name of a column, as SQL."""
        return f'"{column}"'

    @property
    def can_be_asked(self) -> bool:
        """Whether there is a warehouse at all; its dataset may have to be made yet."""
        return True

    @abstractmethod
    def missing(self, names: Collection[str]) -> Set[str]:
        """Those of these tables that are not there. Asks the catalogue once.

        Args:
            names: as dlt's schema has them.
        """


def later(sql: str, there: Callable[[], Collection[str]]) -> dict[str, str]:
    """What stands in the place of each later column in a query.

    Args:
        sql: that asks for some of them.
        there: tells the columns that the table has; called only where some are asked for.
    """
    if not any(f"{{{name}}}" in sql for name in LATER):
        return {}
    columns = there()
    return {name: asked if name in columns else no for name, (asked, no) in LATER.items()}


_DONE: Final = (
    "(SELECT * FROM {table} WHERE _dlt_load_id IN "
    "(SELECT load_id FROM {loads} WHERE status = 0)) AS done"
)


def coverage_rows(tables: Tables, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
    """Rows of coverage whose load is done; see `Tables.rows`."""
    return tables.rows(TABLE, sql.replace("{table}", _DONE), *values)


def known(column: str, text: str | None, make: Callable[[str], T]) -> T:
    """What a text in a row of coverage means.

    Args:
        column: that has it.
        text: as the warehouse has it.
        make: of a text what it means; a ValueError, a KeyError or an OSError where it means
            nothing.

    Raises:
        DestinationFails: it means nothing to this version; says which rows, and what to do.
    """
    try:
        return make(text or "")
    except (ValueError, KeyError, OSError):  # of files of zones, too
        where = "IS NULL" if text is None else "= '{}'".format(text.replace("'", "''"))
        raise DestinationFails(
            f"The table {TABLE} has a {column} that this version does not know: {text}",
            "Install the newer databuddy-source that wrote it; where it was written by hand, take "
            f"its rows away (DELETE FROM {TABLE} WHERE {column} {where}), and the next sync asks "
            "for their days again.",
        ) from None


def status_of(text: str | None) -> Status:
    """The status of a row of coverage; see `known`."""
    return known("status", text, Status)


def grain_of(text: str | None) -> Grain:
    """The grain of a row of coverage; see `known`."""
    return known("grain", text, Grain)


def zone_of(text: str | None) -> str:
    """The name of the zone of a row of coverage; see `known`."""
    return known("time_zone", text, lambda name: ZoneInfo(name).key)


def window_of(row: Sequence[Any]) -> Window:
    """The window of a row of coverage; see `known`.

    Args:
        row: date, window_start, window_end, time_zone, grain.
    """
    day, start, end, zone, grain = row
    return Window(day, start.astimezone(UTC), end.astimezone(UTC), zone_of(zone), grain_of(grain))


MOST_DAYS: Final = 200
"""That a query names one by one."""


def among(days: Collection[date]) -> str:
    """SQL that is true of rows of some days, and perhaps of days between them where they are many.

    Args:
        days: of the column `date`; at least one.
    """
    if len(days) > MOST_DAYS:
        return f"(date >= DATE '{min(days)}' AND date <= DATE '{max(days)}')"
    named = ", ".join(f"DATE '{each}'" for each in sorted(days))
    return f"date IN ({named})"


@contextmanager
def tables_of(warehouse: dlt.Pipeline | Tables) -> Iterator[Tables]:
    """The tables of a pipeline's dataset over one connection; tables that are open stay so.

    Args:
        warehouse: whose tables. Before the first load, and without a destination, they are empty.
    """
    if isinstance(warehouse, Tables):
        yield warehouse
        return
    from databuddy_source.coverage.pipeline_tables import connected  # needs dlt

    with connected(warehouse) as tables:
        yield tables


def newer_file(error: BaseException, file: str = "The DuckDB file") -> NewerFile | None:
    """The sentence for a file that the DuckDB at hand cannot read yet; None for any other error.

    Args:
        error: DuckDB's own, or what came of it.
        file: what to call it.
    """
    if not any(NEWER in str(cause) for cause in causes(error)):
        return None
    at_hand = version("duckdb")
    return NewerFile(f"{file} was made by a newer DuckDB than {at_hand}, which is installed here")


def offered_types(tables: Tables) -> Set[str]:
    """The query types that the server had at the last sync, by the names of their tables. A default
    report of another one is left out by a sync, so that nothing lacks it.

    Args:
        tables: that are open.

    Returns:
        Nothing before the first sync, which knows of none.
    """
    return {row[0] for row in newest_listing(tables, "query_types", "table_name")}


def newest_listing(tables: Tables, table: str, columns: str) -> Sequence[Sequence[Any]]:
    """What the newest sync saw of websites or query types: their tables keep what is gone, with the
    load that saw it last. A load of the future, which a wrong clock named, counts only where there
    is no other: the names of loads are the seconds since 1970.

    Args:
        tables: that are open.
        table: `websites` or `query_types`.
        columns: with commas between them.
    """
    return tables.rows(
        table,
        f"SELECT {columns} FROM {{table}} WHERE _dlt_load_id = (SELECT COALESCE("
        "MAX(CASE WHEN _dlt_load_id <= %s THEN _dlt_load_id END), MAX(_dlt_load_id)) "
        "FROM {table})",
        str((now() + LATE).timestamp()),
    )
