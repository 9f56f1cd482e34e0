"""The command `verify`: compare the tables with the API."""

from __future__ import annotations

import typer

from databuddy_source import verify as compare_with_the_api
from databuddy_source.cli.account import account
from databuddy_source.cli.console import for_people, say
from databuddy_source.cli.options import (
    Dataset,
    Demo,
    Destination,
    FirstDay,
    LastDay,
    LogFormat,
    LogFormats,
    Quiet,
    Reports,
    Sample,
    StateDir,
    Verbose,
    Websites,
)
from databuddy_source.cli.summaries import verdict
from databuddy_source.config.settings import Settings
from databuddy_source.warehouse.target import Warehouse

SAMPLE = 200
"""Cells that `verify` compares when it is told neither how many nor which days."""


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

    Where websites or reports are configured, no others are compared.

    Examples:

        databuddy-source verify

        databuddy-source verify --since 2026-01-01 --until 2026-01-31 --report pages
    """
    with for_people(verbose, quiet, log_format), account(demo) as choose:
        warehouse = Warehouse.of(demo, destination, dataset, state_dir, say=say)
        settings, _ = choose(warehouse.place.name)
        settings.refuse_no_key()
        if since and until and since > until:
            raise typer.BadParameter(f"--since {since} is after --until {until}")
        warehouse = warehouse.for_a_look()
        warehouse.open()
        code = verdict(
            compare_with_the_api(
                warehouse.pipeline,
                settings,
                sample=sample or (None if since or until else SAMPLE),
                since=since,
                until=until,
                websites=website or settings.websites,
                reports=report or _configured(settings),
            )
        )
    raise typer.Exit(code)


def _configured(settings: Settings) -> list[str]:
    """Names of the configured reports; none where the configuration chooses none, and all that the
    warehouse has are meant."""
    if not settings.model_fields_set & {"query_types", "reports"}:
        return []
    return [each.name for each in settings.chosen_reports()]
