"""Writes a dbt project of what a warehouse has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import dlt

from databuddy_source.answers.dbt.files import HEAD, KINDS, NAME, Place, generated, profile
from databuddy_source.answers.dbt.models import PACKAGE, begins_on_sunday, loaded, marts
from databuddy_source.answers.lost_views import lost_views
from databuddy_source.coverage.reading import TABLE, tables_of
from databuddy_source.dlt_seam import kind_of
from databuddy_source.errors import BadConfiguration, NothingLoaded

PROJECT: Final = "dbt_project.yml"
PROFILES: Final = "profiles.yml"

OURS: Final = (f"models/staging/stg_{NAME}__*.sql", f"models/marts/{NAME}__*.sql")
"""What is taken away where it is of tables that are no longer there."""


@dataclass(frozen=True, slots=True)
class DbtProject:
    """A project that was written.

    Attributes:
        folder: that it is in.
        tables: of which it has staging models.
        marts: the models that are made of them.
        kept: whether a profile was there that somebody wrote otherwise, and was left as it is.
    """

    folder: Path
    tables: tuple[str, ...]
    marts: tuple[str, ...]
    kept: bool


def write_dbt_project(pipeline: dlt.Pipeline, folder: Path, file: Path | None = None) -> DbtProject:
    """Write a dbt project that reads what a pipeline loaded, or write one anew: a profile that is
    there is kept, and so are files of others.

    Args:
        pipeline: that loaded it.
        folder: is made. One with files in it has to be such a project.
        file: the DuckDB file, where it is one.

    Raises:
        BadConfiguration: there is no profile for the destination, or the folder is of somebody
            else.
        NothingLoaded: the warehouse lacks views, which a sync makes.
    """
    kind = kind_of(pipeline.destination.destination_type) if pipeline.destination else ""
    if kind not in KINDS:
        raise BadConfiguration(
            f"A dbt project can be written for {', '.join(sorted(KINDS))}, and not for "
            f"{kind or 'no destination'}",
            "Write one of your own, or sync into one of these.",
        )
    _refuse_foreign(folder)
    schema = next((each for each in pipeline.schemas.values() if TABLE in each.tables), None)
    if schema is None:
        raise NothingLoaded(f"Nothing was loaded into the dataset {pipeline.dataset_name}")
    with tables_of(pipeline) as tables:
        models, sundays, lost = loaded(tables, schema), begins_on_sunday(tables), lost_views(tables)
    if lost:
        raise NothingLoaded(
            f"The dataset lacks views: {', '.join(lost)}", "Sync once more: the sync makes them."
        )
    made = list(marts(models))
    client: Any = pipeline.sql_client()
    dataset = client.capabilities.casefold_identifier(client.dataset_name)
    place = Place(kind, dataset, file, sundays)
    texts = {**dict(_by_hand(PACKAGE)), **generated(models, made, place)}
    own, wanted = folder / PROFILES, profile(place)
    kept = own.exists() and own.read_text(encoding="utf-8") != wanted
    if not kept:
        texts[PROFILES] = wanted
    for old in (path for pattern in OURS for path in folder.glob(pattern)):
        if old.relative_to(folder).as_posix() not in texts:
            old.unlink()
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return DbtProject(
        folder, tuple(each.name for each in models), tuple(each.name for each in made), kept
    )


def _refuse_foreign(folder: Path) -> None:
    """Files of somebody else are not written over.

    Raises:
        BadConfiguration: there are some, or the folder is a file.
    """
    if folder.is_file():
        raise BadConfiguration(f"{folder} is a file, and no folder", "Name another one.")
    if folder.is_dir() and any(folder.iterdir()):
        project = folder / PROJECT
        if not project.is_file() or HEAD not in project.read_text(encoding="utf-8"):
            raise BadConfiguration(
                f"{folder} has files, and no dbt project that `dbt init` wrote",
                "Name another folder.",
            )


def _by_hand(folder: Traversable, inside: str = "") -> Iterator[tuple[str, str]]:
    """The files that are the same in each project."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _by_hand(entry, f"{inside}{entry.name}/")
        elif entry.name.endswith(".sql") or entry.name == ".gitignore":
            yield inside + entry.name, entry.read_text(encoding="utf-8")
