"""A dataset that is open to be changed: its tables, and the states of those who load into it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import dlt

from databuddy_source.coverage import restatements
from databuddy_source.coverage import table as coverage_table
from databuddy_source.dlt_seam import (
    DestinationUndefinedEntity,
    SqlJobClientBase,
    literal_of,
    stored_as,
    stored_states,
)
from databuddy_source.errors import NothingLoaded
from databuddy_source.tables.layout import TOMBSTONE

WEBSITES: Final = "websites"
QUERY_TYPES: Final = "query_types"

SOURCE: Final = "databuddy"
"""Under which dlt's state has the resources."""

OF_CELLS: Final = (coverage_table.TABLE, restatements.TABLE)
"""Tables that say something of cells: of which website and report."""

OURS: Final = (*OF_CELLS, WEBSITES, QUERY_TYPES)
"""Our tables beside those of reports."""

States = Mapping[str, tuple[str, dict[str, Any]]]
"""States of pipelines by their names, each with the id of the load that brought it."""


def reports_of(schema: dlt.Schema) -> set[str]:
    """The tables of reports that dlt knows of, by the hint that only they have: tables of people's
    own may say of which website their rows are, too."""
    return {
        str(table["name"])
        for table in schema.data_tables()
        if table["columns"].get(TOMBSTONE, {}).get("hard_delete")
    }


def own_schema(pipeline: dlt.Pipeline) -> dlt.Schema | None:
    """The schema of our tables; None where the pipeline never loaded any."""
    for name in pipeline.schema_names:
        if coverage_table.TABLE in pipeline.schemas[name].tables:
            return pipeline.schemas[name]
    return None


def schema_of(pipeline: dlt.Pipeline) -> dlt.Schema:
    """The schema of our tables.

    Raises:
        NothingLoaded: nothing was ever loaded.
    """
    if schema := own_schema(pipeline):
        return schema
    raise NothingLoaded(f"Nothing was loaded into the dataset {pipeline.dataset_name}")


@contextmanager
def opened_dataset(pipeline: dlt.Pipeline) -> Iterator[OpenDataset]:
    """The pipeline's dataset, while the block runs.

    Args:
        pipeline: whose dataset it is; its local state is the newest.

    Raises:
        NothingLoaded: nothing was ever loaded.
    """
    schema = schema_of(pipeline)
    client = pipeline.destination_client(schema.name)
    assert isinstance(client, SqlJobClientBase)  # no other can replace days
    with client:
        yield OpenDataset(pipeline, schema, client)


@dataclass(frozen=True)
class OpenDataset:
    """A dataset that is open.

    Attributes:
        pipeline: whose dataset it is.
        schema: of the tables, as dlt knows it.
        client: that is open.
    """

    pipeline: dlt.Pipeline
    schema: dlt.Schema
    client: SqlJobClientBase

    @cached_property
    def reports(self) -> Collection[str]:
        """The tables of reports that the schema knows, and those that coverage names, whoever
        loaded them."""
        return reports_of(self.schema) | self._named_by_coverage()

    @cached_property
    def columns(self) -> Mapping[str, Collection[str]]:
        """The columns of each of our tables that is in the warehouse, and of dlt's."""
        own = {*OURS, *self.schema.dlt_table_names()}
        found = self.client.get_storage_tables({*self.reports, *own})
        return {name: list(columns) for name, columns in found if columns}

    @property
    def there(self) -> Collection[str]:
        """Our tables that are in the warehouse, and dlt's."""
        return self.columns.keys()

    def _named_by_coverage(self) -> set[str]:
        with suppress(DestinationUndefinedEntity):
            asked = f"SELECT DISTINCT report FROM {self.place(coverage_table.TABLE)}"
            return {str(report) for (report,) in self.client.sql_client.execute_sql(asked) or ()}
        return set()

    def own_state(self) -> dict[str, Any]:
        """A copy of the pipeline's state."""
        state: Any = deepcopy(self.pipeline.state)
        own: dict[str, Any] = state
        return own

    def states(self) -> States:
        """The states of all pipelines that load into it. What this one knows may be newer than what
        it has stored."""
        if self.schema.state_table_name not in self.there:
            return {}
        return {
            name: (load_id, self.own_state() if name == self.pipeline.pipeline_name else state)
            for name, (load_id, state) in stored_states(self.client).items()
        }

    def updates(self, states: States) -> Iterator[str]:
        """SQL that puts the next version in the place of each state, and deletes those before."""
        table = self.place(self.schema.state_table_name)
        for name, (load_id, state) in states.items():
            columns = stored_as(state).items()
            values = ", ".join(f"{self.column(n)} = {self.literal(v)}" for n, v in columns)
            own = f"{self.column('pipeline_name')} = {self.literal(name)}"
            load = f"{self.column('_dlt_load_id')} <> {self.literal(load_id)}"
            yield f"DELETE FROM {table} WHERE {own} AND {load}"
            yield f"UPDATE {table} SET {values} WHERE {own}"

    def place(self, name: str) -> str:
        """A table's name for SQL."""
        return self.client.sql_client.make_qualified_table_name(name)

    def column(self, name: str) -> str:
        """A column's name for SQL."""
        return self.client.sql_client.escape_column_name(name)

    def literal(self, value: Any) -> str:
        """A value for SQL."""
        return str(literal_of(self.client.sql_client)(value))
