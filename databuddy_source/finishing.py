"""What dlt does not write itself: comments on DuckDB and Postgres, on tables of Snowflake, and an
index on the partition on Postgres, where a merge would read whole tables without it.

One step after a load. It reads what is there and writes what differs, and does nothing at all
while dlt's schema is the one that it last finished.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import dlt
from dlt.common.data_writers.escape import escape_snowflake_literal
from dlt.common.schema import Schema
from dlt.common.schema.utils import get_columns_names_with_prop
from dlt.destinations.sql_client import SqlClientBase

from databuddy_source import coverage

logger = logging.getLogger("databuddy_source")

DONE: Final = "databuddy_finished"
"""In dlt's local state: version hash of each schema that is finished."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a destination is asked and told.

    Attributes:
        comments: reads (table, column or null, comment) of a dataset, whose name is `%s`.
        of_columns: whether dlt leaves comments of columns to us, too.
        indexes: reads the names of a dataset's indexes; None where there are none to be made.
    """

    comments: str
    of_columns: bool = True
    indexes: str | None = None


DIALECTS: Final[Mapping[str, Dialect]] = {
    "duckdb": Dialect(
        "SELECT table_name, column_name, comment FROM (SELECT * FROM "
        "(SELECT schema_name, table_name, NULL AS column_name, comment FROM duckdb_tables() "
        "WHERE database_name = current_database()) UNION ALL "
        "SELECT schema_name, table_name, column_name, comment FROM duckdb_columns() "
        "WHERE database_name = current_database()) WHERE schema_name = %s"
    ),
    "postgres": Dialect(
        "SELECT relname, attname, description FROM pg_description "
        "JOIN pg_class c ON c.oid = objoid AND classoid = 'pg_class'::regclass "
        "LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND objsubid > 0 "
        "WHERE relnamespace::regnamespace::text = quote_ident(%s)",
        indexes="SELECT indexname FROM pg_indexes WHERE schemaname = %s",
    ),
    "snowflake": Dialect(
        "SELECT table_name, NULL, comment FROM information_schema.tables WHERE table_schema = %s",
        of_columns=False,
    ),
}
"""BigQuery is not among them: dlt writes all of it when it makes a table or a column."""


def finish_tables(pipeline: dlt.Pipeline) -> None:
    """Give the tables of this source comments and indexes, as far as they lack them. `sync` and
    `sync_in_loads` call it; after `pipeline.run(...)` call it yourself.

    What fails is a warning: the rows are loaded all the same, and the next call tries again.
    """
    kind = pipeline.destination.destination_type.rsplit(".", 1)[-1] if pipeline.destination else ""
    dialect = DIALECTS.get(kind)
    if dialect is None:
        return
    for name in pipeline.schema_names:
        schema, done = pipeline.schemas[name], _done(pipeline)
        if coverage.TABLE not in schema.tables or done.get(name) == schema.version_hash:
            continue
        try:
            with pipeline.sql_client(name) as client:
                if statements := list(_missing(client, schema, dialect)):
                    client.execute_many(statements)
        except Exception as error:  # comments are not worth a load
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            logger.warning("The tables got no comments or indexes: %s", reason)
            continue
        pipeline.set_local_state_val(DONE, {**done, name: schema.version_hash})


def _done(pipeline: dlt.Pipeline) -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = pipeline.get_local_state_val(DONE)
        return found
    except KeyError:
        return {}


def _missing(client: SqlClientBase[Any], schema: Schema, dialect: Dialect) -> Iterator[str]:
    """The statements that are needed."""
    fold = client.capabilities.casefold_identifier
    named: Callable[[Any], Any] | None = client.capabilities.escape_literal
    literal = named or escape_snowflake_literal  # Snowflake's capabilities do not name it
    dataset = fold(client.dataset_name)
    found = client.execute_sql(dialect.comments, dataset) or []
    held = {(table, column): comment for table, column, comment in found}
    indexes: set[str] = set()
    if dialect.indexes:
        indexes = {index for (index,) in client.execute_sql(dialect.indexes, dataset) or []}
    for table in schema.data_tables(seen_data_only=True):
        name = str(table["name"])
        qualified = client.make_qualified_table_name(name)
        keys = get_columns_names_with_prop(table, "merge_key")
        index = schema.naming.shorten_identifier(
            f"{name}_partition", name, client.capabilities.max_identifier_length
        )
        if dialect.indexes and keys and index not in indexes:
            columns = ", ".join(map(client.escape_column_name, keys))
            quoted = client.escape_column_name(index)
            yield f"CREATE INDEX IF NOT EXISTS {quoted} ON {qualified} ({columns})"
        about = table.get("description")
        if about and held.get((fold(name), None)) != about:
            yield f"COMMENT ON TABLE {qualified} IS {literal(about)}"
        for column, hints in table["columns"].items() if dialect.of_columns else ():
            about = hints.get("description")
            if about and "data_type" in hints and held.get((fold(name), fold(column))) != about:
                target = f"{qualified}.{client.escape_column_name(column)}"
                yield f"COMMENT ON COLUMN {target} IS {literal(about)}"
