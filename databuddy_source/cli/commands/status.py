"""The command `status`: what the warehouse has and lacks, without asking the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.table import Table

from databuddy_source import ReportStatus, WarehouseStatus
from databuddy_source import status as status_of
from databuddy_source.cli.account import account
from databuddy_source.cli.calendar_lines import calendar_lines, legend
from databuddy_source.cli.console import LINES_SHOWN, for_people, out, say, shown, write_json
from databuddy_source.cli.history_lines import history_lines, lateness_document
from databuddy_source.cli.journal import moment
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
)
from databuddy_source.cli.program import Exit
from databuddy_source.cli.redefined_lines import load_anew, redefined_lines, warehouse_options
from databuddy_source.cli.removal_lines import removal_commands
from databuddy_source.model.statuses import Mark
from databuddy_source.warehouse.choice import chosen
from databuddy_source.warehouse.reading import opened

WIDEST = 160
"""Columns of a calendar, also where a wider terminal, or none, reads it."""

JSON_VERSION = 1
"""Counts up when a field changes its meaning or goes away; new fields may come any time."""


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
    as_json: Json = False,
    demo: Demo = False,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    verbose: Verbose = False,
) -> None:
    """Show what the warehouse has and lacks, day by day. Asks nothing of the API.

    Exit codes: 0 nothing is lacking, 3 some cells failed, are truncated, suspect or missing, or
    with --deep have lost or gained rows in the tables.

    Examples:

        databuddy-source status

        databuddy-source status --since 2026-01-01 --report pages

        databuddy-source status --deep

        databuddy-source status --json
    """
    with for_people(verbose), account(demo, report, asks=False, websites=website) as choose:
        settings, _ = choose(chosen(demo, destination, dataset, state_dir).pipeline_name)
        where = warehouse_options(demo, destination, dataset, state_dir)
        with opened(demo, destination, dataset, state_dir, say) as tables:
            found = status_of(tables, settings, since=since, until=until, deep=deep, late=lateness)
        if as_json:
            write_json(as_document(found, where, named=bool(website or report)))
        else:
            show(found, where, named=bool(website or report))
    raise typer.Exit(Exit.COMPLETE if found.is_complete else Exit.INCOMPLETE)


def as_document(
    found: WarehouseStatus, where: Sequence[str] = (), *, named: bool = False
) -> dict[str, Any]:
    """What `--json` prints. Days are `YYYY-MM-DD` in the report's time zone, instants UTC.

    Args:
        found: what the warehouse has and lacks.
        where: options by which another command finds it.
        named: whether the user named websites or reports, so that others may be configured, too.
    """
    return {
        "version": JSON_VERSION,
        "complete": found.is_complete,
        "cells": _counts(found.cells),
        "reports": [
            {
                "website_id": each.website_id,
                "domain": each.domain,
                "report": each.report,
                "grain": each.grain.value,
                "time_zone": each.time_zone,
                "first_day": _text(each.first),
                "last_day": _text(each.last),
                "rows": each.rows,
                "synced_at": _iso(each.synced_at),
                "load_id": each.load_id,
                "cells": _counts(each.cells),
                "gaps": [
                    {
                        "mark": gap.mark.value,
                        "first_day": str(gap.first),
                        "last_day": str(gap.last),
                        "cells": gap.cells,
                        "reason": gap.reason or None,
                    }
                    for gap in each.gaps
                ],
            }
            for each in found.reports
        ],
        "not_configured": [
            {"website_id": website_id, "report": report} for website_id, report in found.others
        ],
        "remove": [] if named else removal_commands(found.leftovers, where),
        "not_offered": [
            {"website_id": website_id, "report": report} for website_id, report in found.withdrawn
        ],
        "redefined": [
            {
                "report": each.report,
                "now": each.now,
                "days": [
                    {
                        "generation": stay.generation,
                        "first_day": str(stay.first),
                        "last_day": str(stay.last),
                    }
                    for stay in each.stays
                ],
                "changes": [
                    {
                        "generation": before,
                        "meanings": list(change.meanings.values()),
                        "new_columns": list(change.came),
                        "gone_columns": list(change.gone),
                    }
                    for before, change in each.changes.items()
                ],
            }
            for each in found.redefined
        ],
        "load_anew": load_anew(found.redefined, where) if found.redefined else None,
        "miscounted": [
            {
                "website_id": each.website_id,
                "report": each.report,
                "first_day": str(each.date),
                "rows": each.there,
                "rows_loaded": each.told,
            }
            for each in found.miscounts
        ],
        "history": {
            "proved_since": _iso(found.history.proved_since),
            "round_days": found.history.round_days,
            "changed_days": found.history.changed_days,
        },
        "lateness": lateness_document(found),
    }


def _counts(cells: Mapping[Mark, int]) -> dict[str, int]:
    return {mark.value: cells.get(mark, 0) for mark in Mark}


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _text(day: date | None) -> str | None:
    return str(day) if day else None


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
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = ["report", "first day", "last day", "rows", "last sync"]
    if any(each.gaps for each in reports):
        columns.append("lacking")
    for column in columns:
        table.add_column(
            column,
            justify="right" if column == "rows" else "left",
            no_wrap=column != "lacking",
            overflow="ellipsis" if column == "report" else "fold",
        )
    for each in reports:
        lacking = (f"{n:,} {mark}" for mark, n in each.cells.items() if mark.is_gap)
        row = [
            each.report,
            _text(each.first) or "",
            _text(each.last) or "",
            f"{each.rows:,}",
            moment(each.synced_at)[5:16] if each.synced_at else "never",
            ", ".join(lacking),
        ]
        table.add_row(*row[: len(columns)])
    out.print(table)
    for line in calendar_lines(reports, min(out.width, WIDEST)):
        out.print(line)
    reasons = [
        f"{gap.mark}: {each.report} {gap.first}"
        + (f" to {gap.last}" if gap.last != gap.first else "")
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
