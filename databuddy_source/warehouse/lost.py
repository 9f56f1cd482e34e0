"""Tables and columns that somebody took away: coverage forgets their days, and they come back
empty.

dlt believes that what it once made is there, and coverage that what was once loaded is. Both are
wrong after a `DROP TABLE` or `DROP COLUMN`, and after `dlt pipeline ... drop` or `refresh`, which
drop a table for all websites where one was meant. Days that have not begun are as wrong: a machine
whose clock was ahead recorded them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence, Set
from datetime import datetime
from typing import Any

import dlt

from databuddy_source.coverage import table as coverage_table
from databuddy_source.coverage.groundless import without_groundless
from databuddy_source.coverage.reading import LATER
from databuddy_source.dlt_seam import (
    DestinationUndefinedEntity,
    SqlJobClientBase,
    kind_of,
    literal_of,
    others_of_run,
    stored_tables,
    tables_given_up,
)
from databuddy_source.errors import DestinationFails
from databuddy_source.warehouse.dataset import OF_CELLS, QUERY_TYPES, WEBSITES
from databuddy_source.warehouse.forgotten import forget, forget_future, newest
from databuddy_source.warehouse.learnt import learn_in_run
from databuddy_source.warehouse.rounded import tell_rounded
from databuddy_source.warehouse.views import DropsViews, note_tables, read_by_views

logger = logging.getLogger("databuddy_source")


def mend(pipeline: dlt.Pipeline, reports: Collection[str], now: datetime | None = None) -> None:
    """Make coverage say no more than the tables hold, before anything is asked of it. What it
    forgets, this run or the next one asks for again.

    Args:
        pipeline: that is about to extract.
        reports: names of those that it loads. Tables of others stay away, and tables of people's
            own that are not loaded along.
        now: this instant, with a time zone, by whichever clock is ahead; None where only one tells
            it.

    Raises:
        DestinationFails: a table has lost a column without which it cannot be mended, or something
            else has its name.
    """
    if not (pipeline.default_schema_name and pipeline.destination):
        return
    client = pipeline.destination_client()
    if not isinstance(client, SqlJobClientBase):
        return
    with client:
        if not _seen(client.schema) or not client.is_storage_initialized():
            return  # the load makes all of it
        begins = newest(client)
        learn_in_run(client, begins)
        schema, names = client.schema, _seen(client.schema)
        own = {*names, *schema.dlt_table_names()}
        views = read_by_views(kind_of(client.config.destination_type))
        found = client.get_storage_tables({*own, *views})
        all_there = {name: columns for name, columns in found if columns}
        note_tables(
            pipeline, schema, {each: all_there[each] for each in views if each in all_there}
        )
        there = {name: columns for name, columns in all_there.items() if name in own}
        tell_rounded(schema, there)
        missing = own - there.keys()
        # others were dropped for good, perhaps
        along = {str(table) for _, table, _ in others_of_run()}
        others = names - {*reports, *OF_CELLS, WEBSITES, QUERY_TYPES, *along}
        _refuse_others_in_place(client, sorted(missing - others))
        columns = _lost_columns(client, {each: there[each] for each in names - missing - others})
        given_up = tables_given_up()
        known = set(begins)
        is_whole = coverage_table.TABLE not in given_up
        gone = missing | given_up | columns.keys()
        lost = sorted(known & gone if is_whole else known)
        if now:
            early = [report for report, start in begins.items() if start > now]
            forget_future(client, early, own - missing, now)
        if lost:
            forget(client, lost)
        if again := missing - others | columns.keys():
            # a load makes tables of a schema that is new to the warehouse only
            client.update_stored_schema(only_tables=again, force=True)
    if columns:
        logger.warning(
            "The warehouse has lost columns (%s): they are made again, and what was in them is "
            "asked for.",
            ", ".join(_names(set(), columns)),
        )
    if said := sorted(missing & {*known, coverage_table.TABLE}):
        logger.warning(
            "The warehouse has lost %s, so what is not there is asked for again.", ", ".join(said)
        )


def _seen(schema: dlt.Schema) -> set[str]:
    return {str(each["name"]) for each in schema.data_tables(seen_data_only=True)}


def _refuse_others_in_place(client: SqlJobClientBase, missing: Sequence[str]) -> None:
    """Refuse what is no table and has the name of one that is not listed, before coverage forgets
    what it cannot get again.

    Args:
        client: that is open.
        missing: names of tables.

    Raises:
        DestinationFails: a materialized view has the name of a table.
    """
    for table in missing:
        name = client.sql_client.make_qualified_table_name(table)
        try:
            client.sql_client.execute_sql(f"SELECT 1 FROM {name} WHERE 1 = 0")
        except DestinationUndefinedEntity:
            continue
        raise DestinationFails(
            f"{table} in {client.sql_client.dataset_name} is no table any longer",
            "Take away or rename what has its name, such as a materialized view, and run this "
            "again: what was in the table is asked for again then.",
        )


def lost_of(pipeline: dlt.Pipeline, tables: Collection[str]) -> Sequence[str]:
    """What the warehouse has lost of tables that were there once, as `table` or `table.column`, in
    alphabetical order; none where it has no dataset.

    Args:
        pipeline: whose schema has the tables.
        tables: of these.

    Raises:
        DestinationFails: see `mend`.
    """
    client = pipeline.destination_client()
    if not isinstance(client, SqlJobClientBase):
        return []
    with client:
        if not client.is_storage_initialized():
            return []
        missing, columns = _lost(client, {*tables}.intersection(client.schema.data_table_names()))
    return _names(missing, columns)


def _names(missing: Set[str], columns: Mapping[str, Sequence[str]]) -> Sequence[str]:
    return sorted(
        [*missing, *(f"{table}.{each}" for table, own in columns.items() for each in own)]
    )


def _lost(
    client: SqlJobClientBase, tables: Collection[str]
) -> tuple[Set[str], Mapping[str, Sequence[str]]]:
    """Tables that are gone, and columns by table. That no load has made yet is no loss.

    Args:
        client: that is open.
        tables: that matter.

    Raises:
        DestinationFails: see `mend`.
    """
    found = client.get_storage_tables({*tables, coverage_table.TABLE})
    there = {name: columns for name, columns in found if columns}
    missing = {*tables} - there.keys()
    if missing:
        made = stored_tables(client, client.schema.name, missing)
        missing &= made.keys() | newest(client).keys()
    return missing, _lost_columns(client, {each: there[each] for each in tables if each in there})


def _lost_columns(
    client: SqlJobClientBase, there: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Sequence[str]]:
    """The columns that tables once had and have no more, by table.

    Args:
        client: that is open.
        there: the columns that tables have, by table.

    Raises:
        DestinationFails: one is lost that tells whose the rows are, or what coverage says.
    """
    same_case = client.capabilities.generates_case_sensitive_identifiers()
    found = {
        table: client.schema.get_new_table_columns(table, dict(columns), same_case)
        for table, columns in there.items()
    }
    if not any(found.values()):
        return {}
    # of columns that no load has made yet only the pipeline knows
    asked = {table for table, columns in found.items() if columns}
    made = stored_tables(client, client.schema.name, asked)
    lost = {}
    for table, columns in found.items():
        names = [
            each for each in columns if table in made and each["name"] in made[table]["columns"]
        ]
        for each in names:
            is_needed = table == coverage_table.TABLE and each["name"] not in LATER
            if is_needed or not each.get("nullable", True):
                raise DestinationFails(
                    f"The table {table} has lost its column {each['name']}",
                    "Put it back, or drop the table: what was in it is asked for again then.",
                )
        if names:
            lost[table] = [str(each["name"]) for each in names]
    return lost


class LooksAgain(DropsViews):
    """Before a class of dlt's clients. Much may be lost between the extraction of a load and its
    end, and what a killed run left behind `pipeline.run` loads before any source is asked."""

    def update_stored_schema(
        self: Any,
        only_tables: Collection[str] | None = None,
        expected_update: Any = None,
        force: bool = False,
    ) -> Any:
        """Coverage first forgets what the load is about to make again."""
        behind: Any = super()
        is_ours = only_tables and coverage_table.TABLE in only_tables
        if is_ours and not force and not self.sql_client.is_staging_dataset_active:
            force = _forgets(self, only_tables or ())
        return behind.update_stored_schema(only_tables, expected_update, force)

    def founded(
        self: Any, load_id: str, merges: Mapping[str, list[str]]
    ) -> Mapping[str, list[str]]:
        """What brings tables in: coverage without cells whose rows were there when the load was
        extracted, and are there no more.

        Args:
            load_id: of the load.
            merges: statements by table.
        """
        name = coverage_table.TABLE
        # the first version had no such column
        if name not in merges or "load_id" not in self.schema.get_table_columns(name):
            return merges
        names = self.sql_client.get_qualified_table_names(name)
        spell = self.sql_client.escape_column_name, literal_of(self.sql_client)
        return {**merges, name: [*without_groundless(load_id, names, spell), *merges[name]]}


def _forgets(client: SqlJobClientBase, tables: Collection[str]) -> bool:
    """Let coverage forget the tables that the warehouse has lost since a load was extracted.

    Args:
        client: that is open, and is about to bring the load in.
        tables: that it fills.

    Returns:
        Whether something has to be made again.

    Raises:
        DestinationFails: see `mend`.
    """
    missing, columns = _lost(client, {*tables}.intersection(client.schema.data_table_names()))
    if not (missing or columns):
        return False
    if coverage_table.TABLE not in missing:
        forget(client, [*missing, *columns])
    logger.warning(
        "The warehouse has lost %s. What this load does not bring of it, the next run asks for.",
        ", ".join(_names(missing, columns)),
    )
    return True
