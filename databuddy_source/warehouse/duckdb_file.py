"""The DuckDB file of the command line: how it is opened, and who else has it."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import duckdb
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_fixed

from databuddy_source.coverage.as_made import types_as_made
from databuddy_source.coverage.reading import LOADS, TABLE, Tables, later, newer_file
from databuddy_source.errors import FileInUse, NoDatabase, causes
from databuddy_source.warehouse.place import CATALOG

logger = logging.getLogger("databuddy_source")

T = TypeVar("T")

_HOLDER: Final = re.compile(r"Conflicting lock is held in (.+?)\. ")
"""What DuckDB says of a file that another process has open, with who that is."""

LOCK_PATIENCE = 60.0
"""Seconds to wait for a DuckDB file that another program has open."""


def engine(home: Path, pipeline_name: str) -> Path:
    """The empty database to which the file is attached."""
    return home / f"_engine_{pipeline_name}.duckdb"


def attached(file: Path, engine: Path) -> Any:
    """The file under a name of its own, whatever it is called. DuckDB calls an opened file by its
    stem, and cannot tell `databuddy.duckdb`, as it was once called, from the dataset `databuddy` in
    it."""
    from databuddy_source.dlt_seam import duckdb_credentials  # needs dlt, as reading does not

    return duckdb_credentials(
        engine,
        statements=[f"ATTACH IF NOT EXISTS {_quoted(file)} AS {CATALOG}"],
        local_config={"schema": f"{CATALOG}.main"},
    )


def _quoted(file: Path) -> str:
    return "'" + str(file).replace("'", "''") + "'"


def wait_for_file(file: Path, say: Callable[[str], None], patience: float | None = None) -> None:
    """Wait until nobody else has the DuckDB file open.

    Raises:
        FileInUse: after `patience` seconds; default: `LOCK_PATIENCE`.
        NoDatabase: at once, when the file is no DuckDB file or cannot be written.
    """
    once_free(
        file,
        lambda: duckdb.connect(str(file)).close(),
        say,
        LOCK_PATIENCE if patience is None else patience,
    )


@contextmanager
def tables_in(file: Path, dataset: str, say: Callable[[str], None]) -> Iterator[Tables | None]:
    """The tables of a dataset in a DuckDB file, which is not changed. Waits until nobody writes
    into the file.

    Args:
        file: that is there.
        dataset: as the file spells it. None comes of one that has no coverage.
        say: told whom we wait for.

    Raises:
        FileInUse, NoDatabase: see `wait_for_file`.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        attach = f"ATTACH {_quoted(file)} AS {CATALOG} (READ_ONLY)"
        once_free(file, lambda: connection.execute(attach), say, LOCK_PATIENCE)
        tables = _FileTables(connection, dataset)
        yield tables if tables.are_there else None


@dataclass(frozen=True)
class _FileTables(Tables):
    connection: duckdb.DuckDBPyConnection
    dataset: str

    @property
    def are_there(self) -> bool:
        return not self.missing([TABLE])

    def missing(self, names: Collection[str]) -> Set[str]:
        found = self.connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = ?",
            [CATALOG, self.dataset],
        )
        return frozenset(names) - {name for (name,) in found.fetchall()}

    def place(self, table: str) -> str:
        return f'{CATALOG}."{self.dataset}"."{table}"'

    def rows(self, table: str, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        new = later(sql, lambda: self.columns(table))
        place, loads = self.place(table), self.place(LOADS)
        asked = sql.format(table=place, loads=loads, rows='"rows"', **new)
        with suppress(duckdb.CatalogException), types_as_made(table):  # there is no such table
            return self.connection.execute(asked.replace("%s", "?"), values).fetchall()
        return []

    def columns(self, table: str) -> Set[str]:
        found = self.connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name = ? "
            "AND schema_name = ? AND table_name = ?",
            [CATALOG, self.dataset, table],
        )
        return {name for (name,) in found.fetchall()}


def once_free(
    file: Path, attempt: Callable[[], T], say: Callable[[str], None], patience: float
) -> T:
    """Do something with a DuckDB file once nobody else has it open.

    Args:
        file: to be named.
        attempt: opens it.
        say: told whom we wait for.
        patience: seconds.

    Raises:
        FileInUse, NoDatabase: see `wait_for_file`.
    """
    started = time.monotonic()
    told = False
    while True:
        try:
            return attempt()
        except duckdb.IOException as error:
            holder = _HOLDER.search(str(error))
            if not holder:
                if newer := newer_file(error, str(file)):
                    raise newer from None
                reason = str(error).splitlines()[0].removeprefix("IO Error: ")
                raise NoDatabase(f"{file} cannot be opened: {reason}") from None
            if time.monotonic() - started > patience:
                raise FileInUse(f"{file} is open in {holder[1]}") from None
            if not told:
                say(f"{file} is open in {holder[1]}; waiting for up to {patience:.0f} s.")
                told = True
            time.sleep(0.5)


def patiently(attempt: Callable[[], T]) -> T:
    """Open a file, and wait where somebody else looks into it just now, with a word to the log. Any
    other error is for the caller.

    Args:
        attempt: opens it.

    Raises:
        duckdb.IOException: after `LOCK_PATIENCE` seconds.
    """

    def say(state: RetryCallState) -> None:
        error = str(state.outcome.exception()) if state.outcome else ""
        if state.attempt_number == 1 and (holder := _HOLDER.search(error)):
            logger.warning("%s; waiting for up to %.0f s.", _in_use(error, holder), LOCK_PATIENCE)

    tries = Retrying(
        retry=retry_if_exception(lambda error: _HOLDER.search(str(error)) is not None),
        wait=wait_fixed(0.5),
        stop=stop_after_delay(LOCK_PATIENCE),
        before_sleep=say,
        reraise=True,
    )
    return tries(attempt)


def _in_use(error: str, holder: re.Match[str]) -> str:
    file = re.search(r'on file "(.+?)"', error)
    return f"{file[1] if file else 'The DuckDB file'} is open in {holder[1]}"


def of_the_file(error: BaseException) -> duckdb.IOException | None:
    """DuckDB's own error of a file, where another one came of it.

    Args:
        error: any.
    """
    return next((each for each in causes(error) if isinstance(each, duckdb.IOException)), None)
