"""The command `heal`: fetch exactly what the warehouse lacks."""

from __future__ import annotations

from typing import Any

import typer

from databuddy_source import choice_of_gaps, plan
from databuddy_source.cli.account import account
from databuddy_source.cli.console import for_people, note, out, say
from databuddy_source.cli.load import load
from databuddy_source.cli.options import (
    AllowEmpty,
    Dataset,
    Demo,
    Destination,
    DryRun,
    FirstDay,
    LastDay,
    LogFormat,
    LogFormats,
    Publish,
    Quiet,
    Reports,
    StateDir,
    Verbose,
    Wait,
    Websites,
)
from databuddy_source.cli.program import Exit
from databuddy_source.cli.redefined_lines import warehouse_options
from databuddy_source.cli.summaries import show_plan
from databuddy_source.warehouse.publish import Publication
from databuddy_source.warehouse.target import Warehouse

NOTHING_TO_HEAL = "Nothing is lacking, so nothing was asked for."


def heal(
    since: FirstDay = None,
    until: LastDay = None,
    demo: Demo = False,
    website: Websites = None,
    report: Reports = None,
    allow_empty: AllowEmpty = False,
    dry_run: DryRun = False,
    wait: Wait = False,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    publish: Publish = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
    log_format: LogFormats = LogFormat.TEXT,
) -> None:
    """Load what `status` calls failed, truncated, suspect or missing, and nothing else.

    Later syncs go on where they were. Exit codes: those of `sync`.

    Examples:

        databuddy-source heal --dry-run

        databuddy-source heal --since 2026-01-01 --until 2026-01-31 --report pages
    """
    given: dict[str, Any] = {"websites": website, "allow_empty": allow_empty}
    with for_people(verbose, quiet, log_format), account(demo, report, **given) as choose:
        where = warehouse_options(demo, destination, dataset, state_dir)
        warehouse = Warehouse.of(demo, destination, dataset, state_dir, say=say)
        settings, scope = choose(warehouse.place.name)
        settings.refuse_no_key()
        publication = Publication.of(warehouse.file, publish) if publish else None
        if dry_run:
            warehouse = warehouse.for_a_look()
        warehouse.open()
        gaps = choice_of_gaps(warehouse.pipeline, settings, scope, since, until)
        if gaps is None:
            out.print(NOTHING_TO_HEAL)
            note(NOTHING_TO_HEAL, "done", exit_code=0, rows=0)
            raise typer.Exit(Exit.COMPLETE)
        if dry_run:
            code = show_plan(plan(warehouse.pipeline, *gaps))
        else:
            live = not (verbose or quiet or log_format is LogFormat.JSON)
            code = load(
                warehouse, *gaps, where=where, publication=publication, wait=wait, live=live
            )
    raise typer.Exit(code)
