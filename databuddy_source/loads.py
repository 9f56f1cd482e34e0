"""Running a pipeline so that a killed run costs nothing but time."""

from __future__ import annotations

import dlt
from dlt.extract import DltSource


def sync(pipeline: dlt.Pipeline, source: DltSource) -> list[str]:
    """Load what an earlier run left behind, then run the source.

    `pipeline.run(source)` alone would load what is pending and extract nothing.

    Returns:
        The ids of all loads, for `raise_if_incomplete`.
    """
    loads: list[str] = []
    if pipeline.has_pending_data:
        pipeline.normalize()
        loads += pipeline.load().loads_ids
    return loads + list(pipeline.run(source).loads_ids)
