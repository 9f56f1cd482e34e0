"""The command `backfill`: load past days."""

from __future__ import annotations

from typing import Annotated

import typer

from databuddy_source.cli.commands.sync import sync
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
    StateDir,
    Verbose,
    Wait,
    Websites,
)
from databuddy_source.clock import now


def backfill(
    since: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.")],
    until: Annotated[str | None, typer.Option(help="Last day. Default: today.")] = None,
    demo: Demo = False,
    website: Websites = None,
    report: Reports = None,
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
    """Load past days as a series of bounded loads, oldest first. Stopped, it goes on where it was.

    Examples:

        databuddy-source backfill --since 2024-01-01

        databuddy-source backfill --since 2024-01-01 --until 2024-12-31 --dry-run
    """
    sync(
        demo=demo,
        website=website,
        report=report,
        since=since,
        until=until or now().date().isoformat(),
        refetch=refetch,
        allow_empty=allow_empty,
        dry_run=dry_run,
        wait=wait,
        destination=destination,
        dataset=dataset,
        state_dir=state_dir,
        publish=publish,
        verbose=verbose,
        quiet=quiet,
        log_format=log_format,
    )
