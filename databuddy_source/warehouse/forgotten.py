"""What coverage forgets, so that it is asked for again: reports, and days that have not begun."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime

from databuddy_source.coverage import table as coverage_table
from databuddy_source.dlt_seam import DestinationUndefinedEntity, SqlJobClientBase

logger = logging.getLogger("databuddy_source")


def newest(client: SqlJobClientBase) -> Mapping[str, datetime]:
    """When the newest window begins, UTC, of each report that coverage knows; nothing where there
    is no coverage.

    Args:
        client: that is open.
    """
    table = client.sql_client.make_qualified_table_name(coverage_table.TABLE)
    asked = f"SELECT report, MAX(window_start) FROM {table} GROUP BY report"
    with suppress(DestinationUndefinedEntity):
        found = client.sql_client.execute_sql(asked) or []
        return {str(report): start.astimezone(UTC) for report, start in found}
    return {}


def forget(client: SqlJobClientBase, reports: Collection[str]) -> None:
    """Take all windows of reports out of coverage: they are asked for again.

    Args:
        client: that is open.
        reports: at least one.
    """
    table = client.sql_client.make_qualified_table_name(coverage_table.TABLE)
    marks = ", ".join(["%s"] * len(reports))
    client.sql_client.execute_sql(f"DELETE FROM {table} WHERE report IN ({marks})", *reports)


def forget_future(
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
