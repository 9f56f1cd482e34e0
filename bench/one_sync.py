"""One sync in a process of its own, so that its peak of memory is its own: one load, or a series
of bounded loads as a backfill makes it.

Prints one line of JSON: what `Measured` holds.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import dlt
import duckdb
import orjson
from work import Work

sys.path.insert(0, str(Path(__file__).parent.parent))
# development installs Airflow, and dlt would ask its database for each key
os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")

from databuddy_source import configured, databuddy_source, load, scoped, sync


@dataclass(frozen=True)
class Measured:
    """What a sync cost.

    Attributes:
        rows: in the warehouse.
        cells: complete ones in `coverage`.
        seconds: for building the source and `sync`.
        build: seconds for building the source.
        steps: seconds of each of dlt's steps.
        cpu: seconds of processor time of the whole process, its start included.
        peak: resident memory in MB.
        left_files: data files that dlt's working folder still holds.
    """

    rows: int
    cells: int
    seconds: float
    build: float
    steps: dict[str, float]
    cpu: float
    peak: float
    left_files: int


def measure(work: Work, folder: Path) -> Measured:
    """Sync into a new DuckDB file. Steps are those of the last load."""
    file = folder / "warehouse.duckdb"
    pipeline = dlt.pipeline(
        "bench",
        destination=dlt.destinations.duckdb(str(file)),
        dataset_name="databuddy",
        pipelines_dir=str(folder / "state"),
    )
    given = {
        "api_key": "bench",
        "base_url": work.url,
        "websites": work.websites,
        "query_types": work.types,
        "requests_per_minute": 6_000,
    }
    start = built = time.perf_counter()
    if work.in_loads:
        sync(pipeline, configured(**given), scoped(**work.range))
    else:
        source = databuddy_source(**given, **work.range)
        built = time.perf_counter()
        load(pipeline, source)
    done = time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    left = sum(path.suffix == ".parquet" for path in (folder / "state").rglob("*"))
    with duckdb.connect(str(file)) as connection:
        rows = 0
        for name in work.types:
            counted = connection.execute(f"SELECT count(*) FROM warehouse.databuddy.{name}")
            rows += counted.fetchall()[0][0]
        coverage = "SELECT count(*) FROM warehouse.databuddy.coverage WHERE status = 'complete'"
        cells = connection.execute(coverage).fetchall()[0][0]
    trace = pipeline.last_trace
    assert trace
    steps = {
        str(step.step): (step.finished_at - step.started_at).total_seconds()
        for step in trace.steps
        if step.finished_at
    }
    return Measured(rows, cells, done - start, built - start, steps, cpu, peak, left)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Work(**orjson.loads(sys.argv[1])), Path(folder))
    print(orjson.dumps(asdict(measured)).decode())
