"""The command `export`: files as the API's own export makes them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from databuddy_source import Exported
from databuddy_source import export as export_files
from databuddy_source.api.models import ExportFormat
from databuddy_source.cli.account import account
from databuddy_source.cli.console import complain, for_people, out
from databuddy_source.cli.options import Demo, LastDay, Reports, Verbose, Websites, as_day
from databuddy_source.cli.program import Exit
from databuddy_source.clock import today

FromDay = Annotated[
    date, typer.Option("--since", parser=as_day, metavar="DAY", help="First day, YYYY-MM-DD.")
]
Into = Annotated[
    Path, typer.Option("--into", help="A folder, or a file that ends with .csv or .json.")
]
Format = Annotated[
    ExportFormat | None,
    typer.Option("--format", help="Default: what the file ends with, else csv."),
]


def export(
    since: FromDay,
    until: LastDay = None,
    into: Into = Path(),
    file_format: Format = None,
    website: Websites = None,
    report: Reports = None,
    demo: Demo = False,
    verbose: Verbose = False,
) -> None:
    """Save files that the server itself exports, where it has that.

    Each file holds one query type of one website over all days from --since to --until, which is
    yesterday by default.

    Exit codes: 0 all files are there, 1 failed, 2 wrong usage, 3 the server refused some files.

    Examples:

        databuddy-source export --since 2026-01-01 --report pages --into exports

        databuddy-source export --since 2026-01-31 --report pages --format json
    """
    with for_people(verbose), account(demo, report, websites=website) as choose:
        settings, _ = choose()
        last = until or today(settings.timezone) - timedelta(days=1)
        if since > last:
            raise typer.BadParameter(f"--since {since} is after {last}, the last day.")
        files = export_files(into, since, last, settings, file_format, _tell)
    refused = [each for each in files if each.reason]
    if len(refused) == len(files):
        raise typer.Exit(Exit.FAILED)
    raise typer.Exit(Exit.INCOMPLETE if refused else Exit.COMPLETE)


def _tell(file: Exported) -> None:
    if file.reason:
        complain(f"No {file.path.name}: {file.reason}")
    else:
        out.print(f"{file.path}  {file.size:,} bytes")
