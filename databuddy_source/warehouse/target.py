"""Where the tables go: the destination, the pipeline, and its local state."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt

from databuddy_source.dlt_seam import DltException, destination_of
from databuddy_source.errors import AlreadyRunning, BadConfiguration, NoRoom, NothingLoaded
from databuddy_source.warehouse import dlt_defaults
from databuddy_source.warehouse.choice import chosen
from databuddy_source.warehouse.fitness import refuse_unfit
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.place import CATALOG, STATE, place_of
from databuddy_source.warehouse.trial import prove

logger = logging.getLogger("databuddy_source")

RESERVED = {"main", "temp", "system", "information_schema", "pg_catalog", CATALOG}


@dataclass(frozen=True)
class Warehouse:
    """Where a command's tables are.

    Attributes:
        pipeline: dlt's.
        file: the DuckDB file, if it is one.
        say: told whom we wait for.
    """

    pipeline: dlt.Pipeline
    file: Path | None
    say: Callable[[str], None] = logger.warning

    @classmethod
    def of(
        cls,
        demo: bool = False,
        destination: str | None = None,
        dataset: str | None = None,
        state_dir: Path | None = None,
        *,
        states: Sequence[Path] = (),
        say: Callable[[str], None] = logger.warning,
    ) -> Warehouse:
        """What the options of a command mean; what is left out is configured or has a default. An
        orchestrator gives none, and so works with the tables and the state of a command that was
        given none.

        Args:
            demo: a file of its own, and nothing of what is configured.
            destination: dlt's name of it.
            dataset: in it.
            state_dir: where dlt has its local state.
            states: where an orchestrator of 0.1.0 had its state, and goes on with it.
            say: told whom we wait for.

        Raises:
            BadConfiguration: dlt does not know the destination, or it cannot replace partitions.
        """
        choice = chosen(demo, destination, dataset, state_dir, states)
        pipeline = pipeline_for(
            choice.destination,
            _known(choice.destination),
            choice.dataset,
            choice.file,
            choice.state_dir,
            states,
        )
        return cls(pipeline, choice.file, say)

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
        from databuddy_source.warehouse.duckdb_file import wait_for_file

        wait_for_file(self.file, lambda _: None, patience=0)
        size = self.file.stat().st_size / 1e6
        return f"{self.file}, {size:,.1f} MB, dataset {self.pipeline.dataset_name}"

    def wait(self) -> None:
        """Wait until nobody else has the file open, and tell so.

        Raises:
            FileInUse, NoDatabase: see `wait_for_file`.
        """
        if self.file:
            from databuddy_source.warehouse.duckdb_file import engine, wait_for_file

            wait_for_file(self.file, self.say)
            home = Path(self.pipeline.pipelines_dir)
            # which a sync that ends still holds
            wait_for_file(engine(home, self.pipeline.pipeline_name), self.say)

    def prove(self) -> str:
        """Make sure that a sync could write here. A file that is not there does not come to be.

        Returns:
            One sentence on what is there.

        Raises:
            DestinationFails, FileInUse, NoDatabase, NoRoom: says why not.
        """
        says = self.ready()
        if self.file and self.is_new:
            # elsewhere in its folder, since a first sync may begin meanwhile
            with tempfile.TemporaryDirectory(dir=self.file.parent, prefix=".check") as folder:
                file, home = Path(folder) / self.file.name, Path(folder)
                prove(pipeline_for("duckdb", None, self.pipeline.dataset_name, file, home))
        else:
            prove(self.pipeline)
        return f"{says}: tables can be made, merged and read"

    def open(self) -> None:
        """Be ready to read what earlier runs loaded.

        Raises:
            NothingLoaded: there is no such thing.
        """
        if self.is_new:
            raise NothingLoaded(f"There is no file {self.file}")
        self.wait()
        # a sync that runs has the newest state here, and dlt would take a first one's files from it
        with contextlib.suppress(AlreadyRunning), alone(self.pipeline):
            if not self.pipeline.has_pending_data:
                self.pipeline.sync_destination()
        if not self.pipeline.default_schema_name:
            raise NothingLoaded(f"Nothing was loaded into the dataset {self.pipeline.dataset_name}")


def _known(destination: str) -> Any:
    try:
        target: Any = destination_of(destination)
        refuse_unfit(target)
        return target
    except (DltException, ImportError, ValueError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise BadConfiguration(
            f"--destination {destination} cannot be used: {reason}",
            "Use a name that dlt knows, such as duckdb, postgres, bigquery or snowflake, with what "
            "it needs installed.",
        ) from None


def pipeline_for(
    destination: str,
    target: Any,
    dataset: str,
    file: Path | None,
    state_dir: Path | None,
    states: Sequence[Path] = (),
) -> dlt.Pipeline:
    """The pipeline, whose name and state `place_of` decides.

    Raises:
        BadConfiguration: no database has such a dataset.
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", dataset) or dataset.lower() in RESERVED:
        raise BadConfiguration(
            f"--dataset {dataset} cannot be a name of a dataset",
            "Use letters, digits and underscores, and no name that databases have for themselves.",
        )
    dlt_defaults.without_telemetry()
    place = place_of(destination, dataset, file, state_dir, states)
    if file:
        from databuddy_source.warehouse.duckdb_file import attached, engine

        target = dlt.destinations.duckdb(credentials=attached(file, engine(place.home, place.name)))
    # Google's client names a package for large reads, and a sync has none
    warnings.filterwarnings("ignore", "Cannot create BigQuery Storage client")
    place.home.mkdir(parents=True, exist_ok=True)
    if place.home.name == STATE:
        (place.home / ".gitignore").write_text("*\n")
    return dlt.pipeline(
        pipeline_name=place.name,
        destination=target,
        dataset_name=dataset,
        pipelines_dir=str(place.home),
    )
