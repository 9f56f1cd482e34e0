"""This source beside what people would use instead. `make bench`.

Prints the table and puts it into docs/performance.md. Each way is a process of its own against the
same two servers: one that answers at once, and one that takes 120 queries a minute, whose minute
lasts three seconds.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson
from contender import CONTENDERS, PER_MINUTE
from server import TYPES, serving, website_ids
from work import Work

FOLDER = Path(__file__).parent
PAGE = FOLDER.parent / "docs" / "performance.md"
LIBRARIES = ("dlt", "duckdb", "pyarrow", "msgspec", "orjson", "httpx")
MINUTE = 3.0
"""Seconds of the limited server's minute."""


def measure(name: str, rows: int, types: int, days: int, minute: float = 0.0) -> dict[str, Any]:
    """What one way costs for two websites: seconds, rows, peak, queries and rejected ones."""
    limit = PER_MINUTE if minute else 0
    with serving(rows, 2, limit, minute) as url:
        work = Work(url, website_ids(2), list(TYPES[:types]), days)
        words = [name, orjson.dumps(asdict(work)).decode(), str(limit), str(minute)]
        command = [sys.executable, str(FOLDER / "contender.py"), *words]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=900)
        with urlopen(f"{url}/counted") as answer:
            counted = orjson.loads(answer.read())
    measured: dict[str, Any] = {**orjson.loads(done.stdout.splitlines()[-1]), **counted}
    assert measured["rows"] == rows * 2 * types * days, f"{name} lost rows: {measured}"
    return measured


def lines() -> list[str]:
    """The table and what it was measured with, as Markdown."""
    load = os.getloadavg()[0]
    found = [
        f"Measured on {date.today()} on {os.cpu_count()} cores ({platform.machine()}, "
        f"{platform.system()}), with a load of {load:.1f} before it began; Python "
        f"{platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
        + ".",
        "",
        "| | requests for 1,000 cells | rejected | minutes at 120 a minute | rows/s at a fast "
        "server | peak |",
        "|---|---|---|---|---|---|",
    ]
    for name in CONTENDERS:
        fast = measure(name, rows=1_000, types=1, days=200)
        speed, peak = fast["rows"] / fast["seconds"], fast["peak"]
        cells = ["", "", ""]
        if name != "the floor":
            limited = measure(name, rows=10, types=5, days=100, minute=MINUTE)
            minutes = limited["seconds"] / MINUTE
            cells = [str(limited["queries"]), str(limited["rejected"]), f"{minutes:.1f}"]
        found.append("| " + " | ".join([name, *cells, f"{speed:,.0f}", f"{peak:.0f} MB"]) + " |")
        print(found[-1], flush=True)
    return found


def write(found: list[str]) -> None:
    """Between the marks of docs/performance.md."""
    text = "\n".join(["<!-- contenders: written by make bench -->", *found, "<!-- end -->"])
    marked = re.compile(r"<!-- contenders.*?<!-- end -->", re.DOTALL)
    page = PAGE.read_text()
    assert marked.search(page)
    PAGE.write_text(marked.sub(lambda _: text, page))


if __name__ == "__main__":
    found = lines()
    print("\n".join(found))
    write(found)
