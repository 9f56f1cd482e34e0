"""Tables and columns that somebody took away: coverage forgets their days, and they come back
empty.

dlt believes that what it once made is there, and coverage that what was once loaded is. Both are
wrong after a `DROP TABLE` or `DROP COLUMN`, and after `dlt pipeline ... drop` or `refresh`, which
drop a table for all websites where one was meant. Days that have not begun are as wrong: a machine
whose clock was ahead recorded them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence, Set
from datetime import UTC, datetime
from typing import Any

import dlt

from databuddy_source.coverage import table as coverage_table
from databuddy_source.coverage.groundless import without_groundless
from databuddy_source.coverage.reading import LATER
from databuddy_source.dlt_seam import (
    SqlJobClientBase,
    kind_of,
    literal_of,
    tables_given_up,
)
from databuddy_source.errors import DestinationFails
from databuddy_source.warehouse.dataset import reports_of
from databuddy_source.warehouse.views import DropsViews, note_tables, read_by_views

logger = logging.getLogger("databuddy_source")


def mend(pipeline: dlt.Pipeline, reports: Collection[str], now: datetime | None = None) -> None:
    """Make coverage say no more than the tables hold, before anything is asked of it. What it
    forgets, this run or the next one asks for again.

    Args:
        pipeline: that is about to extract.
        reports: names of those that it loads. Tables of others stay away.
        now: this instant, with a time zone, by whichever clock is ahead; None where only one tells
            it.

    Raises:
        DestinationFails: a table has lost a column without which it cannot be mended.
    """
    if not (pipeline.default_schema_name and pipeline.destination):
        return
    client = pipeline.destination_client()
    if not isinstance(client, SqlJobClientBase):
        return
    schema = client.schema
    names = {str(each["name"]) for each in schema.data_tables(seen_data_only=True)}
    with client:
        if not names or not client.is_storage_initialized():
            return  # the load makes all of it
        own = {*names, *schema.dlt_table_names()}
        views = read_by_views(kind_of(client.config.destination_type))
        found = client.get_storage_tables({*own, *views})
        all_there = {name: columns for name, columns in found if columns}
        note_tables(
            pipeline, schema, {each: all_there[each] for each in views if each in all_there}
        )
        there = {name: columns for name, columns in all_there.items() if name in own}
        missing = own - there.keys()
        # of other reports they were dropped for good, perhaps
        others = reports_of(schema) - {*reports}
        columns = _lost_columns(client, {each: there[each] for each in names - missing - others})
        given_up = tables_given_up()
        newest = _newest(client) if coverage_table.TABLE in there else {}
        known = set(newest)
        is_whole = coverage_table.TABLE not in given_up
        gone = missing | given_up | columns.keys()
        lost = sorted(known & gone if is_whole else known)
        if now:
            early = [report for report, start in newest.items() if start > now]
            _forget_future(client, early, own - missing, now)
        if lost:
            _forget(client, lost)
        if again := missing - others | columns.keys():
            # a load makes tables of a schema that is new to the warehouse only
            client.update_stored_schema(only_tables=again, force=True)
    if columns:
        logger.warning(
            "The warehouse has lost columns (%s): they are made again, and what was in them is "
            "asked for.",
            ", ".join(f"{table}.{each}" for table, own in columns.items() for each in own),
        )
    if said := sorted(missing & {*known, coverage_table.TABLE}):
        logger.warning(
            "The warehouse has lost %s, so what is not there is asked for again.", ", ".join(said)
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
        known = _newest(client).keys() if coverage_table.TABLE in there else ()
        missing &= {*_made(client), *known}
    return missing, _lost_columns(client, {each: there[each] for each in tables if each in there})


def _made(client: SqlJobClientBase) -> Mapping[str, Any]:
    """The tables that loads have made, by dlt's newest schema in the warehouse. It says so of those
    that are gone by now, too."""
    stored = client.get_stored_schema(client.schema.name)
    tables: Mapping[str, Any] = json.loads(stored.schema)["tables"] if stored else {}
    return tables


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
    made = _made(client)
    lost = {}
    for table, columns in found.items():
        names = [each for each in columns if each["name"] in made.get(table, {}).get("columns", {})]
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


def _newest(client: SqlJobClientBase) -> Mapping[str, datetime]:
    """When the newest window begins, UTC, of each report that coverage knows."""
    table = client.sql_client.make_qualified_table_name(coverage_table.TABLE)
    asked = f"SELECT report, MAX(window_start) FROM {table} GROUP BY report"
    found = client.sql_client.execute_sql(asked) or []
    return {str(report): start.astimezone(UTC) for report, start in found}


def _forget(client: SqlJobClientBase, reports: Collection[str]) -> None:
    table = client.sql_client.make_qualified_table_name(coverage_table.TABLE)
    marks = ", ".join(["%s"] * len(reports))
    client.sql_client.execute_sql(f"DELETE FROM {table} WHERE report IN ({marks})", *reports)


def _forget_future(
    client: SqlJobClientBase, reports: Collection[str], there: Collection[str], now: datetime
) -> None:
    """Take out the windows that have not begun, coverage last: killed, the next run goes on.

    Args:
        client: that is open.
        reports: that have such windows.
        there: the tables that are not missing.
        now: this instant.
    """
    if not reports:
        return
    sql = client.sql_client
    table = sql.make_qualified_table_name(coverage_table.TABLE)
    found = sql.execute_sql(
        f"SELECT website_id, report, grain, MIN(date), MIN(window_start) FROM {table} "
        "WHERE window_start > %s GROUP BY website_id, report, grain",
        now,
    )
    for website_id, report, grain, day, start in found or []:
        if report in there:
            own = sql.make_qualified_table_name(report)
            column, first = ("hour", start) if grain == "hour" else ("date", day)
            condition = f"website_id = %s AND {column} >= %s"
            sql.execute_sql(f"DELETE FROM {own} WHERE {condition}", website_id, first)
    sql.execute_sql(f"DELETE FROM {table} WHERE window_start > %s", now)
    logger.warning(
        "The warehouse had days of the future in %s, which a machine recorded whose clock was "
        "ahead: they are taken out.",
        ", ".join(sorted(reports)),
    )


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
        _forget(client, [*missing, *columns])
    logger.warning(
        "The warehouse has lost %s. What this load does not bring of it, the next run asks for.",
        ", ".join(_names(missing, columns)),
    )
    return True
