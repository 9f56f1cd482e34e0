"""The command line: the program, and its commands."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from databuddy_source.answers.verify import verify as compare_with_the_api
from databuddy_source.cli.account import account
from databuddy_source.cli.commands.check import check
from databuddy_source.cli.commands.discover import discover
from databuddy_source.cli.commands.explain import explain
from databuddy_source.cli.commands.export import export
from databuddy_source.cli.commands.heal import heal
from databuddy_source.cli.commands.init import init
from databuddy_source.cli.commands.status import status
from databuddy_source.cli.console import Exit, LogFormat, for_people, say
from databuddy_source.cli.journal import use_zone
from databuddy_source.cli.load import load
from databuddy_source.cli.options import (
    AllowEmpty,
    Dataset,
    Demo,
    Destination,
    DryRun,
    FirstDay,
    LastDay,
    LogFormats,
    Publish,
    Quiet,
    Refetch,
    Reports,
    Sample,
    Since,
    StateDir,
    Until,
    Verbose,
    Wait,
    Websites,
)
from databuddy_source.cli.summaries import show_plan, verdict
from databuddy_source.clock import now
from databuddy_source.runs.plan import plan as plan_of
from databuddy_source.warehouse.publish import Publication
from databuddy_source.warehouse.target import Warehouse

SAMPLE = 200
"""Cells that `verify` compares when it is told neither how many nor which days."""


class SyncByDefault(TyperGroup):
    """Without a command, or with options only, `sync` is meant."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = {"--help", "--install-completion", "--show-completion"}
        completing = ctx.resilient_parsing and not args  # then all commands are offered
        if not completing and (not args or (args[0].startswith("-") and args[0] not in own)):
            args = ["sync", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:
        found = super().shell_complete(ctx, incomplete)
        if incomplete.startswith("-"):
            found += self.commands["sync"].shell_complete(ctx, incomplete)
        return found


app = typer.Typer(
    cls=SyncByDefault,
    help="Keeps a data warehouse equal to Databuddy.\n\n"
    "Without a command it syncs, by the configuration in .dlt/ and the environment.\n\n"
    "Exit codes: 0 all complete, 1 failed, 2 wrong usage or configuration, 3 loaded but some "
    "cells failed or are truncated, 130 interrupted, 143 terminated.",
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    rich_markup_mode=None,
)


@app.command()
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

        python pipelines/sync.py --demo

        python pipelines/sync.py --website example.com --report pages --report countries

        python pipelines/sync.py --since 2026-01-01 --until 2026-01-31
    """
    given: dict[str, Any] = {"websites": website, "since": since, "until": until}
    given |= {"refetch": refetch, "allow_empty": allow_empty}
    with for_people(verbose, quiet, log_format), account(demo, report, **given) as choose:
        settings, scope = choose()
        use_zone(settings.timezone)
        settings.credential.headers()  # without a key, nothing shall come into being
        warehouse = Warehouse.of(demo, destination, dataset, state_dir, say=say)
        publication = Publication.of(warehouse.file, publish) if publish else None
        if dry_run:
            if warehouse.is_new:  # nothing in it is final, and planning shall not make it
                scope = scope.model_copy(update={"refetch": True})
            else:
                warehouse.open()
            code = show_plan(plan_of(warehouse.pipeline, settings, scope))
        else:
            live = not (verbose or quiet or log_format is LogFormat.JSON)
            code = load(warehouse, settings, scope, publication=publication, wait=wait, live=live)
    raise typer.Exit(code)


@app.command()
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

        python pipelines/sync.py backfill --since 2024-01-01

        python pipelines/sync.py backfill --since 2024-01-01 --until 2024-12-31 --dry-run
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


@app.command()
def plan(
    demo: Demo = False,
    website: Websites = None,
    report: Reports = None,
    since: Since = None,
    until: Until = None,
    refetch: Refetch = False,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
    log_format: LogFormats = LogFormat.TEXT,
) -> None:
    """Tell what `sync` would ask for, and how long it takes. Only lists are asked for.

    Examples:

        python pipelines/sync.py plan

        python pipelines/sync.py plan --since 2024-01-01 --until 2024-12-31
    """
    sync(
        demo=demo,
        website=website,
        report=report,
        since=since,
        until=until,
        refetch=refetch,
        dry_run=True,
        destination=destination,
        dataset=dataset,
        state_dir=state_dir,
        verbose=verbose,
        quiet=quiet,
        log_format=log_format,
    )


@app.command()
def verify(
    sample: Sample = None,
    since: FirstDay = None,
    until: LastDay = None,
    demo: Demo = False,
    website: Websites = None,
    report: Reports = None,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    verbose: Verbose = False,
    quiet: Quiet = False,
    log_format: LogFormats = LogFormat.TEXT,
) -> None:
    """Ask the API again and compare it with the tables, value by value. Changes nothing.

    Examples:

        python pipelines/sync.py verify

        python pipelines/sync.py verify --since 2026-01-01 --until 2026-01-31 --report pages
    """
    with for_people(verbose, quiet, log_format), account(demo) as choose:
        settings, _ = choose()
        use_zone(settings.timezone)
        settings.credential.headers()
        warehouse = Warehouse.of(demo, destination, dataset, state_dir, say=say)
        if since and until and since > until:
            raise typer.BadParameter(f"--since {since} is after --until {until}")
        warehouse.open()
        code = verdict(
            compare_with_the_api(
                warehouse.pipeline,
                settings,
                sample=sample or (None if since or until else SAMPLE),
                since=since,
                until=until,
                websites=website or (),
                reports=report or (),
            )
        )
    raise typer.Exit(code)


app.command()(init)
app.command()(check)
app.command()(discover)
app.command()(status)
app.command()(heal)
app.command()(explain)
app.command()(export)


def main(interrupt: Any = signal.default_int_handler) -> None:
    """Run the command that `sys.argv` names, and end the process.

    Args:
        interrupt: what Ctrl-C does from now on.
    """
    signal.signal(signal.SIGINT, interrupt)
    try:
        app()
    except SystemExit as end:
        if not isinstance(end.code, int) or end.code not in {Exit.INTERRUPTED, Exit.TERMINATED}:
            raise
        # native threads of what was stopped may still run, and would crash Python's own end
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)
