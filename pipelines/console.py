"""What a person sees: tables, sentences, and the exit codes behind them."""

from __future__ import annotations

import contextlib
import logging
import os
import shlex
import signal
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Literal

import typer
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
)
from dlt.common.exceptions import SignalReceivedException
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from databuddy_source.api.errors import BadConfiguration, DatabuddyError
from databuddy_source.comparison import Tolerance
from databuddy_source.coverage_queries import Gap, Loaded
from databuddy_source.fetch.results import Status
from databuddy_source.loads import Step
from databuddy_source.planning import Plan
from databuddy_source.proving import causes
from databuddy_source.proving import explain as explain_destination
from databuddy_source.verify import Checked, Outcome

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

LINES_SHOWN = 10

NOTHING_TO_LOAD = "Nothing to load: these days are final. Use --refetch to ask all the same."


class Exit(IntEnum):
    """Exit codes of the command line."""

    COMPLETE = 0
    FAILED = 1
    WRONG_USAGE = 2
    INCOMPLETE = 3
    INTERRUPTED = 130
    TERMINATED = 143


def explain(error: BaseException) -> tuple[str, Exit]:
    """One sentence on what happened and one on what to do, and the exit code."""
    for cause in causes(error):
        if isinstance(cause, DatabuddyError):
            wrong = isinstance(cause, BadConfiguration)
            return str(cause), Exit.WRONG_USAGE if wrong else Exit.FAILED
        if isinstance(cause, KeyboardInterrupt):
            terminated = getattr(cause, "signal_code", None) == signal.SIGTERM
            return (
                "Stopped. What was not loaded whole was not loaded at all: run the same command "
                "again to go on.",
                Exit.TERMINATED if terminated else Exit.INTERRUPTED,
            )
    last = list(causes(error))[-1]
    words = str(last).strip().splitlines() or [""]
    if isinstance(last, OSError):
        where = f" ({last.filename})" if last.filename else ""
        return f"{last.strerror or words[0]}{where}. Make room or rights, then go on.", Exit.FAILED
    if isinstance(last, ConfigurationException | ConfigFieldMissingException):
        return f"The configuration is not complete: {words[0]}", Exit.WRONG_USAGE
    if failure := explain_destination(error):
        return str(failure), Exit.FAILED
    return f"{type(last).__name__}: {words[0]}", Exit.FAILED


def _terminated(code: int, frame: object) -> None:
    """Stop as for Ctrl-C, which lets go of connections and locks."""
    raise SignalReceivedException(code)


@contextlib.contextmanager
def for_people(verbose: bool) -> Iterator[None]:
    """Errors become one sentence and an exit code."""
    own = logging.getLogger("databuddy_source")
    own.setLevel(logging.INFO if verbose else logging.WARNING)
    own.handlers, own.propagate = [logging.StreamHandler()], False
    # dlt logs a traceback for what `explain` says in a sentence
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "INFO" if verbose else "CRITICAL")
    with contextlib.suppress(ValueError):  # only the main thread may, and tests have others
        signal.signal(signal.SIGTERM, _terminated)
    if not verbose:  # what Ctrl-C keeps dlt from asking is no news to a person
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
    try:
        yield
    except (typer.Exit, typer.BadParameter):
        raise
    except BaseException as error:  # the one place where errors end
        if verbose:
            raise
        sentence, code = explain(error)
        complain(sentence)
        raise typer.Exit(code) from None


def summary(loaded: Sequence[Loaded], gaps: Sequence[Gap], requests: int, seconds: float) -> Exit:
    """Print what a run loaded and what it could not. Returns the exit code that says the same."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("table", "rows", "first day", "last day", "days cut in"):
        justify: Literal["left", "right"] = "right" if column == "rows" else "left"
        table.add_column(column, justify=justify, no_wrap=column == "table")
    for each in loaded:
        table.add_row(
            each.report, f"{each.rows:,}", str(each.first), str(each.last), each.time_zone
        )
    if loaded:
        out.print(table)
    rows = sum(each.rows for each in loaded)
    tables = sum(each.rows > 0 for each in loaded)
    out.print(f"\n{rows:,} rows in {tables} tables, {requests} requests, {seconds:.1f} seconds.")
    unavailable = sorted({gap.report for gap in gaps if gap.status is Status.UNAVAILABLE})
    if unavailable:
        out.print(f"Unavailable on this server, so not loaded: {', '.join(unavailable)}.")
    serious = [gap for gap in gaps if gap.status is not Status.UNAVAILABLE]
    if not serious:
        return Exit.COMPLETE
    cells = "1 cell is" if len(serious) == 1 else f"{len(serious)} cells are"
    err.print(f"\n[bold red]{cells} not complete:[/]")
    alike = _alike(serious)
    for line in alike[:LINES_SHOWN]:
        err.print(f"  {escape(line)}")
    if len(alike) > LINES_SHOWN:
        err.print(f"  ... and {len(alike) - LINES_SHOWN} more; all are in the table coverage.")
    if any(gap.status is Status.SUSPECT for gap in serious):
        err.print("If the empty days are true, accept them with --allow-empty.")
    failed = sum(gap.status is Status.FAILED for gap in serious)
    return Exit.FAILED if failed == sum(each.cells for each in loaded) else Exit.INCOMPLETE


def verdict(checked: Iterable[Checked]) -> Exit:
    """Print which cells differ from the API. Returns the exit code that says the same."""
    outcomes: Counter[Outcome] = Counter()
    tolerances: dict[str, Tolerance] = {}
    for each in checked:
        outcomes[each.outcome] += 1
        tolerances[each.cell.report] = each.tolerance
        if each.outcome is Outcome.EQUAL:
            continue
        out.print(f"{each.outcome}: {each.cell}", markup=False)
        for line in each.details[:LINES_SHOWN]:
            out.print(f"  {line}", markup=False)
        if len(each.details) > LINES_SHOWN:
            out.print(f"  ... and {len(each.details) - LINES_SHOWN} more")
    counted = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in Outcome)
    out.print(f"{outcomes.total()} cells compared: {counted}.")
    if outcomes[Outcome.RESTATED]:
        out.print("Restated cells are not final yet: the next sync brings them up to date.")
    for what, columns in (
        ("Compared up to their last digits", {n: t.nearly for n, t in tolerances.items()}),
        (
            "Left out, since a server picks any value",
            {n: t.left_out for n, t in tolerances.items()},
        ),
    ):
        if named := [
            f"{name}.{each}" for name in sorted(columns) for each in sorted(columns[name])
        ]:
            out.print(f"{what}: {', '.join(named)}.")
    if outcomes[Outcome.UNANSWERED] == outcomes.total() > 0:
        return Exit.FAILED
    wrong = outcomes[Outcome.DIFFERENT] + outcomes[Outcome.UNANSWERED]
    return Exit.INCOMPLETE if wrong else Exit.COMPLETE


def progress(step: Step, seconds: float) -> str:
    """One line on a load of a series, with the time that the rest will take at this speed."""
    left = seconds / step.done * (step.total - step.done)
    then = f"about {_minutes(left)} left" if step.done < step.total else "the last one"
    share = step.done / step.total
    return f"{step.first} to {step.last} loaded, {share:.0%} in {_minutes(seconds)}, {then}."


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"


def show_plan(plan: Plan) -> Exit:
    """Print what a run would ask for."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("website", "reports", "cells", "requests"):
        table.add_column(column, justify="left" if column == "website" else "right")
    for website_id, each in plan.by_website.items():
        table.add_row(website_id, f"{each.reports:,}", f"{each.cells:,}", f"{each.requests:,}")
    if plan.cells:
        out.print(table)
        out.print(f"\n{min(plan.by_day)} to {max(plan.by_day)}: ", end="")
    at_least = f"at least {_minutes(plan.minutes * 60)} at {plan.per_minute} requests a minute"
    limited = at_least if plan.minutes else "within one minute's requests"
    out.print(
        f"{plan.cells:,} cells in about {plan.requests:,} requests, {limited}."
        if plan.cells
        else NOTHING_TO_LOAD
    )
    return Exit.COMPLETE


def _alike(gaps: Sequence[Gap]) -> list[str]:
    """One line for all gaps of a website that have the same reason."""
    groups: dict[tuple[str, Status, str], list[Gap]] = defaultdict(list)
    for gap in gaps:
        groups[gap.website_id, gap.status, gap.reason].append(gap)
    lines = []
    for (website_id, status, reason), group in groups.items():
        reports = sorted({gap.report for gap in group})
        days = sorted({gap.date for gap in group})
        what = reports[0] if len(reports) == 1 else f"{len(reports)} reports"
        when = f"on {days[0]}" if len(days) == 1 else f"on {len(days)} days to {days[-1]}"
        lines.append(f"{what} of {website_id} {when}: {status}: {reason}")
    return lines


def say(sentence: str) -> None:
    """Tell what goes on."""
    err.print(escape(sentence))


def complain(sentence: str) -> None:
    """Tell what went wrong."""
    err.print(f"[bold red]Error:[/] {escape(sentence)}")


def first_query(file: Path, dataset: str, loaded: Sequence[Loaded]) -> str | None:
    """A command that shows something at once, if anything was loaded.

    Names have three parts, because DuckDB calls an opened file by its stem, which may be the
    dataset's name, too.
    """
    reports = [each.report for each in loaded if each.rows]
    if not reports:
        return None
    if "events_by_date" in reports:
        what, report = "date, SUM(pageviews) AS pageviews", "events_by_date"
        rest = "GROUP BY date ORDER BY date DESC LIMIT 7"
    else:
        what, report, rest = "*", reports[0], "ORDER BY date DESC LIMIT 10"
    query = f"SELECT {what} FROM {file.stem}.{dataset}.{report} {rest}"
    python = Path(sys.executable)
    with contextlib.suppress(ValueError):
        python = python.relative_to(Path.cwd())
    shown = file.name if file.parent == Path.cwd() else str(file)
    code = f"import duckdb; duckdb.connect('{shown}', read_only=True).sql('{query}').show()"
    return f'{shlex.quote(str(python))} -c "{code}"'
