"""How long the program takes to begin: what `--help` and `status` take, of a synced demo and of the
same file as a configured one, as a multiple of `python -c 'import dlt'` in the same run. Seconds of
the processor are more even than those of the clock, which other programs make longer.

    .venv/bin/python bench/startup.py
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, str(PROJECT / "pipelines" / "sync.py")]
TIMES = 7
COMMANDS = {
    "import dlt": [sys.executable, "-c", "import dlt"],
    "--help": [*PROGRAM, "--help"],
    "status --demo": [*PROGRAM, "status", "--demo"],
    "status": [*PROGRAM, "status"],
}
# for configuration, dlt imports Airflow where it is installed, which takes several times as long
CONFIGURED = {
    "DESTINATION__DUCKDB__CREDENTIALS": "demo.duckdb",
    "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
}


class Took(NamedTuple):
    """Seconds that a command took."""

    clock: float
    processor: float


def took(words: list[str], folder: str) -> Took:
    """Run a command there."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        words, cwd=folder, env={**os.environ, **CONFIGURED}, check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Took(time.perf_counter() - started, spent)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*PROGRAM, "demo", "--quiet"], cwd=folder, check=True)
        runs: dict[str, list[Took]] = {name: [] for name in COMMANDS}
        for _ in range(TIMES):  # in turns: a machine is not equally busy all the time
            for name, words in COMMANDS.items():
                runs[name].append(took(words, folder))
    medians = {
        name: Took(*(statistics.median(each) for each in zip(*own, strict=True)))
        for name, own in runs.items()
    }
    base = medians["import dlt"]
    print("                 processor         clock, in seconds and times `import dlt`")
    for name, (clock, processor) in medians.items():
        print(
            f"{name:<14} {processor:>6.2f} s {processor / base.processor:>5.2f}x "
            f"{clock:>8.2f} s {clock / base.clock:>5.2f}x"
        )


if __name__ == "__main__":
    main()
