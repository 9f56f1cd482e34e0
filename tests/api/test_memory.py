"""What the worst answer takes that is taken at all: in a process of its own, from the line to the
values."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

MOST = 800 * 1024**2
"""Bytes at the peak of the process."""

AFRESH = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
"""A process begins with the peak of the one that started it, so a small one stands between."""

# a row, whether it is a member of one object and has a number in it, and what stands behind them
SHAPES = {
    "rows of a report": ('{"name":"/a/path/12345","pageviews":1234,"visitors":77}', "", "{}"),
    "objects in objects": ('{"":{"":{"":{"":{"":{}}}}}}', "", "{}"),
    "lists with a zero byte": ("[[]]", "", '"\\u0000"'),
    "one object of wide keys": ('"\U0001f986%07d":0.5', "numbered", '"":0}'),
    "what only the second decoder takes": ('{"":0}', "", '"\U0001f986",NaN'),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_worst_answer_that_is_taken_stays_below_800_megabytes(shape: str) -> None:
    words = [sys.executable, "-c", AFRESH, sys.executable, "-m", "tests.api.taking"]
    done = subprocess.run(
        [*words, *SHAPES[shape]], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert 0 < int(done.stdout) < MOST
