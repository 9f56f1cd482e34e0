"""A removal that is cut off has taken out all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from databuddy_source.demo import DemoServer
from tests.campaign import SEED, times, told_by


@pytest.mark.parametrize(("warehouse", "usual"), [("duckdb", 8), ("postgres", 4)])
def test_a_removal_that_is_cut_off_has_taken_out_all_or_nothing(
    warehouse: str, usual: int, serve: Callable[..., DemoServer], tmp_path: Path
) -> None:
    server = serve(days=10)
    words = [warehouse, server.url, server.api_key, server.websites[0].id, tmp_path]
    words += [SEED, times(usual)]
    outcomes = told_by("tests.stories.cut_removal", *words)
    assert len(outcomes) >= min(times(usual), 20)
    assert [each for each in outcomes if not each["cut"]] == []
    assert [each for each in outcomes if each["then"] != "new"] == []
    assert {each["left"] for each in outcomes} == {"old", "new"}
