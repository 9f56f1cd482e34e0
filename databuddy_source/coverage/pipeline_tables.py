"""The tables of a pipeline's dataset, over the connection that dlt makes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import dlt

from databuddy_source.coverage.as_made import types_as_made
from databuddy_source.coverage.reading import LOADS, Tables, later, newer_file
from databuddy_source.dlt_seam import (
    ConfigurationException,
    DestinationUndefinedEntity,
    PipelineConfigMissing,
    SqlClientBase,
    SqlJobClientBase,
)


@dataclass(frozen=True)
class _PipelineTables(Tables):
    client: SqlClientBase[Any] | None
    """None where the pipeline has no destination yet."""

    jobs: SqlJobClientBase | None = None
    """What knows the catalogue, over the same connection; None where dlt knows no other way."""

    known: dict[str, Set[str]] = field(default_factory=dict)
    """Columns of tables that were asked for: nothing changes them while the connection is open."""

    def rows(self, table: str, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        if self.client is None:
            return []
        qualified = self.client.make_qualified_table_name(table)
        rows = self.client.escape_column_name("rows")  # a reserved word in BigQuery and Snowflake
        with suppress(DestinationUndefinedEntity), types_as_made(table):
            new = later(sql, lambda: self.columns(table))
            loads = self.client.make_qualified_table_name(LOADS)
            asked = sql.format(table=qualified, loads=loads, rows=rows, **new)
            return self.client.execute_sql(asked, *values) or []
        return []

    def place(self, table: str) -> str:
        return self.client.make_qualified_table_name(table) if self.client else table

    def quoted(self, column: str) -> str:
        return self.client.escape_column_name(column) if self.client else column

    @property
    def can_be_asked(self) -> bool:
        return self.client is not None

    def missing(self, names: Collection[str]) -> Set[str]:
        if self.jobs is None:
            return frozenset()
        there = {name for name, columns in self.jobs.get_storage_tables(names) if columns}
        return frozenset(names) - there

    def columns(self, table: str) -> Set[str]:
        if table not in self.known:
            self.known[table] = self._columns(table)
        return self.known[table]

    def columns_of(self, tables: Collection[str]) -> Mapping[str, Set[str]]:
        if self.jobs and (lacking := {*tables} - self.known.keys()):
            for table, columns in self.jobs.get_storage_tables(lacking):
                self.known[table] = {column.lower() for column in columns}
        return super().columns_of(tables)

    def _columns(self, table: str) -> Set[str]:
        if self.client is None:
            return frozenset()
        qualified = self.client.make_qualified_table_name(table)
        with (
            suppress(DestinationUndefinedEntity),
            self.client.execute_query(f"SELECT * FROM {qualified} WHERE 1 = 0") as cursor,
        ):
            return {column[0].lower() for column in cursor.description or ()}
        return frozenset()


@contextmanager
def connected(pipeline: dlt.Pipeline) -> Iterator[Tables]:
    """The tables of a pipeline's dataset, while the block runs."""
    with ExitStack() as stack:
        client: SqlClientBase[Any] | None = None
        jobs: Any = None
        with suppress(DestinationUndefinedEntity, PipelineConfigMissing, ConfigurationException):
            jobs = pipeline.destination_client()
            is_sql = isinstance(jobs, SqlJobClientBase)
            opening: Any = jobs.sql_client if is_sql else pipeline.sql_client()
            try:
                client = stack.enter_context(opening)
            except Exception as error:  # drivers have no base in common
                if own := newer_file(error):
                    raise own from None
                raise
        yield _PipelineTables(client, jobs if isinstance(jobs, SqlJobClientBase) else None)
