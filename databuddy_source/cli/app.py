"""The command line: which commands there are. Each has a module, imported when it is called."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from databuddy_source.cli.program import NAME, called, version_of
from databuddy_source.cli.stopping import ends_at_ctrl_c

COMMANDS: Final[Mapping[str, str]] = {
    "sync": "Load what is new or may have changed",
    "backfill": "Load past days as a series of bounded loads, oldest first",
    "plan": "Tell what `sync` would ask for, and how long it takes",
    "verify": "Ask the API again and compare it with the tables, value by value",
    "init": "Configure: ask for server, key, websites, time zone and destination",
    "check": "Look whether all is there that a sync needs",
    "discover": "List the websites and query types that the server has",
    "status": "Show what the warehouse has and lacks, day by day",
    "dashboard": "Write one HTML file that shows the newest days of each website",
    "why": "Tell the life of a number: since when it is there, and why it changed",
    "heal": "Load what `status` calls failed, truncated, suspect or missing, and nothing else",
    "audit": "Ask for final days again, and load what the server says otherwise now",
    "remove": "Take websites and reports out of a dataset",
    "rebuild": "Load a dataset anew in another time zone",
    "explain": "Show the request that REPORT sends for a day",
    "dbt": "Write a dbt project of what is loaded",
    "export": "Save files that the server itself exports, where it has that",
    "demo": "Sync made-up visitors of a local server into demo.duckdb",
}
"""By name, what each is for. `cli/commands/<name>.py` has the rest."""


class _Commands(Mapping[str, Any]):
    """The commands by name; each comes into being when it is asked for."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in COMMANDS:
            raise KeyError(name)
        if name not in self._made:
            self._made[name] = _command(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)


def _command(name: str) -> Any:
    with ends_at_ctrl_c():
        module = importlib.import_module(f"databuddy_source.cli.commands.{name}")
    function = getattr(module, name)
    told = re.sub(rf"\b{NAME}(?= |$)", called(), inspect.getdoc(function) or "", flags=re.M)
    told = re.sub(r"^    (?=\S)", "\b\n    ", told, flags=re.M)  # click breaks no line after it
    alone = typer.Typer(add_completion=False, rich_markup_mode=None)
    alone.command(name, help=told)(function)
    return typer.main.get_command(alone)


class _Context(typer.Context):
    @property
    def command_path(self) -> str:
        """What usage lines begin with."""
        return called()


class SyncByDefault(TyperGroup):
    """Without a command, or with options only, `sync` is meant."""

    context_class = _Context

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands: Any = _Commands()

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = {"--help", "--version", "--install-completion", "--show-completion"}
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


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{NAME} {version_of(NAME)}")
        raise typer.Exit


@app.callback()
def _group(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None:
    """Makes `app` a group, though its commands come later."""


def every_command() -> Mapping[str, Any]:
    """The commands by name, which imports them all. typer's own click has no public types."""
    return typer.main.get_command(app).commands  # type: ignore[attr-defined,no-any-return]  # as said above
