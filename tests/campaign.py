"""How often a test tries what it draws at random: `EXAMPLES=0.2` a fifth as often, for a quick
look; `EXAMPLES=20` for a campaign.

Up to 1 the draws are the same in each run, so a run tells of the code and not of luck. A campaign
draws others each time and prints its seed.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

FACTOR = float(os.environ.get("EXAMPLES", "1"))
IS_CAMPAIGN = FACTOR > 1
SEED = int(os.environ.get("SEED", random.randrange(2**32) if IS_CAMPAIGN else 1))
"""Of draws that are not hypothesis' own."""

# xdist's workers are to draw the same
os.environ["SEED"] = str(SEED)


def times(usual: int) -> int:
    """How often, where the suite does it so often."""
    return max(1, round(usual * FACTOR))


def examples(usual: int) -> settings:
    """hypothesis' examples of one test."""
    return settings(max_examples=times(usual))


def leave_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take away the cases that a campaign runs and the suite does not, of tests that are marked
    `sampled`, unless somebody names a case.

    `@pytest.mark.sampled(4)` keeps four of a test's cases, drawn by SEED, first of all those with a
    value of a parameter that no case before has: so each generation comes, and each time zone, as
    long as there is room.
    """
    if IS_CAMPAIGN or any("[" in name for name in config.args):
        return
    cases: dict[str, list[pytest.Function]] = defaultdict(list)
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("sampled"):
            cases[f"{item.path}::{item.originalname}"].append(item)
    away = [case for name, of_one in cases.items() for case in _not_drawn(name, of_one)]
    config.hook.pytest_deselected(items=away)
    items[:] = [item for item in items if item not in away]


def _not_drawn(name: str, cases: list[pytest.Function]) -> list[pytest.Function]:
    (most,) = cases[0].get_closest_marker("sampled").args
    rest = random.Random(f"{SEED} {Path(name).name}").sample(cases, len(cases))
    seen: set[tuple[str, str]] = set()
    for _ in range(min(most, len(rest))):
        drawn = max(rest, key=lambda case: len(_values(case) - seen))
        seen |= _values(drawn)
        rest.remove(drawn)
    return rest


def _values(case: pytest.Function) -> set[tuple[str, str]]:
    return {(name, repr(value)) for name, value in case.callspec.params.items()}


def told_by(module: str, *words: object) -> list[dict[str, Any]]:
    """What a module of the tests prints as a program of its own, an object a line. It cuts itself
    off on the way."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, words)],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def prepare() -> None:
    """Set what is true of all tests with examples."""
    settings.register_profile(
        "ours",
        max_examples=times(100),
        # a machine may be slow, and tracing makes it slower: that is no mistake in the code
        deadline=None,
        derandomize=not IS_CAMPAIGN,
        print_blob=True,
    )
    settings.load_profile("ours")
