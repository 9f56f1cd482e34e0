"""The tables of a pipeline's dataset, over the connection that dlt makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import dlt

from databuddy_source.coverage.reading import Tables
from databuddy_source.dlt_seam import (
    ConfigurationException,
    DestinationUndefinedEntity,
    PipelineConfigMissing,
    SqlClientBase,
)


@dataclass(frozen=True)
class _PipelineTables(Tables):
    client: SqlClientBase[Any] | None
    """None where the pipeline has no destination yet."""

    def rows(self, table: str, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        if self.client is None:
            return []
        qualified = self.client.make_qualified_table_name(table)
        rows = self.client.escape_column_name("rows")  # a reserved word in BigQuery and Snowflake
        with suppress(DestinationUndefinedEntity):
            return self.client.execute_sql(sql.format(table=qualified, rows=rows), *values) or []
        return []


@contextmanager
def connected(pipeline: dlt.Pipeline) -> Iterator[Tables]:
    """The tables of a pipeline's dataset, while the block runs."""
    with ExitStack() as stack:
        client: SqlClientBase[Any] | None = None
        with suppress(DestinationUndefinedEntity, PipelineConfigMissing, ConfigurationException):
            opening: Any = pipeline.sql_client()  # whose types are not those of a stack
            client = stack.enter_context(opening)
        yield _PipelineTables(client)
