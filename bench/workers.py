"""Many processes that share one budget of 120 requests a minute, against a server that tells
nothing before it refuses.

    .venv/bin/python bench/workers.py sqlite:////tmp/budget.db 1 2 4 8
    .venv/bin/python bench/workers.py redis://127.0.0.1:6379 1 2 4 8
    .venv/bin/python bench/workers.py alone 1 2 4 8

The work is the same for each number of processes: 8 websites, in loads of 304 requests together.
The limit's own time is that of a client that sends 120 requests in the first moment of each
minute. `alone` is without a shared budget. Takes three minutes for each number.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import dlt
import orjson
from server import TYPES, serving, website_ids
from work import Work

sys.path.insert(0, str(Path(__file__).parent.parent))
# development installs Airflow, and dlt would ask its database for each key
os.environ.setdefault("PROVIDERS__ENABLE_AIRFLOW_SECRETS", "false")

from databuddy_source import databuddy_source, load

PER_MINUTE = 120
WEBSITES = 8
DAYS = 30
PACK_SIZE = 4
ALONE = "alone"
REST = 70
"""Seconds in which all that was sent before is forgotten."""


def work_of(url: str, websites: list[str], days: int, store: str) -> None:
    """One process: load these websites."""
    work = Work(url, websites, list(TYPES), days)
    with tempfile.TemporaryDirectory() as name:
        pipeline = dlt.pipeline(
            "bench_workers",
            destination=dlt.destinations.duckdb(f"{name}/warehouse.duckdb"),
            dataset_name="databuddy",
            pipelines_dir=f"{name}/state",
        )
        source = databuddy_source(
            api_key="bench",
            base_url=url,
            websites=websites,
            query_types=work.types,
            requests_per_minute=PER_MINUTE,
            pack_size=PACK_SIZE,
            shared_budget=None if store == ALONE else store,
            **work.range,
        )
        load(pipeline, source)


def run(url: str, processes: int, store: str, days: int = DAYS) -> list[float]:
    """Let so many processes share the work. Returns the seconds after which each was done."""
    websites = website_ids(WEBSITES)
    begun = time.monotonic()
    running = [
        subprocess.Popen(
            [sys.executable, __file__, "--work", url, ",".join(mine), str(days), store],
        )
        for mine in (websites[number::processes] for number in range(processes))
    ]
    ends: dict[int, float] = {}
    while len(ends) < processes:
        time.sleep(0.05)
        for number, each in enumerate(running):
            if number not in ends and each.poll() is not None:
                assert each.returncode == 0
                ends[number] = time.monotonic() - begun
    return sorted(ends.values())


def main(store: str, numbers: list[int]) -> None:
    """Measure each number of processes, and print a row of a table for each."""
    print(
        "| processes | requests | refused | seconds, first to last | of the limit's own "
        "time | first process done | last one |"
    )
    print("|---|---|---|---|---|---|---|")
    with serving(10, WEBSITES, PER_MINUTE) as url:
        if store != ALONE:
            run(url, 1, store, days=1)  # in its first minute a budget is used with care
            time.sleep(REST)
        for number in numbers:
            counted(url)
            ends = run(url, number, store)
            found = counted(url)
            queries, refused = int(found["queries"]), int(found["rejected"])
            took = found["last"] - found["first"]
            floor = (math.ceil((queries - refused) / PER_MINUTE) - 1) * 60
            row = [str(number), str(queries), str(refused), f"{took:.1f}", f"{took / floor:.2f}"]
            print("|", " | ".join([*row, f"{ends[0]:.0f}", f"{ends[-1]:.0f}"]), "|", flush=True)
            time.sleep(REST)


def counted(url: str) -> dict[str, float]:
    """Queries that reached the server since the last call, those of them that it refused, and when
    the first and the last one came."""
    with urlopen(f"{url}/counted/anew") as answer:
        found: dict[str, float] = orjson.loads(answer.read())
    return found


if __name__ == "__main__":
    if sys.argv[1] == "--work":
        _, _, url, websites, days, store = sys.argv
        work_of(url, websites.split(","), int(days), store)
    else:
        main(sys.argv[1], [int(each) for each in sys.argv[2:]])
