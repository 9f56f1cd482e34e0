"""Keys for `[sources.databuddy]` that nobody reads, wherever they stand: misspelled, or under a
misspelled section, they would be passed over."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from databuddy_source.config.accounts import KEY as ACCOUNTS
from databuddy_source.config.accounts import Account
from databuddy_source.config.misnamed_files import refuse_misnamed_files
from databuddy_source.config.values import SECTION
from databuddy_source.dlt_seam import documents_of_files
from databuddy_source.errors import BadSetting

VARIABLE: Final = "__".join((*SECTION.upper().split("."), ""))
"""What environment variables for keys begin with: `SOURCES__DATABUDDY__`."""

OF_DLT: Final = frozenset(
    {"max_table_nesting", "name", "parallelized", "root_key", "schema_contract", "section"}
)
"""Keys that dlt itself knows for a source."""

SECTIONS_OF_DLT: Final = frozenset(
    {"data_writer", "extract", "load", "normalize", "runtime", "schema"}
)
"""Sections that dlt itself knows below a source."""

LISTINGS: Final = frozenset({"websites", "query_types", "coverage"})
"""Resources without a website; each may have a section of its own."""

SOURCES, SOURCE = SECTION.split(".")
"""dlt reads keys below the source's name, too: `[sources.databuddy.databuddy]`."""

CONFIG_FILE: Final = "config.toml"
"""Of dlt's two files the one that no secret is looked for in."""

FUNCTION: Final = "databuddy_source"
"""What makes the source; dlt calls sections of other sources by such a name."""

ALIKE: Final = 0.8
"""How much a name has to look like another to be meant for it, where it may be somebody else's."""


def refuse_unknown_keys(allowed: Collection[str]) -> None:
    """Look through the files of dlt's configuration and the environment.

    Args:
        allowed: keys that are read.

    Raises:
        BadSetting: names the first key that is not, and the nearest that is.
        UnreadableFile: a file has another name than those that are read.
    """
    refuse_misnamed_files()
    refuse(allowed, documents_of_files(), os.environ)


def bare_variables(allowed: Collection[str], environment: Mapping[str, str]) -> list[str]:
    """Variables without a section, such as `TIMEZONE`, which dlt reads for keys of the source, too,
    and before any file.

    Args:
        allowed: keys that are read.
        environment: names and values of variables.
    """
    return [
        key.upper()
        for key in allowed
        if environment.get(key.upper()) and not environment.get(VARIABLE + key.upper())
    ]


def refuse(
    allowed: Collection[str],
    documents: Iterable[tuple[str, Mapping[str, Any]]],
    environment: Mapping[str, str],
) -> None:
    """Look through these.

    Args:
        allowed: keys that are read.
        documents: what is in each file, with the file's name.
        environment: names and values of variables.

    Raises:
        BadSetting: see `refuse_unknown_keys`. A value is never shown: it may be a secret.
    """
    for file, document in documents:
        for place, table in _tables(document, allowed):
            _refuse_in(table, place, file, allowed)
    for variable in sorted(environment):
        _refuse_variable(variable, allowed)


def _tables(
    document: Mapping[str, Any], allowed: Collection[str]
) -> Iterator[tuple[Sequence[str], Mapping[str, Any]]]:
    """What a file has for the source, with its place: also in the section of a pipeline, and where
    a name of the place is misspelled."""
    tops: dict[Sequence[str], Mapping[str, Any]] = {
        (top,): table for top, table in _inner(document)
    }
    of_pipelines: dict[Sequence[str], Mapping[str, Any]] = {
        (*top, name): inner
        for top, table in tops.items()
        if not _near(top[0], [SOURCES], ALIKE)
        for name, inner in _inner(table)
    }
    for place, table in {**tops, **of_pipelines}.items():
        if not _near(place[-1], [SOURCES], ALIKE):
            continue
        for name, found in _inner(table):
            right = (place[-1], name) == (SOURCES, SOURCE)
            # another source may be called alike, but then it has not our keys, too
            if right or (_means_ours(name) and set(found) & set(allowed)):
                yield (*place, name), found


def _inner(table: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, inner) for name, inner in table.items() if isinstance(inner, Mapping))


def _refuse_in(
    table: Mapping[str, Any], place: Sequence[str], file: str, allowed: Collection[str]
) -> None:
    *pipeline, _, _ = place
    right = (*pipeline, SOURCES, SOURCE)
    if tuple(place) != right:
        raise BadSetting(
            f"[{'.'.join(place)}] in {file} is not read", f"Did you mean [{'.'.join(right)}]?"
        )
    if file == CONFIG_FILE and isinstance(table.get(ACCOUNTS), Mapping):
        raise BadSetting(
            f"{'.'.join((*place, ACCOUNTS))} in {file} is not read",
            "All of it belongs to secrets.toml, the websites, too: dlt reads it as one secret.",
        )
    for path in _paths(table, allowed):
        wrong = _wrong(path, allowed)
        if wrong is not None:
            named = ".".join((*place, *path[: wrong + 1]))
            near = _near(path[wrong], allowed)
            raise BadSetting(f"{named} in {file} is not a setting", _did_you_mean(near))


def _paths(table: Mapping[str, Any], allowed: Collection[str]) -> Iterator[tuple[str, ...]]:
    """The keys of a table with those of its inner ones; an empty one counts as one with a key."""
    for key, value in table.items():
        if isinstance(value, Mapping) and key not in allowed:
            yield from ((key, *inner) for inner in _paths(value or {"": None}, allowed))
        else:  # of a key that is read, its own check says what is wrong with a table
            yield (key,)


def _wrong(path: Sequence[str], allowed: Collection[str]) -> int | None:
    """Which part of a path below the section nobody reads, if there is one."""
    name, *inner = path
    if not inner:
        return None if name in allowed or name in OF_DLT else 0
    if name == SOURCE:
        wrong = _wrong(inner, allowed)
        return None if wrong is None else wrong + 1
    if name in SECTIONS_OF_DLT:
        return None
    if name == ACCOUNTS and name in allowed:
        return None if len(inner) == 2 and inner[1] in Account.model_fields else len(inner)
    if name in LISTINGS:
        return None if inner[0] in OF_DLT or len(inner) > 1 else 1
    # a report's resource is called `top_pages__<website id>`, and a variable parts this in two
    resource = "__" in name or (len(inner) > 1 and not _near(name, allowed, ALIKE))
    return None if resource else 0


def _refuse_variable(variable: str, allowed: Collection[str]) -> None:
    parts = variable.lower().split("__")
    start = next((n for n in (0, 1) if _near("".join(parts[n : n + 1]), [SOURCES], ALIKE)), 0)
    pipeline, section, path = parts[:start], parts[start : start + 2], parts[start + 2 :]
    right = "__".join((*pipeline, SOURCES, SOURCE, "")).upper()
    if not path:  # sections are parted by two underscores
        key = re.sub(f"^{SOURCES}_+{SOURCE}_+", "", variable.lower())
        if key != variable.lower() and key in allowed:
            raise BadSetting(f"{variable} is not read", f"Did you mean {right}{key.upper()}?")
    elif section == [SOURCES, SOURCE]:
        if ACCOUNTS in path[:-1] and (pipeline or path[0] != ACCOUNTS):
            meant_key = "__".join(path[path.index(ACCOUNTS) :]).upper()
            raise BadSetting(f"{variable} is not read", f"Did you mean {VARIABLE}{meant_key}?")
        wrong = _wrong(path, allowed)
        if wrong is not None:
            near = _near(path[wrong], allowed)
            meant = [right + "__".join((*path[:wrong], name)).upper() for name in near]
            raise BadSetting(f"{variable} is not a setting", _did_you_mean(meant))
        if variable != variable.upper() and path[-1] in {*allowed, *OF_DLT}:
            raise BadSetting(f"{variable} is not read", f"Write {variable.upper()}.")
    elif _near(section[0], [SOURCES], ALIKE) and _means_ours(section[1]) and path[-1] in allowed:
        meant_key = "__".join(path).upper()
        raise BadSetting(f"{variable} is not read", f"Did you mean {right}{meant_key}?")


def _means_ours(name: str) -> bool:
    """Whether a section is meant for this source. `databuddy_blog` is not: that is what the source
    of a second account may be called."""
    letters = re.sub(r"[^a-z0-9]", "", name.lower())
    if SOURCE in letters:
        return letters in {SOURCE, FUNCTION.replace("_", "")}
    return bool(_near(letters, [SOURCE], ALIKE))


def _near(key: str, allowed: Collection[str], alike: float = 0.6) -> list[str]:
    return difflib.get_close_matches(key.lower().replace("-", "_"), allowed, n=1, cutoff=alike)


def _did_you_mean(near: list[str]) -> str:
    return (
        f"Did you mean {near[0]}?" if near else "Take it out; docs/configuration.md has all keys."
    )
