"""A backfill that is killed at any moment ends, with the next run, as if nothing had happened."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from databuddy_source.demo import DemoServer
from tests.campaign import SEED, times

PROJECT = Path(__file__).resolve().parents[2]


def test_killed_at_random_moments_the_tables_are_those_of_an_undisturbed_run(
    serve: Callable[..., DemoServer], tmp_path: Path
) -> None:
    server = serve(days=12)
    kills = times(6)
    print(f"seed={SEED}")
    words = [server.url, server.api_key, server.websites[0].id, tmp_path, SEED, kills]
    done = subprocess.run(
        [sys.executable, "-m", "tests.stories.killed", *map(str, words)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = json.loads(done.stdout.splitlines()[-1])
    assert sum(each["killed"] for each in outcomes) == kills
    different = [attempt for attempt, each in enumerate(outcomes) if each["different"]]
    logs = [(tmp_path / str(attempt) / "log").read_text() for attempt in different]
    assert different == [], "\n".join([str(outcomes), *logs])
