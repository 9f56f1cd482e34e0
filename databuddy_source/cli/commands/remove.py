"""The command `remove`: take websites and reports out of a dataset."""

from __future__ import annotations

from typing import Annotated

import typer

from databuddy_source import LoadHooks, Removal
from databuddy_source import remove as take_out
from databuddy_source.cli.account import account
from databuddy_source.cli.console import counted, for_people, note, out, say, shown, warn
from databuddy_source.cli.load import full_disk_named
from databuddy_source.cli.options import (
    Dataset,
    Demo,
    Destination,
    LogFormat,
    LogFormats,
    Publish,
    Quiet,
    StateDir,
    Verbose,
    Wait,
)
from databuddy_source.cli.program import Exit
from databuddy_source.cli.tables import WholeWords
from databuddy_source.warehouse.publish import Publication
from databuddy_source.warehouse.target import Warehouse

NOTHING_TO_REMOVE = "Nothing of it is there, so nothing was changed."


def remove(
    website: Annotated[
        list[str] | None,
        typer.Option(
            help="Id or domain; may be repeated. With --report, only these reports of it go."
        ),
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(
            help="Table, or query type such as top_pages; may be repeated. Of all websites, if "
            "none is named."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would go, and change nothing.")
    ] = False,
    demo: Demo = False,
    wait: Wait = False,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    publish: Publish = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
    log_format: LogFormats = LogFormat.TEXT,
) -> None:
    """Take websites and reports out of a dataset: rows, coverage and state, all or none.

    Asks nothing of the API, and leaves the configuration as it is: what is still chosen there comes
    back with the next sync, and is named. Exit codes: 0 it is gone, 1 failed, 2 nothing is named,
    or something that is not there.

    Examples:

        databuddy-source remove --website blog.example.com --dry-run

        databuddy-source remove --website example.com --report pages

        databuddy-source remove --report countries
    """
    with for_people(verbose, quiet, log_format), account(demo, asks=False) as choose:
        warehouse = Warehouse.of(demo, destination, dataset, state_dir, say=say)
        settings, _ = choose(warehouse.place.name)
        publication = Publication.of(warehouse.file, publish) if publish else None
        if dry_run:
            warehouse = warehouse.for_a_look()
        warehouse.open()

        def put() -> None:
            if publication:
                publication.put(warehouse.wait)

        with full_disk_named(warehouse):
            removal = take_out(
                warehouse.pipeline,
                websites=website or (),
                reports=report or (),
                settings=settings,
                dry_run=dry_run,
                hooks=LoadHooks(before_load=warehouse.wait, after_load=put),
                wait=wait,
            )
        show(removal, dry_run=dry_run)
    raise typer.Exit(Exit.COMPLETE)


def show(removal: Removal, *, dry_run: bool) -> None:
    """Tell what went, or would go, and what is still chosen.

    Args:
        removal: what was, or would be, taken out.
        dry_run: whether it only would be.
    """
    if removal.is_empty:
        told = NOTHING_TO_REMOVE
    else:
        table = WholeWords()
        for column in ("table", "rows", "cells", "left"):
            table.add_column(column, justify="left" if column == "table" else "right", no_wrap=True)
        for each in removal.tables:
            left = "no table" if each.dropped else counted(each.left, "row")
            table.add_row(shown(each.table), f"{each.rows:,}", f"{each.cells:,}", left)
        out.print(table)
        cells = sum(each.cells for each in removal.tables)
        what = f"{counted(removal.rows, 'row')}, {counted(cells, 'cell')} of coverage and "
        what += counted(len(removal.resources), "cursor")
        told = (
            f"Nothing was changed: {what} would go. Without --dry-run they do."
            if dry_run
            else f"Taken out: {what}."
        )
    out.print(told)
    facts = {each.table: each.rows for each in removal.tables}
    note(told, "removed" if removal.load_id else "done", exit_code=0, rows=facts)
    for kept in removal.still_chosen:
        warn(str(kept), "still_chosen", what=kept.what, setting=kept.setting)
