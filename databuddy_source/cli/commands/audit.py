"""The command `audit`: ask for final days again, and load what the server says otherwise now."""

from __future__ import annotations

from typing import Annotated

import typer

from databuddy_source.cli.commands.sync import Told, run
from databuddy_source.cli.options import (
    Dataset,
    Demo,
    Destination,
    DryRun,
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


def audit(
    since: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.")],
    until: Annotated[
        str | None, typer.Option(help="Last day. Default: today, in the configured time zone.")
    ] = None,
    demo: Demo = False,
    website: Websites = None,
    report: Reports = None,
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
    """Ask for final days again, and load what the server says otherwise now.

    What is as it was is not written. Where much differs, it stays as it is until an audit
    or sync ten hours later has the same answers. Each change is told in the table restatements.

    Examples:

        databuddy-source audit --since 2025-01-01 --dry-run

        databuddy-source audit --since 2025-01-01 --until 2025-12-31
    """
    run(
        {"websites": website, "since": since, "until": until},
        report,
        (destination, dataset, state_dir),
        Told(verbose, quiet, log_format),
        demo=demo,
        dry_run=dry_run,
        wait=wait,
        publish=publish,
        to_today=until is None,
        audit=True,
    )
