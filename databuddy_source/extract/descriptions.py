"""What a table and its columns mean, on its way into dlt's schema with the first rows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import dlt

from databuddy_source.api.models import OutputField, TypeMeta
from databuddy_source.model.reports import Report
from databuddy_source.tables.hints import comment_on, table_hints
from databuddy_source.tables.layout import API_NAME, MORE, Layout

NAME_SHOWN = 100
"""Characters of a name of the API."""


def described(
    item: Any, names: Collection[str], report: Report, layout: Layout, meta: TypeMeta | None
) -> Any:
    """A table of rows that brings to dlt's schema what it and its columns mean.

    Args:
        item: the table, or what travels in its place.
        names: of its columns. dlt warns of hints for columns that never come.
        report: whose table it is.
        layout: the columns of the table.
        meta: what the API says of the query type, if anything.
    """
    said = {field.name: field for field in meta.output_fields} if meta else {}
    columns: dict[str, Any] = {}
    for own, name in layout.names.items():
        leftover, field = layout.leftover(own), said.get(name)
        if leftover in names:
            columns[leftover] = {"description": f"Values that do not fit into {own}, as text."}
        if own not in names:
            continue
        columns[own] = {} if name in report.query_type.columns else {API_NAME: name}
        columns[own]["description"] = words_of_column(report, layout, name, field)
    if MORE in names:
        columns[MORE] = {"description": "Columns of the API for which there is no room, as JSON."}
    return dlt.mark.with_hints(
        item,
        dlt.mark.make_hints(
            columns=columns, additional_table_hints=table_hints(words_of_table(report, meta))
        ),
    )


def words_of_table(report: Report, meta: TypeMeta | None = None) -> str:
    """What a report's table means.

    Args:
        report: whose table it is.
        meta: what the API says of the query type, if anything.
    """
    about = [each.rstrip(".") for each in (meta.title, meta.description) if each] if meta else []
    about.append(f"Query type {report.query_type.name}, by website and {report.grain.value}")
    if report.filters_text:
        about.append(f"Where {report.filters_text}")
    return ". ".join(about) + "."


def words_of_column(
    report: Report, layout: Layout, name: str, field: OutputField | None = None
) -> str:
    """What a column means.

    Args:
        report: whose column it is.
        layout: the columns of the table.
        name: what the API calls it.
        field: what the API says of it, if anything.
    """
    words = comment_on(report.query_type, name, report.grain, spelled=layout.spelled)
    words = words or _of_api(field)
    return (
        words if layout.column(name) == name else f"{words} The API calls it {name[:NAME_SHOWN]!r}."
    )


def _of_api(field: OutputField | None) -> str:
    """What the API says of a column that the catalogue does not know."""
    said = (field.description or field.label or "").strip().rstrip(".") if field else ""
    words = [said or "Neither the catalogue nor the API says what it means"]
    if field and field.unit:
        words.append(f"Unit: {field.unit}")
    return ". ".join(words) + "."
