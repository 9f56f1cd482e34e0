"""Which datasets may change places."""

from __future__ import annotations

from pathlib import Path

import dlt
import pytest

from databuddy_source.errors import BadConfiguration, UnfitDestination
from databuddy_source.warehouse.dlt_defaults import for_pipeline
from databuddy_source.warehouse.exchange import refuse_same_names, refuse_unchangeable


@pytest.mark.parametrize(
    ("destination", "fits"),
    [("duckdb", True), ("postgres", True), ("bigquery", False), ("snowflake", False)],
)
def test_a_warehouse_that_cannot_change_places_whole_is_refused(
    destination: str, fits: bool, tmp_path: Path
) -> None:
    pipeline = dlt.pipeline("exchange", destination=destination, pipelines_dir=str(tmp_path))
    for_pipeline(pipeline)
    try:
        if fits:
            refuse_unchangeable(pipeline)
            return
        with pytest.raises(UnfitDestination) as failed:
            refuse_unchangeable(pipeline)
    finally:
        pipeline.deactivate()
    assert str(failed.value).startswith(f"On {destination} two datasets cannot change places whole")
    assert "sync into another dataset (--dataset)" in str(failed.value)


def test_datasets_of_one_name_are_refused() -> None:
    refuse_same_names("web", "web_rebuild", "")
    with pytest.raises(BadConfiguration, match="Two datasets of web, web_rebuild, web have one"):
        refuse_same_names("web", "web_rebuild", "Web")
