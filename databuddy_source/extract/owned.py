"""What the source keeps to itself: disposition, keys, cursor and tables, on which coverage relies.

A hint of another's would lose or repeat rows of which coverage says that they are there, so a run
with one is refused before anything is asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import dlt

from databuddy_source.dlt_seam import (
    ResourceOfRun,
    contract_of_run,
    others_of_run,
    resource_of_run,
    resources_of_run,
)
from databuddy_source.errors import OwnedBySource
from databuddy_source.tables.hints import REPLACE_PARTITION

OWNED_HINTS: Final[Mapping[str, str]] = {
    "write_disposition": "To load days anew, use backfill(..., refetch=True)",
    "primary_key": "To make a key of your own, build a table or view from this one",
    "merge_key": "To make a key of your own, build a table or view from this one",
    "table_name": "To name a table, configure a report with a name",
    "parent_table_name": "To nest tables, build them from these",
    "incremental": "To choose days, use start_date, or since and until",
    "file_format": "The files of a load are no export: for Parquet files, see docs/code.md",
    "table_format": "The tables are the warehouse's own",
}
"""Arguments of `apply_hints` and `pipeline.run` that are not for a user, and what to do instead."""

OWNED_PROPERTIES: Final = frozenset(
    {"write_disposition", "x-merge-strategy", "file_format", "table_format", "parent", "name"}
)
"""What a table of dlt's schema is loaded by, as `additional_table_hints` may name it."""

KEY_HINTS: Final = ("primary_key", "merge_key", "unique", "hard_delete", "dedup_sort")
"""Hints of a column that decide which rows of a table are replaced."""

ALLOWED_MODES: Final[Mapping[str, tuple[str, ...]]] = {
    "tables": ("evolve", "freeze"),
    "columns": ("evolve", "freeze"),
    "data_type": ("evolve",),
}
"""Of a schema contract: `freeze` ends a run before anything changes; what discards would take rows
of which coverage knows. Types of columns never change, so that there is nothing to freeze."""


def refuse_foreign_hints() -> None:
    """Refuse what somebody set at the resources of this run that the source keeps to itself.

    Raises:
        OwnedBySource: says what was set, and what to do instead.
    """
    _refuse_contract("the source", contract_of_run())
    resources = resources_of_run()
    tables = {_table_of(resource) for resource in resources}
    for name, table, fed_by in others_of_run():
        if fed_by:
            raise OwnedBySource(
                f"The transformer {name} takes the tables of {fed_by}, and would take what "
                "coverage has to say of their days, too",
                "Use a map, or work on the tables in the warehouse.",
            )
        if table in tables:
            raise OwnedBySource(
                f"The resource {name} writes into the table {table}, which belongs to the source",
                "Give it another table.",
            )
    for resource in resources:
        if resource.is_parallelized:
            raise OwnedBySource(
                f"parallelize() was called on {resource.name}, whose requests run side by side "
                "already",
                "Leave it out.",
            )
        _refuse_hints(resource)
        _refuse_schema(resource)


def refuse_foreign_marks(name: str, hints: Mapping[str, Any]) -> None:
    """Refuse hints that travel with an item (`dlt.mark.with_hints`) and belong to the source.

    Args:
        name: of the resource.
        hints: of the item, by the argument of `make_hints`.

    Raises:
        OwnedBySource: see `refuse_foreign_hints`.
    """
    resource = resource_of_run(name) if hints else None
    if resource:
        _refuse_hints(replace(resource, hints={**resource.made, **hints}))


def _refuse_hints(resource: ResourceOfRun) -> None:
    _refuse_contract(resource.name, resource.hints.get("schema_contract"))
    for name, todo in OWNED_HINTS.items():
        if not _is_as_made(name, resource):
            raise OwnedBySource(
                f"{name}={_shown(resource.hints.get(name))} was set for {resource.name}, whose "
                f"{name} belongs to the source: coverage and days that are loaded again rely "
                "on it",
                f"Leave it out. {todo}.",
            )
    for name in sorted(set(resource.hints.get("additional_table_hints") or ()) & OWNED_PROPERTIES):
        raise OwnedBySource(
            f"{name} was set for the table of {resource.name}, whose {name} belongs to the source: "
            "coverage and days that are loaded again rely on it",
            "Leave it out.",
        )
    for column, hint in _foreign_keys(resource):
        raise OwnedBySource(
            f"{hint} was set for the column {column} of {resource.name}, whose keys belong to "
            "the source: coverage and days that are loaded again rely on them",
            f"Leave it out. {OWNED_HINTS['merge_key']}.",
        )


def _table_of(resource: ResourceOfRun) -> str:
    return str(resource.made.get("table_name") or resource.name)


def _refuse_schema(resource: ResourceOfRun) -> None:
    """Refuse keys that a schema has of another's hand: a schema file that was imported keeps them,
    whatever the resource says. A disposition it does not keep."""
    table = _table_of(resource)
    written = dlt.current.source_schema().tables.get(table)
    own = resource.made.get("columns") or {}
    keys = _columns(resource.made.get("merge_key"))
    for column, hints in (written or {"columns": {}})["columns"].items():
        for hint in KEY_HINTS:
            is_own = own.get(column, {}).get(hint) or (hint == "merge_key" and column in keys)
            if hints.get(hint) and not is_own:
                raise OwnedBySource(
                    f"The schema of this pipeline has {hint} for the column {column} of {table}, "
                    "whose keys belong to the source",
                    "Take it out of the file in import_schema_path, or import no schema.",
                )


def _is_as_made(name: str, resource: ResourceOfRun) -> bool:
    made, now = resource.made.get(name), resource.hints.get(name)
    if name == "write_disposition":
        # what people write for the same: dlt's own strategy is this one
        now = {"disposition": now} if isinstance(now, str) else now
        return isinstance(now, Mapping) and {**REPLACE_PARTITION, **now} == REPLACE_PARTITION
    if name.endswith("_key"):
        return _columns(made) == _columns(now)
    return bool(made is now or made == now or (not made and not now))


def _columns(key: Any) -> Collection[object]:
    """The columns of a key, of which one may stand by itself."""
    if callable(key):
        return {key}
    return {key} if isinstance(key, str) and key else set(key or ())


def _foreign_keys(resource: ResourceOfRun) -> Iterator[tuple[str, str]]:
    made, now = (each.get("columns") or {} for each in (resource.made, resource.hints))
    if isinstance(now, Mapping):
        for column, hints in now.items():
            for hint in KEY_HINTS:
                if hints.get(hint) and not made.get(column, {}).get(hint):
                    yield column, hint


def _refuse_contract(whose: str, contract: Any) -> None:
    """Refuse a schema contract that would change what is loaded."""
    if not contract:
        return
    modes = contract if isinstance(contract, Mapping) else dict.fromkeys(ALLOWED_MODES, contract)
    for entity, mode in modes.items():
        if mode not in ALLOWED_MODES.get(entity, (mode,)):
            raise OwnedBySource(
                f"The schema contract of {whose} has {entity}={mode}, which would take values or "
                "rows away of which coverage says that they are there",
                "Leave it out, or use freeze for tables and columns, which ends a run before "
                "anything changes.",
            )


def _shown(value: object) -> str:
    return getattr(value, "__name__", None) or repr(value)
