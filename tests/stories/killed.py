"""Backfills that are killed. Run as a program: it forks before any thread begins, so that each
attempt costs no start of Python.

    python -m tests.stories.killed URL KEY WEBSITE FOLDER SEED TIMES
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import dlt
import duckdb

from databuddy_source import raise_if_incomplete, sync
from databuddy_source.config.resolve import checked
from databuddy_source.runs import series
from tests.stories.children import begun, came_to_its_end, note_modules, warm_up

QUERY_TYPES = ["summary_metrics", "top_pages", "events_by_date"]
DAYS = {"since": "2026-03-10", "until": "2026-03-13"}


def backfill(url: str, key: str, website: str, folder: Path) -> None:
    """Four days in two loads."""
    series.QUESTIONS_PER_LOAD = 5
    pipeline = dlt.pipeline(
        "killed",
        destination=dlt.destinations.duckdb(str(folder / "web.duckdb")),
        dataset_name="databuddy",
        pipelines_dir=str(folder / "state"),
    )
    given = {"api_key": key, "base_url": url, "websites": [website], "query_types": QUERY_TYPES}
    raise_if_incomplete(pipeline, sync(pipeline, *checked(**given, **DAYS)))
    note_modules(folder)


def in_child(account: tuple[str, str, str], folder: Path, kill_after: float | None) -> bool:
    """Whether a backfill in a process of its own came to its end."""
    child = begun(folder, lambda: backfill(*account, folder))
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return came_to_its_end(child)


def tables(folder: Path) -> dict[str, list[str]]:
    """What the warehouse holds, but for times and ids of loads."""
    found = {}
    with duckdb.connect(str(folder / "web.duckdb"), read_only=True) as connection:
        for name in [*QUERY_TYPES, "coverage", "websites"]:
            left_out = "_dlt_load_id"
            if name == "coverage":
                left_out += ", load_id, fetched_at, checked_at, proofs, request_id"
            rows = connection.execute(f"SELECT * EXCLUDE ({left_out}) FROM databuddy.{name}")
            found[name] = sorted(map(repr, rows.fetchall()))
    return found


def main(url: str, key: str, website: str, folder: str, seed: str, times: str) -> None:
    account, home, chance = (url, key, website), Path(folder), random.Random(int(seed))
    assert in_child(account, home / "first", None)  # which also warms up the server
    warm_up(home / "first")
    started = time.monotonic()
    assert in_child(account, home / "undisturbed", None)
    length = time.monotonic() - started
    expected = tables(home / "undisturbed")
    outcomes: list[dict[str, object]] = []
    number = 0
    # a moment after the end, on a machine that has become faster, does not count
    while sum(bool(each["killed"]) for each in outcomes) < int(times) and number < 3 * int(times):
        moment = chance.uniform(0, length)
        place = home / str(number)
        killed = not in_child(account, place, moment)
        finished = in_child(account, place, None)
        found = tables(place) if finished else {}
        different = [name for name, rows in expected.items() if found.get(name) != rows]
        outcomes.append({"killed": killed, "after": moment / length, "different": different})
        number += 1
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(*sys.argv[1:])
