"""Where the tables of a DuckDB file and dlt's local state lie, and what the pipeline is called.

One rule for the command line and for orchestrators, so that each goes on where the other was.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DATASET: Final = "databuddy"

FILE: Final = "databuddy_warehouse.duckdb"
"""DuckDB calls a file by its stem. It is not the dataset's name, so that `databuddy.top_pages` is
a table of the dataset, and nobody has to write `databuddy.databuddy.top_pages`."""

FILE_OF_0_1: Final = "databuddy.duckdb"
"""What the command line of 0.1.0 called it."""

CATALOG: Final = "_databuddy_file"
"""What a DuckDB file is called while we have it open: a name that no dataset has."""

WRAPPER_OF_0_1: Final = "databuddy_sync"
"""The pipeline of the definitions for Dagster and Airflow in 0.1.0; dlt called its DuckDB file
the same."""

WRAPPER_STATE_OF_0_1: Final = "databuddy_state"
"""Where Airflow's had dlt's local state, in the working directory."""

STATE: Final = ".databuddy"


@dataclass(frozen=True)
class Place:
    """Where one warehouse is known.

    Attributes:
        name: of the pipeline; its state, with the cursors, is kept under it, here and in the
            warehouse.
        home: the folder of dlt's local state.
        file: the DuckDB file, if it is one.
    """

    name: str
    home: Path
    file: Path | None


def default_file(folder: Path, states: Sequence[Path] = ()) -> Path:
    """The DuckDB file where none is configured; one that 0.1.0 made goes on.

    Args:
        folder: the working directory.
        states: where an orchestrator of 0.1.0 had its state. It goes on with its own file, also
            beside that of a command line.
    """
    wrapper = f"{WRAPPER_OF_0_1}.duckdb"
    names = [FILE, FILE_OF_0_1, wrapper]
    if _with_state_of_0_1(states):
        names.insert(0, wrapper)
    return next((folder / name for name in names if (folder / name).exists()), folder / FILE)


def place_of(
    destination: str,
    dataset: str,
    file: Path | None,
    state_dir: Path | None = None,
    states: Sequence[Path] = (),
) -> Place:
    """The pipeline's name and the folder of its state.

    Args:
        destination: dlt's name of it.
        dataset: in it.
        file: the DuckDB file, if it is one.
        state_dir: the folder, where it is chosen. Else it lies beside the data, never in a folder
            of the machine.
        states: where an orchestrator of 0.1.0 had its state, and goes on with it.
    """
    beside = file.parent if file else Path.cwd()
    if file and dataset == DATASET:
        if file.stem == WRAPPER_OF_0_1:
            states = [*states, *([state_dir] if state_dir else []), beside / WRAPPER_STATE_OF_0_1]
        if kept := _with_state_of_0_1(states):
            return Place(WRAPPER_OF_0_1, kept.absolute(), file)
    home = (state_dir or beside / STATE).absolute()
    # a name, and so a state with a cursor, for each warehouse
    other = re.sub(r"[^a-z0-9]+", "_", (file.stem if file else destination).lower())
    parts = ["databuddy", other]
    if dataset.lower() != DATASET:
        parts.append(dataset.lower())
    return Place("_".join(part for part in dict.fromkeys(parts) if part), home, file)


def _with_state_of_0_1(states: Sequence[Path]) -> Path | None:
    found = (folder for folder in states if (folder / WRAPPER_OF_0_1 / "state.json").exists())
    return next(found, None)
