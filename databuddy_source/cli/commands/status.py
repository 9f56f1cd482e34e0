"""The command `status`: what the warehouse has and lacks, without asking the API."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from itertools import groupby
from typing import Annotated

import typer

from databuddy_source import ReportStatus, WarehouseStatus
from databuddy_source import status as status_of
from databuddy_source.cli.account import account
from databuddy_source.cli.calendar_lines import calendar_lines, legend
from databuddy_source.cli.console import (
    LINES_SHOWN,
    for_people,
    out,
    say,
    shown,
    write_json,
    write_text,
)
from databuddy_source.cli.history_lines import history_lines
from databuddy_source.cli.journal import moment
from databuddy_source.cli.metrics import age_line, metrics
from databuddy_source.cli.miscounted_lines import miscounted_lines
from databuddy_source.cli.options import (
    Dataset,
    Demo,
    Destination,
    FirstDay,
    Json,
    LastDay,
    Reports,
    StateDir,
    Verbose,
    Websites,
    as_duration,
)
from databuddy_source.cli.program import Exit
from databuddy_source.cli.redefined_lines import redefined_lines, warehouse_options
from databuddy_source.cli.removal_lines import removal_commands
from databuddy_source.cli.status_document import as_document
from databuddy_source.cli.tables import WholeWords
from databuddy_source.clock import now
from databuddy_source.model.windows import span
from databuddy_source.warehouse.choice import chosen
from databuddy_source.warehouse.reading import opened

WIDEST = 160
"""Columns of a calendar, also where a wider terminal, or none, reads it."""


class Format(StrEnum):
    """Other shapes of the result."""

    PROMETHEUS = "prometheus"


def status(
    since: FirstDay = None,
    until: LastDay = None,
    website: Websites = None,
    report: Reports = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Count the rows of each day in the tables, too.")
    ] = False,
    lateness: Annotated[
        bool, typer.Option("--lateness", help="Tell how late numbers still change, by report.")
    ] = False,
    max_age: Annotated[
        timedelta | None,
        typer.Option(
            parser=as_duration,
            metavar="AGE",
            help="Say in one line whether a newest answer is older, such as 26h, 90m or 2d.",
        ),
    ] = None,
    as_json: Json = False,
    format_: Annotated[
        Format | None,
        typer.Option(
            "--format", help="Write metrics, as Prometheus reads them. What is lacking is no error."
        ),
    ] = None,
    demo: Demo = False,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    verbose: Verbose = False,
) -> None:
    """Show what the warehouse has and lacks, day by day. Asks nothing of the API.

    Exit codes: 0 nothing is lacking, 3 some cells failed, are truncated, suspect or missing, or
    with --deep have lost or gained rows in the tables, or with --max-age the newest answer of a
    report is older than that.

    Examples:

        databuddy-source status

        databuddy-source status --since 2026-01-01 --report pages

        databuddy-source status --deep

        databuddy-source status --max-age 26h

        databuddy-source status --json
    """
    if (max_age is not None) + as_json + (format_ is not None) > 1:
        raise typer.BadParameter("--max-age, --json and --format each write something else.")
    with for_people(verbose), account(demo, report, asks=False, websites=website) as choose:
        settings, _ = choose(chosen(demo, destination, dataset, state_dir).pipeline_name)
        where = warehouse_options(demo, destination, dataset, state_dir)
        with opened(demo, destination, dataset, state_dir, say) as tables:
            found = status_of(tables, settings, since=since, until=until, deep=deep, late=lateness)
        well = found.is_complete
        if format_:
            write_text(metrics(found))
            well = True  # the metrics say it, and a file of them is to be kept
        elif max_age is not None:
            line, well = age_line(found, max_age, now())
            out.print(line)
        elif as_json:
            write_json(as_document(found, where, named=bool(website or report)))
        else:
            show(found, where, named=bool(website or report))
    raise typer.Exit(Exit.COMPLETE if well else Exit.INCOMPLETE)


def show(found: WarehouseStatus, where: Sequence[str], *, named: bool) -> None:
    """Print it for people.

    Args:
        found: what the warehouse has and lacks.
        where: options by which another command finds it.
        named: whether the user named websites or reports, so that others are of no interest.
    """
    for _, group in groupby(found.reports, key=lambda each: each.website_id):
        _show_website(list(group))
    if found.cells:
        out.print(legend(found.cells), soft_wrap=False)
    for line in history_lines(found):
        out.print(line, soft_wrap=False)
    if found.others and not named:
        seen = {each.website_id for each in found.reports}
        reports = sorted({report for website_id, report in found.others if website_id in seen})
        websites = sorted({website_id for website_id, _ in found.others} - seen)
        for option, names in (("--report", reports), ("--website", websites)):
            if names:
                out.print(
                    "Also there, but not configured now, so not looked at: "
                    f"{', '.join(map(shown, names))}. Name them with {option} to see them.",
                    soft_wrap=False,
                )
        out.print("To take them out of the warehouse, with --dry-run for a look first:")
        for command in removal_commands(found.leftovers, where):
            out.print(f"  {command}")
    if found.withdrawn:
        names = sorted({report for _, report in found.withdrawn})
        out.print(
            f"Kept, but the server no longer has it: {', '.join(map(shown, names))}.",
            soft_wrap=False,
        )
    for line in redefined_lines(found.redefined, where) if found.redefined else ():
        out.print(line)
    for line in miscounted_lines(found.miscounts, where) if found.miscounts else ():
        out.print(line)
    if found.is_complete:
        out.print("Nothing is lacking.")
    if not found.lacking:
        return
    counted = ", ".join(f"{n:,} {mark}" for mark, n in found.cells.items() if mark.is_gap)
    cells = "1 cell is" if found.lacking == 1 else f"{found.lacking:,} cells are"
    out.print(f"{cells} lacking: {counted}. `heal` asks for exactly these.", style="bold red")


def _show_website(reports: Sequence[ReportStatus]) -> None:
    first = reports[0]
    domain = shown(first.domain)
    name = f"{domain} ({first.website_id})" if domain else first.website_id
    newest = max(
        ((each.synced_at, each.load_id) for each in reports if each.synced_at), default=None
    )
    synced = f"last sync {moment(newest[0])}, load {newest[1]}" if newest else ""
    out.print(f"{name}  {synced or 'never synced'}", style="bold")
    if first.is_gone:
        out.print("The newest sync did not see this website.")
    table = WholeWords()
    columns = ["report", "first day", "last day", "rows", "last sync"]
    if any(each.gaps for each in reports):
        columns.append("lacking")
    for column in columns:
        table.add_column(
            column,
            justify="right" if column == "rows" else "left",
            no_wrap=column != "lacking",
        )
    for each in reports:
        lacking = (f"{n:,} {mark}" for mark, n in each.cells.items() if mark.is_gap)
        row = [
            each.report,
            str(each.first or ""),
            str(each.last or ""),
            f"{each.rows:,}",
            moment(each.synced_at)[5:16] if each.synced_at else "never",
            ", ".join(lacking),
        ]
        table.add_row(*row[: len(columns)])
    out.print(table)
    for line in calendar_lines(reports, min(out.width, WIDEST)):
        out.print(line)
    reasons = [
        f"{gap.mark}: {each.report} {span(gap.first, gap.last)}"
        + (f": {gap.reason}" if gap.reason else "")
        for each in reports
        for gap in each.gaps
    ]
    if reasons:
        out.print()
    for line in reasons[:LINES_SHOWN]:
        out.print(line, style="red")
    if len(reasons) > LINES_SHOWN:
        out.print(f"... and {len(reasons) - LINES_SHOWN} more; --json has them all.")
    out.print()
