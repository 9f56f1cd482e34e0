"""What can be loaded, and the columns it has."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from types import ModuleType

import dlt

from databuddy_source.coverage import restatements
from databuddy_source.coverage import table as coverage_table
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import Kind, QueryType, Shape, load_catalog
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Grain
from databuddy_source.tables.hints import MEANINGS
from docs.parts.markdown import members, sentence, servers, table


def default_reports() -> str:
    """The reports behind "default"."""
    return ", ".join(f"`{name}`" for name in load_catalog().selection("default"))


def personal_reports() -> str:
    """The types about single visitors that a website can fill a table with."""
    return ", ".join(f"`{each.name}`" for each in _loadable() if each.personal)


def query_types() -> str:
    """Every query type that can be loaded."""
    rows = []
    for each in _loadable():
        chosen = "default" if each.default else "personal" if each.personal else ""
        grains = [grain for grain in Grain if not each.why_not_by(grain)]
        also = ", ".join(f"`{alias}`" for alias in each.aliases)
        notes = [
            f"servers of {only} only" if (only := servers(each.generations, Generation)) else "",
            f"looks back {each.trailing_days} days" if each.trailing_days else "",
            "days in UTC" if each.in_utc else "",
            "failed whenever it was measured" if each.fails else "",
        ]
        rows.append(
            [
                f"`{each.name}`",
                also,
                _words(each.shape),
                chosen,
                ", ".join(grains),
                "; ".join(filter(None, notes)),
            ]
        )
    return table(["query type", "also called", "shape", "selection", "grains", "notes"], rows)


def not_loadable() -> str:
    """Query types that no website can fill a table with, by reason."""
    reasons: dict[str, list[str]] = {}
    for each in load_catalog():
        if reason := each.why_not_loadable:
            reasons.setdefault(reason, []).append(f"`{each.name}`")
    return table(
        ["why", "query types"],
        [[sentence(reason), ", ".join(names)] for reason, names in reasons.items()],
    )


def shapes() -> str:
    """What the rows of a query type are."""
    return members(Shape, "shape")


def statuses() -> str:
    """What coverage says of a cell."""
    return members(Status, "status")


def meanings() -> str:
    """What may be done with a column."""
    return "\n".join(f"- **{_words(kind)}**: {meaning}" for kind, meaning in MEANINGS.items())


def tables() -> str:
    """The columns of every report's table, by what may be done with them."""
    rows = []
    for each in _loadable():
        key = ", ".join(f"`{_normalized(name)}`" for name in each.key)
        kinds = [(kind, _columns(each, kind)) for kind in Kind if kind is not Kind.DATE]
        columns = "; ".join(f"{_words(kind)}: {names}" for kind, names in kinds if names)
        rows.append([f"`{each.name}`", key, columns or "as they come"])
    return table(["table", "key", "columns"], rows)


_normalized = dlt.Schema("manual").naming.normalize_identifier
"""A column's name in the warehouse."""


def _words(each: Enum) -> str:
    return str(each.value).replace("_", " ")


def _columns(query_type: QueryType, kind: Kind) -> str:
    """Columns of a kind, with the generations where not all have them."""
    on = {each: query_type.on(each).columns for each in query_type.generations}
    names = dict.fromkeys(name for columns in on.values() for name in columns)
    shown = []
    for name in names:
        having = [generation for generation, columns in on.items() if name in columns]
        if on[having[0]][name] is kind:
            only = servers(having, on)
            shown.append(f"`{_normalized(name)}`" + (f" ({only})" if only else ""))
    return ", ".join(shown)


def coverage_columns() -> str:
    """The columns of `coverage`."""
    return _of_ours(coverage_table)


def restatement_columns() -> str:
    """The columns of `restatements`."""
    return _of_ours(restatements)


def _of_ours(of: ModuleType) -> str:
    described = {name: hints.get("description", "") for name, hints in of.COLUMNS.items()}
    return table(
        ["column", "meaning"],
        [[f"`{name}`", described.get(name, "")] for name in of.SCHEMA.names],
    )


def _loadable() -> Iterator[QueryType]:
    return (each for each in load_catalog() if not each.why_not_loadable)
