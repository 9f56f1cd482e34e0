"""dlt's own settings that have to hold wherever the source runs, also without this project's
`.dlt/` folder. What the user has configured is never changed."""

from __future__ import annotations

import re
from contextlib import suppress

import dlt

from databuddy_source.dlt_seam import (
    active_pipeline,
    forget_unfinished_schemas,
    switch_off_telemetry,
    unfinished_schemas,
)
from databuddy_source.errors import AlreadyRunning
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.whole import make_whole


def for_source() -> None:
    """When the source is made: dlt's default `round_robin` ends in a RecursionError between 1,000
    and 2,000 resources.

    A pipeline that is there by then loads whole, also by `pipeline.run(source)`. Not one that is
    made later: it would be whole once it extracts, and after a kill the next run would go on with
    its package before that, and end without the merges."""
    _default("sources.databuddy.extract.next_item_mode", "fifo")
    without_telemetry()
    if pipeline := active_pipeline():
        for_pipeline(pipeline)


def without_telemetry() -> None:
    """Before dlt does anything: nobody but the user learns what is loaded."""
    if dlt.config.get("runtime.dlthub_telemetry") is None:
        dlt.config["runtime.dlthub_telemetry"] = False
        switch_off_telemetry()


def for_pipeline(pipeline: dlt.Pipeline) -> None:
    """Before anything is loaded, also what a killed run left behind. No other pipeline has the same
    staging dataset, or two that load at the same time into one dataset would merge each other's
    rows. One that is made after the source keeps dlt's, for the same reason as above."""
    if pipeline.destination:
        own = re.sub(r"[^a-z0-9]+", "_", pipeline.pipeline_name.lower()).strip("_")
        section = f"{pipeline.pipeline_name}.destination.{pipeline.destination.destination_name}"
        _default(f"{section}.staging_dataset_name_layout", f"%s_staging_{own}")
    for_extraction(pipeline)
    make_whole(pipeline)


def for_extraction(pipeline: dlt.Pipeline) -> None:
    """Before anything is extracted: of finished loads nothing stays in local files or in the
    staging dataset, and of a killed one no file that dlt takes for a schema."""
    _default(f"{pipeline.pipeline_name}.load.delete_completed_jobs", True)
    _default(f"{pipeline.pipeline_name}.load.truncate_staging_dataset", True)
    if unfinished_schemas(pipeline):
        with suppress(AlreadyRunning), alone(pipeline):  # else it is being written at this moment
            forget_unfinished_schemas(pipeline)


def _default(key: str, value: object) -> None:
    general = key.split(".", 1)[1]
    if dlt.config.get(key) is None and dlt.config.get(general) is None:
        dlt.config[key] = value
