"""The command `check`: is everything there that a sync needs?"""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import dlt
import typer

from databuddy_source import plan
from databuddy_source.api.credential import Credential
from databuddy_source.api.models import NAMES_SHOWN, Website
from databuddy_source.cli.account import Choose, account
from databuddy_source.cli.console import (
    for_people,
    out,
    shown,
    write_json,
)
from databuddy_source.cli.failures import sentence_and_code
from databuddy_source.cli.journal import moment
from databuddy_source.cli.options import (
    Dataset,
    Demo,
    Destination,
    Json,
    Quiet,
    StateDir,
    Verbose,
    Websites,
)
from databuddy_source.cli.probe import Reached, lost_budget, query, reach, websites_of
from databuddy_source.cli.program import NAME, Exit, version_of
from databuddy_source.clock import in_words
from databuddy_source.config.keys import KEYS
from databuddy_source.config.selection import (
    are_named_by_id,
    refuse_unseen,
    shared_domains,
    websites_of_reports,
)
from databuddy_source.config.settings import Settings
from databuddy_source.config.unknown_keys import VARIABLE, bare_variables
from databuddy_source.dlt_seam import ConfigurationException
from databuddy_source.errors import (
    BadConfiguration,
    DatabuddyError,
    KeyRejected,
    MissingScope,
    NothingLoaded,
)
from databuddy_source.warehouse.choice import chosen
from databuddy_source.warehouse.target import Warehouse

T = TypeVar("T")

CLOCKS_APART = 5.0
"""Seconds that two clocks may differ without a word."""

SCOPED = (
    "The key lists its websites, so it is no wrong one: this server lets in no key that has the "
    "scope read:data for single websites only, or none at all. Give it read:data for the whole "
    "organisation, or update the server."
)
"""What to do about a key that may list and not read."""

REFUSES_SCOPED = " This server, of {generation}, is one of them, and says the same of such a key."
"""What else to do about a key that may not even list."""

VERSIONS = (NAME, "dlt", "duckdb")


class State(StrEnum):
    """How a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNTESTED = "untested"


@dataclass(frozen=True)
class Finding:
    """One line of the check.

    Attributes:
        what: was looked at.
        says: one sentence on how it is.
        todo: one sentence on what to do.
        facts: for programs.
        exit_code: that it asks for.
    """

    what: str
    state: State
    says: str
    todo: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    exit_code: Exit = Exit.COMPLETE


def check(
    demo: Demo = False,
    website: Websites = None,
    destination: Destination = None,
    dataset: Dataset = None,
    state_dir: StateDir = None,
    as_json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Look whether all is there that a sync needs: server, key, websites, destination, clock.

    Leaves nothing behind. What fails does not keep the rest from being looked at. Ends with 0 when
    a sync can run, with 2 when the configuration is wrong, else with 1.

    Examples:

        databuddy-source check

        databuddy-source check --destination postgres

        databuddy-source check --json
    """
    with for_people(verbose, as_json), account(demo, websites=website) as choose:
        findings = []
        for finding in _findings(choose, demo, destination, dataset, state_dir):
            findings.append(finding)
            if not quiet or finding.state in {State.WARNING, State.FAILED}:
                _show(finding)
        wanted = {finding.exit_code for finding in findings} - {Exit.COMPLETE}
        # what is wrong in the configuration is said by 2 where it is all that is wrong
        code = min(wanted, default=Exit.COMPLETE)
        if as_json:
            _write(findings, code)
    raise typer.Exit(code)


def _show(finding: Finding) -> None:
    style = {State.OK: "green", State.WARNING: "yellow", State.FAILED: "bold red"}
    out.print(f"{finding.state:<9}", style=style.get(finding.state, "dim"), end="")
    out.print(f"{finding.what:<12} {finding.says}")
    if finding.todo:
        out.print(f"{'':<21} {finding.todo}")


def _write(findings: list[Finding], code: Exit) -> None:
    checks = [
        {
            "check": each.what,
            "state": each.state,
            "message": each.says,
            "todo": each.todo,
            **each.facts,
        }
        for each in findings
    ]
    write_json({"exit_code": int(code), "checks": checks})


def _findings(
    choose: Choose,
    demo: bool,
    destination: str | None,
    dataset: str | None,
    state_dir: Path | None,
) -> Iterator[Finding]:
    def found() -> tuple[Settings, Finding]:
        pipeline = None
        with suppress(BadConfiguration):  # the destination's own line says so
            pipeline = chosen(demo, destination, dataset, state_dir).pipeline_name
        return _settings(choose(pipeline).settings)

    yield _versions()
    settings, finding = _tried("settings", found)
    yield finding
    if not demo:
        yield from _of_environment()
    sound = settings is not None
    if settings is not None:
        for each in _of_accounts(settings):
            sound = sound and each.state is not State.FAILED
            yield each
    else:
        for what in ("server", "key", "websites", "query", "clock", "time zone"):
            yield _untested(what, "settings")
    place = (destination, dataset, state_dir)
    yield _tried("destination", lambda: _destination(demo, place, settings if sound else None))[1]


def _of_environment() -> Iterator[Finding]:
    """What may be meant for another program."""
    for variable in bare_variables(KEYS, os.environ):
        yield Finding(
            "environment",
            State.WARNING,
            f"The variable {variable} counts as sources.databuddy.{variable.lower()}, and goes "
            "before files.",
            f"Call it {VARIABLE}{variable} where it is meant, else unset it.",
        )


def _of_accounts(settings: Settings) -> Iterator[Finding]:
    for name, own in settings.by_account().items():
        for each in _of_account(own):
            facts = {**each.facts, "account": name}
            yield replace(each, says=f"{name}: {each.says}", facts=facts) if name else each


def _of_account(settings: Settings) -> Iterator[Finding]:
    server, finding = _tried("server", lambda: _server(settings))
    yield finding
    seen = chosen = None
    if server:
        seen, finding = _tried("key", lambda: _key(settings, server))
    yield finding if server else _untested("key", "server")
    if seen is not None:
        chosen, finding = _tried("websites", lambda: _websites(settings, seen))
    yield finding if seen is not None else _untested("websites", "key")
    lacking = "" if chosen else "websites"
    if settings.shared_budget:
        answers, finding = _tried("budget", lambda: _budget(settings))
        yield finding
        lacking = lacking or ("" if answers else "budget")  # it would wait for over a minute
    if server and seen is not None and chosen and not lacking:
        _, finding = _tried("query", lambda: _query(settings, chosen, seen, server))
    yield _untested("query", lacking) if lacking else finding
    yield _clock(server.clock_ahead) if server else _untested("clock", "server")
    yield _time_zone(settings, server)


def _untested(what: str, missing: str) -> Finding:
    says = f"cannot be looked at without the {missing}"
    return Finding(what, State.UNTESTED, says, f"Mend the {missing} first, then check again.")


def _tried(what: str, look: Callable[[], tuple[T, Finding]]) -> tuple[T | None, Finding]:
    """What a look found; an error becomes a finding."""
    try:
        return look()
    except DatabuddyError as error:
        _, code = sentence_and_code(error)
        place = f" ({error.where})" if str(error.where) else ""
        return None, Finding(
            what, State.FAILED, f"{error.what}{place}.", error.todo, exit_code=code
        )
    except (OSError, ValueError, ConfigurationException) as error:
        sentence, code = sentence_and_code(error)
        return None, Finding(what, State.FAILED, sentence, exit_code=code)


def _versions() -> Finding:
    found = {package: version_of(package) for package in VERSIONS}
    found["python"] = platform.python_version()
    says = ", ".join(f"{name} {number}" for name, number in found.items())
    return Finding("versions", State.OK, says, facts={"versions": found})


def _settings(settings: Settings) -> tuple[Settings, Finding]:
    reports = len(settings.chosen_reports())
    says = f"{Path(dlt.current.run_context().settings_dir).resolve()} and the environment"
    facts = {"reports": reports, "folder": says}
    return settings, Finding("settings", State.OK, f"{says}; {reports} reports", facts=facts)


def _server(settings: Settings) -> tuple[Reached, Finding]:
    credential: Credential | None = settings.credential
    try:
        settings.credential.headers()
    except DatabuddyError:  # the key's own line says so
        credential = None
    server = reach(settings.base_url, credential)
    types = len(server.types.types) if server.types else None
    generation = f"generation {server.generation}"
    if server.types and server.types.newer:
        some = ", ".join(map(shown, server.types.newer[:NAMES_SHOWN]))
        generation = (
            f"newer than any known generation, since it has {some}, and taken for "
            f"{server.generation}"
        )
    says = (
        f"{settings.base_url}, {generation}, {types} query types"
        if server.types
        else f"{settings.base_url}, which tells its query types to an accepted key only"
    )
    facts = {
        "url": settings.base_url,
        "generation": server.generation,
        "newer_by": list(server.types.newer) if server.types else [],
        "query_types": types,
        "healthy": server.healthy,
    }
    if server.healthy is False:
        return server, Finding(
            "server",
            State.WARNING,
            f"{says}. Its /health says that it is not well.",
            "That is a hint: the next lines tell what it answers.",
            facts,
        )
    return server, Finding("server", State.OK, says, facts=facts)


def _key(settings: Settings, server: Reached) -> tuple[Mapping[str, Website], Finding]:
    try:
        seen = websites_of(settings)
    except KeyRejected as error:
        if server.generation and not server.generation.takes_website_keys:
            error.todo += REFUSES_SCOPED.format(generation=server.generation.called)
        raise
    except MissingScope as error:
        if not are_named_by_id(settings):
            raise
        says = f"{error.what}; the configured ones are asked for by their ids"
        return {}, Finding("key", State.WARNING, says, error.todo, {"websites": []})
    facts = {
        "websites": [
            {"id": each.id, "domain": each.domain, "name": each.name} for each in seen.values()
        ]
    }
    some = "1 website" if len(seen) == 1 else f"{len(seen)} websites"
    return seen, Finding("key", State.OK, f"accepted, sees {some}", facts=facts)


def _websites(settings: Settings, seen: Mapping[str, Website]) -> tuple[list[str], Finding]:
    refuse_unseen(settings, seen)
    pairs = websites_of_reports(settings, lambda: seen)
    chosen = list(dict.fromkeys(id_ for _, ids in pairs for id_ in ids))
    unseen = [id_ for id_ in chosen if id_ not in seen]
    facts = {"chosen": chosen, "unseen": unseen}
    if unseen:
        return chosen, Finding(
            "websites",
            State.WARNING,
            f"The key does not see {', '.join(map(shown, unseen))}.",
            "A public website answers all the same, but its empty days are not believed. Correct "
            "sources.databuddy.websites, or give the key access.",
            facts,
        )
    domains = [shown(seen[id_].domain or id_) for id_ in chosen]
    more = f" and {len(domains) - 10} more" if len(domains) > 10 else ""
    if shared := shared_domains(settings, seen):
        says = "; ".join(f"{shown(name)}: {' and '.join(ids)}" for name, ids in shared.items())
        return chosen, Finding(
            "websites",
            State.WARNING,
            f"Several websites share a domain: {says}.",
            "All are loaded. Name those that are meant by their ids in sources.databuddy.websites.",
            facts,
        )
    return chosen, Finding("websites", State.OK, ", ".join(domains[:10]) + more, facts=facts)


def _budget(settings: Settings) -> tuple[bool, Finding]:
    if not (lost := lost_budget(settings)):
        return True, Finding("budget", State.OK, "the store that counts for all workers answers")
    return False, Finding(
        "budget",
        State.WARNING,
        f"The store that counts for all workers does not answer ({lost}), so each would send "
        f"nothing at first, and then one part in {settings.shared_budget_workers} of the limit.",
        "Look whether it runs and whether sources.databuddy.shared_budget is its address.",
        {"error": lost},
    )


def _query(
    settings: Settings, chosen: list[str], seen: Mapping[str, Website], server: Reached
) -> tuple[None, Finding]:
    asked = query(settings, chosen, server.types)
    refused = {id_: error for id_, error in asked.errors.items() if error}
    public = [id_ for id_ in chosen if id_ not in refused and id_ not in seen]

    def name(id_: str) -> str:
        return shown((seen[id_].domain if id_ in seen else None) or id_)

    told = [
        {
            "id": id_,
            "readable": error is None,
            "by": None if error else "public" if id_ in public else "read:data",
            "message": str(error) if error else "",
        }
        for id_, error in asked.errors.items()
    ]
    facts = {"seconds": round(asked.seconds, 3), "websites": told}
    own = len(chosen) - len(refused) - len(public)
    answered = [f"{own} by the scope read:data of the key"] * bool(own)
    answered += [f"{', '.join(map(name, public))} since public websites answer anybody"] * bool(
        public
    )
    if not refused:
        says = f"answered in {asked.seconds:.1f} s: {'; '.join(answered)}"
        return None, Finding("query", State.OK, says, facts=facts)
    first = next(iter(refused.values()))
    alike = "; ".join(
        f"{', '.join(name(id_) for id_, error in refused.items() if error.what == what)}: {what}"
        for what in dict.fromkeys(error.what for error in refused.values())
    )
    says = f"{len(refused)} of {len(chosen)} websites not answered: {alike}."
    todo = SCOPED if isinstance(first, KeyRejected) else first.todo
    _, code = sentence_and_code(first)
    return None, Finding("query", State.FAILED, says, todo, facts, code)


def _clock(ahead: float | None) -> Finding:
    if ahead is None:
        return Finding("clock", State.UNTESTED, "the server does not tell its time")
    facts = {"server_ahead_seconds": round(ahead, 1)}
    if abs(ahead) < CLOCKS_APART:
        return Finding("clock", State.OK, "goes with the server's", facts=facts)
    return Finding(
        "clock",
        State.WARNING,
        f"This machine's clock is {in_words(abs(ahead))} {'behind' if ahead > 0 else 'ahead of'} "
        "the server's.",
        "Set it by NTP. A run goes by the server's clock, so that no day counts as over before it "
        "is; `status` goes by this one.",
        facts,
    )


def _time_zone(settings: Settings, server: Reached | None) -> Finding:
    name = settings.timezone
    facts = {"timezone": name, "now": moment()}
    if server and server.generation and server.generation.zone(name) != name:
        return Finding(
            "time zone",
            State.WARNING,
            f"This server knows UTC days only, so days are not those of {name}.",
            'Set sources.databuddy.timezone = "UTC", or update the server.',
            facts,
        )
    return Finding("time zone", State.OK, f"{name}, where it is {moment()}", facts=facts)


def _destination(
    demo: bool, place: tuple[str | None, str | None, Path | None], settings: Settings | None
) -> tuple[None, Finding]:
    destination, dataset, state_dir = place
    Warehouse.of(demo, destination, dataset, state_dir)  # what a sync would refuse
    # local state of its own: what a check does must not be taken for a sync
    with tempfile.TemporaryDirectory() as home:
        warehouse = Warehouse.of(demo, destination, dataset, state_dir or Path(home))
        says = warehouse.prove()
        if settings:
            with suppress(NothingLoaded):
                warehouse.open()
                plan(warehouse.pipeline, settings)  # refuses what would not go with its tables
    return None, Finding("destination", State.OK, says)
