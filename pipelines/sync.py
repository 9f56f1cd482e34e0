"""Keeps a data warehouse equal to Databuddy. `python pipelines/sync.py --help` tells how."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

PROJECT = Path(__file__).resolve().parent.parent
# cron may start this anywhere: the project's .dlt/ and packages are found from this file
os.environ.setdefault("DLT_PROJECT_DIR", str(PROJECT))
sys.path.insert(0, str(PROJECT))

import typer  # noqa: E402
from rich.table import Table  # noqa: E402
from typer.core import TyperGroup  # noqa: E402

from databuddy_source import databuddy_source  # noqa: E402
from databuddy_source import sync as sync_pipeline  # noqa: E402
from databuddy_source.api.server import Server, first_contact, run_alone  # noqa: E402
from databuddy_source.catalog import load_catalog  # noqa: E402
from databuddy_source.coverage import gaps_of_loads, loaded_reports  # noqa: E402
from databuddy_source.extraction import budget_of, client_for  # noqa: E402
from databuddy_source.settings import DEFAULT_DAYS, Settings  # noqa: E402
from databuddy_source.source import configured  # noqa: E402
from pipelines.console import (  # noqa: E402
    complain,
    explain,
    first_query,
    out,
    say,
    summary,
)
from pipelines.warehouse import duckdb_file, pipeline_for, wait_for_file  # noqa: E402


class SyncByDefault(TyperGroup):
    """Without a command, or with options only, `sync` is meant."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = {"--help", "--install-completion", "--show-completion"}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = ["sync", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=SyncByDefault,
    help="Keeps a data warehouse equal to Databuddy.\n\n"
    "Without a command it syncs, by the configuration in .dlt/ and the environment.\n\n"
    "Exit codes: 0 all complete, 1 failed, 2 wrong usage or configuration, 3 loaded but some "
    "cells failed or are truncated, 130 interrupted.",
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    rich_markup_mode=None,
)

Demo = Annotated[
    bool, typer.Option("--demo", help="Against a local server with synthetic visitors.")
]
Websites = Annotated[
    list[str] | None,
    typer.Option("--website", help="Id or domain; may be repeated. Default: by configuration."),
]
Reports = Annotated[
    list[str] | None,
    typer.Option("--report", help="Query type; may be repeated. Default: by configuration."),
]
Since = Annotated[
    str | None,
    typer.Option(help="First day, YYYY-MM-DD. Alone: where a first sync starts."),
]
Until = Annotated[
    str | None,
    typer.Option(help="Last day. With --since: load exactly these days, move no cursor."),
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
Verbose = Annotated[bool, typer.Option("--verbose", help="Show tracebacks and each request.")]


@app.command()
def sync(
    demo: Demo = False,
    website: Websites = None,
    report: Reports = None,
    since: Since = None,
    until: Until = None,
    allow_empty: AllowEmpty = False,
    destination: Destination = "duckdb",
    dataset: Dataset = "databuddy",
    state_dir: StateDir = None,
    verbose: Verbose = False,
) -> None:
    """Load what is new or may have changed.

    Examples:

        python pipelines/sync.py --demo

        python pipelines/sync.py --website example.com --report pages --report countries

        python pipelines/sync.py --since 2026-01-01 --until 2026-01-31
    """
    given = {
        "websites": website or None,
        "query_types": report or None,
        "since": since,
        "until": until,
        "allow_empty": allow_empty or None,
    }
    if demo and destination != "duckdb":
        raise typer.BadParameter("--demo has a DuckDB file of its own and no other destination")
    with _for_people(verbose), _account(demo, given) as account:
        settings = configured(**account)
        settings.credential.headers()  # without a key, nothing shall come into being
        started = time.monotonic()
        budget = budget_of(settings)
        spent = budget.spent
        file = Path("demo.duckdb").absolute() if demo else duckdb_file(Path("databuddy.duckdb"))
        pipeline = pipeline_for(destination, dataset, file, state_dir)
        on_file = destination == "duckdb"

        def wait() -> None:
            if on_file:
                wait_for_file(file, say)

        wait()
        if pipeline.has_pending_data:
            say("Loading first what an earlier run left behind.")
        loads = sync_pipeline(pipeline, databuddy_source(**account), before_load=wait)
        loaded = loaded_reports(pipeline, loads)
        code = summary(
            loaded,
            gaps_of_loads(pipeline, loads),
            budget.spent - spent,
            time.monotonic() - started,
        )
        if on_file and (query := first_query(file, dataset, loaded)):
            out.print(f"\nThe tables are in {file}. Try:\n\n  {query}\n")
    raise typer.Exit(code)


@app.command()
def check(demo: Demo = False, verbose: Verbose = False) -> None:
    """Reach the server, prove the key, tell what the server can do."""
    with _for_people(verbose), _account(demo, {}) as account:
        settings = configured(**account)
        out.print(f"server       {settings.base_url}")
        server = _contact(settings)
        out.print(f"generation   {server.generation}")
        out.print(f"key          accepted, sees {len(server.websites)} websites")
        for website in server.websites.values():
            out.print(f"  {website.id}  {website.domain or ''}  {website.name or ''}".rstrip())
        cut = settings.timezone if server.generation.takes_offsets else "UTC"
        out.print(f"days         cut in {cut}")
        if cut != settings.timezone:
            out.print(f"             this server knows UTC days only, not {settings.timezone}")


@app.command()
def discover(demo: Demo = False, verbose: Verbose = False) -> None:
    """List the websites and query types that the server has."""
    with _for_people(verbose), _account(demo, {}) as account:
        settings = configured(**account)
        server = _contact(settings)
        websites = Table("id", "domain", "name", "public", box=None, header_style="bold")
        for website in server.websites.values():
            public = {True: "yes", False: "no"}.get(website.isPublic or False, "")
            websites.add_row(website.id, website.domain or "", website.name or "", public)
        out.print(websites)
        types = Table("query type", "shape", "loaded", "note", box=None, header_style="bold")
        catalog = load_catalog()
        chosen = {each.query_type for each in settings.chosen_reports()}
        for name in sorted(server.types):
            known = catalog.get(name)
            note = known.why_not_loadable or (
                "personal data: name it to load it" if known.personal else ""
            )
            types.add_row(
                known.name if known.known else name,
                known.shape.value if known.known else "?",
                "yes" if known.name in chosen else "",
                note or ("" if known.known else "not in the catalogue: name it to load it"),
            )
        out.print()
        out.print(types)


def _contact(settings: Settings) -> Server:
    return run_alone(lambda: first_contact(client_for(settings)))


@contextlib.contextmanager
def _account(demo: bool, given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What to pass to the source. The demo takes nothing from a real account's configuration."""
    if not demo:
        yield given
        return
    try:
        from databuddy_source.demo import DemoServer, Plan
    except ImportError as error:
        raise typer.BadParameter(f"--demo needs `pip install '.[demo]'` ({error})") from None
    with DemoServer(rate_limit=Plan.SERVER) as server:
        defaults = Settings()
        yield {
            "api_key": server.api_key,
            "session_cookie": "",
            "base_url": server.url,
            "allow_http": False,
            "allow_empty": False,
            "timezone": defaults.timezone,
            "lookback_days": defaults.lookback_days,
            "start_date": (datetime.now(UTC) - timedelta(days=DEFAULT_DAYS)).date(),
            "requests_per_minute": defaults.requests_per_minute,
            **{key: value for key, value in given.items() if value is not None},
            "websites": given.get("websites") or [website.id for website in server.websites],
            "query_types": given.get("query_types") or "default",
        }


@contextlib.contextmanager
def _for_people(verbose: bool) -> Iterator[None]:
    """Errors become one sentence and an exit code."""
    own = logging.getLogger("databuddy_source")
    own.setLevel(logging.INFO if verbose else logging.WARNING)
    own.handlers, own.propagate = [logging.StreamHandler()], False
    # dlt logs a traceback for what `explain` says in a sentence
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "INFO" if verbose else "CRITICAL")
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


if __name__ == "__main__":
    app()
