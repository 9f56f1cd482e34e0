"""The command `sync`: load what is new or may have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import typer

from databuddy_source import plan as plan_of
from databuddy_source.cli.account import account
from databuddy_source.cli.console import for_people, say
from databuddy_source.cli.load import load
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
    Since,
    StateDir,
    Until,
    Verbose,
    Wait,
    Websites,
)
from databuddy_source.cli.redefined_lines import warehouse_options
from databuddy_source.cli.summaries import nothing_to_load, show_plan
from databuddy_source.clock import today
from databuddy_source.errors import NothingLoaded
from databuddy_source.warehouse.publish import Publication
from databuddy_source.warehouse.target import Warehouse


def sync(
    demo: Demo = False,
    website: Websites = None,
    report: Reports = None,
    since: Since = None,
    until: Until = None,
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
    """Load what is new or may have changed.

    Examples:

        databuddy-source --demo

        databuddy-source --website example.com --report pages --report countries

        databuddy-source --since 2026-01-01 --until 2026-01-31
    """
    given: dict[str, Any] = {"websites": website, "since": since, "until": until}
    given |= {"refetch": refetch, "allow_empty": allow_empty}
    run(
        given,
        report,
        (destination, dataset, state_dir),
        Told(verbose, quiet, log_format),
        demo=demo,
        dry_run=dry_run,
        wait=wait,
        publish=publish,
    )


class Told(NamedTuple):
    """How stderr tells what goes on; see the options."""

    verbose: bool
    quiet: bool
    log_format: LogFormat


def run(
    given: Mapping[str, Any],
    reports: Sequence[str] | None,
    place: tuple[str | None, str | None, Path | None],
    told: Told,
    *,
    demo: bool,
    dry_run: bool,
    wait: bool,
    publish: Path | None,
    to_today: bool = False,
    audit: bool = False,
) -> NoReturn:
    """Load, or tell what would be asked for, and end the command.

    Args:
        given: options by the name of their key.
        reports: names of them, as options.
        place: destination, dataset and folder of the state.
        told: how it is told.
        demo, dry_run, wait, publish: see the options.
        to_today: the last day is today, where the user lives.
        audit: ask for what is final, and for nothing else.
    """
    with for_people(*told), account(demo, reports, **given) as choose:
        warehouse = Warehouse.of(demo, *place, say=say)
        settings, scope = choose(warehouse.place.name)
        where = warehouse_options(demo, *place)
        if to_today:
            scope = scope.model_copy(update={"until": today(settings.timezone)})
        if audit:
            scope = scope.model_copy(update={"audit": True})
        settings.refuse_no_key()  # without a key, nothing shall come into being
        publication = Publication.of(warehouse.file, publish) if publish else None
        if dry_run:
            warehouse = warehouse.for_a_look()
            try:
                warehouse.open()
            except NothingLoaded:  # nothing in it is final, and planning shall not make it
                scope = scope.model_copy(update={"refetch": True})
            code = show_plan(plan_of(warehouse.pipeline, settings, scope), nothing_to_load(scope))
        else:
            live = told == Told(False, False, LogFormat.TEXT)
            code = load(
                warehouse,
                settings,
                scope,
                where=where,
                publication=publication,
                wait=wait,
                live=live,
            )
    raise typer.Exit(code)
