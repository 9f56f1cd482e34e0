"""A destination whose loads happen whole or not at all.

dlt merges table by table, each in a job of its own, and DuckDB's without a transaction. Here the
jobs of a load fill the staging dataset only. What they bring reaches all tables in one transaction,
together with coverage, dlt's state and the row of the load in `_dlt_loads`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import dlt
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from databuddy_source.dlt_seam import (
    AnyDestination,
    DatabaseTransientException,
    SqlJobClientBase,
    loaded_chains,
)

TRANSACTIONS: Final = {"duckdb", "postgres", "bigquery", "snowflake"}
"""Types of destinations that can change all tables of a dataset in one transaction, and were seen
to."""

MOST_TRIES: Final = 5
"""Of a transaction that a warehouse breaks off, as one of two that wait for each other."""


def make_whole(pipeline: dlt.Pipeline) -> None:
    """Give a pipeline a destination whose loads happen whole, where there is one. Its name, its
    type, its configuration and its tables stay the same."""
    destination = pipeline.destination
    kind = destination.destination_type.rsplit(".", 1)[-1] if destination else ""
    if destination and kind in TRANSACTIONS and not isinstance(destination, _WholeDestination):
        kind_of_it = _destination_class(type(destination))
        whole = kind_of_it.__new__(kind_of_it)
        vars(whole).update(vars(destination))
        pipeline.destination = whole


class _WholeDestination:
    """Before a class of dlt's destinations."""

    @property
    def client_class(self) -> type[SqlJobClientBase]:
        behind: Any = super()
        return _client_class(behind.client_class)


class _WholeClient:
    """Before a class of dlt's clients."""

    def should_load_data_to_staging_dataset(self: Any, table_name: str) -> bool:
        """dlt's state, too, waits in staging: appended at once it would be there twice when a load
        that was killed begins anew."""
        behind: Any = super()
        is_state = table_name == self.schema.state_table_name
        return is_state or bool(behind.should_load_data_to_staging_dataset(table_name))

    def _create_merge_followup_jobs(self, table_chain: Sequence[Any]) -> list[Any]:
        return []  # `complete_load` merges

    def complete_load(self: Any, load_id: str) -> None:
        """Bring what is in staging into all tables and note the load, in one transaction; nothing
        where an earlier try did it and was cut off afterwards."""
        behind: Any = super()
        statements = [
            each
            for chain in loaded_chains(self, load_id)
            for each in self._statements(chain, behind)
        ]
        for attempt in Retrying(
            retry=retry_if_exception_type(DatabaseTransientException),
            stop=stop_after_attempt(MOST_TRIES),
            wait=wait_random_exponential(max=10),
            reraise=True,
        ):
            with attempt:
                if self._is_noted(load_id):
                    return
                with self.sql_client.begin_transaction():
                    for statement in statements:
                        self.sql_client.execute_sql(statement)
                    behind.complete_load(load_id)

    def _is_noted(self: Any, load_id: str) -> bool:
        name = self.sql_client.make_qualified_table_name(self.schema.loads_table_name)
        key = self.sql_client.escape_column_name(self.schema.naming.normalize_identifier("load_id"))
        return bool(self.sql_client.execute_sql(f"SELECT 1 FROM {name} WHERE {key} = %s", load_id))

    def _statements(self: Any, chain: Sequence[Any], behind: Any) -> Iterator[str]:
        """What brings a table from staging into its place."""
        (root, *_) = chain
        if root["name"] == self.schema.state_table_name:
            client = self.sql_client
            with client.with_staging_dataset():
                staged = client.make_qualified_table_name(root["name"])
            name = client.make_qualified_table_name(root["name"])
            columns = ", ".join(map(client.escape_column_name, root["columns"]))
            yield f"INSERT INTO {name}({columns}) SELECT {columns} FROM {staged}"
        elif root["write_disposition"] == "merge":
            for job in behind._create_merge_followup_jobs(chain):  # noqa: SLF001  # `_Whole` is before it
                file = Path(job.new_file_path())
                yield from file.read_text("utf-8").splitlines()  # dlt writes one a line
                file.unlink()


@cache
def _destination_class(behind: type[AnyDestination]) -> type[Any]:
    return _before(behind, _WholeDestination)


@cache
def _client_class(behind: type[SqlJobClientBase]) -> type[SqlJobClientBase]:
    return _before(behind, _WholeClient)


def _before(behind: type[Any], mixin: type[Any]) -> type[Any]:
    """A class with the same name in the same module, by which dlt knows it."""
    names = {"__module__": behind.__module__, "__qualname__": behind.__qualname__}
    return type(behind.__name__, (mixin, behind), names)
