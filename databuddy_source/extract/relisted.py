"""What the server says of its query types, and said otherwise when it was last synced."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dlt
import orjson

from databuddy_source.coverage.reading import newest_listing, tables_of
from databuddy_source.model.changes import columns_in_words

logger = logging.getLogger("databuddy_source")

NAMES_SHOWN = 10


def hint_at_changes(pipeline: dlt.Pipeline, rows: Sequence[Mapping[str, Any]]) -> None:
    """Say in the log which types came, went, or are described otherwise. No alarm: what numbers
    mean may have changed with it, or only words.

    Args:
        pipeline: whose warehouse has what was said before.
        rows: of the table `query_types`, as they are now.
    """
    said = ("name", "title", "description", "columns")
    with tables_of(pipeline) as tables:
        rows_before = newest_listing(tables, "query_types", ", ".join(said))
    before = {row[0]: dict(zip(said, row, strict=True)) for row in rows_before}
    if not before:
        return
    now = {row["name"]: row for row in rows}
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
