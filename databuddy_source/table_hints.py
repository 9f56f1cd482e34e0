"""What dlt is told of a report's table: its partition, its keys, and what its columns mean."""

from __future__ import annotations

from typing import Final

from dlt.common.schema.typing import TColumnSchema

from databuddy_source.catalog import Kind, load_catalog
from databuddy_source.report_settings import ReportSetting
from databuddy_source.tables import TOMBSTONE, own_name
from databuddy_source.windows import Grain

MEANINGS: Final = {
    Kind.COUNT: "May be added up over rows and windows.",
    Kind.COUNT_OVER_ROWS: "May be added up over the rows of one window, but must not be added up "
    "over windows, which may count the same again.",
    Kind.COUNT_OVER_WINDOWS: "May be added up over windows, with one row from each, but must not "
    "be added up over rows, which count the same again.",
    Kind.AMOUNT: "May be added up over rows and windows of one currency.",
    Kind.UNIQUE: "How many different ones: must not be added up over rows or windows.",
    Kind.WHOLE: "No count: must not be added up.",
    Kind.NUMBER: "Average, share or rate: must not be added up.",
}
"""What an analyst may do with a column."""

_DATE_IN_UTC = "Day in UTC: the server cuts this series in UTC, whatever the time zone."


def partition_of(grain: Grain) -> tuple[str, str]:
    """The columns whose values name a partition, which is replaced whole."""
    return ("website_id", "hour" if grain is Grain.HOUR else "date")


def column_hints(chosen: ReportSetting, timezone: str) -> dict[str, TColumnSchema]:
    """Hints for the columns of a report's table; those of the API get their types from rows.

    Args:
        chosen: the report.
        timezone: that the user set; IANA name.
    """
    query_type = load_catalog().get(chosen.query_type)
    date = (
        _DATE_IN_UTC
        if query_type.buckets == "utc"
        else f"First day of the window in {timezone}; in UTC where coverage.time_zone says so."
    )
    hints: dict[str, TColumnSchema] = {
        "website_id": {"data_type": "text", "nullable": False},
        "date": {"data_type": "date", "nullable": False, "description": date},
    }
    if chosen.grain is Grain.HOUR:
        hints["hour"] = {
            "data_type": "timestamp",
            "nullable": False,
            "description": "First instant of the window, UTC.",
        }
    # dlt warns of hinted columns that never come, so of those only that every server sends
    always = [set(query_type.on(generation).columns) for generation in query_type.generations]
    for name, kind in query_type.columns.items():
        if (meaning := MEANINGS.get(kind)) and all(name in names for names in always):
            hints[own_name(name, chosen.grain)] = {"description": meaning}
    hints[TOMBSTONE] = {
        "data_type": "bool",
        "hard_delete": True,
        "description": "Always null: rows with it empty a partition and are not kept.",
    }
    return hints
