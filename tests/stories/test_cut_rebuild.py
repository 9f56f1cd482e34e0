"""A change of places that is cut off has happened whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from databuddy_source.demo import DemoServer
from tests.campaign import SEED, times, told_by


@pytest.mark.parametrize(("warehouse", "usual"), [("duckdb", 3), ("postgres", 2)])
def test_a_change_of_places_that_is_cut_off_has_happened_whole_or_not_at_all(
    warehouse: str, usual: int, serve: Callable[..., DemoServer], tmp_path: Path
) -> None:
    server = serve(days=10)
    words = [warehouse, server.url, server.api_key, server.websites[0].id, tmp_path]
    words += [SEED, times(usual)]
    outcomes = told_by("tests.stories.cut_rebuild", *words)
    assert len(outcomes) >= min(times(usual), 20)
    assert [each for each in outcomes if not each["cut"]] == []
    assert [each for each in outcomes if each["then"] != "new"] == []
    assert {each["left"] for each in outcomes} == {"old", "new"}
