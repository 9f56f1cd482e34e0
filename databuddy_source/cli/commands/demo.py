"""The command `demo`: a first sync without an account."""

from __future__ import annotations

from databuddy_source.cli.commands.sync import sync
from databuddy_source.cli.options import LogFormat, LogFormats, Quiet, Reports, StateDir, Verbose


def demo(
    report: Reports = None,
    state_dir: StateDir = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
    log_format: LogFormats = LogFormat.TEXT,
) -> None:
    """Sync made-up visitors of a local server into demo.duckdb, and name a query to try next.

    Other commands look at the same with --demo.

    Examples:

        databuddy-source demo

        databuddy-source demo --report pages --report countries
    """
    sync(
        demo=True,
        report=report,
        state_dir=state_dir,
        verbose=verbose,
        quiet=quiet,
        log_format=log_format,
    )
