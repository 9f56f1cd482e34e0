"""What a resource costs: one cell each, from 500 to 5,000 of them. `make bench`."""

from __future__ import annotations

import argparse

from server import TYPES, serving, website_ids
from speed import run
from work import Work

COUNTS = (500, 2_000, 5_000)


def measure(counts: tuple[int, ...]) -> None:
    """Print a line for each kind of run and number of resources."""
    print(f"{'':>10} {'resources':>9} {'ms each':>8}  build, extract, load; peak")
    for days, kind in ((1, "bounded"), (0, "daily")):
        for count in counts:
            websites = count // len(TYPES)
            with serving(10, websites) as url:
                done = run("one_sync.py", Work(url, website_ids(websites), list(TYPES), days))
            build, steps = done["build"], done["steps"]
            each = (build + steps["extract"]) / count * 1000
            print(
                f"{kind:>10} {count:>9,} {each:>8.1f}  {build:.1f} s, {steps['extract']:.1f} s, "
                f"{steps['load']:.1f} s; {done['peak']:.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    measure(tuple(parser.parse_args().counts))
