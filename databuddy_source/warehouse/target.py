"""Where the tables go: the destination, the pipeline, and its local state."""

from __future__ import annotations

import atexit
import contextlib
import difflib
import logging
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import dlt

from databuddy_source.dlt_seam import DltException, UnknownDestinationModule, destination_of
from databuddy_source.errors import (
    AlreadyRunning,
    BadConfiguration,
    NoDatabase,
    NoRoom,
    NoState,
    NothingLoaded,
)
from databuddy_source.warehouse import dlt_defaults
from databuddy_source.warehouse.choice import chosen
from databuddy_source.warehouse.fitness import MODULES, refuse_unfit
from databuddy_source.warehouse.learnt import learn
from databuddy_source.warehouse.local_state import set_aside, unreadable, unwritable
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.place import CATALOG, STATE, Place, place_of
from databuddy_source.warehouse.trial import prove

logger = logging.getLogger("databuddy_source")

RESERVED = {"main", "temp", "system", "information_schema", "pg_catalog", CATALOG}


@dataclass(frozen=True)
class Warehouse:
    """Where a command's tables are. Nothing comes into being before `pipeline` is asked for.

    Attributes:
        place: the pipeline's name, the folder of its state, and the DuckDB file, if it is one.
        target: the destination as dlt takes it; of a DuckDB file it is made of that.
        dataset: in it.
        say: told whom we wait for.
    """

    place: Place
    target: Any
    dataset: str
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
            BadConfiguration: dlt does not know the destination, or it cannot replace partitions, or
                no database has such a dataset.
        """
        choice = chosen(demo, destination, dataset, state_dir, states)
        target, dataset, file = _known(choice.destination), choice.dataset, choice.file
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", dataset) or dataset.lower() in RESERVED:
            raise BadConfiguration(
                f"--dataset {dataset} cannot be a name of a dataset",
                "Use letters, digits and underscores, and no name that databases have for "
                "themselves.",
            )
        place = place_of(choice.destination, dataset, file, choice.state_dir, states)
        # dlt makes names of files by a template that begins with the folder
        _refuse_unusable("dlt", place.home, "%", "Name another folder with --state-dir.")
        if place.file:
            _refuse_unusable("DuckDB", place.home, "'*?[", "Name another folder with --state-dir.")
            _refuse_unusable("DuckDB", place.file, "?", "Name a file elsewhere as its credentials.")
        return cls(place, target, dataset, say)

    @property
    def file(self) -> Path | None:
        """The DuckDB file, if it is one."""
        return self.place.file

    @cached_property
    def pipeline(self) -> dlt.Pipeline:
        """dlt's. The folder of its state comes into being with it.

        Raises:
            NoState: it cannot.
        """
        dlt_defaults.without_telemetry()
        place, target = self.place, self.target
        if place.file:
            from databuddy_source.warehouse.duckdb_file import attached, engine

            credentials = attached(place.file, engine(place.home, place.name))
            target = dlt.destinations.duckdb(credentials=credentials)
        # Google's client names a package for large reads, and a sync has none
        warnings.filterwarnings("ignore", "Cannot create BigQuery Storage client")
        if reason := unwritable(place.home):
            raise NoState(f"The local state cannot be kept in {place.home}: {reason}")
        place.home.mkdir(parents=True, exist_ok=True)
        if place.home.name == STATE:
            (place.home / ".gitignore").write_text("*\n")
        if reason := unreadable(place.home / place.name):
            kept = set_aside(place.home / place.name)
            self.say(
                f"dlt's local state cannot be read ({reason}). It is kept in {kept}, and what the "
                "warehouse knows takes its place."
            )
        return dlt.pipeline(
            pipeline_name=place.name,
            destination=target,
            dataset_name=self.dataset,
            pipelines_dir=str(place.home),
        )

    def for_a_look(self) -> Warehouse:
        """The same for who changes nothing. Where no sync left its state, or one that cannot be
        read, or in a folder in which nothing can be written, what dlt writes goes into a folder
        that is gone after the run."""
        state = self.place.home / self.place.name
        writable = all(os.access(each, os.W_OK) for each in (state, self.place.home))
        if state.is_dir() and writable and not unreadable(state):
            return self
        home = tempfile.mkdtemp(prefix="databuddy-")
        atexit.register(shutil.rmtree, home, ignore_errors=True)
        return replace(self, place=replace(self.place, home=Path(home)))

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
        if self.file is None:
            name = self.pipeline.destination.destination_name if self.pipeline.destination else ""
            return f"{name}, dataset {self.dataset}"
        if self.is_new:
            self._has_room(self.file)
            return f"{self.file}, which the first sync makes"
        from databuddy_source.warehouse.duckdb_file import wait_for_file

        wait_for_file(self.file, lambda _: None, patience=0)
        size = self.file.stat().st_size / 1e6
        return f"{self.file}, {size:,.1f} MB, dataset {self.dataset}"

    def wait(self) -> None:
        """Wait until nobody else has the file open, and tell so. A file that is not there does not
        come to be.

        Raises:
            FileInUse, NoDatabase: see `wait_for_file`.
            NoRoom: it cannot come to be.
        """
        if self.file is None:
            return
        from databuddy_source.warehouse.duckdb_file import engine, wait_for_file

        if self.is_new:
            self._has_room(self.file)
        else:
            wait_for_file(self.file, self.say)
        own = engine(self.place.home, self.place.name)  # which a sync that ends still holds
        if own.exists():
            try:
                wait_for_file(own, self.say)
            except NoDatabase:  # cut off by a full disk, say; it has nothing, and is made again
                own.unlink()

    def _has_room(self, file: Path) -> None:
        if not os.access(file.parent, os.W_OK):
            raise NoRoom(f"Nothing can be written into {file.parent}")

    def prove(self) -> str:
        """Make sure that a sync could write here. A file that is not there does not come to be.

        Returns:
            One sentence on what is there.

        Raises:
            DestinationFails, DestinationAway, FileInUse, NoDatabase, NoRoom: says why not.
        """
        says = self.ready()
        if self.file and self.is_new:
            # elsewhere in its folder, since a first sync may begin meanwhile
            with tempfile.TemporaryDirectory(dir=self.file.parent, prefix=".check") as folder:
                file, home = Path(folder) / self.file.name, Path(folder)
                place = replace(self.place, home=home, file=file)
                prove(replace(self, place=place).pipeline)
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
                    learn(self.pipeline)  # others loaded into it, perhaps
        if not self.pipeline.default_schema_name:
            raise NothingLoaded(f"Nothing was loaded into the dataset {self.dataset}")


def _refuse_unusable(who: str, path: Path, letters: str, todo: str) -> None:
    """dlt writes the path of its files into SQL as it is, and DuckDB takes some letters for a
    pattern, or loses its log behind a question mark. All of it would be told by a load only."""
    if (shown := str(path).encode(errors="backslashreplace").decode()) != str(path):
        raise BadConfiguration(f"{who} cannot work with {shown}, whose name is not UTF-8", todo)
    if found := next((letter for letter in letters if letter in str(path)), None):
        raise BadConfiguration(f"{who} cannot work with {path}, whose name has a {found}", todo)


def _known(destination: str) -> Any:
    try:
        target: Any = destination_of(destination)
        refuse_unfit(target)
        return target
    except UnknownDestinationModule:
        near = difflib.get_close_matches(destination, MODULES, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise BadConfiguration(
            f"--destination {destination} is none that dlt knows",
            f"{hint}Use {', '.join(MODULES)}, or another one of dlt that can replace days.",
        ) from None
    except (DltException, ImportError, ValueError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]
        raise BadConfiguration(
            f"--destination {destination} cannot be used: {reason}",
            "Use a name that dlt knows, such as duckdb, postgres, bigquery or snowflake, with what "
            "it needs installed.",
        ) from None
