"""The floor: the same answers over HTTP, decoded the fastest way, into DuckDB without dlt.

No retries, no checks, no types but the expected ones, one insert for each row group. Prints one
line of JSON: seconds and rows.
"""

from __future__ import annotations

import http.client
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import msgspec
import orjson
import pyarrow as pa
from work import Work

PACK_SIZE = 100
ROW_GROUP = 122_880
COLUMNS = pa.struct(
    [
        ("name", pa.string()),
        ("pageviews", pa.int64()),
        ("visitors", pa.int64()),
        ("percentage", pa.float64()),
    ]
)


def packs(work: Work) -> Iterator[tuple[str, str, list[date]]]:
    """Website, query type and days of each request."""
    days = [work.since + timedelta(days=number) for number in range(work.days)]
    for website in work.websites:
        for name in work.types:
            for start in range(0, work.days, PACK_SIZE):
                yield website, name, days[start : start + PACK_SIZE]


def body_of(name: str, days: list[date]) -> bytes:
    """A request as the client would send it."""
    parameters = [
        {"name": name, "id": f"c{number}", "start_date": f"{day}", "end_date": f"{day}"}
        for number, day in enumerate(days)
    ]
    body = {"id": "b0", "startDate": f"{days[0]}", "endDate": f"{days[-1]}", "limit": 10_000}
    return orjson.dumps({**body, "parameters": parameters})


def tables(work: Work) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each request, with the name of their table."""
    address = urlsplit(work.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    for website, name, days in packs(work):
        connection.request("POST", "/v1/query", body_of(name, days))
        answer = msgspec.json.decode(connection.getresponse().read())
        rows: list[object] = []
        dates: list[pa.Array] = []
        for day, result in zip(days, answer["data"], strict=True):
            rows += result["data"]
            dates.append(pa.repeat(pa.scalar(day), len(result["data"])))
        batch = pa.RecordBatch.from_struct_array(pa.array(rows, COLUMNS))
        table = pa.Table.from_batches([batch])
        table = table.append_column("date", pa.concat_arrays(dates))
        yield name, table.append_column("website_id", pa.repeat(website, len(rows)))


def insert(connection: duckdb.DuckDBPyConnection, name: str, waiting: list[pa.Table]) -> int:
    """Insert tables as one. Returns the number of rows."""
    table = pa.concat_tables(waiting)
    waiting.clear()
    connection.register("arrived", table)
    columns = ", ".join(table.column_names)
    connection.execute(f"CREATE TABLE IF NOT EXISTS {name} AS SELECT * FROM arrived LIMIT 0")
    connection.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM arrived")
    return len(table)


def measure(work: Work, file: Path) -> tuple[float, int]:
    """Seconds and rows."""
    start, rows = time.perf_counter(), 0
    waiting: dict[str, list[pa.Table]] = {name: [] for name in work.types}
    with duckdb.connect(str(file)) as connection:
        for name, table in tables(work):
            group = waiting[name]
            if sum(map(len, group)) + len(table) > ROW_GROUP and group:
                rows += insert(connection, name, group)
            group.append(table)
        for name, group in waiting.items():
            rows += insert(connection, name, group) if group else 0
    return time.perf_counter() - start, rows


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        seconds, rows = measure(Work(**orjson.loads(sys.argv[1])), Path(folder) / "floor.duckdb")
    print(orjson.dumps({"seconds": seconds, "rows": rows}).decode())
