"""One of several pipelines that sync into one dataset at the same time. Run as a program.

python -m tests.warehouses.parallel NAME DESTINATION DATASET STATE URL KEY WEBSITE
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
    website: str,
) -> None:
    pipeline = dlt.pipeline(
        name, destination=destination, dataset_name=dataset, pipelines_dir=state
    )
    given: dict[str, Any] = {"api_key": key, "base_url": url, "websites": [website]}
    with time_machine.travel(datetime.combine(TODAY, time(18), UTC), tick=True):
        for _ in range(3):
            load(pipeline, databuddy_source(**given, query_types=["top_pages", "country"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
