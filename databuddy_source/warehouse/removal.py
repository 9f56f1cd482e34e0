"""Websites and reports that are taken out of a dataset: their rows, coverage and state, all or
none.

A report of which nothing is left loses its table, in dlt's schema, too: it would come back empty
else, with columns of a time that is over.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import dlt

from databuddy_source.clock import now
from databuddy_source.dlt_seam import (
    forgotten,
    kind_of,
    new_load_id,
    row_of_schema,
    without_tables,
)
from databuddy_source.warehouse.dataset import OF_CELLS, SOURCE
from databuddy_source.warehouse.part import PartOfDataset
from databuddy_source.warehouse.transactions import DROPS_INSIDE
from databuddy_source.warehouse.views import drops_of_views, forget_views
from databuddy_source.warehouse.whole import change


@dataclass(frozen=True)
class Removing:
    """Takes a part out of its dataset.

    Attributes:
        found: the part, open.
    """

    found: PartOfDataset

    @cached_property
    def resources(self) -> Collection[str]:
        """The resources whose state goes, also those of other pipelines."""
        names = {name for _, (_, gone) in self._states.items() for name in gone}
        return names | {*forgotten(self.found.own_state(), SOURCE, self.found.part.has)}

    def take_out(self) -> str | None:
        """Take it out. Returns the id of the load as which that is noted; None where there is
        nothing to be taken out."""
        if not self.found.tables and not self.resources:
            return None
        load_id = new_load_id()
        states = {name: stored for name, (stored, _) in self._states.items()}
        taken = [*self._deletes(), *self.found.updates(states)]
        dropped = [each.table for each in self.found.tables if each.dropped]
        # Postgres drops no table that a view reads; the next step after a load makes them anew
        views = [*drops_of_views(self.found.place)] if dropped else []
        drops = [*views, *self._drops(dropped)] if dropped else []
        schema = without_tables(self.found.schema, dropped) if dropped else self.found.schema
        stored = [*self._stores(schema)] if dropped else []
        if kind_of(self.found.client.config.destination_type) in DROPS_INSIDE:
            change(self.found.client, load_id, [*taken, *drops, *stored])
        else:  # killed before its end, it leaves tables that are empty, and may be named again
            change(self.found.client, load_id, taken)
            for statement in drops:
                self.found.client.sql_client.execute_sql(statement)
            if stored:
                change(self.found.client, new_load_id(), stored)
        # who is killed before this takes it from the warehouse, which has the next version
        with self.found.pipeline.managed_state() as state:
            own: Any = state
            forgotten(own, SOURCE, self.found.part.has)
        if dropped:
            self.found.pipeline.schemas.save_schema(schema)
            forget_views(self.found.pipeline)
        return load_id

    @cached_property
    def _states(self) -> Mapping[str, tuple[tuple[str, dict[str, Any]], Sequence[str]]]:
        """The states of all pipelines without what goes, each with the id of its load, and what
        goes of it; those of which nothing does are left out."""
        found = {}
        for name, (load_id, state) in self.found.states().items():
            if gone := forgotten(state, SOURCE, self.found.part.has):
                found[name] = ((load_id, state), gone)
        return found

    # -- what takes it out

    def _deletes(self) -> Iterator[str]:
        # coverage first: one that says too little does no harm where this is no transaction
        for name in OF_CELLS:
            if name in self.found.there:
                yield self._delete(name)
        for each in self.found.tables:
            if each.rows:
                yield self._delete(each.table)

    def _delete(self, name: str) -> str:
        return f"DELETE FROM {self.found.place(name)} WHERE {self.found.condition(name)}"

    def _drops(self, names: Sequence[str]) -> Iterator[str]:
        """What drops tables, also those in staging, which have their columns. What staging knows of
        schemas goes with them, as in `_stores`."""
        client: Any = self.found.client  # one that merges has a staging dataset
        for name in names:
            yield f"DROP TABLE IF EXISTS {self.found.place(name)}"
        with client.with_staging_dataset():
            if client.is_storage_initialized():
                versions = self.found.schema.version_table_name
                for name, columns in client.get_storage_tables([*names, versions]):
                    if columns and name == versions:
                        yield self._forget_versions()
                    elif columns:
                        yield f"DROP TABLE IF EXISTS {self.found.place(name)}"

    def _stores(self, schema: dlt.Schema) -> Iterator[str]:
        """What puts a schema in the place of all versions before: dlt takes a schema that it once
        stored for one whose tables are there."""
        yield self._forget_versions()
        table = self.found.place(schema.version_table_name)
        values = ", ".join(str(self.found.literal(each)) for each in row_of_schema(schema, now()))
        columns = self.found.client.version_table_schema_columns
        yield f"INSERT INTO {table}({columns}) VALUES({values})"

    def _forget_versions(self) -> str:
        table = self.found.place(self.found.schema.version_table_name)
        own = f"{self.found.column('schema_name')} = {self.found.literal(self.found.schema.name)}"
        return f"DELETE FROM {table} WHERE {own}"
