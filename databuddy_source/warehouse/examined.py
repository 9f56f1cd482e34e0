"""What a killed run left behind, looked at before it is loaded: whether it is whole, whether it is
still news, and whether what it counts on is still there.

dlt loads a package as it finds it. A file of rows that somebody deleted would leave coverage
without its rows, and what lay for days on a machine that was away would replace what others loaded
since. A table that somebody dropped meanwhile would be made anew, and nobody would see that it was
lost.
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
from databuddy_source.coverage.believed import brought_since, held_cells
from databuddy_source.coverage.reading import LATE
from databuddy_source.coverage.table import KEY
from databuddy_source.coverage.table import TABLE as COVERAGE
from databuddy_source.dlt_seam import packages_that_wait, table_of_job
from databuddy_source.tables.layout import TOMBSTONE
from databuddy_source.warehouse.lost import lost_of

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
    waiting = _waiting(pipeline, "date", "checked_at")
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


def groundless(pipeline: dlt.Pipeline) -> str:
    """What packages that wait count on and the warehouse has no more, in a few words; empty where
    all is there: their tables and columns, and the rows of cells that brought none because they
    were there. Asks the warehouse, if anything waits.

    Args:
        pipeline: whose packages they are, all of which are whole.

    Raises:
        DestinationFails: a table has lost a column without which it cannot be mended.
    """
    tables: set[str] = set()
    brought: set[str | None] = {None}
    for package in packages_that_wait(pipeline):
        filled = {table_of_job(file) for file in _jobs(package)}
        tables |= filled if COVERAGE in filled else set()  # else it is no package of this source
        brought.add(package.name)
    if not tables:
        return ""
    if lost := lost_of(pipeline, tables):
        return ", ".join(lost)
    waiting = _waiting(pipeline, "date", "load_id")
    unchanged = [cell for cell in waiting if cell["load_id"] not in brought]
    if not unchanged:
        return ""
    there = held_cells(pipeline, now(), days={cell["date"] for cell in unchanged})
    for cell in unchanged:
        held = there.get((cell["website_id"], cell["report"], cell["window_start"]))
        if held is None or held.load_id != cell["load_id"]:
            return f"{cell['report']} of {cell['website_id']} on {cell['date']}"
    return ""


def _waiting(pipeline: dlt.Pipeline, *columns: str) -> list[dict[str, Any]]:
    """Cells of packages that wait: the columns of their key, and these."""
    return [
        cell
        for package in packages_that_wait(pipeline)
        for file in _jobs(package)
        if table_of_job(file) == COVERAGE and file.suffix == ".parquet"  # else dlt's own merge
        for cell in pq.read_table(file, columns=[*KEY, *columns]).to_pylist()
    ]


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
