"""The command `heal`: fetch exactly what the warehouse lacks."""

from __future__ import annotations

import typer

from databuddy_source.healing import bounds_of_gaps
from databuddy_source.planning import plan
from databuddy_source.source import configured
from pipelines.account import account, chosen
from pipelines.console import Exit, for_people, out, show_plan
from pipelines.loading import load
from pipelines.options import (
    AllowEmpty,
    Dataset,
    Demo,
    Destination,
    DryRun,
    FirstDay,
    LastDay,
    Reports,
    StateDir,
    Verbose,
    Wait,
    Websites,
)
from pipelines.warehouse import Warehouse


def heal(
    since: FirstDay = None,
    until: LastDay = None,
    demo: Demo = False,
    website: Websites = None,
    report: Reports = None,
    allow_empty: AllowEmpty = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    destination: Destination = "duckdb",
    dataset: Dataset = "databuddy",
    state_dir: StateDir = None,
    verbose: Verbose = False,
) -> None:
    """Load what `status` calls failed, truncated, suspect or missing, and nothing else.

    Later syncs go on where they were. Exit codes: those of `sync`.

    Examples:

        python pipelines/sync.py heal --dry-run

        python pipelines/sync.py heal --since 2026-01-01 --until 2026-01-31 --report pages
    """
    given = {
        "websites": website or None,
        **chosen(report, demo=demo),
        "allow_empty": allow_empty or None,
    }
    with for_people(verbose), account(demo, given) as arguments:
        configured(**arguments).credential.headers()
        warehouse = Warehouse.of(demo, destination, dataset, state_dir)
        warehouse.open()
        bounds = bounds_of_gaps(
            warehouse.pipeline,
            arguments,
            since.date() if since else None,
            until.date() if until else None,
        )
        if not bounds:
            out.print("Nothing is lacking, so nothing was asked for.")
            raise typer.Exit(Exit.COMPLETE)
        arguments = {**arguments, **bounds}
        settings = configured(**arguments)
        if dry_run:
            code = show_plan(plan(warehouse.pipeline, settings))
        else:
            code = load(warehouse, settings, arguments, wait=wait)
    raise typer.Exit(code)
