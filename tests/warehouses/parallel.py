"""One of several pipelines that sync into one dataset at the same time. Run as a program: it says
that it is ready, and begins when it is told to.

python -m tests.warehouses.parallel NAME DESTINATION DATASET STATE URL KEY WEBSITE,... LOADS
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, time
from typing import Any

import dlt
import time_machine

from databuddy_source import databuddy_source, load
from tests.stories.conftest import TODAY


def main(
    name: str,
    destination: str,
    dataset: str,
    state: str,
    url: str,
    key: str,
    websites: str,
    loads: str,
) -> None:
    pipeline = dlt.pipeline(
        name, destination=destination, dataset_name=dataset, pipelines_dir=state
    )
    given: dict[str, Any] = {"api_key": key, "base_url": url, "websites": websites.split(",")}
    print("ready", flush=True)
    sys.stdin.readline()
    with time_machine.travel(datetime.combine(TODAY, time(18), UTC), tick=True):
        for _ in range(int(loads)):
            source = databuddy_source(**given, query_types=["top_pages", "country"])
            load(pipeline, source, wait=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
