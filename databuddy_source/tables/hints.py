"""What dlt is told of a report's table: its partition, its keys, and what its columns mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from dlt.common.schema.typing import TColumnSchema

from databuddy_source.model.meanings import UNITS, asked_instead, meaning_of
from databuddy_source.model.query_types import Kind, QueryType
from databuddy_source.model.windows import Grain
from databuddy_source.tables.layout import TOMBSTONE

REPLACE_PARTITION: Any = {"disposition": "merge", "strategy": "delete-insert"}
"""Rows of the partition that are not in the load vanish from the table."""

FILE_FORMAT: Final = "parquet"
"""Of the files that are loaded. Others lose the difference between an empty text and null (CSV
into Postgres), or take longer."""

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

LOAD_ID: Final = "The load that brought the row, as load_id in _dlt_loads."
"""What dlt's own column in each table means."""

_DATE_IN_UTC = "Day in UTC: the server cuts this series in UTC, whatever the time zone."


def comment_on(
    query_type: QueryType,
    column: str,
    grain: Grain,
    *,
    sums: bool = True,
    spelled: Callable[[str], str] = str,
) -> str:
    """What a warehouse says of a column: what it means, and what may be done with it.

    Args:
        query_type: as the server's generation behaves.
        column: the API's name of it.
        grain: length of the table's windows.
        sums: with a sentence on whether it may be added up.
        spelled: how the warehouse calls a column; the API's names without.

    Returns:
        An empty string for a column that the catalogue does not know.
    """
    said = [*_said(query_type, column, sums)]
    if instead := asked_instead(query_type, column, grain, spelled):
        said.append(f"For longer windows take {' or '.join(instead)}")
    return " ".join(f"{words.rstrip('.')}." for words in said)


def _said(query_type: QueryType, column: str, sums: bool) -> Iterator[str]:
    meaning = meaning_of(query_type, column)
    if meaning is None:
        return
    yield f"{meaning.label}: {meaning.says}".replace("`", "")
    if meaning.unit and UNITS[meaning.unit]:
        yield f"Unit: {UNITS[meaning.unit]}"
    if meaning.of:
        yield f"A share of {meaning.of}".replace("`", "")
    if meaning.sign:
        yield meaning.sign
    if sums and (allowed := MEANINGS.get(query_type.columns[column])):
        yield allowed
    if meaning.weight:
        yield f"The average of several windows is that of theirs weighted by {meaning.weight}"


def partition_of(grain: Grain) -> tuple[str, str]:
    """The columns whose values name a partition, which is replaced whole."""
    return ("website_id", "hour" if grain is Grain.HOUR else "date")


def column_hints(query_type: QueryType, grain: Grain, timezone: str) -> dict[str, TColumnSchema]:
    """Hints for the columns that are ours in a report's table; those of the API get their types
    from rows. `partition` is for BigQuery, `cluster` for Snowflake; others leave them alone.

    Args:
        query_type: of the report.
        grain: length of its windows.
        timezone: that the user set; IANA name.
    """
    zone = timezone if timezone == "UTC" else f"{timezone}; in UTC where coverage.time_zone says so"
    date = _DATE_IN_UTC if query_type.in_utc else f"First day of the window in {zone}."
    hints: dict[str, TColumnSchema] = {
        "website_id": {
            "data_type": "text",
            "nullable": False,
            "cluster": True,
            "description": "Id of the website, as in the table websites.",
        },
        "date": {
            "data_type": "date",
            "nullable": False,
            "partition": True,
            "description": date,
        },
    }
    if grain is Grain.HOUR:
        hints["hour"] = {
            "data_type": "timestamp",
            "nullable": False,
            "description": "First instant of the window, UTC.",
        }
    hints[TOMBSTONE] = {
        "data_type": "bool",
        "hard_delete": True,
        "description": "Always null: rows with it empty a partition and are not kept.",
    }
    hints["_dlt_load_id"] = {"description": LOAD_ID}
    return hints


def table_hints(description: str | None = None) -> dict[str, Any]:
    """Hints for a table. BigQuery takes its own spelling only, and clusters by a hint of the
    table."""
    if description is None:
        return {"x-bigquery-cluster-columns": ["website_id"]}
    return {"description": description, "x-bigquery-table-description": description}
