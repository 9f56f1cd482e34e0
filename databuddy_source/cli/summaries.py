"""What a run loaded, what it could not, and what it would ask for, as a person reads it."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from databuddy_source import Checked, Gap, Loaded, Outcome, Plan, Step, Tolerance, exit_of
from databuddy_source.cli.console import LINES_SHOWN, counted, note, out, warn
from databuddy_source.cli.program import Exit
from databuddy_source.cli.tables import WholeWords
from databuddy_source.clock import in_words
from databuddy_source.config.scope import Scope
from databuddy_source.errors import without_window
from databuddy_source.model.statuses import Status

NOTHING_TO_LOAD = "Nothing to load: these days are final. Use --refetch to ask all the same."

NOTHING_TO_AUDIT = (
    "Nothing to audit: coverage calls nothing of these days final. A sync asks for what is not."
)

NOTHING_IS_LACKING = "Nothing to load: nothing of these days is lacking."

NOTHING_TO_COMPARE = "Nothing was compared: the warehouse has no complete cell of what was chosen."


def nothing_to_load(scope: Scope) -> str:
    """Why a run asks for nothing.

    Args:
        scope: of the run.
    """
    if scope.audit:
        return NOTHING_TO_AUDIT
    return NOTHING_IS_LACKING if scope.only_gaps else NOTHING_TO_LOAD


def summary(
    loaded: Sequence[Loaded],
    gaps: Sequence[Gap],
    added: Sequence[str],
    requests: int,
    seconds: float,
) -> Exit:
    """Print what a run loaded, which columns it added, and what it could not. Returns the exit
    code that says the same."""
    table = WholeWords()
    for column in ("table", "rows", "first day", "last day", "days cut in"):
        justify: Literal["left", "right"] = "right" if column == "rows" else "left"
        table.add_column(column, justify=justify, no_wrap=column == "table")
    for each in loaded:
        if each.unchanged < each.cells:
            days = (str(each.first), str(each.last))
            table.add_row(each.report, f"{each.rows:,}", *days, each.time_zone)
    if table.rows:
        out.print(table)
    rows = sum(each.rows for each in loaded)
    tables = sum(each.rows > 0 for each in loaded)
    cells = sum(each.cells for each in loaded)
    unchanged = sum(each.unchanged for each in loaded)
    sentence = (
        f"{counted(rows, 'row')} in {counted(tables, 'table')}, {counted(requests, 'request')}, "
        f"{seconds:.1f} seconds."
    )
    if unchanged:
        sentence += f" {unchanged:,} of {cells:,} cells are as they were."
    out.print(f"\n{sentence}")
    if added:
        out.print(f"New columns: {', '.join(added)}.")
    unavailable = sorted({gap.report for gap in gaps if not gap.status.is_gap})
    for why, reports in _unavailable(gaps).items():
        out.print(f"Unavailable on this server, so not loaded: {', '.join(sorted(reports))}.")
        if why:
            out.print(f"  {why}")
    serious = [gap for gap in gaps if gap.status.is_gap]
    code = exit_of(loaded, gaps)
    _warn_of(serious)
    note(
        sentence,
        "done",
        exit_code=int(code),
        rows=rows,
        tables=tables,
        requests=requests,
        seconds=round(seconds, 1),
        cells=cells,
        unchanged=unchanged,
        not_complete=len(serious),
        new_columns=list(added),
        unavailable=unavailable,
    )
    return code


def _unavailable(gaps: Sequence[Gap]) -> dict[str, list[str]]:
    """The reports that the server lacks, by the one reason that all their cells have; "" stands
    for several."""
    reasons: dict[str, set[str]] = defaultdict(set)
    for gap in gaps:
        if not gap.status.is_gap:
            reasons[gap.report].add(gap.reason)
    by_reason: dict[str, list[str]] = defaultdict(list)
    for report, own in reasons.items():
        by_reason[next(iter(own)) if len(own) == 1 else ""].append(report)
    return by_reason


def _warn_of(gaps: Sequence[Gap]) -> None:
    """Name what is missing."""
    if not gaps:
        return
    cells = "1 cell is" if len(gaps) == 1 else f"{len(gaps)} cells are"
    warn(f"{cells} not complete:", "incomplete", cells=len(gaps))
    alike = _alike(gaps)
    for group in alike[:LINES_SHOWN]:
        first = group[0]
        reports = sorted({gap.report for gap in group})
        days = sorted({gap.date for gap in group})
        what = reports[0] if len(reports) == 1 else f"{len(reports)} reports"
        when = f"on {days[0]}" if len(days) == 1 else f"on {len(days)} days to {days[-1]}"
        reason = first.reason if len(group) == 1 else without_window(first.reason)
        warn(
            f"{what} of {first.website_id} {when}: {first.status}: {reason}",
            "gap",
            website=first.website_id,
            status=first.status,
            reason=reason,
            reports=reports,
            days=days,
        )
    if len(alike) > LINES_SHOWN:
        warn(f"... and {len(alike) - LINES_SHOWN} more; all are in the table coverage.", "gap")
    if any(gap.status is Status.SUSPECT and "empty" in gap.reason for gap in gaps):
        warn("If the empty days are true, accept them with --allow-empty.", "advice")


def _alike(gaps: Sequence[Gap]) -> list[list[Gap]]:
    """The gaps of a website that have the same reason but for its window, together."""
    groups: dict[tuple[str, Status, str], list[Gap]] = defaultdict(list)
    for gap in gaps:
        groups[gap.website_id, gap.status, without_window(gap.reason)].append(gap)
    return list(groups.values())


def tell_load(load_id: str, loaded: Sequence[Loaded]) -> None:
    """The line that a program gets for one load."""
    rows = sum(each.rows for each in loaded)
    note(
        f"Loaded {counted(rows, 'row')}.",
        "load",
        load_id=load_id,
        rows=rows,
        cells=sum(each.cells for each in loaded),
        failed_cells=sum(each.failed for each in loaded),
        first_day=min((each.first for each in loaded), default=None),
        last_day=max((each.last for each in loaded), default=None),
        tables={each.report: each.rows for each in loaded},
    )


def verdict(checked: Iterable[Checked]) -> Exit:
    """Print which cells differ from the API. Returns the exit code that says the same."""
    outcomes: Counter[Outcome] = Counter()
    tolerances: dict[str, Tolerance] = {}
    for each in checked:
        outcomes[each.outcome] += 1
        tolerances[each.cell.report] = each.tolerance
        if each.outcome is Outcome.EQUAL:
            continue
        if out.quiet and each.outcome is not Outcome.RESTATED:
            told = "; ".join(each.details[:LINES_SHOWN])
            warn(f"{each.outcome}: {each.cell}: {told}", each.outcome)
        out.print(f"{each.outcome}: {each.cell}")
        for line in each.details[:LINES_SHOWN]:
            out.print(f"  {line}")
        if len(each.details) > LINES_SHOWN:
            out.print(f"  ... and {len(each.details) - LINES_SHOWN} more")
    each_outcome = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in Outcome)
    sentence = f"{counted(outcomes.total(), 'cell')} compared: {each_outcome}."
    if outcomes:
        out.print(sentence)
    else:
        warn(NOTHING_TO_COMPARE, "nothing_compared")
    note(sentence, "done", **{outcome.value: outcomes[outcome] for outcome in Outcome})
    if outcomes[Outcome.RESTATED]:
        out.print("Restated cells are not final yet: the next sync brings them up to date.")
    for what, columns in (
        ("Compared up to their last digits", {n: t.nearly for n, t in tolerances.items()}),
        (
            "Left out, since a server picks any value",
            {n: t.left_out for n, t in tolerances.items()},
        ),
        (
            "Equal where a count differs by one, as it does with the days that are asked together",
            {n: t.by_one for n, t in tolerances.items()},
        ),
    ):
        if named := [
            f"{name}.{each}" for name in sorted(columns) for each in sorted(columns[name])
        ]:
            out.print(f"{what}: {', '.join(named)}.")
    if outcomes[Outcome.UNANSWERED] == outcomes.total() > 0:
        return Exit.FAILED
    if not outcomes:
        return Exit.INCOMPLETE
    wrong = outcomes[Outcome.DIFFERENT] + outcomes[Outcome.UNANSWERED]
    return Exit.INCOMPLETE if wrong else Exit.COMPLETE


def step_done(step: Step, seconds: float) -> str:
    """One line on a load of a series, with the time that the rest will take at this speed."""
    left = seconds / step.done * (step.total - step.done)
    then = f"about {in_words(left)} left" if step.done < step.total else "the last one"
    share = step.done / step.total
    return f"{step.first} to {step.last} loaded, {share:.0%} in {in_words(seconds)}, {then}."


def show_plan(plan: Plan, nothing: str = NOTHING_TO_LOAD) -> Exit:
    """Print what a run would ask for.

    Args:
        plan: of the run.
        nothing: what is said where that is nothing.
    """
    table = WholeWords()
    for column in ("website", "reports", "cells", "requests"):
        table.add_column(column, justify="left" if column == "website" else "right")
    for website_id, each in plan.by_website.items():
        table.add_row(website_id, f"{each.reports:,}", f"{each.cells:,}", f"{each.requests:,}")
    if plan.cells:
        out.print(table)
        out.print(f"\n{min(plan.by_day)} to {max(plan.by_day)}: ", end="")
    at_least = f"at least {in_words(plan.minutes * 60)} at {plan.per_minute} requests a minute"
    limited = at_least if plan.minutes else "less than a minute"
    sentence = (
        f"{counted(plan.cells, 'cell')} in about {counted(plan.requests, 'request')}, {limited}."
    )
    told = sentence if plan.cells else nothing
    out.print(told)
    note(
        told,
        "plan",
        cells=plan.cells,
        requests=plan.requests,
        at_least_minutes=round(plan.minutes, 1),
    )
    return Exit.COMPLETE


def first_query(file: Path, dataset: str, loaded: Sequence[Loaded]) -> str | None:
    """A command that shows something at once, if there is anything.

    DuckDB calls an opened file by its stem: where that is the dataset's name, too, tables have
    three names.
    """
    reports = [each.report for each in loaded if each.rows or each.unchanged]
    if not reports:
        return None
    if "events_by_date" in reports:
        what, report = "date, SUM(pageviews) AS pageviews", "events_by_date"
        rest = "GROUP BY date ORDER BY date DESC LIMIT 7"
    else:
        what, report, rest = "*", reports[0], "ORDER BY date DESC LIMIT 10"
    schema = _quoted(dataset)
    if file.stem.lower() == dataset.lower():
        schema = f"{schema}.{schema}"
    query = f"SELECT {what} FROM {schema}.{_quoted(report)} {rest}"
    python = Path(sys.executable)
    with contextlib.suppress(ValueError):
        python = python.relative_to(Path.cwd())
    shown = file.name if file.parent == Path.cwd() else str(file)
    code = f"import duckdb; duckdb.connect('{shown}', read_only=True).sql('{query}').show()"
    return f'{shlex.quote(str(python))} -c "{code}"'


def _quoted(name: str) -> str:
    """A name as SQL between the shell's double quotes has it."""
    import duckdb  # whose file it is

    found = duckdb.execute(
        "SELECT 1 FROM duckdb_keywords() WHERE keyword_name = ? AND keyword_category = 'reserved'",
        [name.lower()],
    ).fetchone()
    return f'\\"{name}\\"' if found else name
