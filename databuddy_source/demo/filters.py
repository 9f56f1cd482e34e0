"""Filters of a request as SQL with bound values."""

from __future__ import annotations

from dataclasses import dataclass

from databuddy_source.demo.generations import Behaviour

_LISTS = frozenset({"in", "not_in", "notIn"})


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition. `value` is a tuple for the operators that take several."""

    field: str
    op: str
    value: str | tuple[str, ...]


def read_filter(field: str, op: str, value: object) -> Filter:
    """A filter with its value as text: a list for operators that take one, else a single value."""
    values = tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)
    return Filter(field, op, values if op in _LISTS else values[0] if values else "")


def condition(of: Behaviour, given: Filter, name: str) -> str:
    """The SQL of a filter whose field was found among the allowed ones; `$name` is its value."""
    sort = "VARCHAR[]" if given.op in _LISTS else "VARCHAR"
    return of.operators[given.op].format(column=given.field, value=f"CAST(${name} AS {sort})")
