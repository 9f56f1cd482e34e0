"""Coverage: what was fetched, when, and whether it is complete.

One row for each cell, in the same load as the cell's rows. It is what exit codes, guards and
repairs read, so a cell that could not be loaded whole has a row that says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import pyarrow as pa
from dlt.common.schema.typing import TColumnSchema

from databuddy_source.coverage.finality import is_settled
from databuddy_source.coverage.reading import TABLE as TABLE
from databuddy_source.model.digests import says_the_same
from databuddy_source.model.generations import Generation
from databuddy_source.model.results import Result

DESCRIPTION: Final = "What was fetched: one row for each website, report and window."
KEY: Final = ("website_id", "report", "window_start")

_INSTANT = pa.timestamp("us", tz="UTC")
SCHEMA: Final = pa.schema(
    [
        pa.field("website_id", pa.string(), False),
        pa.field("report", pa.string(), False),
        pa.field("window_start", _INSTANT, False),
        pa.field("window_end", _INSTANT, False),
        pa.field("date", pa.date32(), False),
        pa.field("grain", pa.string()),
        pa.field("time_zone", pa.string()),
        pa.field("query_type", pa.string()),
        pa.field("filters", pa.string()),
        pa.field("generation", pa.string()),
        pa.field("status", pa.string()),
        pa.field("rows", pa.int64()),
        pa.field("rows_expected", pa.int64()),
        pa.field("silent", pa.bool_()),
        pa.field("final", pa.bool_()),
        pa.field("reason", pa.string()),
        pa.field("fetched_at", _INSTANT),
        pa.field("checked_at", _INSTANT),
        pa.field("digest", pa.string()),
        pa.field("other_digest", pa.string()),
        pa.field("doubted_at", _INSTANT),
        pa.field("proofs", pa.string()),
        pa.field("load_id", pa.string()),
        pa.field("request_id", pa.string()),
    ]
)

COLUMNS: Final[dict[str, TColumnSchema]] = {
    "website_id": {"description": "As in the table websites."},
    "report": {"description": "The name of the table."},
    "query_type": {"description": "What the API was asked for."},
    "window_start": {"description": "First instant of the window, UTC."},
    "window_end": {"description": "First instant after the window, UTC."},
    "date": {"description": "First day of the window, in time_zone."},
    "grain": {"description": "Length of the window: hour, day, week or month."},
    "filters": {"description": "Of a report with filters, as JSON; all have to hold."},
    "generation": {
        "description": "Of the server that was asked, such as 2026-06; null where 0.1.0 asked."
    },
    "time_zone": {"description": "IANA name of the zone that cuts this report's days."},
    "status": {
        "description": "complete, truncated (more rows exist), suspect (the answer is empty, "
        "or rewrites history, and is not believed), failed, or unavailable (the server fails for "
        "this type every time)."
    },
    "rows": {"description": "Rows loaded for this cell."},
    "rows_expected": {"description": "Rows that there should be, where known and different."},
    "silent": {"description": "Nobody came: no rows, or each count in them is zero."},
    "final": {"description": "Whether later syncs will leave this cell alone."},
    "reason": {
        "description": "Why the cell is not complete; filtered: a step of the run dropped rows."
    },
    "fetched_at": {
        "description": "When the answer was there whose rows the table has, UTC; the last answer, "
        "where it has none."
    },
    "checked_at": {
        "description": "When the last answer was there, UTC. Later than fetched_at: it said the "
        "same again, or is not believed."
    },
    "load_id": {"description": "The load that brought the rows, as their _dlt_load_id."},
    "request_id": {
        "description": "What the server called the request that brought the rows, for those who "
        "run it; of many pages the last. Null of servers of 2025."
    },
    "_dlt_load_id": {
        "description": "The load that brought this row, as load_id in _dlt_loads; that of the rows "
        "it tells of is load_id."
    },
    "digest": {
        "description": "Of the rows in any order; null where a step of the run may change them."
    },
    "other_digest": {
        "description": "Of the last answer, where it is not believed until it has lasted."
    },
    "doubted_at": {
        "description": "Since when that answer has come, UTC; of a cell that is complete or "
        "truncated, when it was last asked for to be compared and had no answer."
    },
    "proofs": {
        "description": "In the newest row of a website's series: when which of its older days were "
        "compared with what the server says, as JSON, [first day, last day, when]."
    },
}


def coverage_table(results: Sequence[Result], last_final: date, generation: Generation) -> pa.Table:
    """The coverage rows of cells.

    Args:
        results: cells that were asked for.
        last_final: newest day that later syncs will not ask for again.
        generation: of the server that was asked.
    """
    cells = [result.cell for result in results]
    windows = [cell.window for cell in cells]
    both = [(result, result.kept or result.same) for result in results]
    columns = {
        "website_id": [cell.website_id for cell in cells],
        "report": [cell.report.name for cell in cells],
        "window_start": [window.start for window in windows],
        "window_end": [window.end for window in windows],
        "date": [window.date for window in windows],
        "grain": [cell.report.grain.value for cell in cells],
        "time_zone": [window.zone for window in windows],
        "query_type": [cell.report.query_type.name for cell in cells],
        "filters": [cell.report.filters_text for cell in cells],
        # what is kept goes on to mean what it meant
        "generation": [
            result.kept.generation if result.kept else generation.value for result in results
        ],
        "status": [result.status.value for result in results],
        "rows": [has.rows if has else len(result.rows) for result, has in both],
        "rows_expected": [result.rows_expected for result in results],
        # what is kept goes on to count as data, or the next run would believe its absence
        "silent": [result.kept.silent if result.kept else result.silent for result in results],
        "final": [
            result.kept.final
            if result.kept
            else result.status.brings_rows and is_settled(result.cell.window, last_final)
            for result in results
        ],
        "reason": [result.reason or None for result in results],
        "fetched_at": [(has and has.fetched_at) or result.fetched_at for result, has in both],
        "checked_at": [result.fetched_at for result in results],
        "digest": [has.digest if has else result.digest for result, has in both],
        "other_digest": [result.digest if result.comes_again else None for result in results],
        "doubted_at": [_doubted_at(result) for result in results],
        "proofs": [result.proofs for result in results],
        # of new rows the last step of the resource knows it
        "load_id": [has.load_id if has else None for _, has in both],
        "request_id": [(has or result).request_id or None for result, has in both],
    }
    return pa.Table.from_pydict(columns, SCHEMA)


def _doubted_at(result: Result) -> datetime | None:
    """Since when an answer has come that is not believed until it has lasted, or been lacking."""
    if not result.comes_again:
        return result.unproved_at
    held = result.kept
    before = held is not None and says_the_same(result.digest, held.other_digest)
    return (held.doubted_at if held and before else None) or result.fetched_at
