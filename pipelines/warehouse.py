"""Where the tables go: the destination, the pipeline, and its local state."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
from dlt.common.destination import Destination
from dlt.common.exceptions import DltException
from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

from databuddy_source.api.errors import BadConfiguration, DatabuddyError
from databuddy_source.destinations import refuse_unfit
from pipelines.console import say

CATALOG = "_databuddy_file"
"""What the attached file is called while we write it: a name that no dataset has."""

RESERVED = {"main", "temp", "system", "information_schema", "pg_catalog", CATALOG}

LOCK_PATIENCE = 60.0
"""Seconds to wait for a DuckDB file that another program has open."""


class FileInUse(DatabuddyError):
    """Another program has the DuckDB file open."""

    default_todo = "Close it there, or sync into another file, and run this again."


class NothingLoaded(BadConfiguration):
    """The warehouse has no tables of ours."""

    default_todo = "Sync first, or name the destination and dataset that you synced into."


class NoDatabase(BadConfiguration):
    """The DuckDB file cannot be opened at all."""

    default_todo = "Name another file in destination.duckdb.credentials, or mend this one."


class NoRoom(BadConfiguration):
    """Nothing can be written where the DuckDB file shall be."""

    default_todo = "Name a file elsewhere in destination.duckdb.credentials, or change its rights."


@dataclass(frozen=True)
class Warehouse:
    """Where a command's tables are.

    Attributes:
        pipeline: dlt's.
        file: the DuckDB file, if it is one.
    """

    pipeline: dlt.Pipeline
    file: Path | None

    @classmethod
    def of(
        cls, demo: bool, destination: str | None, dataset: str | None, state_dir: Path | None
    ) -> Warehouse:
        """What the options of a command mean; what is left out is configured or has a default.

        Raises:
            BadConfiguration: dlt does not know the destination, or it cannot replace partitions.
        """
        destination = destination or _configured("destination_type", "duckdb", demo)
        dataset = dataset or _configured("dataset_name", "databuddy", demo)
        if demo and destination != "duckdb":
            raise BadConfiguration(
                "--demo has a DuckDB file of its own and no other destination",
                "Leave out one of the two.",
            )
        file = Path("demo.duckdb").absolute() if demo else None
        if destination == "duckdb":
            file = file or duckdb_file(Path("databuddy.duckdb"))
        pipeline = pipeline_for(
            destination, dataset, file or Path.cwd() / "databuddy.duckdb", state_dir
        )
        return cls(pipeline, file)

    @property
    def is_new(self) -> bool:
        """Whether there is no DuckDB file yet."""
        return self.file is not None and not self.file.exists()

    def ready(self) -> str:
        """Find out whether tables can be written. Changes nothing.

        Returns:
            One sentence on what is there.

        Raises:
            FileInUse, NoDatabase, NoRoom: they cannot.
        """
        name = self.pipeline.destination.destination_name if self.pipeline.destination else ""
        if self.file is None:
            return f"{name}, dataset {self.pipeline.dataset_name}"
        if self.is_new:
            if not os.access(self.file.parent, os.W_OK):
                raise NoRoom(f"Nothing can be written into {self.file.parent}")
            return f"{self.file}, which the first sync makes"
        wait_for_file(self.file, lambda _: None, patience=0)
        size = self.file.stat().st_size / 1e6
        return f"{self.file}, {size:,.1f} MB, dataset {self.pipeline.dataset_name}"

    def wait(self) -> None:
        """Wait until nobody else has the file open, and tell so.

        Raises:
            FileInUse, NoDatabase: see `wait_for_file`.
        """
        if self.file:
            wait_for_file(self.file, say)
            home = Path(self.pipeline.pipelines_dir)
            wait_for_file(
                _engine(home, self.pipeline.pipeline_name), say
            )  # which a sync that ends still holds

    def open(self) -> None:
        """Be ready to read what earlier runs loaded.

        Raises:
            NothingLoaded: there is no such thing.
        """
        if self.is_new:
            raise NothingLoaded(f"There is no file {self.file}")
        self.wait()
        self.pipeline.sync_destination()
        if not self.pipeline.default_schema_name:
            raise NothingLoaded(f"Nothing was loaded into the dataset {self.pipeline.dataset_name}")


def _configured(key: str, default: str, demo: bool) -> str:
    """What dlt's own section for pipelines has; the demo takes nothing from it."""
    return default if demo else str(dlt.config.get(f"pipelines.{key}") or default)


def duckdb_file(default: Path) -> Path:
    """The file that dlt's configuration names, else `default` in the working directory.

    Raises:
        BadConfiguration: the configuration names no file.
    """
    whole: Any = dlt.secrets.get("destination.duckdb.credentials")
    named = whole if isinstance(whole, str) else None
    named = named or dlt.secrets.get("destination.duckdb.credentials.database")
    if not named:
        return Path.cwd() / default
    text = str(named).removeprefix("duckdb:///")
    if text.startswith((":", "md:", "motherduck:")):
        raise BadConfiguration(
            f"destination.duckdb.credentials = {text!r} is no file",
            "Name a file: a database in memory is gone after the run, and MotherDuck has a "
            "destination of its own.",
        )
    return Path(text).absolute()


def pipeline_for(
    destination: str, dataset: str, file: Path, state_dir: Path | None
) -> dlt.Pipeline:
    """The pipeline. Its local state lies beside the data, never in a folder of the machine.

    Raises:
        BadConfiguration: dlt does not know the destination, or it cannot replace partitions.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", dataset) or dataset.lower() in RESERVED:
        raise BadConfiguration(
            f"--dataset {dataset} cannot be a name of a dataset",
            "Use letters, digits and underscores, and no name that databases have for themselves.",
        )
    on_file = destination == "duckdb"
    home = state_dir or (file.parent if on_file else Path.cwd()) / ".databuddy"
    # a name, and so a state with a cursor, for each warehouse
    other = re.sub(r"[^a-z0-9]+", "_", (file.stem if on_file else destination).lower())
    parts = ["databuddy", other, dataset.lower()]
    pipeline_name = "_".join(part for part in dict.fromkeys(parts) if part)
    try:
        target: Any = (
            dlt.destinations.duckdb(credentials=_attached(file, _engine(home, pipeline_name)))
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
    return dlt.pipeline(
        pipeline_name=pipeline_name,
        destination=target,
        dataset_name=dataset,
        pipelines_dir=str(home),
    )


def _engine(home: Path, pipeline_name: str) -> Path:
    """The empty database to which the file is attached."""
    return home / f"_engine_{pipeline_name}.duckdb"


def _attached(file: Path, engine: Path) -> DuckDbCredentials:
    """The file under a name of its own. DuckDB calls an opened file by its stem, and cannot tell
    `databuddy.duckdb` from the dataset `databuddy` in it."""
    quoted = str(file).replace("'", "''")
    return DuckDbCredentials(
        str(engine),
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
