"""What each column of the API's means."""

from __future__ import annotations

from collections.abc import Iterator

from databuddy_source.model.meanings import UNITS, Meaning, Unit, meaning_of
from databuddy_source.model.query_types import load_catalog
from docs.parts.markdown import members, table

_MANY = 6


def columns() -> str:
    """Every column, by its name in the API; a row for each meaning that it has."""
    found: dict[str, dict[Meaning, dict[str, None]]] = {}
    for query_type, column, meaning in _every():
        found.setdefault(column, {}).setdefault(meaning, {})[query_type] = None
    rows = []
    for column in sorted(found, key=str.lower):
        for meaning, tables in found[column].items():
            told = len(tables) <= _MANY
            where = ", ".join(f"`{each}`" for each in tables) if told else f"{len(tables)} tables"
            unit = UNITS[meaning.unit] if meaning.unit else ""
            rows.append([f"`{column}`", meaning.label, " ".join(_sentences(meaning)), unit, where])
    return table(["column", "label", "meaning", "unit", "of"], rows)


def units() -> str:
    """In which units numbers are."""
    return members(Unit, "unit")


def _sentences(meaning: Meaning) -> Iterator[str]:
    yield f"{meaning.says}."
    if meaning.of:
        yield f"A share of {meaning.of}."
    if meaning.sign:
        yield f"{meaning.sign}."
    if meaning.weight:
        yield f"Averages of several windows are combined by the weight `{meaning.weight}`."


def _every() -> Iterator[tuple[str, str, Meaning]]:
    for each in load_catalog():
        if each.why_not_loadable:
            continue
        for generation in each.generations:
            query_type = each.on(generation)
            for column in query_type.columns:
                if meaning := meaning_of(query_type, column):
                    yield each.name, column, meaning
