"""What pytest is told while a change is tried: the first test that notices it is enough, so quick
tests run before slow ones, and no drawn example is made smaller."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import Phase, settings

STATS = Path("mutmut-stats.json")
"""What mutmut measured in the run without a change, which comes first."""


def pytest_configure() -> None:
    """After the suite's own profile was loaded, before a test module is."""
    as_drawn = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", settings.get_profile("ours"), phases=as_drawn)
    settings.load_profile("mutants")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if STATS.exists():
        took = json.loads(STATS.read_text(encoding="utf-8"))["duration_by_test"]
        items.sort(key=lambda item: took.get(item.nodeid, 0.0))
