"""What a person sees: tables, sentences, and the exit codes behind them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import IntEnum

import dlt
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
)
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from databuddy_source.api.errors import BadConfiguration, DatabuddyError
from databuddy_source.coverage import Gap, Loaded
from databuddy_source.fetch.results import Status

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

GAPS_SHOWN = 10


class Exit(IntEnum):
    """Exit codes of the command line."""

    COMPLETE = 0
    FAILED = 1
    WRONG_USAGE = 2
    INCOMPLETE = 3
    INTERRUPTED = 130


def explain(error: BaseException) -> tuple[str, Exit]:
    """One sentence on what happened and one on what to do, and the exit code."""
    for cause in _causes(error):
        if isinstance(cause, DatabuddyError):
            wrong = isinstance(cause, BadConfiguration)
            return str(cause), Exit.WRONG_USAGE if wrong else Exit.FAILED
        if isinstance(cause, KeyboardInterrupt):
            return (
                "Stopped. What was not loaded whole was not loaded at all: run the same command "
                "again to go on.",
                Exit.INTERRUPTED,
            )
    last = list(_causes(error))[-1]
    words = str(last).strip().splitlines() or [""]
    if isinstance(last, ConfigurationException | ConfigFieldMissingException):
        return f"The configuration is not complete: {words[0]}", Exit.WRONG_USAGE
    return f"{type(last).__name__}: {words[0]}", Exit.FAILED


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from, outermost first."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )


def summary(loaded: Sequence[Loaded], gaps: Sequence[Gap], requests: int, seconds: float) -> Exit:
    """Print what a run loaded and what it could not. Returns the exit code that says the same."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("table", "rows", "first day", "last day", "days cut in"):
        table.add_column(column, justify="right" if column == "rows" else "left")
    for each in loaded:
        table.add_row(
            each.report, f"{each.rows:,}", str(each.first), str(each.last), each.time_zone
        )
    if loaded:
        out.print(table)
    rows = sum(each.rows for each in loaded)
    out.print(
        f"\n{rows:,} rows in {len(loaded)} tables, {requests} requests, {seconds:.1f} seconds."
    )
    unavailable = sorted({gap.report for gap in gaps if gap.status is Status.UNAVAILABLE})
    if unavailable:
        out.print(f"Unavailable on this server, so not loaded: {', '.join(unavailable)}.")
    serious = [gap for gap in gaps if gap.status is not Status.UNAVAILABLE]
    if not serious:
        return Exit.COMPLETE
    err.print(f"\n[bold red]{len(serious)} cells are not complete:[/]")
    for gap in serious[:GAPS_SHOWN]:
        err.print(f"  {escape(str(gap))}")
    if len(serious) > GAPS_SHOWN:
        err.print(f"  ... and {len(serious) - GAPS_SHOWN} more; all are in the table coverage.")
    if any(gap.status is Status.SUSPECT for gap in serious):
        err.print("If the empty days are true, accept them with --allow-empty.")
    return Exit.INCOMPLETE


def say(sentence: str) -> None:
    """Tell what goes on."""
    err.print(escape(sentence))


def complain(sentence: str) -> None:
    """Tell what went wrong."""
    err.print(f"[bold red]Error:[/] {escape(sentence)}")


def first_query(pipeline: dlt.Pipeline, file: str) -> str:
    """A command that shows something at once."""
    query = (
        f"SELECT date, SUM(pageviews) AS pageviews FROM {pipeline.dataset_name}.events_by_date "
        "GROUP BY date ORDER BY date DESC LIMIT 7"
    )
    return f".venv/bin/python -c \"import duckdb; duckdb.connect('{file}').sql('{query}').show()\""
