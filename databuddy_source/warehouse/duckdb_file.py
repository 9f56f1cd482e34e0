"""The DuckDB file of the command line: which one it is, how it is opened, and who else has it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import dlt
import duckdb

from databuddy_source.dlt_seam import duckdb_credentials
from databuddy_source.errors import BadConfiguration, FileInUse, NoDatabase
from databuddy_source.warehouse.target import CATALOG

PLACE: Final = "destination.duckdb.credentials"

MEANT: Final = {"db", "file", "filename", "name", "path"}
"""Keys by which people mean `database`, and that nobody reads."""

LOCK_PATIENCE = 60.0
"""Seconds to wait for a DuckDB file that another program has open."""


def configured_file() -> Path | None:
    """The file that dlt's configuration names, if it does.

    Raises:
        BadConfiguration: the configuration names no file, or where nobody reads it: tables would
            come into another file.
    """
    whole: Any = dlt.secrets.get(PLACE)
    if whole is None and not isinstance(whole := dlt.config.get(PLACE), Mapping | None):
        raise BadConfiguration(
            "destination.duckdb.credentials stands in config.toml, and dlt looks for credentials "
            "in secrets.toml only",
            "Move it there.",
        )
    named = whole
    if whole is None or isinstance(whole, Mapping):
        named = dlt.secrets.get(f"{PLACE}.database") or dlt.config.get(f"{PLACE}.database")
        if named is None and (meant := next((key for key in whole or () if key in MEANT), None)):
            raise BadConfiguration(
                f"destination.duckdb.credentials.{meant} is not read", f"Write {PLACE}.database."
            )
    if named is None or named == "":
        return None
    text = named.removeprefix("duckdb:///") if isinstance(named, str) else ":"
    if text.startswith((":", "md:", "motherduck:")) or "://" in text or "?" in text:
        raise BadConfiguration(  # without the value, which may hold a secret
            "destination.duckdb.credentials names no file",
            "Name a file: a database in memory is gone after the run, and MotherDuck has a "
            "destination of its own.",
        )
    return Path(text).absolute()


def engine(home: Path, pipeline_name: str) -> Path:
    """The empty database to which the file is attached."""
    return home / f"_engine_{pipeline_name}.duckdb"


def attached(file: Path, engine: Path) -> Any:
    """The file under a name of its own, whatever it is called. DuckDB calls an opened file by its
    stem, and cannot tell `databuddy.duckdb`, as it was once called, from the dataset `databuddy` in
    it."""
    quoted = str(file).replace("'", "''")
    return duckdb_credentials(
        engine,
        statements=[f"ATTACH IF NOT EXISTS '{quoted}' AS {CATALOG}"],
        local_config={"schema": f"{CATALOG}.main"},
    )


def wait_for_file(file: Path, say: Callable[[str], None], patience: float = LOCK_PATIENCE) -> None:
    """Wait until nobody else has the DuckDB file open.

    Raises:
        FileInUse: after `patience` seconds.
        NoDatabase: at once, when the file is no DuckDB file or cannot be written.
    """
    started = time.monotonic()
    told = False
    while True:
        try:
            duckdb.connect(str(file)).close()
            return
        except duckdb.IOException as error:
            holder = re.search(r"Conflicting lock is held in (.+?)\. ", str(error))
            if not holder:
                reason = str(error).splitlines()[0].removeprefix("IO Error: ")
                raise NoDatabase(f"{file} cannot be opened: {reason}") from None
            if time.monotonic() - started > patience:
                raise FileInUse(f"{file} is open in {holder[1]}") from None
            if not told:
                say(f"{file} is open in {holder[1]}; waiting for up to {patience:.0f} s.")
                told = True
            time.sleep(0.5)
