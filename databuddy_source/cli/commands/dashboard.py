"""The command `dashboard`: one page of HTML to look at, made from the warehouse."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from databuddy_source import overview
from databuddy_source.cli.account import account
from databuddy_source.cli.console import for_people, out, say, write_text
from databuddy_source.cli.options import Dataset, Demo, Destination, StateDir, Verbose, Websites
from databuddy_source.cli.page.charts import refuse_without_library
from databuddy_source.cli.page.html import page
from databuddy_source.clock import now
from databuddy_source.errors import NoRoom
from databuddy_source.warehouse.choice import chosen
from databuddy_source.warehouse.reading import opened

Output = Annotated[
    Path, typer.Option("--output", help="The file, which is replaced; - for stdout.")
]
Days = Annotated[int, typer.Option("--days", min=1, max=400, help="How many, up to the newest.")]


def dashboard(
    output: Output = Path("dashboard.html"),
    website: Websites = None,
    days: Days = 90,
    demo: Demo = False,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    verbose: Verbose = False,
) -> None:
    """Write one HTML file that shows the newest days of each website. Asks nothing of the API.

    The file needs no server, no network and no script: open it in a browser, print it, or send it
    to somebody.

    Exit codes: 0 the file is there, whatever is lacking in the warehouse: the page says it.

    Examples:

        databuddy-source dashboard

        databuddy-source dashboard --website blog.example.com --days 30 --output blog.html
    """
    with for_people(verbose), account(demo, None, asks=False, websites=website) as choose:
        refuse_without_library()
        if output.is_dir():  # also where no name was given
            raise NoRoom(f"{output} is a folder, and no file", "Name a file with --output.")
        settings, _ = choose(chosen(demo, destination, dataset, state_dir).pipeline_name)
        with opened(demo, destination, dataset, state_dir, say) as tables:
            found = overview(tables, settings, days=days, only_known=bool(website))
        text = page(found, now())
        if str(output) == "-":
            write_text(text)
            return
        _put(output, text)
        out.print(f"Open it in a browser: {output.absolute().as_uri()}")


def _put(file: Path, text: str) -> None:
    """Whole or not at all."""
    unfinished = file.with_name(f".{file.name}.part")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        with suppress(OSError):  # there may be no such folder
            unfinished.unlink()
        raise NoRoom(
            f"{file} cannot be written: {error.strerror}", "Name a file with --output."
        ) from None
