"""What a daily sync costs a warehouse: when nothing changed since the last one, and when two of the
four days did that it asks for again. The demo's size, 3 websites and the default reports.

    .venv/bin/python bench/quiet.py
    DESTINATION__POSTGRES__CREDENTIALS=postgresql://... .venv/bin/python bench/quiet.py postgres
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import dlt
from dlt.destinations.sql_client import SqlClientBase

sys.path.insert(0, str(Path(__file__).parent.parent))
# development installs Airflow, and dlt would ask its database for each key
os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")

from databuddy_source import databuddy_source, load
from databuddy_source.demo import DemoServer

DATASET = "databuddy_bench_quiet"


@contextmanager
def statements(client: type[SqlClientBase[Any]]) -> Iterator[list[str]]:
    """What is sent to the warehouse in the block."""
    sent: list[str] = []
    execute = client.execute_query

    def note(self: Any, query: Any, *args: Any, **given: Any) -> Any:
        sent.extend(each for each in str(query).split(";") if each.strip())
        return execute(self, query, *args, **given)

    with patch.object(client, "execute_query", note):
        yield sent


def measure(destination: str) -> None:
    """Print a line for each kind of sync."""
    with tempfile.TemporaryDirectory() as folder, DemoServer() as server:
        made = destination
        if destination == "duckdb":
            made = dlt.destinations.duckdb(str(Path(folder) / "warehouse.duckdb"))
        pipeline = dlt.pipeline("quiet", folder, destination=made, dataset_name=DATASET)
        today = server.now.date()
        print(
            f"{destination:>14} {'requests':>8} {'seconds':>7} {'processor':>9} {'tables':>6} "
            f"{'rows':>6} {'statements':>10} {'schema versions':>15}"
        )
        versions = 0
        for kind in ("first", "second", "nothing new", "two of four"):
            if kind == "two of four":
                for website in server.websites:
                    server.events.delete(website.id, today - timedelta(1), today, path="/")
            server.now += timedelta(seconds=1)
            asked, began, worked = len(server.log), time.monotonic(), time.process_time()
            source = databuddy_source(api_key=server.api_key, base_url=server.url)
            with pipeline.sql_client() as client:
                of_client = type(client)
            with statements(of_client) as sent:
                load(pipeline, source)
            seconds, worked = time.monotonic() - began, time.process_time() - worked
            brought = rows_of(pipeline)
            with pipeline.sql_client() as client:
                ((known,),) = client.execute_sql("SELECT COUNT(*) FROM _dlt_version") or [(0,)]
            print(
                f"{kind:>14} {len(server.log) - asked:>8} {seconds:>7.1f} {worked:>9.1f} "
                f"{len(brought):>6} {sum(brought.values()):>6,} {len(sent):>10} "
                f"{known - versions:>15}",
                flush=True,
            )
            versions = known


def rows_of(pipeline: dlt.Pipeline) -> dict[str, int]:
    """The rows that the last load brought, by table."""
    trace = pipeline.last_trace
    return dict(trace.last_normalize_info.row_counts) if trace and trace.last_normalize_info else {}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("destination", nargs="?", default="duckdb")
    measure(parser.parse_args().destination)
