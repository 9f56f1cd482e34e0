"""How long the program takes to begin: what `--help` and `status` of a synced demo take, as a
multiple of `python -c 'import dlt'` in the same run.

    .venv/bin/python bench/startup.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, str(PROJECT / "pipelines" / "sync.py")]
TIMES = 7
COMMANDS = {
    "import dlt": [sys.executable, "-c", "import dlt"],
    "--help": [*PROGRAM, "--help"],
    "status": [*PROGRAM, "status", "--demo"],
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*PROGRAM, "demo", "--quiet"], cwd=folder, check=True)
        took: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for _ in range(TIMES):  # in turns: a machine is not equally busy all the time
            for name, words in COMMANDS.items():
                started = time.perf_counter()
                subprocess.run(words, cwd=folder, check=True, stdout=subprocess.DEVNULL)
                took[name].append(time.perf_counter() - started)
    base = statistics.median(took["import dlt"])
    for name, seconds in took.items():
        median = statistics.median(seconds)
        print(f"{name:<12} {median:.2f} s, {median / base:.2f} times `import dlt`")


if __name__ == "__main__":
    main()
