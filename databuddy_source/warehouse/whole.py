"""A destination whose loads happen whole or not at all.

dlt merges table by table, each in a job of its own, and DuckDB's without a transaction. Here the
jobs of a load fill the staging dataset only. What they bring reaches all tables in one transaction,
together with coverage, dlt's state and the row of the load in `_dlt_loads`.

A report whose rows the warehouse refuses stays out of it, and coverage says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, Final

import dlt
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from databuddy_source.coverage.reading import RESTATEMENTS
from databuddy_source.coverage.reading import TABLE as COVERAGE
from databuddy_source.coverage.refused import refused
from databuddy_source.dlt_seam import (
    AnyDestination,
    DatabaseException,
    DatabaseTransientException,
    DestinationTerminalException,
    SqlJobClientBase,
    done_job,
    failed_jobs,
    kind_of,
    literal_of,
    loaded_chains,
)
from databuddy_source.warehouse.lease import HAS_LOCKS, LATELY, take_turn
from databuddy_source.warehouse.lost import LooksAgain
from databuddy_source.warehouse.refusals import refused_by, refusing, words_of, words_of_job
from databuddy_source.warehouse.staged import (
    Staged,
    bringing_in,
    has_no_rows,
    merges_at_the_end,
    note_of,
    staged_reports,
    tables_with_rows,
)
from databuddy_source.warehouse.transactions import TRANSACTIONS

MOST_TRIES: Final = 5
"""Of a transaction that a warehouse breaks off, as it does with one of two that collide."""


def make_whole(pipeline: dlt.Pipeline) -> None:
    """Give a pipeline a destination whose loads happen whole, where there is one. Its name, its
    type, its configuration and its tables stay the same."""
    destination = pipeline.destination
    if destination and kind_of(destination.destination_type) in TRANSACTIONS:
        behind = type(destination)
        if not issubclass(behind, _WholeDestination):
            whole: Any = object.__new__(_destination_class(behind))
            vars(whole).update(vars(destination))
            pipeline.destination = whole


def is_whole(pipeline: dlt.Pipeline) -> bool:
    """Whether the loads of a pipeline happen whole."""
    return isinstance(pipeline.destination, _WholeDestination)


def change(client: SqlJobClientBase, load_id: str, statements: Sequence[str]) -> None:
    """Run statements that no job brought, noted as a load: all or none where loads happen whole,
    else one after the other.

    Args:
        client: that is open.
        load_id: of a load that is not noted yet.
        statements: of SQL.
    """
    if isinstance(client, _WholeClient):
        client.change(load_id, statements)
        return
    for statement in statements:
        client.sql_client.execute_sql(statement)
    client.complete_load(load_id)


class _WholeDestination:
    """Before a class of dlt's destinations."""

    @property
    def client_class(self) -> type[SqlJobClientBase]:
        behind: Any = super()
        return _client_class(behind.client_class)

    def client(self, schema: dlt.Schema, initial_config: Any = None) -> Any:
        """A client that changes nothing once the lease is lost, if there is one, and waits while
        somebody looks into DuckDB's file: dlt opens it anew for each job."""
        behind: Any = super()
        client = behind.client(schema, initial_config)
        client.hold = getattr(self, "hold", client.hold)
        if kind_of(behind.destination_type) == "duckdb":
            from databuddy_source.warehouse.duckdb_file import patiently  # needs duckdb

            client.sql_client.open_connection = partial(
                patiently, client.sql_client.open_connection
            )
        return client


class _WholeClient(LooksAgain):
    """Before a class of dlt's clients."""

    filled: Set[str] = frozenset()
    """The tables of the load that is done: staging has no others."""

    @staticmethod
    def hold(lately: float = 0.0) -> None:
        """Raises where another sync may run by now."""

    def initialize_storage(self: Any, truncate_tables: Iterable[str] | None = None) -> None:
        """In turn where something is to be made, which another pipeline may be about to make. dlt
        empties all of staging before a load and after it, a statement for each table, where what
        has rows will do."""
        behind: Any = super()
        self.hold(LATELY)
        if named := sorted(truncate_tables or ()):
            truncate_tables = self.filled.intersection(named) or tables_with_rows(self, named)
        if not self._takes_turns():
            behind.initialize_storage(truncate_tables)
        elif not self.is_storage_initialized():
            with self.maybe_ddl_transaction():
                behind.initialize_storage()
        elif truncate_tables:
            self.sql_client.truncate_tables(*truncate_tables)

    def update_stored_schema(
        self: Any,
        only_tables: Iterable[str] | None = None,
        expected_update: Any = None,
        force: bool = False,
    ) -> Any:
        """Of staging all that is needed, also where somebody dropped it: dlt believes that what a
        version of the schema once made is there. dlt's state waits there, too."""
        behind: Any = super()
        if self.sql_client.is_staging_dataset_active and only_tables is not None:
            only_tables = {*only_tables, self.schema.state_table_name}
            force = True
        if only_tables and COVERAGE in only_tables:  # also while nothing has changed
            only_tables = {*only_tables, *({RESTATEMENTS} & {*self.schema.tables})}
        return behind.update_stored_schema(only_tables, expected_update, force)

    @contextmanager
    def maybe_ddl_transaction(self: Any) -> Iterator[None]:
        """With what dlt reads of the tables that are there, to make those that are not."""
        behind: Any = super()
        with behind.maybe_ddl_transaction():
            if self._takes_turns():
                take_turn(self.sql_client)
            yield

    def _takes_turns(self: Any) -> bool:
        return kind_of(self.config.destination_type) in HAS_LOCKS

    def should_load_data_to_staging_dataset(self: Any, table_name: str) -> bool:
        """dlt's state, too, waits in staging: appended at once it would be there twice when a load
        that was killed begins anew."""
        behind: Any = super()
        is_state = table_name == self.schema.state_table_name
        return is_state or bool(behind.should_load_data_to_staging_dataset(table_name))

    def create_load_job(
        self: Any, table: Any, file_path: str, load_id: str, restore: bool = False
    ) -> Any:
        """Nothing to do where a file has no rows, which Postgres does not take."""
        behind: Any = super()
        self.hold(LATELY)
        if has_no_rows(file_path):
            return done_job(file_path)
        return behind.create_load_job(table, file_path, load_id, restore)

    def _create_merge_followup_jobs(self, table_chain: Sequence[Any]) -> list[Any]:
        behind: Any = super()
        is_ours = merges_at_the_end(table_chain)
        return [] if is_ours else list(behind._create_merge_followup_jobs(table_chain))

    def complete_load(self: Any, load_id: str) -> None:
        """Bring what is in staging into all tables and note the load, in one transaction; nothing
        where an earlier try did it and was cut off afterwards."""
        behind: Any = super()
        self._set_query_tags(operation="complete_load", load_id=load_id)
        chains = loaded_chains(self, load_id)
        merges = {
            str(chain[0]["name"]): list(bringing_in(self, chain, load_id, behind))
            for chain in chains
        }
        self._once(load_id, lambda: self._bring_in(load_id, self.founded(load_id, merges)))
        self.filled = {str(table["name"]) for chain in chains for table in chain}

    def change(self: Any, load_id: str, statements: Sequence[str]) -> None:
        """Run statements and note them as a load, in one transaction."""
        run = TRANSACTIONS[kind_of(self.config.destination_type)]
        noted = [*statements, note_of(self, load_id)]
        self._once(load_id, lambda: run(self.sql_client, noted))

    def _once(self: Any, load_id: str, run: Callable[[], object]) -> None:
        """Run a transaction until its load is noted, and not at all where it is."""
        for attempt in Retrying(
            retry=retry_if_exception_type(DatabaseTransientException),
            stop=stop_after_attempt(MOST_TRIES),
            wait=wait_random_exponential(max=10),
            before=lambda state: self._reconnect() if state.attempt_number > 1 else None,
            reraise=True,
        ):
            with attempt:
                self.hold()
                if not self._is_noted(load_id):
                    run()
                    # the row is believed, and not that there was no error
                    if not self._is_noted(load_id):
                        raise DatabaseTransientException(OSError(f"Load {load_id} has no effect"))

    def _bring_in(self: Any, load_id: str, merges: Mapping[str, Sequence[str]]) -> None:
        """Run the statements of all tables, but of reports whose rows are refused, now or before,
        by staging.

        Raises:
            DestinationFails: another table refuses its rows.
            AlreadyRunning: another run fills staging at the same time.
        """
        run = TRANSACTIONS[kind_of(self.config.destination_type)]
        staged = Staged(self, load_id, merges)
        refusals: dict[str, str] = {}
        for table, told in failed_jobs(load_id).items():
            self._refuse(table, words_of_job(told), refusals)
        staged.fill_anew(refusals.keys())
        while True:
            statements = list(self._marks(load_id, refusals))
            for table, own in merges.items():
                statements += () if table in refusals else own
            try:
                noted = [*statements, note_of(self, load_id), *staged.guard(refusals.keys())]
                return run(self.sql_client, noted)
            except DatabaseException as error:
                if staged.fill_anew(refusals.keys()):
                    continue
                refusing_table = refusing(error, merges)
                if not refusing_table:
                    raise
                self._refuse(refusing_table, words_of(error), refusals)

    def _refuse(self: Any, table: str, words: str, refusals: dict[str, str]) -> None:
        """Note that a report stays out of the load.

        Raises:
            DestinationFails: the table is no report's.
        """
        if table not in staged_reports(self):
            raise refused_by(table, words) from DestinationTerminalException(words)
        refusals[table] = words

    def _marks(self: Any, load_id: str, refusals: Mapping[str, str]) -> Iterator[str]:
        """What makes the cells of reports failed ones."""
        for table, words in refusals.items():
            yield from refused(
                table,
                words,
                load_id,
                names=self.sql_client.get_qualified_table_names(COVERAGE),
                spell=(self.sql_client.escape_column_name, literal_of(self.sql_client)),
            )

    def _reconnect(self: Any) -> None:
        """The server may have closed the connection, or have been restarted."""
        self.sql_client.close_connection()
        self.sql_client.open_connection()

    def _is_noted(self: Any, load_id: str) -> bool:
        name = self.sql_client.make_qualified_table_name(self.schema.loads_table_name)
        key = self.sql_client.escape_column_name(self.schema.naming.normalize_identifier("load_id"))
        return bool(self.sql_client.execute_sql(f"SELECT 1 FROM {name} WHERE {key} = %s", load_id))


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
