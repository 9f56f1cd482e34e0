"""Which warehouse is meant, by options, the environment and dlt's configuration, before dlt has
made a pipeline of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from databuddy_source.errors import BadConfiguration
from databuddy_source.warehouse.place import DATASET, default_file, place_of

PLACE: Final = "destination.duckdb.credentials"

MEANT: Final = {"db", "file", "filename", "name", "path"}
"""Keys by which people mean `database`, and that nobody reads."""

STATE_VARIABLE: Final = "DATABUDDY_STATE_DIR"
"""Names the folder of dlt's local state, where an option does not."""


@dataclass(frozen=True)
class Choice:
    """Which warehouse.

    Attributes:
        destination: dlt's name of it.
        dataset: in it, as it was named: dlt may spell it otherwise.
        file: the DuckDB file, if it is one.
        state_dir: where dlt has its local state; None for beside the data.
    """

    destination: str
    dataset: str
    file: Path | None
    state_dir: Path | None

    @property
    def pipeline_name(self) -> str:
        """What dlt's pipeline is called."""
        return place_of(self.destination, self.dataset, self.file, self.state_dir).name


def chosen(
    demo: bool = False,
    destination: str | None = None,
    dataset: str | None = None,
    state_dir: Path | None = None,
    states: Sequence[Path] = (),
) -> Choice:
    """What the options of a command mean; what is left out is configured or has a default.

    Args:
        demo, destination, dataset, state_dir, states: see `Warehouse.of`.

    Raises:
        BadConfiguration: the demo has one destination only, the configuration names no file, or
            has keys for the destination that nobody reads.
    """
    destination = destination or _configured("destination_type", "duckdb", demo)
    dataset = dataset or _configured("dataset_name", DATASET, demo)
    if state_dir is None and not demo and (named := os.environ.get(STATE_VARIABLE)):
        state_dir = Path(named)
    if demo and destination != "duckdb":
        raise BadConfiguration(
            "--demo has a DuckDB file of its own and no other destination",
            "Leave out one of the two.",
        )
    file = Path("demo.duckdb").absolute() if demo else None
    if destination == "duckdb":
        file = file or _configured_file() or default_file(Path.cwd(), states)
    if not demo:
        from databuddy_source.warehouse.unread_keys import refuse_unread_keys

        refuse_unread_keys(destination)
    return Choice(destination, dataset, file, state_dir)


def _configured(key: str, default: str, demo: bool) -> str:
    """What dlt's own section for pipelines has; the demo takes nothing from it."""
    if demo:
        return default
    import dlt  # which takes a while, and the demo needs none

    return str(dlt.config.get(f"pipelines.{key}") or default)


def _configured_file() -> Path | None:
    """The file that dlt's configuration names, if it does.

    Raises:
        BadConfiguration: the configuration names no file, or where nobody reads it: tables would
            come into another file.
    """
    import dlt

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
