"""A load that is cut off at any moment has changed all tables or none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from databuddy_source.demo import DemoServer
from tests.campaign import SEED, times, told_by


@pytest.mark.parametrize(
    ("warehouse", "run", "usual"),
    [
        ("duckdb", "refetch", 30),
        ("postgres", "refetch", 10),
        ("duckdb", "scrub", 6),
        ("postgres", "scrub", 3),
    ],
)
def test_a_load_that_is_cut_off_has_changed_all_tables_or_none(
    warehouse: str, run: str, usual: int, serve: Callable[..., DemoServer], tmp_path: Path
) -> None:
    """Also one that finds history changed: what was proved, and is noted of the change, too."""
    old, new = serve(days=10), serve(days=10)
    new.now += timedelta(hours=1)
    for website in new.websites:
        for day in (12, 13, 14):
            new.events.add(website.id, datetime(2026, 3, day, 12, tzinfo=UTC), path="/late")
    kills = max(3, times(usual))  # one of three is after the moment at which all changes
    print(f"seed={SEED} {kills=}")
    words = [warehouse, run, old.url, new.url, new.api_key, tmp_path, SEED, kills]
    outcomes = told_by("tests.stories.cut_off", *words)
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
