"""What dlt does not write itself: comments on DuckDB and Postgres, on tables of Snowflake, and an
index on the partition on Postgres.

One step after a load. It reads what is there and writes what differs, and asks nothing at all
while all that it would write is what it last wrote.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

import dlt

from databuddy_source.coverage import table as coverage_table
from databuddy_source.dlt_seam import SqlClientBase, kind_of, literal_of, shortened
from databuddy_source.warehouse.lease import HAS_LOCKS, in_turn
from databuddy_source.warehouse.redaction import redacted
from databuddy_source.warehouse.views import keep_views

logger = logging.getLogger("databuddy_source")

DONE: Final = "databuddy_finished"
"""In dlt's local state: a digest of what each schema's tables were last given. (Not the hash of
the schema: it also names the resource that came last to a table, which changes with each run.)"""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a destination is asked and told.

    Attributes:
        comments: reads (table, column or null, comment) of a dataset, whose name is `%s`.
        of_columns: whether dlt leaves comments of columns to us, too.
        indexes: reads the names of a dataset's indexes; None where there are none to be made.
        literal: writes a comment as SQL; None where dlt's literals will do.
    """

    comments: str
    of_columns: bool = True
    indexes: str | None = None
    literal: Callable[[str], str] | None = None


def _as_it_is(text: str) -> str:
    """A break is a break in it. Of `E'a\\nb'`, as dlt writes it, DuckDB 2 keeps both signs in a
    comment."""
    return "'" + text.replace("'", "''") + "'"


_DUCKDB: Final = Dialect(
    "SELECT table_name, column_name, comment FROM (SELECT * FROM "
    "(SELECT schema_name, table_name, NULL AS column_name, comment FROM duckdb_tables() "
    "WHERE database_name = current_database()) UNION ALL "
    "SELECT schema_name, table_name, column_name, comment FROM duckdb_columns() "
    "WHERE database_name = current_database()) WHERE schema_name = %s",
    literal=_as_it_is,
)

DIALECTS: Final[Mapping[str, Dialect]] = {
    "duckdb": _DUCKDB,
    "ducklake": _DUCKDB,
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
    """Give the tables of this source comments and indexes, as far as they lack them, and views for
    analysts. `sync` and `load` call it; after `pipeline.run(...)` call it yourself.

    Args:
        pipeline: that loaded them. Nothing is done where its destination takes none of them.

    Raises:
        nothing of its own: what the destination refuses is a warning, since the rows are loaded all
            the same, and the next call tries again.
    """
    _comment(pipeline)
    keep_views(pipeline)


def _comment(pipeline: dlt.Pipeline) -> None:
    kind = kind_of(pipeline.destination.destination_type) if pipeline.destination else ""
    dialect = DIALECTS.get(kind)
    if dialect is None:
        return
    for name in pipeline.schema_names:
        schema, done = pipeline.schemas[name], _done(pipeline)
        wanted = list(_wanted(schema))
        digest = hashlib.sha256(repr(wanted).encode()).hexdigest()
        if coverage_table.TABLE not in schema.tables or done.get(name) == digest:
            continue
        try:
            with pipeline.sql_client(name) as client, _turn(client, kind):
                if statements := list(_missing(client, wanted, dialect)):
                    client.execute_many(statements)
        except Exception as error:  # comments are not worth a load
            reason = (redacted(str(error)).strip().splitlines() or [type(error).__name__])[0]
            logger.warning("The tables got no comments or indexes: %s", reason)
            continue
        pipeline.set_local_state_val(DONE, {**done, name: digest})


def _turn(client: SqlClientBase[Any], kind: str) -> AbstractContextManager[None]:
    """Another pipeline may be about to make the same index."""
    return in_turn(client) if kind in HAS_LOCKS else nullcontext()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a table shall have.

    Attributes:
        table: its name in dlt's schema.
        keys: columns of its partition.
        about: its comment, or None.
        columns: comments of columns.
    """

    table: str
    keys: tuple[str, ...]
    about: str | None
    columns: tuple[tuple[str, str], ...]


def _wanted(schema: dlt.Schema) -> Iterator[Wanted]:
    for table in schema.data_tables(seen_data_only=True):
        columns = table["columns"].items()
        yield Wanted(
            str(table["name"]),
            tuple(name for name, hints in columns if hints.get("merge_key")),
            table.get("description"),
            tuple(
                (name, str(hints["description"]))
                for name, hints in columns
                if "description" in hints
            ),
        )


def _done(pipeline: dlt.Pipeline) -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = pipeline.get_local_state_val(DONE)
        return found
    except KeyError:
        return {}


def _missing(
    client: SqlClientBase[Any], wanted: Sequence[Wanted], dialect: Dialect
) -> Iterator[str]:
    """The statements that are needed."""
    fold = client.capabilities.casefold_identifier
    literal = dialect.literal or literal_of(client)
    dataset, quoted = fold(client.dataset_name), client.escape_column_name
    found = client.execute_sql(dialect.comments, dataset) or []
    held = {(table, column): comment for table, column, comment in found}
    indexes: set[str] = set()
    if dialect.indexes:
        indexes = {index for (index,) in client.execute_sql(dialect.indexes, dataset) or []}
    for each in wanted:
        name, table = fold(each.table), client.make_qualified_table_name(each.table)
        index = shortened(
            f"{each.table}_partition", each.table, client.capabilities.max_identifier_length
        )
        if dialect.indexes and each.keys and index not in indexes:
            columns = ", ".join(map(quoted, each.keys))
            yield f"CREATE INDEX IF NOT EXISTS {quoted(index)} ON {table} ({columns})"
        if each.about and held.get((name, None)) != each.about:
            yield f"COMMENT ON TABLE {table} IS {literal(each.about)}"
        for column, about in each.columns if dialect.of_columns else ():
            if held.get((name, fold(column))) != about:
                yield f"COMMENT ON COLUMN {table}.{quoted(column)} IS {literal(about)}"
