"""Options that several commands share."""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class LogFormat(StrEnum):
    """How stderr tells what goes on."""

    TEXT = "text"
    JSON = "json"


def _report_names(incomplete: str) -> list[str]:
    """What completes `--report`: from the catalogue, so without asking a server."""
    from databuddy_source.model.query_types import load_catalog
    from databuddy_source.model.windows import Grain

    return [
        known.name + grain.suffix
        for known in load_catalog()
        if not known.why_not_loadable
        for grain in Grain
        if not known.why_not_by(grain) and (known.name + grain.suffix).startswith(incomplete)
    ]


def query_type_names(incomplete: str) -> list[str]:
    """What completes the name of a query type."""
    from databuddy_source.model.query_types import load_catalog

    return [known.name for known in load_catalog() if known.name.startswith(incomplete)]


def _website_names(incomplete: str) -> list[str]:
    """What completes `--website`: those of the configuration, so without asking a server."""
    from databuddy_source.config.resolve import configured

    return [name for name in configured().websites if name.startswith(incomplete)]


def as_day(text: str) -> date:
    """The value of an option that is a day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day such as 2026-01-31") from None


def as_duration(text: str) -> timedelta:
    """The value of an option that is a length of time."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if not found:
        raise typer.BadParameter(f"{text!r} is no length of time such as 26h, 90m or 2d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Demo = Annotated[
    bool, typer.Option("--demo", help="Against a local server with synthetic visitors.")
]
Websites = Annotated[
    list[str] | None,
    typer.Option(
        "--website",
        help="Id or domain; may be repeated. Default: by configuration.",
        autocompletion=_website_names,
    ),
]
Reports = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        help="Query type, such as top_pages or top_pages_weekly, or a configured report; may be "
        "repeated. Default: by configuration.",
        autocompletion=_report_names,
    ),
]
Since = Annotated[
    str | None,
    typer.Option(help="First day, YYYY-MM-DD. Alone: where a first sync starts."),
]
Until = Annotated[
    str | None,
    typer.Option(
        help="Last day. With --since: load these days, as far as they are not final, and move no "
        "cursor."
    ),
]
Refetch = Annotated[bool, typer.Option("--refetch", help="Ask again for days that are final, too.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Only tell what would be asked for, like `plan`.")
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for another sync of this dataset to be done.")
]
FirstDay = Annotated[
    date | None,
    typer.Option("--since", parser=as_day, metavar="DAY", help="First day, YYYY-MM-DD."),
]
LastDay = Annotated[
    date | None, typer.Option("--until", parser=as_day, metavar="DAY", help="Last day.")
]
Sample = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="So many cells, by chance. Default: all of the days that are named, else 200.",
    ),
]
AllowEmpty = Annotated[
    bool, typer.Option("--allow-empty", help="Believe that days which had data are now empty.")
]
Destination = Annotated[
    str | None,
    typer.Option(
        help="dlt's name of the warehouse. Default: pipelines.destination_type of the "
        "configuration, else duckdb."
    ),
]
Dataset = Annotated[
    str | None,
    typer.Option(
        help="Schema or dataset for the tables. Default: pipelines.dataset_name of the "
        "configuration, else databuddy."
    ),
]
StateDir = Annotated[
    Path | None,
    typer.Option(
        help="Where dlt keeps its local state. Default: what DATABUDDY_STATE_DIR names, else "
        ".databuddy beside the data."
    ),
]
Publish = Annotated[
    Path | None,
    typer.Option(
        help="After each load, put a copy of the DuckDB file there, for readers that shall not "
        "block a sync."
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show tracebacks and each request.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Tell only what is wrong.")]
LogFormats = Annotated[
    LogFormat,
    typer.Option(help="Of stderr: sentences, or one JSON object a line and nothing on stdout."),
]
Json = Annotated[bool, typer.Option("--json", help="Write the result as JSON.")]
