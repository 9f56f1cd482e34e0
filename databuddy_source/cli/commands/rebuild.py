"""The command `rebuild`: load a dataset anew in another time zone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from databuddy_source import LoadHooks, Rebuilt, Scope, Settings, plan_of_rebuild
from databuddy_source import rebuild as load_anew
from databuddy_source.cli.account import account
from databuddy_source.cli.commands.sync import Told
from databuddy_source.cli.console import LINES_SHOWN, for_people, note, out, say, warn
from databuddy_source.cli.load import full_disk_named, load
from databuddy_source.cli.options import (
    Dataset,
    Destination,
    LogFormat,
    LogFormats,
    Publish,
    Quiet,
    StateDir,
    Verbose,
)
from databuddy_source.cli.program import Exit
from databuddy_source.cli.summaries import show_plan
from databuddy_source.clock import same_days
from databuddy_source.config.resolve import configured_zone
from databuddy_source.warehouse.publish import Publication
from databuddy_source.warehouse.target import Warehouse

if TYPE_CHECKING:
    import dlt


def rebuild(
    timezone: Annotated[
        str, typer.Option(help="IANA name of the zone that shall cut the days from now on.")
    ],
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only tell what would be asked for, and change nothing."),
    ] = False,
    beside: Annotated[
        str | None,
        typer.Option(help="Dataset to load into meanwhile. Default: the dataset's, with _rebuild."),
    ] = None,
    keep_as: Annotated[
        str | None,
        typer.Option(
            help="Dataset that keeps the old tables. Default: the dataset's, with _before."
        ),
    ] = None,
    drop_old: Annotated[bool, typer.Option("--drop-old", help="Keep no old tables.")] = False,
    allow_gaps: Annotated[
        bool,
        typer.Option(
            "--allow-gaps",
            help="Change places even if the new days lack what the old ones have.",
        ),
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for another rebuild of this dataset to be done.")
    ] = False,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    publish: Publish = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
    log_format: LogFormats = LogFormat.TEXT,
) -> None:
    """Load a dataset anew in another time zone, beside the old one, and change places at the end.

    Loads are bounded, and the same command goes on after a stop. Until all is there the old tables
    stay as they are, and syncs in their zone go on. Then the tables get the new days in one
    transaction, so views and rights stay, and the old ones are kept in a dataset of their own.
    Exit codes: 0 the dataset has days of this zone, 1 failed, 2 wrong usage or something is in the
    way, 3 the new days lack something: where the old ones have it, places were not changed.

    Examples:

        databuddy-source rebuild --timezone Europe/Paris --dry-run

        databuddy-source rebuild --timezone Europe/Paris
    """
    told = Told(verbose, quiet, log_format)
    with for_people(*told), account(False, timezone=timezone) as choose:
        if drop_old and keep_as:
            raise typer.BadParameter("--drop-old keeps nothing, so leave --keep-as out.")
        warehouse = Warehouse.of(False, destination, dataset, state_dir, say=say)
        settings, _ = choose(warehouse.place.name)
        settings.refuse_no_key()  # without a key, nothing shall come into being
        publication = Publication.of(warehouse.file, publish) if publish else None
        if dry_run:
            warehouse = warehouse.for_a_look()
        warehouse.open()
        kept = "" if drop_old else keep_as
        if dry_run:
            code = _look(warehouse, settings, beside, kept)
        else:
            loaded = Exit.COMPLETE

            def load_beside(other: dlt.Pipeline, chosen: Settings, scope: Scope) -> None:
                nonlocal loaded
                live = told == Told(False, False, LogFormat.TEXT)
                loaded = load(
                    warehouse,
                    chosen,
                    scope,
                    where=(),
                    publication=None,
                    wait=wait,
                    live=live,
                    into=other,
                )

            def put() -> None:
                if publication:
                    publication.put(warehouse.wait)

            with full_disk_named(warehouse):
                done = load_anew(
                    warehouse.pipeline,
                    settings,
                    beside=beside,
                    keep_as=kept,
                    allow_gaps=allow_gaps,
                    load=load_beside,
                    hooks=LoadHooks(before_load=warehouse.wait, after_load=put),
                    wait=wait,
                )
            code = _show(done, warehouse.dataset, loaded)
            zone = configured_zone(warehouse.place.name)
            if zone and (done.load_id or not done.before):
                _name_what_to_set(zone, settings.timezone)
    raise typer.Exit(code)


def _look(warehouse: Warehouse, settings: Settings, beside: str | None, kept: str | None) -> Exit:
    """Print what would be asked for."""
    found = plan_of_rebuild(warehouse.pipeline, settings, beside=beside, keep_as=kept)
    if not found.before:
        return _already(warehouse.dataset, settings.timezone)
    code = show_plan(found.plan)
    loads = "one load" if found.loads == 1 else f"at least {found.loads:,} loads"
    out.print(f"Nothing was changed: it would be {loads} into {found.beside}.")
    for each in found.left_out[:LINES_SHOWN]:
        warn(f"The configuration leaves out what is there, {each}: see --allow-gaps.", "left_out")
    return code


def _show(done: Rebuilt, dataset: str, loaded: Exit) -> Exit:
    """Print what came of it. Returns the exit code that says the same."""
    if not done.before:
        return _already(dataset, done.time_zone)
    for each in done.lacking[:LINES_SHOWN]:
        warn(f"The new days lack what the old ones have: {each}", "lacking")
    if len(done.lacking) > LINES_SHOWN:
        warn(f"And {len(done.lacking) - LINES_SHOWN:,} more.", "lacking")
    before = " and ".join(done.before)
    if not done.load_id:
        told = (
            f"{dataset} has days of {before} as before, and {done.beside} waits. Run this again to "
            "ask for what it lacks, or let that go with --allow-gaps."
        )
        warn(told, "done", exit_code=int(Exit.INCOMPLETE))
        return Exit.INCOMPLETE
    kept = f"the old ones, of {before}, are kept in {done.kept}" if done.kept else "nothing is kept"
    told = f"{dataset} has days of {done.time_zone} now; {kept}."
    out.print(told)
    note(told, "rebuilt", exit_code=int(loaded), time_zone=done.time_zone, kept=done.kept)
    return loaded


def _already(dataset: str, zone: str) -> Exit:
    told = (
        f"{dataset} has days of {zone} already, or of a zone with the same rules, so nothing was "
        "done."
    )
    out.print(told)
    note(told, "done", exit_code=0)
    return Exit.COMPLETE


def _name_what_to_set(configured: str, zone: str) -> None:
    """The configuration stays as it is, and the next sync goes by it."""
    if not same_days(configured, zone):
        warn(
            f'sources.databuddy.timezone is still "{configured}": set it to "{zone}", or the next '
            "sync is refused.",
            "timezone",
            configured=configured,
        )
