"""Peak of resident memory of a backfill, from a million rows to ten. `make bench`."""

from __future__ import annotations

import argparse

from server import TYPES, serving, website_ids
from speed import run
from work import Work

MILLIONS = (1, 3, 10)
ROWS = 1_000
WEBSITES = 2


def measure(millions: tuple[int, ...]) -> None:
    """Print a line for each number of rows."""
    print(f"{'rows':>12} {'peak':>8}")
    with serving(ROWS, WEBSITES) as url:
        for number in millions:
            days = number * 1_000_000 // ROWS // WEBSITES
            work = Work(url, website_ids(WEBSITES), list(TYPES[:1]), days, in_loads=True)
            done = run("one_sync.py", work)
            print(f"{done['rows']:>12,} {done['peak']:>5.0f} MB", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", type=int, nargs="+", default=MILLIONS)
    measure(tuple(parser.parse_args().millions))
