"""Columns of whole numbers where rates and averages belong: a warehouse rounds what they are given,
and refuses nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import dlt

logger = logging.getLogger("databuddy_source")


def tell_rounded(schema: dlt.Schema, there: Mapping[str, Mapping[str, Any]]) -> None:
    """Say which columns somebody gave a type that rounds.

    Args:
        schema: that has the types with which they were made.
        there: the columns that tables have, by table.
    """
    found = sorted(
        f"{table}.{name}"
        for table, columns in there.items()
        for name, made in schema.get_table_columns(table).items()
        if made.get("data_type") == "double" and columns.get(name, {}).get("data_type") == "bigint"
    )
    if found:
        logger.warning(
            "Columns have whole numbers now, so that what is loaded is rounded (%s). Give them "
            "their type back, and load their days anew with backfill --since DAY --refetch.",
            ", ".join(found),
        )
