"""The command `sync`: load what is new or may have changed."""

from __future__ import annotations

from typing import Any

import typer

from databuddy_source import plan as plan_of
from databuddy_source.cli.account import account
from databuddy_source.cli.console import for_people, say
from databuddy_source.cli.journal import use_zone
from databuddy_source.cli.load import load
from databuddy_source.cli.options import (
    AllowEmpty,
    Dataset,
    Demo,
    Destination,
    DryRun,
    LogFormat,
    LogFormats,
    Publish,
    Quiet,
    Refetch,
    Reports,
    Since,
    StateDir,
    Until,
    Verbose,
    Wait,
    Websites,
)
from databuddy_source.cli.redefined_lines import warehouse_options
from databuddy_source.cli.summaries import show_plan
from databuddy_source.warehouse.publish import Publication
from databuddy_source.warehouse.target import Warehouse


def sync(
    demo: Demo = False,
    website: Websites = None,
    report: Reports = None,
    since: Since = None,
    until: Until = None,
    refetch: Refetch = False,
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
    """Load what is new or may have changed.

    Examples:

        databuddy-source --demo

        databuddy-source --website example.com --report pages --report countries

        databuddy-source --since 2026-01-01 --until 2026-01-31
    """
    given: dict[str, Any] = {"websites": website, "since": since, "until": until}
    given |= {"refetch": refetch, "allow_empty": allow_empty}
    with for_people(verbose, quiet, log_format), account(demo, report, **given) as choose:
        settings, scope = choose()
        where = warehouse_options(demo, destination, dataset, state_dir)
        use_zone(settings.timezone)
        settings.credential.headers()  # without a key, nothing shall come into being
        warehouse = Warehouse.of(demo, destination, dataset, state_dir, say=say)
        publication = Publication.of(warehouse.file, publish) if publish else None
        if dry_run:
            if warehouse.is_new:  # nothing in it is final, and planning shall not make it
                scope = scope.model_copy(update={"refetch": True})
            else:
                warehouse.open()
            code = show_plan(plan_of(warehouse.pipeline, settings, scope))
        else:
            live = not (verbose or quiet or log_format is LogFormat.JSON)
            code = load(
                warehouse,
                settings,
                scope,
                where=where,
                publication=publication,
                wait=wait,
                live=live,
            )
    raise typer.Exit(code)
