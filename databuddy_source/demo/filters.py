"""Filters of a request as SQL with bound values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from databuddy_source.demo.queries import Generation

# operator -> condition; {column} is a name from a query type's allowed filters, $value is bound
_CONDITIONS_2026: Mapping[str, str] = {
    "eq": "{column} = {value}",
    "ne": "{column} <> {value}",
    "contains": "contains({column}, {value})",
    "not_contains": "NOT contains({column}, {value})",
    "starts_with": "starts_with({column}, {value})",
    "in": "list_contains({value}, {column})",
    "not_in": "NOT list_contains({value}, {column})",
}
_CONDITIONS_2025: Mapping[str, str] = {
    "eq": "{column} = {value}",
    "ne": "{column} <> {value}",
    "like": "contains(lower({column}), lower({value}))",
    "gt": "{column} > {value}",
    "lt": "{column} < {value}",
    "in": "list_contains({value}, {column})",
    "notIn": "NOT list_contains({value}, {column})",
}
_CONDITIONS: Mapping[Generation, Mapping[str, str]] = {
    "2026": _CONDITIONS_2026,
    "2025": _CONDITIONS_2025,
}
_LISTS = frozenset({"in", "not_in", "notIn"})


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. `value` is a tuple for the operators that take several."""

    field: str
    op: str
    value: str | tuple[str, ...]


def operators(generation: Generation) -> tuple[str, ...]:
    """The operators this generation knows."""
    return tuple(_CONDITIONS[generation])


def read_filter(field: str, op: str, value: object) -> Filter:
    """A filter with its value as text: a list for operators that take one, else a single value."""
    values = tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)
    return Filter(field, op, values if op in _LISTS else values[0] if values else "")


def condition(generation: Generation, given: Filter, name: str) -> str:
    """The SQL of a filter whose field was found among the allowed ones; `$name` is its value."""
    sort = "VARCHAR[]" if given.op in _LISTS else "VARCHAR"
    return _CONDITIONS[generation][given.op].format(
        column=given.field, value=f"CAST(${name} AS {sort})"
    )
