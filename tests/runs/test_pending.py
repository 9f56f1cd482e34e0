"""When what an earlier run left behind is tried again, and when it is given up."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import dlt
import pytest

from databuddy_source.dlt_seam import (
    DestinationTerminalException,
    LoadClientJobRetry,
    PipelineStepFailed,
)
from databuddy_source.runs.pending import MOST_RUNS, is_hopeless


@pytest.fixture
def pipeline(tmp_path: Path) -> dlt.Pipeline:
    """One of which only the folder is used."""
    (tmp_path / "web.loading").mkdir()
    return cast(dlt.Pipeline, SimpleNamespace(pipelines_dir=str(tmp_path), pipeline_name="web"))


def failed(cause: BaseException, step: str = "load") -> PipelineStepFailed:
    """What dlt raises, with a cause somewhere below it."""
    above = RuntimeError("a job failed")
    above.__cause__ = cause
    return cast(PipelineStepFailed, SimpleNamespace(exception=above, step=step))


def retried(load_id: str) -> LoadClientJobRetry:
    return LoadClientJobRetry(load_id, "1", 5, 5, "the connection broke", OSError())


def test_what_may_pass_is_tried_in_a_few_runs_each_package_by_itself(
    pipeline: dlt.Pipeline,
) -> None:
    found = [is_hopeless(pipeline, failed(retried("1"))) for _ in range(MOST_RUNS)]
    assert found == [False] * (MOST_RUNS - 1) + [True]
    assert not is_hopeless(pipeline, failed(retried("2")))


@pytest.mark.parametrize(
    ("cause", "step", "hopeless"),
    [
        (DestinationTerminalException("no such type"), "load", True),
        (KeyboardInterrupt(), "load", False),
        (ConnectionError("refused"), "load", False),
        (ValueError("odd"), "load", False),
        (ValueError("odd"), "normalize", True),
        (OSError("the disk is full"), "normalize", False),
    ],
)
def test_what_can_never_load_is_told_from_what_is_out_of_reach(
    cause: BaseException, step: str, hopeless: bool, pipeline: dlt.Pipeline
) -> None:
    assert is_hopeless(pipeline, failed(cause, step)) is hopeless
