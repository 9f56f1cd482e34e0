"""The command `init`: asks what a sync needs, tests each answer, and writes it down."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tomlkit
import typer

from databuddy_source.api.models import Website
from databuddy_source.cli import config_files
from databuddy_source.cli.account import told_as_options
from databuddy_source.cli.console import complain, counted, for_people, out, say, shown, warn
from databuddy_source.cli.options import Destination, Verbose, Websites
from databuddy_source.cli.probe import reach, websites_of
from databuddy_source.cli.program import Exit, to_type
from databuddy_source.clock import machine_zone
from databuddy_source.config.settings import Settings
from databuddy_source.config.values import DEFAULT_BASE_URL, SECTION
from databuddy_source.errors import BadConfiguration, BadSetting, DatabuddyError, TrackedSecrets
from databuddy_source.warehouse.target import Warehouse

T = TypeVar("T")

VARIABLE = "SOURCES__DATABUDDY__{}"
KEY_VARIABLE = VARIABLE.format("API_KEY")
ALL = "all"


def init(
    server: Annotated[
        str | None, typer.Option(help="Address of the server.", show_default=False)
    ] = None,
    api_key_stdin: Annotated[
        bool,
        typer.Option("--api-key-stdin", help=f"Read the key from stdin; else from {KEY_VARIABLE}."),
    ] = False,
    website: Websites = None,
    timezone: Annotated[
        str | None, typer.Option(help="IANA name of the zone that cuts the days.")
    ] = None,
    destination: Destination = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Ask nothing; replace a key that is there.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Configure: ask for server, key, websites, time zone and destination, and test each answer.

    Writes .dlt/config.toml and .dlt/secrets.toml, which nobody else may read, and keeps what else
    is in them. Whatever is given as an option is not asked for. No key is ever shown, and none is
    an option: other users of the machine could see it.

    Examples:

        databuddy-source init

        pass databuddy | databuddy-source init --api-key-stdin --timezone Europe/Berlin

        databuddy-source init --yes --website example.com --destination postgres
    """
    with for_people(verbose):
        try:
            given = {"base_url": server, "timezone": timezone}
            with told_as_options([key for key, value in given.items() if value]):
                _init(
                    Answers(
                        asks=sys.stdin.isatty() and not (yes or api_key_stdin),
                        yes=yes,
                        server=server,
                        key=sys.stdin.readline().strip() if api_key_stdin else None,
                        websites=website,
                        timezone=timezone,
                        destination=destination,
                    )
                )
        except typer.Abort:
            complain("Stopped. Nothing was written.", exit_code=int(Exit.INTERRUPTED))
            raise typer.Exit(Exit.INTERRUPTED) from None


@dataclass(frozen=True)
class Answers:
    """What was given as options; the rest is asked for, or has a default.

    Attributes:
        asks: whether there is somebody to ask.
        yes: replace a key that is there.
    """

    asks: bool
    yes: bool
    server: str | None
    key: str | None
    websites: Sequence[str] | None
    timezone: str | None
    destination: str | None

    def until_it_works(
        self, given: str | None, ask: Callable[[], str], default: str, test: Callable[[str], T]
    ) -> T:
        """Test what was given, else the default, or ask until an answer passes.

        Raises:
            DatabuddyError: what was given does not pass, or there is nobody to ask.
        """
        while True:
            answer = given if given is not None else ask() if self.asks else default
            try:
                return test(answer)
            except DatabuddyError as error:
                if given is not None or not self.asks:
                    raise
                complain(str(error))


def _init(answers: Answers) -> None:
    folder = config_files.folder_to_write()
    if config_files.in_git(folder / "secrets.toml"):
        raise TrackedSecrets(f"git tracks {folder / 'secrets.toml'}, so a key would get into it")
    config, secrets = (config_files.read(folder / f"{name}.toml") for name in ("config", "secrets"))
    config_files.refuse_accounts([config, secrets])

    def configured(key: str) -> Any:
        return config_files.value(config, SECTION, key)

    def usual(key: str) -> Any:
        # a key from the environment is for the server that stands there, and for no other
        return os.environ.get(VARIABLE.format(key.upper())) or configured(key)

    fixed = {"allow_http": usual("allow_http")}

    def of_server(text: str) -> str:
        address = Settings.of(base_url=text, **fixed).base_url
        found = reach(address)
        generation = f", generation {found.generation}" if found.generation else ""
        say(f"Reached {address}{generation}.")
        return address

    standard = str(usual("base_url") or DEFAULT_BASE_URL)
    base_url = answers.until_it_works(
        answers.server, lambda: typer.prompt("Server", standard, err=True), standard, of_server
    )
    before = config_files.value(secrets, SECTION, "api_key")
    known = os.environ.get(KEY_VARIABLE) or before or ""
    source = KEY_VARIABLE if os.environ.get(KEY_VARIABLE) else "secrets.toml"

    def ask_key() -> str:
        hint = f", Enter takes the one in {source}" if known else ""
        text = f"API key (hidden{hint})"
        return str(typer.prompt(text, "", hide_input=True, show_default=False, err=True)) or known

    def of_key(key: str) -> tuple[str, Mapping[str, Website]]:
        settings = Settings.of(base_url=base_url, api_key=key, **fixed)
        settings.credential.headers()
        seen = websites_of(settings)
        say(f"The key is accepted and sees {counted(len(seen), 'website')}.")
        return settings.credential.api_key, seen

    key, seen = answers.until_it_works(answers.key, ask_key, known, of_key)
    if before and before != key:
        _may_replace(answers, folder / "secrets.toml")

    chosen = answers.until_it_works(
        ",".join(answers.websites) if answers.websites else None,
        lambda: _ask_websites(seen),
        ",".join(configured("websites") or ()) or ALL,
        lambda text: _chosen(text, list(seen.values())),
    )

    zone = str(usual("timezone") or machine_zone())
    timezone = answers.until_it_works(
        answers.timezone,
        lambda: typer.prompt("Time zone that cuts the days", zone, err=True),
        zone,
        lambda name: Settings.of(timezone=name.strip()).timezone,
    )

    standard = str(config_files.value(config, "pipelines", "destination_type") or "duckdb")
    destination = answers.until_it_works(
        answers.destination,
        lambda: typer.prompt("Destination, as dlt calls it", standard, err=True),
        standard,
        _fit,
    )

    values: dict[str, dict[str, Any]] = {
        SECTION: {
            "base_url": base_url if base_url != DEFAULT_BASE_URL else None,
            "websites": config_files.lines_of({each.id: shown(each.domain) for each in chosen}),
            "timezone": timezone,
        }
    }
    if destination != "duckdb" or standard != destination:
        values["pipelines"] = {"destination_type": destination}
    before_all = config_files.text_of(config)
    for section, keys in values.items():
        config_files.change(config, section, keys)
    config_files.change(secrets, SECTION, {"api_key": key})
    if told := config_files.keep_out_of_git(folder / "secrets.toml"):
        warn(told)
    config_files.write(folder / "secrets.toml", secrets, secret=True)
    written = [folder / "secrets.toml"]
    if not config_files.in_git(folder / "config.toml"):
        config_files.write(folder / "config.toml", config, secret=False)
        written.insert(0, folder / "config.toml")
    elif config_files.text_of(config) != before_all:
        _tell_lines(folder / "config.toml", values)
    _warn_of_environment({"API_KEY": key, "BASE_URL": base_url, "TIMEZONE": timezone})
    _what_next(written, destination)


def _tell_lines(path: Path, values: Mapping[str, Mapping[str, Any]]) -> None:
    """Show what a person has to write into a file that is left alone."""
    lines = tomlkit.document()
    for section, keys in values.items():
        config_files.change(lines, section, keys)
    out.print(
        f"git tracks {path}, so it was left as it is. Let it say:\n\n{config_files.text_of(lines)}"
    )


def _may_replace(answers: Answers, path: Path) -> None:
    """Ask before a key is lost.

    Raises:
        BadConfiguration: there is nobody to ask.
        Abort: the answer is no.
    """
    if answers.yes:
        return
    if not answers.asks:
        raise BadConfiguration(f"{path} has another key already", "Use --yes to replace it.")
    typer.confirm(f"{path} has another key. Replace it?", abort=True, err=True)


def _ask_websites(seen: Mapping[str, Website]) -> str:
    for number, website in enumerate(seen.values(), start=1):
        say(f"  {number:>3}  {shown(website.domain or website.id)}  {shown(website.name)}".rstrip())
    return str(typer.prompt("Websites, numbers with commas between them", ALL, err=True))


def _chosen(text: str, websites: Sequence[Website]) -> list[Website]:
    """The websites that a text names by number, id or domain; none of them stands for all.

    Raises:
        BadSetting: a name is none that the key sees.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names in ([], [ALL]):
        return []
    by_name = {
        website.domain: [each for each in websites if each.domain == website.domain]
        for website in websites
        if website.domain
    }
    by_name |= {str(number): [website] for number, website in enumerate(websites, start=1)}
    by_name |= {website.id: [website] for website in websites}
    for name in names:
        if name not in by_name:
            domains = ", ".join(shown(each.domain or each.id) for each in websites)
            raise BadSetting(f"The key sees no website {shown(name)!r}", f"It sees: {domains}.")
    return list({each.id: each for name in names for each in by_name[name]}.values())


def _fit(destination: str) -> str:
    name = destination.strip()
    with tempfile.TemporaryDirectory() as home:
        Warehouse.of(False, name, None, Path(home)).ready()
    return name


def _warn_of_environment(written: Mapping[str, str]) -> None:
    """Name variables that win over what was written."""
    for key, value in written.items():
        variable = VARIABLE.format(key)
        if os.environ.get(variable, value) != value:
            warn(f"The environment has another {variable}, which wins over the file.")


def _what_next(written: Sequence[Path], destination: str) -> None:
    out.print(f"Written: {' and '.join(map(str, written))}.\n\nNext:\n")
    if destination != "duckdb":
        out.print(
            f"  put what {destination} needs into secrets.toml, under "
            f"[destination.{destination}.credentials]"
        )
    for command, what in (
        ("check", "looks whether all is there"),
        ("plan", "tells what a sync would ask for"),
        ("sync", "loads"),
    ):
        out.print(f"  {to_type()} {command:<8} # {what}")
