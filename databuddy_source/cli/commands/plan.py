"""The command `plan`: what `sync` would ask for."""

from __future__ import annotations

from databuddy_source.cli.commands.sync import sync
from databuddy_source.cli.options import (
    Dataset,
    Demo,
    Destination,
    LogFormat,
    LogFormats,
    Quiet,
    Refetch,
    Reports,
    Since,
    StateDir,
    Until,
    Verbose,
    Websites,
)


def plan(
    demo: Demo = False,
    website: Websites = None,
    report: Reports = None,
    since: Since = None,
    until: Until = None,
    refetch: Refetch = False,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
    log_format: LogFormats = LogFormat.TEXT,
) -> None:
    """Tell what `sync` would ask for, and how long it takes. Only lists are asked for.

    Examples:

        databuddy-source plan

        databuddy-source plan --since 2024-01-01 --until 2024-12-31
    """
    sync(
        demo=demo,
        website=website,
        report=report,
        since=since,
        until=until,
        refetch=refetch,
        dry_run=True,
        destination=destination,
        dataset=dataset,
        state_dir=state_dir,
        verbose=verbose,
        quiet=quiet,
        log_format=log_format,
    )
