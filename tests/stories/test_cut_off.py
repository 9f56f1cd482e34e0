"""A load that is cut off at any moment has changed all tables or none."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from databuddy_source.demo import DemoServer
from tests.campaign import SEED, times

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("warehouse", "usual"), [("duckdb", 30), ("postgres", 10)])
def test_a_load_that_is_cut_off_has_changed_all_tables_or_none(
    warehouse: str, usual: int, serve: Callable[..., DemoServer], tmp_path: Path
) -> None:
    old, new = serve(days=10), serve(days=10)
    for website in new.websites:
        for day in (12, 13, 14):
            new.events.add(website.id, datetime(2026, 3, day, 12, tzinfo=UTC), path="/late")
    kills = max(3, times(usual))  # one of three is after the moment at which all changes
    print(f"seed={SEED} {kills=}")
    words = [warehouse, old.url, new.url, new.api_key, tmp_path, SEED, kills]
    done = subprocess.run(
        [sys.executable, "-m", "tests.stories.cut_off", *map(str, words)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert sum(each["cut"] for each in outcomes) == kills
    wrong = [
        each
        for each in outcomes
        if (each["finished"], each["then"]) != (True, "new") or each["left"] not in {"old", "new"}
    ]
    logs = [(tmp_path / f"attempt_{each['number']}" / "log").read_text() for each in wrong]
    assert wrong == [], "\n".join(logs)
    # on both sides of it
    assert {each["left"] for each in outcomes} == {"old", "new"}
