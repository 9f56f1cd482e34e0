"""What the server lists, and listed otherwise when it was last synced."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import dlt
import orjson

from databuddy_source.coverage.reading import newest_listing, tables_of
from databuddy_source.model.changes import columns_in_words

logger = logging.getLogger("databuddy_source")

NAMES_SHOWN = 10


Rows: TypeAlias = Sequence[Mapping[str, Any]]
"""Of a table of what the server has."""


def said_before(pipeline: dlt.Pipeline | None, table: str, columns: Sequence[str]) -> Rows:
    """What the server listed when it was last synced; nothing before the first time.

    Args:
        pipeline: whose warehouse has it.
        table: `websites` or `query_types`.
        columns: of its rows.
    """
    if pipeline is None:
        return []
    with tables_of(pipeline) as tables:
        found = newest_listing(tables, table, ", ".join(columns))
    return [dict(zip(columns, row, strict=True)) for row in found]


def same_rows(before: Rows, now: Rows, key: str) -> bool:
    """Whether a list says what the last one said, in any order.

    Args:
        before: as the warehouse gives it.
        now: as it would be written.
        key: the column that tells rows apart.
    """
    return _by(key, before) == _by(key, now)


def hint_at_changes(rows_before: Rows, rows: Rows) -> None:
    """Say in the log which types came, went, or are described otherwise. No alarm: what numbers
    mean may have changed with it, or only words.

    Args:
        rows_before: of the table `query_types`, as they were said before.
        rows: as they are now.
    """
    before = _by("name", rows_before)
    if not before:
        return
    now = _by("name", rows)
    for words, names in (
        ("has new query types", [name for name in now if name not in before]),
        ("has no longer the query types", [name for name in before if name not in now]),
        (
            "describes query types otherwise than before",
            [
                f"{name} ({', '.join(changes)})"
                for name, row in now.items()
                if name in before and (changes := list(_changes(before[name], row)))
            ],
        ),
    ):
        if names:
            more = len(names) - NAMES_SHOWN
            some = ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
            logger.info("The server %s: %s.", words, some)


def _by(key: str, rows: Rows) -> dict[Any, Mapping[str, Any]]:
    return {row[key]: row for row in rows}


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for what in ("title", "description"):
        if before[what] != now[what]:
            yield what
    had, has = (_fields(each["columns"]) for each in (before, now))
    if came := [name for name in has if name not in had]:
        yield f"new {columns_in_words(came)}"
    if gone := [name for name in had if name not in has]:
        yield f"without the {columns_in_words(gone)}"
    if other := [name for name in has if name in had and has[name] != had[name]]:
        yield f"other words on {', '.join(other)}"


def _fields(columns: str | None) -> dict[str, Any]:
    """What is said of each column, by its name."""
    return {field["name"]: field for field in orjson.loads(columns)} if columns else {}
