"""What a killed run left behind, looked at before it is loaded: whether it is whole, and whether it
is still news.

dlt loads a package as it finds it. A file of rows that somebody deleted would leave coverage
without its rows, and what lay for days on a machine that was away would replace what others loaded
since.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import dlt
import pyarrow as pa
import pyarrow.parquet as pq

from databuddy_source.clock import now
from databuddy_source.coverage.believed import brought_since
from databuddy_source.coverage.reading import LATE
from databuddy_source.coverage.table import KEY
from databuddy_source.coverage.table import TABLE as COVERAGE
from databuddy_source.dlt_seam import packages_that_wait, table_of_job
from databuddy_source.tables.layout import TOMBSTONE

_STATE: Final = "load_package_state.json"
_SCHEMA: Final = "schema.json"


def damage(pipeline: dlt.Pipeline) -> str:
    """Why a package that waits cannot be loaded, in a few words; empty where each can.

    Args:
        pipeline: whose packages they are.
    """
    return next((why for each in packages_that_wait(pipeline) if (why := _damage(each))), "")


def overtaken(pipeline: dlt.Pipeline) -> str:
    """Which cell of a package that waits another load has brought anew, in a few words; empty where
    there is none. Asks the warehouse, if anything waits.

    Args:
        pipeline: whose packages they are, all of which are whole.
    """
    waiting = [
        cell
        for package in packages_that_wait(pipeline)
        for file in _jobs(package)
        if table_of_job(file) == COVERAGE
        for cell in pq.read_table(file, columns=[*KEY, "date", "checked_at"]).to_pylist()
    ]
    if not waiting:
        return ""
    since = min(cell["checked_at"] for cell in waiting)
    there = brought_since(pipeline, since.astimezone(UTC), now())
    for cell in waiting:
        came = there.get(tuple(cell[name] for name in KEY))
        if came and came > cell["checked_at"] + LATE:  # clocks differ by some seconds
            return (
                f"{cell['report']} of {cell['website_id']} on {cell['date']} was asked for "
                f"again at {came:%Y-%m-%d %H:%M} UTC"
            )
    return ""


def _damage(package: Path) -> str:
    for name in (_STATE, _SCHEMA):
        try:
            found = json.loads((package / name).read_text("utf-8"))
            if name == _SCHEMA:
                dlt.Schema.from_dict(found)
            elif not isinstance(found, dict) or "_state_version" not in found:
                return f"{name} is no state"
        except FileNotFoundError:
            return f"{name} is gone"
        except OSError:
            raise
        except Exception:  # dlt stumbles over whatever is not as it expects
            return f"{name} is damaged"
    return _damage_of_jobs(package)


def _damage_of_jobs(package: Path) -> str:
    """Files are there and can be read, and each report has the rows that coverage tells of."""
    rows: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for file in _jobs(package):
        table = table_of_job(file)
        try:
            if file.suffix == ".parquet":
                own = _own_rows(file)
                if table == COVERAGE:
                    told.update(_told(file, package.name))
                elif own is not None:
                    rows[table] += own
            elif file.suffix == ".gz":
                with gzip.open(file) as opened:
                    while opened.read(1 << 20):
                        pass
        except (pa.ArrowException, EOFError, gzip.BadGzipFile):
            return f"{file.name} is damaged"
    for report in sorted({*rows, *told}):
        if rows[report] != told[report]:
            return f"{report} has {rows[report]:,} rows, and coverage tells of {told[report]:,}"
    return ""


def _jobs(package: Path) -> Iterator[Path]:
    """The files of rows, loaded ones, too."""
    return iter(sorted(package.glob("*_jobs/*")))


def _own_rows(file: Path) -> int | None:
    """The rows of a report that are no tombstones; None where it is no report's file."""
    table = pq.ParquetFile(file)
    if TOMBSTONE not in table.schema_arrow.names:
        return None
    return int(table.read(columns=[TOMBSTONE])[TOMBSTONE].null_count)


def _told(file: Path, load_id: str) -> Counter[str]:
    """The rows of each report that came with this load, as coverage tells."""
    found: Counter[str] = Counter()
    cells: list[dict[str, Any]] = pq.read_table(
        file, columns=["report", "rows", "load_id"]
    ).to_pylist()
    for cell in cells:
        if cell["load_id"] == load_id:
            found[cell["report"]] += cell["rows"]
    return found
