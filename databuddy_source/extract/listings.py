"""The tables `websites` and `query_types`: what the server has."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.sources import DltResource

from databuddy_source.api.models import TypeConfig, Website
from databuddy_source.api.server import Server
from databuddy_source.dlt_seam import active_pipeline, tables_given_up
from databuddy_source.extract.coverage_carrier import with_load_id
from databuddy_source.extract.one_load import new_to_load
from databuddy_source.extract.relisted import Rows, hint_at_changes, said_before, same_rows
from databuddy_source.extract.sharing import SharedExtraction
from databuddy_source.model.query_types import load_catalog
from databuddy_source.tables.columns import json_text
from databuddy_source.tables.hints import FILE_FORMAT, LOAD_ID, REPLACE_PARTITION, table_hints

_WEBSITES: Final = pa.schema(
    [
        pa.field("id", pa.string(), False),
        pa.field("name", pa.string()),
        pa.field("domain", pa.string()),
        pa.field("is_public", pa.bool_()),
        pa.field("created_at", pa.timestamp("us", tz="UTC")),
    ]
)
_QUERY_TYPES: Final = pa.schema(
    [
        pa.field("name", pa.string(), False),
        pa.field("table_name", pa.string()),
        pa.field("title", pa.string()),
        pa.field("description", pa.string()),
        pa.field("category", pa.string()),
        pa.field("shape", pa.string()),
        pa.field("personal", pa.bool_()),
        pa.field("columns", pa.string()),
    ]
)

_WEBSITES_MEAN: Final = {
    "id": "Id of the website, as website_id in all other tables.",
    "name": "Name that the website was given; may be null.",
    "domain": "Domain of the website, without https://.",
    "is_public": "Whether everybody may see the website's numbers, without a key.",
    "created_at": "When the website was added to Databuddy, UTC.",
}
_QUERY_TYPES_MEAN: Final = {
    "name": "What the server calls the query type.",
    "table_name": "Table that its daily report fills.",
    "title": "Title, as the API says it.",
    "description": "Description, as the API says it.",
    "category": "Category, as the API says it.",
    "shape": "What its rows are: summary, breakdown, time_series, log or snapshot; null where "
    "the catalogue does not know the type.",
    "personal": "Whether it is about single visitors, and so loads only when it is named.",
    "columns": "Its columns as the API describes them, as JSON; not always those that come.",
}

_SCHEMAS: Final = {"websites": _WEBSITES, "query_types": _QUERY_TYPES}
_MEANINGS: Final = {"websites": _WEBSITES_MEAN, "query_types": _QUERY_TYPES_MEAN}
_DESCRIPTIONS: Final = {
    "websites": "The websites that the key sees, or once saw.",
    "query_types": "The query types of the server, as its API describes them.",
}


def websites(shared: SharedExtraction) -> DltResource:
    """The websites that the key sees. Merged by id: one that is gone stays."""
    return _listing(shared, "websites", "id", lambda server, _: website_rows(server.websites))


def query_types(shared: SharedExtraction) -> DltResource:
    """The query types that the server has, with what the API says of each."""

    def rows(server: Server, before: Rows) -> pa.Table:
        table = type_rows(server.types)
        hint_at_changes(before, table.to_pylist())
        return table

    return _listing(shared, "query_types", "name", rows)


def _listing(
    shared: SharedExtraction, name: str, key: str, rows: Callable[[Server, Rows], pa.Table]
) -> DltResource:
    """A table of what the server has. What it said before is not written again."""

    def generate() -> Iterator[Any]:
        extraction = shared.join(name)
        try:
            yield None  # wait for the others, so that one extraction serves all
            before = said_before(active_pipeline(), name, _SCHEMAS[name].names)
            table = rows(extraction.server, before)
            is_known = before and same_rows(before, table.to_pylist(), key)
            may_stay = name in extraction.steady and name not in tables_given_up()
            if shared.scope.refetch or not (is_known and may_stay):
                new = pa.array(new_to_load(name, table[key].to_pylist()), pa.string())
                yield table.filter(pc.is_in(table[key], value_set=new))
            shared.prove(name, extraction)
        finally:
            shared.leave(name, extraction)

    resource = dlt.resource(
        generate,
        name=name,
        write_disposition=REPLACE_PARTITION,
        file_format=FILE_FORMAT,
        merge_key=key,
        primary_key=(),
        columns={
            column: {"description": words}
            for column, words in ({**_MEANINGS[name], "_dlt_load_id": LOAD_ID}).items()
        },
    )
    resource.apply_hints(additional_table_hints=table_hints(_DESCRIPTIONS[name]))
    return with_load_id(resource)


def website_rows(seen: Mapping[str, Website]) -> pa.Table:
    """One row for each website."""
    rows = [
        {
            "id": website.id,
            "name": website.name,
            "domain": website.domain,
            "is_public": website.isPublic,
            "created_at": website.createdAt,
        }
        for website in seen.values()
    ]
    return pa.Table.from_pylist(rows, _WEBSITES)


def type_rows(types: Mapping[str, TypeConfig]) -> pa.Table:
    """One row for each query type; `columns` is JSON, as the API describes them."""
    catalog = load_catalog()
    rows = []
    for name, config in types.items():
        known, meta = catalog.get(name), config.meta
        fields = (
            [field.model_dump(exclude_none=True) for field in meta.output_fields] if meta else []
        )
        rows.append(
            {
                "name": name,
                "table_name": known.name,
                "title": meta.title if meta else None,
                "description": meta.description if meta else None,
                "category": meta.category if meta else None,
                "shape": known.shape.value if known.known else None,
                "personal": known.personal if known.known else None,
                "columns": json_text(fields) if fields else None,
            }
        )
    return pa.Table.from_pylist(rows, _QUERY_TYPES)
