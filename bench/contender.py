"""One way to do the job, in a process of its own: `python contender.py NAME WORK`.

The ways that send one request for each cell are told the server's limit and stay below it, which
is more than most of their kind do. Prints one line of JSON: seconds, rows and peak of memory.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import floor
import httpx
import orjson
import pyarrow as pa
from dlt.sources.helpers.requests import Session
from dlt.sources.rest_api import rest_api_source
from work import Work

sys.path.insert(0, str(Path(__file__).parent.parent))
# development installs Airflow, and dlt would ask its database for each key
os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")

from databuddy_source import databuddy_source, load
from databuddy_source.api import budget

PER_MINUTE = 120


@dataclass(frozen=True)
class Limits:
    """Of the server.

    Attributes:
        queries: in the window; 0 for no limit.
        window: its seconds, 60 of a real one.
    """

    queries: int
    window: float

    def wait(self) -> None:
        """Send evenly, so that the limit is never met."""
        time.sleep(self.window / self.queries if self.queries else 0)


def pipeline(folder: Path) -> dlt.Pipeline:
    """Into a new DuckDB file."""
    return dlt.pipeline(
        "bench",
        destination=dlt.destinations.duckdb(str(folder / "warehouse.duckdb")),
        dataset_name="databuddy",
        pipelines_dir=str(folder / "state"),
    )


def cells(work: Work) -> Iterator[dict[str, str]]:
    """Website and date of each request of a query type."""
    for website in work.websites:
        for number in range(work.days):
            yield {"website_id": website, "date": str(work.since + timedelta(days=number))}


def body(name: str, day: str) -> dict[str, Any]:
    """A request for one cell."""
    parameter = {"name": name, "id": "c0", "start_date": day, "end_date": day}
    return {"startDate": day, "endDate": day, "limit": 10_000, "parameters": [parameter]}


def this_source(work: Work, folder: Path, limits: Limits) -> None:
    if limits.queries:
        scale = limits.window / budget.WINDOW
        for name in ("WINDOW", "MARGIN", "LATEST_ARRIVAL"):
            setattr(budget, name, getattr(budget, name) * scale)
    source = databuddy_source(
        api_key="bench",
        base_url=work.url,
        websites=work.websites,
        query_types=work.types,
        requests_per_minute=limits.queries or 6_000,
        **work.range,
    )
    load(pipeline(folder), source)


def plain_dlt(work: Work, folder: Path, limits: Limits) -> None:
    """A resource for each query type that yields the rows as they come."""
    client = Session()

    def rows(name: str) -> Iterator[list[dict[str, Any]]]:
        for cell in cells(work):
            limits.wait()
            query = {"website_id": cell["website_id"], "timezone": "UTC"}
            # bytes, since the server reads them as httpx and orjson write them
            answer = client.post(
                f"{work.url}/query", params=query, data=orjson.dumps(body(name, cell["date"]))
            )
            found = answer.json()["data"][0]["data"]
            yield [{**cell, **row} for row in found]

    resources = [
        dlt.resource(
            rows(name), name=name, write_disposition="merge", merge_key=("website_id", "date")
        )
        for name in work.types
    ]
    pipeline(folder).run(resources)


def rest_api(work: Work, folder: Path, limits: Limits) -> None:
    """dlt's declarative source: a request for each row of a list of windows."""

    class Compact(Session):
        """JSON without spaces, and a rest before each request."""

        def send(self, request: Any, **given: Any) -> Any:
            limits.wait()
            if isinstance(request.body, bytes):
                request.body = orjson.dumps(orjson.loads(request.body))
                request.headers["content-length"] = str(len(request.body))
            return super().send(request, **given)

    windows = dlt.resource([list(cells(work))], name="windows")
    asked = [
        {
            "name": name,
            "write_disposition": "merge",
            "merge_key": ["_windows_website_id", "_windows_date"],
            "include_from_parent": ["website_id", "date"],
            "endpoint": {
                "path": "query",
                "method": "POST",
                "params": {"website_id": "{resources.windows.website_id}"},
                "json": body(name, "{resources.windows.date}"),
                "data_selector": "data[0].data",
                "paginator": "single_page",
            },
        }
        for name in work.types
    ]
    source = rest_api_source(
        {
            "client": {"base_url": f"{work.url}/", "session": Compact()},
            "resources": [windows, *asked],
        }
    )
    pipeline(folder).run(source.with_resources(*work.types))


def by_hand(work: Work, folder: Path, limits: Limits) -> None:
    """httpx and DuckDB: a request, a delete and an insert for each cell."""
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection, httpx.Client() as client:
        connection.execute("CREATE SCHEMA databuddy")
        for name in work.types:
            connection.execute(
                f"CREATE TABLE databuddy.{name} (website_id text, date date, name text, "
                "pageviews bigint, visitors bigint, percentage double)"
            )
            for cell in cells(work):
                limits.wait()
                answer = client.post(
                    f"{work.url}/query",
                    params={"website_id": cell["website_id"], "timezone": "UTC"},
                    json=body(name, cell["date"]),
                ).raise_for_status()
                rows = [{**cell, **row} for row in answer.json()["data"][0]["data"]]
                connection.register("arrived", pa.Table.from_pylist(rows))
                connection.begin()
                connection.execute(
                    f"DELETE FROM databuddy.{name} WHERE website_id = ? AND date = ?",
                    list(cell.values()),
                )
                connection.execute(
                    f"INSERT INTO databuddy.{name} (website_id, date, name, pageviews, visitors, "
                    "percentage) SELECT website_id, date, name, pageviews, visitors, percentage "
                    "FROM arrived"
                )
                connection.commit()


def the_floor(work: Work, folder: Path, limits: Limits) -> None:
    (folder / "warehouse.duckdb").unlink(missing_ok=True)
    floor.measure(work, folder / "warehouse.duckdb")


CONTENDERS: dict[str, Callable[[Work, Path, Limits], None]] = {
    "this source": this_source,
    "dlt, a source of dicts": plain_dlt,
    "dlt's `rest_api`": rest_api,
    "a loop by hand": by_hand,
    "the floor": the_floor,
}


def count(folder: Path, types: list[str]) -> int:
    """Rows in the warehouse."""
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        schema = connection.execute(
            "SELECT table_schema FROM information_schema.tables WHERE table_name = ?", types[:1]
        ).fetchall()[0][0]
        counts = [f"(SELECT count(*) FROM warehouse.{schema}.{name})" for name in types]
        return int(connection.execute(f"SELECT {' + '.join(counts)}").fetchall()[0][0])


if __name__ == "__main__":
    work, limits = Work(**orjson.loads(sys.argv[2])), Limits(int(sys.argv[3]), float(sys.argv[4]))
    with tempfile.TemporaryDirectory() as name:
        started = time.perf_counter()
        CONTENDERS[sys.argv[1]](work, Path(name), limits)
        seconds = time.perf_counter() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        done = {"seconds": seconds, "rows": count(Path(name), work.types), "peak": peak}
    print(orjson.dumps(done).decode())
