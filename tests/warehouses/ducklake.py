"""DuckLakes: a catalogue in a DuckDB file, and Parquet files beside it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import files
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials

from tests.warehouses.duckdb import DuckDb
from tests.warehouses.warehouse import Warehouse


class DuckLake(DuckDb):
    """A folder with both."""

    name = "ducklake"

    def __init__(self, folder: Path, extensions: Path, catalog: str | None = None) -> None:
        folder.mkdir()
        super().__init__(folder / "catalog.duckdb")
        self._catalog = catalog or f"duckdb:///{self.file}"
        self._files = folder / "files"
        place = f"postgres:{catalog}" if catalog else self.file
        schema = ", METADATA_SCHEMA 'lake'" if catalog else ""
        self._attach = f"ATTACH 'ducklake:{place}' AS lake (DATA_PATH '{self._files}'{schema})"
        self._config: dict[str, Any] = {"extension_directory": str(extensions)}

    def destination(self) -> Any:
        credentials = DuckLakeCredentials(
            "lake", catalog=self._catalog, storage=self._files.as_uri()
        )
        credentials.global_config = self._config
        return dlt.destinations.ducklake(credentials)

    def environment(self) -> dict[str, str]:
        own = {
            "DUCKLAKE_NAME": "lake",
            "CATALOG": self._catalog,
            "STORAGE__BUCKET_URL": self._files.as_uri(),
            "GLOBAL_CONFIG": json.dumps(self._config),
        }
        return {f"DESTINATION__DUCKLAKE__CREDENTIALS__{name}": own[name] for name in own}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(config=self._config) as connection:
            connection.execute(f"{self._attach}; USE lake")
            return connection.execute(sql).fetchall()


@contextmanager
def lakes() -> Iterator[Iterator[tuple[Path, Path]]]:
    """Folders of lakes that are not there yet, each with that of DuckDB's extensions."""
    with tempfile.TemporaryDirectory(prefix="warehouses-") as name:
        folder = Path(name)
        with duckdb.connect(config={"extension_directory": name}) as connection:
            for extension in ("ducklake", "postgres-scanner"):
                packed = files(f"duckdb-extension-{extension}") or ()
                file = next(file for file in packed if file.suffix == ".duckdb_extension")
                connection.execute(f"INSTALL '{file.locate()}'")
        yield ((folder / f"lake{number}", folder) for number in range(10_000))


@contextmanager
def running() -> Iterator[Callable[[], Warehouse]]:
    """Each call gives an empty warehouse."""
    with lakes() as empty:
        yield lambda: DuckLake(*next(empty))
