"""Rows per second from HTTP to DuckDB, beside the floor. `make bench`.

Each measurement is a process of its own. Sync and floor take turns, so that both meet the same
machine; the ratio is that of neighbours.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
from server import TYPES, serving, website_ids
from work import Work

FOLDER = Path(__file__).parent
CASES = {
    "1,000 rows a cell": (1_000, 2, 1, 2_000),
    "10 rows a cell": (10, 20, 5, 800),
}
"""Rows of a cell, websites, query types, days."""


def run(script: str, work: Work) -> Any:
    """What a script prints."""
    command = [sys.executable, str(FOLDER / script), orjson.dumps(asdict(work)).decode()]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=600)
    return orjson.loads(done.stdout.splitlines()[-1])


def compare(name: str, times: int) -> None:
    """Print one line for each turn and one for the median."""
    rows, websites, types, days = CASES[name]
    print(f"\n{name}\n{'rows/s':>10} {'cells/s':>8} {'floor':>10} {'ratio':>6}  steps")
    ratios, speeds = [], []
    with serving(rows, websites) as url:
        work = Work(url, website_ids(websites), list(TYPES[:types]), days)
        for _ in range(times):
            floor, sync = run("floor.py", work), run("one_sync.py", work)
            assert floor["rows"] == sync["rows"] == rows * sync["cells"]
            speed, bottom = sync["rows"] / sync["seconds"], floor["rows"] / floor["seconds"]
            ratios.append(speed / bottom)
            speeds.append(speed)
            steps = ", ".join(f"{step} {took:.2f} s" for step, took in sync["steps"].items())
            print(
                f"{speed:>10,.0f} {speed / rows:>8,.0f} {bottom:>10,.0f} {ratios[-1]:>6.0%}  "
                f"{steps}, processor {sync['cpu']:.1f} s, peak {sync['peak']:.0f} MB",
                flush=True,
            )
    print(f"{statistics.median(speeds):>10,.0f} {'median':>19} {statistics.median(ratios):>6.0%}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    for case in CASES:
        compare(case, parser.parse_args().times)
