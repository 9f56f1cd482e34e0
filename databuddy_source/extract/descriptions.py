"""What a table and its columns mean, on its way into dlt's schema with the first rows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import dlt
from dlt.common.schema.typing import TColumnSchema

from databuddy_source.api.models import TypeMeta
from databuddy_source.model.query_types import Kind
from databuddy_source.model.reports import Report
from databuddy_source.tables.hints import MEANINGS, table_hints
from databuddy_source.tables.rows import LEFTOVER, own_name


def described(item: Any, names: Collection[str], report: Report, meta: TypeMeta | None) -> Any:
    """A table of rows that brings to dlt's schema what it and its columns mean.

    Args:
        item: the table, or what travels in its place.
        names: of its columns. dlt warns of hints for columns that never come.
        report: whose table it is.
        meta: what the API says of the query type, if anything.
    """
    said = {field.name: field for field in meta.output_fields} if meta else {}
    columns: dict[str, TColumnSchema] = {}
    for name in {*report.query_type.columns, *said}:
        own, field = own_name(name, report.grain), said.get(name)
        words = [(field.description or field.label or "").rstrip(".")] if field else []
        if field and field.unit:
            words.append(f"Unit: {field.unit}")
        if meaning := MEANINGS.get(report.query_type.columns.get(name, Kind.TEXT)):
            words.append(meaning.rstrip("."))
        if own in names and any(words):
            columns[own] = {"description": ". ".join(filter(None, words)) + "."}
        if own + LEFTOVER in names:
            columns[own + LEFTOVER] = {
                "description": f"Values that do not fit into {own}, as text."
            }
    about = [each.rstrip(".") for each in (meta.title, meta.description) if each] if meta else []
    about.append(f"Query type {report.query_type.name}, by website and {report.grain.value}")
    if report.filters_text:
        about.append(f"Where {report.filters_text}")
    return dlt.mark.with_hints(
        item,
        dlt.mark.make_hints(
            columns=columns, additional_table_hints=table_hints(". ".join(about) + ".")
        ),
    )
