"""One run of `sync` or `backfill`: its progress, its loads, and what came of it."""

from __future__ import annotations

import contextlib
import errno
import shlex
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from databuddy_source import (
    LoadHooks,
    Step,
    gaps_of_loads,
    loaded_reports,
    new_columns,
    redefinitions,
    sync,
)
from databuddy_source.cli.console import note, out, say, somebody_watches
from databuddy_source.cli.page.charts import can_draw
from databuddy_source.cli.program import Exit, to_type
from databuddy_source.cli.progress_bar import Live
from databuddy_source.cli.redefined_lines import load_anew, redefined_lines
from databuddy_source.cli.summaries import (
    first_query,
    nothing_to_load,
    step_done,
    summary,
    tell_load,
)
from databuddy_source.config.connect import budgets_of
from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.errors import causes
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.publish import Publication
from databuddy_source.warehouse.target import Warehouse

if TYPE_CHECKING:
    import dlt


def load(
    warehouse: Warehouse,
    settings: Settings,
    scope: Scope,
    *,
    where: Sequence[str],
    publication: Publication | None,
    wait: bool,
    live: bool,
    into: dlt.Pipeline | None = None,
) -> Exit:
    """Load what the settings ask for, and tell what came of it.

    Args:
        warehouse: where to.
        settings, scope: what was chosen.
        where: options by which another command finds the same warehouse.
        publication: what to copy after each load.
        wait: for another run to be done.
        live: show a line that changes, where there is a terminal.
        into: loads into another dataset of the warehouse, of which nobody reads yet.
    """
    started = time.monotonic()
    budget = budgets_of(settings)
    spent = budget.spent
    pipeline = into or warehouse.pipeline
    pipeline.collector = Live(budget, on_terminal=live and somebody_watches())
    told: set[str] = set()

    def tell_loads(load_ids: list[str]) -> None:
        for load_id in load_ids:
            if load_id not in told:
                tell_load(load_id, loaded_reports(pipeline, [load_id]))
                told.add(load_id)

    def put() -> None:
        if publication:
            publication.put(warehouse.wait)

    def tell(step: Step) -> None:
        warehouse.wait()
        tell_loads(list(step.load_ids))
        say(step_done(step, time.monotonic() - started), done=step.done, total=step.total)

    # the lock also while coverage is read for the summary
    with full_disk_named(warehouse), alone(pipeline, wait=wait, say=say):
        warehouse.wait()
        before = [] if warehouse.is_new else redefinitions(pipeline)
        known = {(each.report, each.now) for each in before}
        hooks = LoadHooks(before_load=warehouse.wait, after_load=put)
        loads = sync(pipeline, settings, scope, hooks=hooks, tell=tell, wait=wait)
        if not loads:
            put()  # which may have been killed the last time
            nothing = nothing_to_load(scope)
            out.print(nothing)
            note(nothing, "done", exit_code=0, rows=0)
            return Exit.COMPLETE
        warehouse.wait()
        tell_loads(loads)
        loaded, gaps = loaded_reports(pipeline, loads), gaps_of_loads(pipeline, loads)
        added = new_columns(pipeline, loads)
        redefined = [
            each for each in redefinitions(pipeline) if (each.report, each.now) not in known
        ]
    code = summary(loaded, gaps, added, budget.spent - spent, time.monotonic() - started)
    if redefined:
        out.print()
        for line in redefined_lines(redefined, where):
            out.print(line)
        command = load_anew(redefined, where)
        reports = {each.report: str(each) for each in redefined}
        note(f"To load the old days anew: {command}", "redefined", reports=reports, command=command)
    if into or not warehouse.file:
        return code
    if query := first_query(warehouse.file, pipeline.dataset_name, loaded):
        out.print(f"\nThe tables are in {warehouse.file}. Try:\n\n  {query}\n")
    if "--demo" in where and can_draw():
        command = f"{to_type()} {shlex.join(['dashboard', *where])}"
        out.print(f"For a page to look at in a browser:\n\n  {command}\n")
    return code


@contextlib.contextmanager
def full_disk_named(warehouse: Warehouse) -> Iterator[None]:
    """Where the system does not say which disk is full, it is the one of the local state."""
    try:
        yield
    except Exception as error:
        for cause in causes(error):
            if isinstance(cause, OSError) and cause.errno == errno.ENOSPC and not cause.filename:
                cause.filename = str(warehouse.place.home)
        raise
