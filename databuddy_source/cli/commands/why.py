"""The command `why`: the life of a number."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

import typer

from databuddy_source import Life
from databuddy_source import why as life_of
from databuddy_source.cli.account import account
from databuddy_source.cli.console import for_people, out, say, shown, write_json
from databuddy_source.cli.journal import moment
from databuddy_source.cli.options import (
    Dataset,
    Demo,
    Destination,
    Json,
    StateDir,
    Verbose,
    Websites,
    as_day,
)
from databuddy_source.warehouse.target import Warehouse

ROWS = 10
"""That are printed of one window; --json has more."""


def why(
    table: Annotated[str, typer.Argument(help="A report, such as top_pages.")],
    day: Annotated[
        date,
        typer.Option(
            "--date", parser=as_day, metavar="DAY", help="YYYY-MM-DD, in the report's time zone."
        ),
    ],
    website: Websites = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="COLUMN=VALUE, of the rows to be shown; may be repeated."),
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help="Ask the server, too.")] = False,
    as_json: Json = False,
    demo: Demo = False,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    verbose: Verbose = False,
) -> None:
    """Tell the life of a number: since when it is there, and why it changed.

    It is what TABLE has of a day, with what may be added up.

    Examples:

        databuddy-source why top_pages --date 2026-01-31 --key name=/pricing

        databuddy-source why summary_metrics_weekly --date 2026-01-31 --ask
    """
    with for_people(verbose), account(demo, asks=ask) as choose:
        warehouse = Warehouse.of(demo, destination, dataset, state_dir, say=say)
        settings, _ = choose(warehouse.place.name)
        keys = dict(_pair(each) for each in key or ())
        warehouse = warehouse.for_a_look()
        warehouse.open()
        found = life_of(
            warehouse.pipeline,
            table,
            day,
            websites=website or settings.websites,
            keys=keys,
            ask=settings if ask else None,
        )
        if as_json:
            write_json({"version": 1, "windows": [as_document(each) for each in found]})
        else:
            for each in found:
                for line in lines_of(each):
                    out.print(line)


def _pair(text: str) -> tuple[str, str]:
    name, found, value = text.partition("=")
    if not found:
        raise typer.BadParameter(f"--key {text}: write COLUMN=VALUE, such as name=/pricing")
    return name, value


def as_document(life: Life) -> dict[str, Any]:
    """What `--json` prints of a window.

    Args:
        life: of it.
    """
    found = {**asdict(life.cell), **asdict(life), "domain": life.domain}
    now = {"outcome": life.now.outcome.value, "details": life.now.details} if life.now else None
    return {**{k: v for k, v in found.items() if k != "cell"}, "now": now}


def lines_of(life: Life) -> Iterator[str]:
    """What is printed of a window for people.

    Args:
        life: of it.
    """
    cell = life.cell
    website = shown(life.domain) or cell.website_id
    yield f"{cell.report} of {website}, the {cell.grain} of {cell.date} in {cell.time_zone}"
    state = cell.status + (", final" if cell.final else ", asked for again by the next syncs")
    yield f"  {state}" + (f": {shown(cell.reason)}" if cell.reason else "")
    server = f", of a server of {cell.generation}" if cell.generation else ""
    request = f"request {shown(cell.request_id)} and " if cell.request_id else ""
    by = f"by {request}load {cell.load_id or 'unknown'}"
    yield f"  loaded {moment(cell.fetched_at)}{server}, {by}"
    if cell.checked_at > cell.fetched_at:
        yield f"  the server said the same on {moment(cell.checked_at)}"
    if cell.filters:
        yield f"  filters: {shown(cell.filters)}"
    for row in life.rows[:ROWS]:
        yield "  " + "  ".join(f"{name}={shown(str(value))}" for name, value in row.items())
    if left := len(life.rows) - len(life.rows[:ROWS]) + life.left_out:
        yield f"  ... and {left:,} rows more; --key chooses"
    never = [name for name, adds_up in life.adds_up.items() if adds_up is False]
    if never:
        yield f"  must not be added up: {', '.join(never)}"
    for each in life.changes:
        moved = [f"{name} {before:,} to {after:,}" for name, (before, after) in each.sums.items()]
        if each.rows_before != each.rows_after:
            moved.append(f"{each.rows_before:,} rows to {each.rows_after:,}")
        yield (
            f"  changed {moment(each.noticed_at)} ({each.why}): "
            f"{', '.join(moved) or 'what must not be added up'}"
        )
        for key in each.keys or ():
            yield f"    {_moved(key)}"
    if not life.changes:
        yield "  never changed since its last day was over"
    if life.now:
        said = "the same" if not life.now.details else shown("; ".join(life.now.details))
        yield f"  the server says now: {said}"


def _moved(key: Mapping[str, Any]) -> str:
    *names, (measure, (before, after)) = key.items()
    named = ", ".join(f"{name}={shown(str(value))}" for name, value in names)
    return f"{named}: {measure} {before:,} to {after:,}"
