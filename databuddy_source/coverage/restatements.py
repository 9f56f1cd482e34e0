"""What changed of days that were over when they were loaded: a table whose rows never change."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

import pyarrow as pa
from dlt.common.schema.typing import TColumnSchema

from databuddy_source.coverage.reading import RESTATEMENTS

TABLE: Final = RESTATEMENTS
DESCRIPTION: Final = "What changed of windows that were over when they were loaded before."
KEY: Final = ("id",)

_INSTANT = pa.timestamp("us", tz="UTC")
NOTED: Final = pa.schema(
    [
        pa.field("website_id", pa.string(), False),
        pa.field("report", pa.string(), False),
        pa.field("window_start", _INSTANT, False),
        pa.field("window_end", _INSTANT, False),
        pa.field("date", pa.date32(), False),
        pa.field("grain", pa.string()),
        pa.field("noticed_at", _INSTANT),
        pa.field("loaded_at", _INSTANT),
        pa.field("why", pa.string()),
        pa.field("rows_before", pa.int64()),
        pa.field("rows_after", pa.int64()),
        pa.field("sums", pa.string()),
        pa.field("keys", pa.string()),
        pa.field("request_id", pa.string()),
    ]
)
"""As they are noted, before the load has its id."""

SCHEMA: Final = NOTED.insert(0, pa.field("id", pa.string(), False))

COLUMNS: Final[dict[str, TColumnSchema]] = {
    "id": {
        "data_type": "text",
        "nullable": False,
        "description": "Of this change: the same wherever and however often it is loaded.",
    },
    "website_id": {
        "data_type": "text",
        "nullable": False,
        "description": "As in the table websites.",
    },
    "report": {
        "data_type": "text",
        "nullable": False,
        "description": "The name of the table that changed.",
    },
    "window_start": {
        "data_type": "timestamp",
        "nullable": False,
        "description": "First instant of the window, UTC.",
    },
    "window_end": {
        "data_type": "timestamp",
        "nullable": False,
        "description": "First instant after the window, UTC.",
    },
    "date": {
        "data_type": "date",
        "nullable": False,
        "description": "First day of the window, in coverage.time_zone.",
    },
    "grain": {
        "data_type": "text",
        "description": "Length of the window: hour, day, week or month.",
    },
    "noticed_at": {
        "data_type": "timestamp",
        "description": "When the answer was there that said something else, UTC.",
    },
    "loaded_at": {
        "data_type": "timestamp",
        "description": "When the answer was there that was loaded before, UTC.",
    },
    "why": {
        "data_type": "text",
        "description": "Why the window was asked for again: lookback (a newest day), scrub (an "
        "old day is compared with the server), heal, refetch or audit.",
    },
    "rows_before": {"data_type": "bigint", "description": "Rows that the table had of the window."},
    "rows_after": {"data_type": "bigint", "description": "Rows that it has since."},
    "sums": {
        "data_type": "text",
        "description": "Of each column that may be summed and whose sum changed, the sum before "
        "and after, as JSON: column to [before, after].",
    },
    "keys": {
        "data_type": "text",
        "description": "The ten keys with the greatest change, as JSON: a list of objects with the "
        "columns of the key and the column that changed, as [before, after]; null where rows have "
        "no key, or are about single visitors.",
    },
    "request_id": {
        "data_type": "text",
        "description": "What the server called the request that brought the rows after; null where "
        "it did not say.",
    },
    "_dlt_load_id": {
        "data_type": "text",
        "nullable": False,
        "description": "The load that noticed it.",
    },
}
"""With their types, since the table is made before there is a row."""


def with_ids(noted: pa.Table, load_id: str) -> pa.Table:
    """Noted changes as rows of the table.

    Args:
        noted: see `NOTED`.
        load_id: of the load that brings them.
    """
    names = ("website_id", "report", "window_start")
    each = zip(*(noted[name].to_pylist() for name in names), strict=True)
    ids = [blake2b(repr((load_id, *key)).encode(), digest_size=12).hexdigest() for key in each]
    return noted.add_column(0, SCHEMA.field(0), pa.array(ids, pa.string()))
