"""Options that several commands share."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

Demo = Annotated[
    bool, typer.Option("--demo", help="Against a local server with synthetic visitors.")
]
Websites = Annotated[
    list[str] | None,
    typer.Option("--website", help="Id or domain; may be repeated. Default: by configuration."),
]
Reports = Annotated[
    list[str] | None,
    typer.Option(
        "--report",
        help="Query type, such as top_pages or top_pages_weekly, or a configured report; may be "
        "repeated. Default: by configuration.",
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
    datetime | None, typer.Option("--since", formats=["%Y-%m-%d"], help="First day.")
]
LastDay = Annotated[
    datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="Last day.")
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
Destination = Annotated[str, typer.Option(help="dlt's name of the warehouse.")]
Dataset = Annotated[str, typer.Option(help="Schema or dataset for the tables.")]
StateDir = Annotated[
    Path | None,
    typer.Option(help="Where dlt keeps its local state. Default: .databuddy beside the data."),
]
Publish = Annotated[
    Path | None,
    typer.Option(
        help="After each load, put a copy of the DuckDB file there, for readers that shall not "
        "block a sync."
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show tracebacks and each request.")]
