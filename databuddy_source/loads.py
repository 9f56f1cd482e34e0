"""Running a pipeline so that a killed run costs nothing but time."""

from __future__ import annotations

from collections.abc import Callable

import dlt
from dlt.extract import DltSource


def sync(
    pipeline: dlt.Pipeline, source: DltSource, *, before_load: Callable[[], None] = lambda: None
) -> list[str]:
    """Load what an earlier run left behind, then run the source.

    `pipeline.run(source)` alone would load what is pending and extract nothing.

    Args:
        pipeline: where to.
        source: from `databuddy_source`.
        before_load: called when rows are ready and the warehouse is needed.

    Returns:
        The ids of all loads, for `raise_if_incomplete`.
    """
    loads: list[str] = []
    if pipeline.has_pending_data:
        pipeline.normalize()
        before_load()
        loads += pipeline.load().loads_ids
    pipeline.sync_destination()
    pipeline.extract(source)
    pipeline.normalize()
    before_load()
    return loads + list(pipeline.load().loads_ids)
