"""Writes a dbt project of what a warehouse has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import dlt

from databuddy_source.answers.dbt.files import KINDS, Place, generated, profile
from databuddy_source.answers.dbt.models import PACKAGE, begins_on_sunday, loaded, marts
from databuddy_source.answers.dbt.texts import HEAD, headed
from databuddy_source.answers.lost_views import lost_views
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.reading import TABLE, tables_of
from databuddy_source.dlt_seam import kind_of
from databuddy_source.errors import BadConfiguration, NothingLoaded

PROJECT: Final = "dbt_project.yml"
PROFILES: Final = "profiles.yml"

OLD: Final = ("models/**/*.sql", "models/**/*.yml", "macros/*.sql", "tests/generic/*.sql")
"""Where files are looked for that were written before and are no longer of the project."""

KEPT: Final = frozenset({PROFILES, ".gitignore"})
"""Files that people change: left as they are."""


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


def write_dbt_project(
    pipeline: dlt.Pipeline,
    folder: Path,
    file: Path | None = None,
    settings: Settings | None = None,
) -> DbtProject:
    """Write a dbt project that reads what a pipeline loaded, or write one anew: a profile that is
    there is kept, and so are files of others, which are those without the line that ours begin
    with.

    Args:
        pipeline: that loaded it.
        folder: is made. One with files in it has to be such a project.
        file: the DuckDB file, where it is one.
        settings: whose reports are still loaded: others are never old. Without, each that is there
            is taken for one of them.

    Raises:
        BadConfiguration: there is no profile for the destination, or the folder, or a file where
            one of ours belongs, is of somebody else.
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
    if settings:
        chosen = {each.name for each in settings.chosen_reports()}
        models = [replace(each, goes_on=each.name in chosen) for each in models]
    made = list(marts(models))
    client: Any = pipeline.sql_client()
    dataset = client.capabilities.casefold_identifier(client.dataset_name)
    place = Place(kind, dataset, file, sundays)
    texts = {**dict(_by_hand(PACKAGE)), **generated(models, made, place)}
    texts[PROFILES] = profile(place)
    there = {name for name in KEPT if (folder / name).exists()}
    kept = PROFILES in there and _read(folder / PROFILES) != texts[PROFILES]
    texts = {name: text for name, text in texts.items() if name not in there}
    for name in texts:
        _refuse_to_write_over(folder / name)
    for old in {path for pattern in OLD for path in folder.glob(pattern)}:
        if old.relative_to(folder).as_posix() not in texts and _is_ours(old):
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
    if folder.is_dir() and any(folder.iterdir()) and not _is_ours(folder / PROJECT):
        raise BadConfiguration(
            f"{folder} has files, and no dbt project that `dbt init` wrote",
            "Name another folder.",
        )


def _refuse_to_write_over(path: Path) -> None:
    """A file of somebody else where one of ours belongs is left as it is.

    Args:
        path: of the file.

    Raises:
        BadConfiguration: there is one.
    """
    if path.exists() and not _is_ours(path):
        raise BadConfiguration(
            f"{path} is a file that `dbt init` did not write, or that was taken for one's own",
            "Give it another name, or remove it: a file of the project belongs there.",
        )


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _is_ours(path: Path) -> bool:
    """Whether a file begins with the line that says that we wrote it."""
    return path.is_file() and HEAD in _read(path).partition("\n")[0]


def _by_hand(folder: Traversable, inside: str = "") -> Iterator[tuple[str, str]]:
    """The files that are the same in each project."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _by_hand(entry, f"{inside}{entry.name}/")
        elif entry.name.endswith(".sql") or entry.name == ".gitignore":
            yield inside + entry.name, headed(entry.name, entry.read_text(encoding="utf-8"))
