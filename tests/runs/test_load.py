"""What one load raises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import pytest

from databuddy_source.dlt_seam import PipelineStepFailed
from databuddy_source.errors import DatabuddyError, OtherDays
from databuddy_source.runs.load import load
from databuddy_source.warehouse.trial import causes


def of_a_source_that_raises(error: Exception) -> Any:
    @dlt.source(name="failing")
    def failing() -> Any:
        @dlt.resource
        def rows() -> Iterator[dict[str, int]]:
            yield {"a": 1}
            try:
                raise ValueError("deep")
            except ValueError as cause:
                raise error from cause

        return rows

    return failing()


@pytest.fixture
def pipeline(tmp_path: Path) -> dlt.Pipeline:
    destination = dlt.destinations.duckdb(str(tmp_path / "web.duckdb"))
    return dlt.pipeline("web", destination=destination, pipelines_dir=str(tmp_path / "state"))


def test_an_error_of_ours_is_raised_as_what_it_is(pipeline: dlt.Pipeline) -> None:
    error = OtherDays("The table holds days of UTC")
    with pytest.raises(DatabuddyError) as caught:
        load(pipeline, of_a_source_that_raises(error))
    assert caught.value is error
    # with its own cause, and no way round in a circle
    assert [str(each) for each in causes(error)] == [str(error), "deep"]


def test_an_error_of_others_is_raised_as_dlt_raises_it(pipeline: dlt.Pipeline) -> None:
    with pytest.raises(PipelineStepFailed, match="not ours"):
        load(pipeline, of_a_source_that_raises(RuntimeError("not ours")))
