"""The command `backfill`: load past days."""

from __future__ import annotations

from typing import Annotated

import typer

from databuddy_source.cli.commands.sync import Told, run
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


def backfill(
    since: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.")],
    until: Annotated[
        str | None, typer.Option(help="Last day. Default: today, in the configured time zone.")
    ] = None,
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
    run(
        {
            "websites": website,
            "since": since,
            "until": until,
            "refetch": refetch,
            "allow_empty": allow_empty,
        },
        report,
        (destination, dataset, state_dir),
        Told(verbose, quiet, log_format),
        demo=demo,
        dry_run=dry_run,
        wait=wait,
        publish=publish,
        to_today=until is None,
    )
