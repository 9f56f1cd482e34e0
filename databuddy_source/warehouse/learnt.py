"""What a pipeline's schema has to know of a dataset that others load into, too.

dlt lets a schema have the tables that its pipeline filled. What is lost, taken out or exchanged is
found by it, so the tables that another pipeline filled would stay as they are, with rows of which
coverage says nothing any more. Coverage names them, and dlt stores each version of a schema in the
dataset.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any

import dlt

from databuddy_source.coverage import restatements
from databuddy_source.coverage import table as coverage_table
from databuddy_source.dlt_seam import (
    DestinationUndefinedEntity,
    SqlJobClientBase,
    add_tables,
    install_schema,
    schema_of_run,
    stored_schemas,
    stored_tables,
    with_tables,
)
from databuddy_source.warehouse.dataset import QUERY_TYPES, WEBSITES, own_schema

_OTHERS = {restatements.TABLE, WEBSITES, QUERY_TYPES}
"""Tables of ours that coverage does not name."""


def learn(pipeline: dlt.Pipeline) -> None:
    """Let a pipeline know all tables of ours in its dataset. One that has loaded nothing yet goes
    on then as one that has.

    Args:
        pipeline: that nobody else runs meanwhile.
    """
    own, whole = own_schema(pipeline), whole_schema(pipeline)
    if whole and whole is not own:
        install_schema(pipeline, whole)


def whole_schema(pipeline: dlt.Pipeline) -> dlt.Schema | None:
    """The schema of all tables of ours in a pipeline's dataset: its own one, if there is nothing to
    be added; None where nothing was ever loaded."""
    own = own_schema(pipeline)
    if not pipeline.destination:
        return own
    client = pipeline.destination_client(own.name) if own else pipeline.destination_client()
    if not isinstance(client, SqlJobClientBase):
        return own
    with client:
        if not client.is_storage_initialized():
            return own
        if own is None:
            every = stored_schemas(client)
            own = next((each for each in every if coverage_table.TABLE in each.tables), None)
        if own is None:
            return None
        tables = _lacking(client, own, _filled(client))
        return with_tables(own, tables) if tables else own


def learn_in_run(client: SqlJobClientBase, reports: Collection[str]) -> None:
    """The same for a pipeline that extracts.

    Args:
        client: of the pipeline, that is open; it gets the schema of all tables of ours.
        reports: those that coverage names.
    """
    known = {str(each["name"]) for each in client.schema.data_tables(seen_data_only=True)}
    if known.issuperset(reports):  # nothing more has to be asked
        return
    if tables := _lacking(client, client.schema, _filled(client)):
        client.schema = with_tables(client.schema, tables)
        if of_run := schema_of_run():  # takes the place of the pipeline's when all is extracted
            add_tables(of_run, tables)


def _lacking(client: SqlJobClientBase, schema: dlt.Schema, filled: set[str]) -> dict[str, Any]:
    """The tables of ours that a schema has not, by name, where a report's is among them."""
    known = {str(each["name"]) for each in schema.data_tables(seen_data_only=True)}
    if known.issuperset(filled):
        return {}
    return stored_tables(client, schema.name, (filled | _OTHERS) - known)


def _filled(client: SqlJobClientBase) -> set[str]:
    """The reports that have rows, and so had a table once."""
    table = client.sql_client.make_qualified_table_name(coverage_table.TABLE)
    rows = client.sql_client.escape_column_name("rows")
    with suppress(DestinationUndefinedEntity):
        found = client.sql_client.execute_sql(
            f"SELECT DISTINCT report FROM {table} WHERE {rows} > 0"
        )
        return {str(report) for (report,) in found or ()}
    return set()
