"""Keys of a destination that nobody reads: misspelled, or under a misspelled section, they would be
passed over, and tables would come into another place."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dlt

from databuddy_source.dlt_seam import (
    DestinationKeys,
    DltException,
    destination_of,
    documents_of_files,
    keys_of_destination,
    keys_of_pipelines,
)
from databuddy_source.errors import BadSetting

PIPELINES: Final = "pipelines"
CHOICES: Final = ("dataset_name", "destination_type")
"""Keys of dlt's section for pipelines that say where tables go."""

SECTION: Final = "destination"
CREDENTIALS: Final = "credentials"

ALIKE: Final = 0.8
"""How much a name has to look like another to be meant for it."""

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One value of the configuration.

    Attributes:
        path: its sections and its key; of a variable in small letters.
        file: that it stands in; empty for the environment.
        variable: its name; empty for a file.
    """

    path: Path
    file: str = ""
    variable: str = ""

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        return self.variable or f"{'.'.join(self.path)} in {self.file}"

    def spelled(self, path: Path) -> str:
        """How another path would be written in the same place."""
        return "__".join(path).upper() if self.variable else ".".join(path)


def refuse_unread_keys(destination: str) -> None:
    """Look through the files of dlt's configuration and the environment.

    Args:
        destination: dlt's name of the one that tables go to. One that dlt does not know has none.

    Raises:
        BadSetting: names the first key that nobody reads, and the nearest that is read. A value is
            never shown: it may be a secret.
    """
    entries = entries_of(documents_of_files(), os.environ)
    if not entries:
        return
    try:
        keys = keys_of_destination(destination_of(destination))
    except (DltException, ImportError, ValueError):
        return  # is told by whoever needs it
    refuse(keys, entries)


def refuse(keys: DestinationKeys, entries: Sequence[Entry]) -> None:
    """Look through these.

    Args:
        keys: that are read.
        entries: of the configuration.

    Raises:
        BadSetting: see `refuse_unread_keys`.
    """
    judge = _Judge(keys, {entry.path for entry in entries})
    for entry in entries:
        meant = _meant_for_pipelines(entry.path) or judge.meant(entry.path)
        if meant != entry.path:
            todo = f"Did you mean {entry.spelled(meant)}?" if meant else "Take it out."
            raise BadSetting(f"{entry.place} is not read", todo)
        if judge.is_ours(meant) and entry.variable != entry.variable.upper():
            raise BadSetting(f"{entry.place} is not read", f"Write {entry.variable.upper()}.")


def entries_of(
    documents: Iterable[tuple[str, Mapping[str, Any]]], environment: Mapping[str, str]
) -> list[Entry]:
    """What a configuration has for destinations.

    Args:
        documents: what is in each file, with the file's name.
        environment: names and values of variables.
    """
    found = [Entry(path, file) for file, document in documents for path in _paths(document)]
    for name in sorted(environment):
        found.append(Entry(tuple(name.lower().split("__")), variable=name))
    return [
        entry
        for entry in found
        if _start(entry.path) is not None or _meant_for_pipelines(entry.path)
    ]


def _paths(table: Mapping[str, Any]) -> Iterator[Path]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from ((key, *inner) for inner in _paths(value))
        else:
            yield (key,)


def _start(path: Path) -> int | None:
    """Where the section of destinations begins: at the top, or below the name of a pipeline."""
    return next((n for n in (0, 1) if n < len(path) - 1 and _near(path[n], [SECTION])), None)


def _meant_for_pipelines(path: Path) -> Path:
    """The key for pipelines that is meant; empty where this is none."""
    if len(path) != 2:
        return ()
    section, key = _near(path[0], [PIPELINES]), _near(path[1], CHOICES)
    is_another = path[1] in keys_of_pipelines() - {*CHOICES} if section and key else True
    return () if is_another else (section, key)


class _Judge:
    """What is read for a destination.

    Args:
        keys: its own.
        there: all paths of the configuration.
    """

    def __init__(self, keys: DestinationKeys, there: Collection[Path]) -> None:
        self._keys = keys
        self._there = there

    def is_ours(self, path: Path) -> bool:
        """Whether a path is below the section of the destination."""
        start = _start(path) or 0
        return path[start : start + 2] == (SECTION, self._keys.name)

    def meant(self, path: Path) -> Path:
        """The path that is read; the same where this is or may be somebody else's, and an empty one
        where none is like it."""
        start = _start(path) or 0
        before, section, (name, *inner) = path[:start], path[start], path[start + 1 :]
        if section != SECTION:
            is_ours = name == self._keys.name and inner
            return (*before, SECTION, name, *inner) if is_ours else path
        own = (*before, SECTION, name)
        if name == self._keys.name:
            return self._within(own, inner)
        if name == CREDENTIALS or not inner:
            return self._of_all(path, before, name, inner)
        is_other = name in dlt.destinations.__all__ or (*own, "destination_type") in self._there
        if is_other or _is_numbered(name, self._keys.name) or not _near(name, [self._keys.name]):
            return path
        return (*before, SECTION, self._keys.name, *inner)

    def _of_all(self, path: Path, before: Path, name: str, inner: Sequence[str]) -> Path:
        """Of a key for all destinations. The DuckDB file is looked for below its own section."""
        if name == CREDENTIALS and self._keys.name == "duckdb":
            return (*before, SECTION, self._keys.name, CREDENTIALS, *inner)
        if name in self._keys.own or inner:
            return path
        near = _near(name, self._keys.own)
        return (*path[:-1], near) if near else path

    def _within(self, own: Path, inner: Sequence[str]) -> Path:
        """Of a key below the section of the destination."""
        if not inner:
            return own
        key, *deeper = inner
        path = (*own, *inner)
        if key == CREDENTIALS and deeper:
            name = deeper[0]
            near = _near(name, self._keys.credentials)
            if name in self._keys.credentials:
                return path
            if near and (*own, key, near) not in self._there:
                return (*own, key, near, *deeper[1:])
            return () if self._keys.is_strict and not near else path
        if key in self._keys.own:
            return path
        near = _near(key, self._keys.own)
        if near:
            return (*own, near, *deeper)
        return path if deeper else ()


def _is_numbered(name: str, other: str) -> bool:
    """Whether a name is another one's with something behind, as people name a second one."""
    rest = name.lower().removeprefix(other)
    return rest != name.lower() and not rest[:1].isalpha()


def _near(name: str, others: Iterable[str]) -> str:
    found = difflib.get_close_matches(name.lower().replace("-", "_"), list(others), 1, ALIKE)
    return found[0] if found else ""
