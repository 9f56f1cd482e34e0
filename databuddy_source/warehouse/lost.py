"""Tables that somebody took away: coverage forgets their days, and they come back empty.

dlt believes that what it once made is there, and coverage that what was once loaded is. Both are
wrong after a `DROP TABLE`, and after `dlt pipeline ... drop` or `refresh`, which drop a table for
all websites where one was meant. Days that have not begun are as wrong: a machine whose clock was
ahead recorded them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime

import dlt

from databuddy_source.coverage import table as coverage_table
from databuddy_source.dlt_seam import SqlJobClientBase, tables_given_up
from databuddy_source.warehouse.dataset import reports_of

logger = logging.getLogger("databuddy_source")


def mend(pipeline: dlt.Pipeline, reports: Collection[str], now: datetime | None = None) -> None:
    """Make coverage say no more than the tables hold, before anything is asked of it. What it
    forgets, this run or the next one asks for again.

    Args:
        pipeline: that is about to extract.
        reports: names of those that it loads. Tables of others stay away.
        now: this instant, with a time zone, by whichever clock is ahead; None where only one tells
            it.
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
        missing = own - {name for name, columns in client.get_storage_tables(own) if columns}
        given_up = tables_given_up()
        newest = {} if coverage_table.TABLE in missing else _newest(client)
        known = set(newest)
        is_whole = coverage_table.TABLE not in given_up
        lost = sorted(known & (missing | given_up) if is_whole else known)
        if now:
            early = [report for report, start in newest.items() if start > now]
            _forget_future(client, early, own - missing, now)
        if lost:
            _forget(client, lost)
        # of other reports they were dropped for good, perhaps
        others = reports_of(schema) - {*reports}
        if again := missing - others:
            # a load makes tables of a schema that is new to the warehouse only
            client.update_stored_schema(only_tables=again, force=True)
    if said := sorted(missing & {*known, coverage_table.TABLE}):
        logger.warning(
            "The warehouse has lost %s, so what is not there is asked for again.", ", ".join(said)
        )


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
