"""Where the tables go: the destination, the pipeline, and its local state."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.common.destination import Destination
from dlt.common.exceptions import DltException
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from databuddy_source.api.errors import BadConfiguration, DatabuddyError
from databuddy_source.destinations import refuse_unfit

LOCK_PATIENCE = 60.0
"""Seconds to wait for a DuckDB file that another program has open."""


class FileInUse(DatabuddyError):
    """Another program has the DuckDB file open."""

    default_todo = "Close it there, or sync into another file, and run this again."


def duckdb_file(default: Path) -> Path:
    """The file that dlt's configuration names, else `default` in the working directory."""
    configured: Any = dlt.secrets.get("destination.duckdb.credentials")
    if isinstance(configured, str):
        return Path(configured.removeprefix("duckdb:///"))
    if isinstance(configured, dict) and configured.get("database"):
        return Path(str(configured["database"]))
    return Path.cwd() / default


def pipeline_for(
    name: str, destination: str, dataset: str, file: Path, state_dir: Path | None
) -> dlt.Pipeline:
    """The pipeline. Its local state lies beside the data, never in a folder of the machine.

    Raises:
        BadConfiguration: dlt does not know the destination, or it cannot replace partitions.
    """
    on_file = destination == "duckdb"
    home = state_dir or (file.parent if on_file else Path.cwd()) / ".databuddy"
    try:
        target: Any = (
            dlt.destinations.duckdb(credentials=_attached(file, home))
            if on_file
            else Destination.from_reference(destination)
        )
        refuse_unfit(target)
    except (DltException, ImportError, ValueError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise BadConfiguration(
            f"--destination {destination} cannot be used: {reason}",
            "Use a name that dlt knows, such as duckdb, postgres, bigquery or snowflake, with what "
            "it needs installed.",
        ) from None
    home.mkdir(parents=True, exist_ok=True)
    if state_dir is None:
        (home / ".gitignore").write_text("*\n")
    # a name, and so a state, for each warehouse
    parts = [name, "" if on_file else destination, "" if dataset == "databuddy" else dataset]
    return dlt.pipeline(
        pipeline_name="_".join(part for part in parts if part),
        destination=target,
        dataset_name=dataset,
        pipelines_dir=str(home),
    )


def _attached(file: Path, home: Path) -> DuckDbCredentials:
    """The file under a name of its own. DuckDB calls an opened file by its stem, and cannot tell
    `databuddy.duckdb` from the dataset `databuddy` in it."""
    quoted = str(file).replace("'", "''")
    return DuckDbCredentials(
        str(home / "engine.duckdb"),
        statements=[f"ATTACH IF NOT EXISTS '{quoted}' AS warehouse"],
        local_config={"schema": "warehouse.main"},
    )


def wait_for_file(file: Path, say: Callable[[str], None], patience: float = LOCK_PATIENCE) -> None:
    """Wait until nobody else has the DuckDB file open.

    Raises:
        FileInUse: after `patience` seconds, or at once when the file is no DuckDB file.
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
                raise FileInUse(f"{file} cannot be opened: {str(error).splitlines()[0]}") from None
            if time.monotonic() - started > patience:
                raise FileInUse(f"{file} is open in {holder[1]}") from None
            if not told:
                say(f"{file} is open in {holder[1]}; waiting for up to {patience:.0f} s.")
                told = True
            time.sleep(0.5)
