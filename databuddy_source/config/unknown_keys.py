"""Keys of `[sources.databuddy]` that nobody reads: misspelled, they would be passed over."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from databuddy_source.config.values import SECTION
from databuddy_source.dlt_seam import tables_of_files
from databuddy_source.errors import BadSetting

VARIABLE: Final = "__".join((*SECTION.upper().split("."), ""))
"""What environment variables for keys begin with: `SOURCES__DATABUDDY__`."""

OF_DLT: Final = frozenset(
    {"max_table_nesting", "name", "parallelized", "root_key", "schema_contract", "section"}
)
"""Keys that dlt itself knows for a source."""

SOURCE: Final = SECTION.rpartition(".")[2]
"""dlt reads keys below the source's name, too: `[sources.databuddy.databuddy]`."""


def refuse_unknown_keys(allowed: Collection[str]) -> None:
    """Look through the files of dlt's configuration and the environment.

    Args:
        allowed: keys that are read.

    Raises:
        BadSetting: names the first key that is not, and the nearest that is.
    """
    refuse(allowed, tables_of_files(*SECTION.split(".")), os.environ)


def refuse(
    allowed: Collection[str],
    tables: Iterable[tuple[str, Mapping[str, Any]]],
    environment: Mapping[str, str],
) -> None:
    """Look through these.

    Args:
        allowed: keys that are read.
        tables: the section's table in each file, with the file's name.
        environment: names and values of variables.

    Raises:
        BadSetting: see `refuse_unknown_keys`. A value is never shown: it may be a secret.
    """
    for file, table in tables:
        _refuse_in(table, SECTION, file, allowed)
    for variable in sorted(environment):
        if variable.upper().startswith(VARIABLE):
            _refuse_variable(variable, allowed)


def _refuse_in(table: Mapping[str, Any], section: str, file: str, allowed: Collection[str]) -> None:
    for key, value in table.items():
        if isinstance(value, Mapping):
            if key == SOURCE:
                _refuse_in(value, f"{section}.{key}", file, allowed)
            elif not _near(key, allowed, alike=0.8):
                continue  # a section of dlt or of a resource, such as `extract`
        if key in allowed or key in OF_DLT or key == SOURCE:
            continue
        raise BadSetting(f"{section}.{key} in {file} is not a setting", _hint(key, allowed))


def _refuse_variable(variable: str, allowed: Collection[str]) -> None:
    section, _, key = variable[len(VARIABLE) :].rpartition("__")
    if section and section.upper() != SOURCE.upper():
        return  # a section of dlt or of a resource
    known = key.lower() in allowed or key.lower() in OF_DLT
    if known and variable == variable.upper():
        return
    if known:
        raise BadSetting(f"{variable} is not read", f"Write {variable.upper()}.")
    prefix = variable[: len(variable) - len(key)].upper()
    near = [f"{prefix}{name.upper()}" for name in _near(key.lower(), allowed)]
    raise BadSetting(f"{variable} is not a setting", _did_you_mean(near))


def _near(key: str, allowed: Collection[str], alike: float = 0.6) -> list[str]:
    return difflib.get_close_matches(key.lower().replace("-", "_"), allowed, n=1, cutoff=alike)


def _hint(key: str, allowed: Collection[str]) -> str:
    return _did_you_mean(_near(key, allowed))


def _did_you_mean(near: list[str]) -> str:
    return (
        f"Did you mean {near[0]}?" if near else "Take it out; docs/configuration.md has all keys."
    )
