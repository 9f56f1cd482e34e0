"""Running a pipeline so that a killed run costs nothing but time."""

from __future__ import annotations

import dlt
from dlt.extract import DltSource


def sync(pipeline: dlt.Pipeline, source: DltSource, *, rebuild: bool = False) -> list[str]:
    """Load what an earlier run left behind, then run the source.

    `pipeline.run(source)` alone would load what is pending and extract nothing.

    Args:
        pipeline: where to.
        source: from `databuddy_source`, built with the same `rebuild`.
        rebuild: drop all tables and the state of the source first.

    Returns:
        The ids of all loads, for `raise_if_incomplete`.
    """
    loads: list[str] = []
    if pipeline.has_pending_data:
        pipeline.normalize()
        loads += pipeline.load().loads_ids
    info = pipeline.run(source, refresh="drop_sources") if rebuild else pipeline.run(source)
    return loads + list(info.loads_ids)
