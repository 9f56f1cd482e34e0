"""DuckDB files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
import duckdb

from tests.warehouses.warehouse import Warehouse


class DuckDb:
    """A file."""

    name = "duckdb"
    engine = "real"

    def __init__(self, file: Path) -> None:
        self.file = file

    def destination(self) -> Any:
        return dlt.destinations.duckdb(str(self.file))

    def environment(self) -> dict[str, str]:
        return {"DESTINATION__DUCKDB__CREDENTIALS": str(self.file)}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.file)) as connection:
            return connection.execute(sql).fetchall()

    def table(self, dataset: str, name: str) -> str:
        return f'"{dataset}"."{name}"'

    def comments(self, dataset: str, table: str) -> dict[str | None, str]:
        of = f"schema_name = '{dataset}' AND table_name = '{table}' AND comment IS NOT NULL"
        return dict(
            self.rows(
                f"SELECT NULL, comment FROM duckdb_tables() WHERE {of} "
                f"UNION ALL SELECT column_name, comment FROM duckdb_columns() WHERE {of}"
            )
        )

    def close(self) -> None:
        pass


@contextmanager
def running() -> Iterator[Callable[[], Warehouse]]:
    """Each call gives an empty warehouse."""
    with tempfile.TemporaryDirectory(prefix="warehouses-") as folder:
        files = iter(Path(folder) / f"file{number}.duckdb" for number in range(10_000))
        yield lambda: DuckDb(next(files))
