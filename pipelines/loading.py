"""Runs a load and tells what came of it."""

from __future__ import annotations

import time
from typing import Any

from databuddy_source import sync_in_loads
from databuddy_source.coverage_queries import gaps_of_loads, loaded_reports
from databuddy_source.exclusive import alone
from databuddy_source.extraction import budget_of
from databuddy_source.settings import Settings
from pipelines.console import NOTHING_TO_LOAD, Exit, first_query, out, progress, say, summary
from pipelines.warehouse import Warehouse


def load(
    warehouse: Warehouse, settings: Settings, arguments: dict[str, Any], *, wait: bool
) -> Exit:
    """Load by the source's arguments, and print what was loaded and what was not."""
    started = time.monotonic()
    budget = budget_of(settings)
    spent = budget.spent
    pipeline = warehouse.pipeline
    with alone(pipeline, wait=wait, say=say):  # also while coverage is read for the summary
        loads = sync_in_loads(
            pipeline,
            arguments,
            before_load=warehouse.wait,
            tell=lambda step: say(progress(step, time.monotonic() - started)),
        )
        if not loads:
            out.print(NOTHING_TO_LOAD)
            return Exit.COMPLETE
        warehouse.wait()
        loaded, gaps = loaded_reports(pipeline, loads), gaps_of_loads(pipeline, loads)
    code = summary(loaded, gaps, budget.spent - spent, time.monotonic() - started)
    if warehouse.file and (query := first_query(warehouse.file, pipeline.dataset_name, loaded)):
        out.print(f"\nThe tables are in {warehouse.file}. Try:\n\n  {query}\n")
    return code
