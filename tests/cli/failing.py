"""Ways to fail, and commands to fail in: what each ends with, and what it says."""

from __future__ import annotations

import random
import resource
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from databuddy_source.cli.program import Exit
from databuddy_source.demo import DemoServer, Fault

TODAY = str(datetime.now(UTC).date())
WEEK_AGO = str(datetime.now(UTC).date() - timedelta(days=7))

COMMANDS: Mapping[str, list[str]] = {
    "sync": ["sync", "--since", TODAY, "--report", "pages"],
    "backfill": ["backfill", "--since", TODAY, "--report", "pages"],
    "plan": ["plan", "--since", TODAY, "--report", "pages"],
    "heal": ["heal", "--report", "pages"],
    "status": ["status", "--report", "pages"],
    "verify": ["verify", "--report", "pages"],
    "check": ["check"],
    "discover": ["discover"],
    "explain": ["explain", "pages"],
    "export": ["export", "--since", WEEK_AGO, "--report", "pages"],
}
"""By name, how each is called."""

READERS = {"heal", "status", "verify"}
"""They look into the warehouse first, in which nothing is."""

NOTHING_THERE = "Sync first, or name the destination and dataset that you synced into."


@dataclass(frozen=True)
class Way:
    """One way to fail.

    Attributes:
        code: what a command ends with.
        says: what its last line has.
        commands: which of them meet it.
        changes: of the environment; `FOLDER` stands for the folder of the run, and None takes a
            variable away.
        faults: of the server.
        words: that are typed behind the command's own.
        files: by name, what is in the folder of the run.
        largest: bytes that a file may have, as where a disk is full.
    """

    code: Exit
    says: str
    commands: frozenset[str]
    changes: Mapping[str, str | None] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    words: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    largest: int | None = None


ALL = frozenset(COMMANDS)
ASKING = ALL - READERS
LOADING = frozenset({"sync", "backfill"})
INTO = ALL - {"discover", "explain", "export"}
"""Those that have a warehouse."""

_OWN = "SOURCES__DATABUDDY__"
_FILE = "DESTINATION__DUCKDB__CREDENTIALS"

_PAGE = Fault(
    path=None,
    times=None,
    status=200,
    body="<html>Welcome</html>",
    headers={"content-type": "text/html"},
)
# the first time is the plan's, the second one the extraction's
_REJECTED_LATER = Fault(
    path="/v1/query/websites",
    skip=1,
    times=None,
    status=401,
    body={"success": False, "error": "Invalid key", "code": "UNAUTHORIZED"},
)

WAYS: Mapping[str, Way] = {
    "no key": Way(Exit.FAILED, "set SOURCES__DATABUDDY__API_KEY", ASKING, {f"{_OWN}API_KEY": None}),
    "a wrong key": Way(
        Exit.FAILED, "rejects the key", ASKING - {"explain"}, {f"{_OWN}API_KEY": "dbdy_wrong"}
    ),
    "no server": Way(
        Exit.FAILED,
        "Check sources.databuddy.base_url and the network.",
        ASKING,
        {f"{_OWN}BASE_URL": "http://127.0.0.1:1/v1"},
    ),
    "another server": Way(
        Exit.FAILED, "Check sources.databuddy.base_url, and any proxy", ASKING, faults=(_PAGE,)
    ),
    "a key that is rejected meanwhile": Way(
        Exit.FAILED, "rejects the key", LOADING, faults=(_REJECTED_LATER,)
    ),
    "a wrong zone": Way(Exit.WRONG_USAGE, "Mars/X", ALL, {f"{_OWN}TIMEZONE": "Mars/X"}),
    "a wrong address": Way(Exit.WRONG_USAGE, "ftp://x", ALL, {f"{_OWN}BASE_URL": "ftp://x"}),
    "a file that is no TOML": Way(
        Exit.WRONG_USAGE, "secrets.toml, line 1", ALL, files={".dlt/secrets.toml": "= 1"}
    ),
    "a website that is not there": Way(
        Exit.WRONG_USAGE,
        "no.example",
        ASKING - {"discover"},
        {f"{_OWN}WEBSITES": "no.example"},
    ),
    "nothing loaded": Way(Exit.WRONG_USAGE, NOTHING_THERE, frozenset(READERS)),
    "a file that is no database": Way(
        Exit.WRONG_USAGE,
        "or mend this one.",
        INTO,
        {_FILE: "FOLDER/web.duckdb"},
        files={"web.duckdb": "no database " * 1000},
    ),
    "a destination that nobody knows": Way(
        Exit.WRONG_USAGE, "nowhere", INTO - {"check"}, words=("--destination", "nowhere")
    ),
    "a full disk": Way(Exit.FAILED, "File too large", LOADING, largest=2_000),
    "a report that the server lacks": Way(
        Exit.WRONG_USAGE,
        "Did you mean",
        LOADING | {"plan"},
        words=("--report", "top_pagez"),
    ),
}


def every_failure() -> Iterator[tuple[str, str]]:
    """A way and a command that meets it."""
    for name, way in WAYS.items():
        for command in COMMANDS:
            if command in way.commands:
                yield name, command


def chosen(every: bool, seed: int) -> list[tuple[str, str]]:
    """All of them, or each way on one command."""
    if every:
        return list(every_failure())
    draw = random.Random(seed)
    return [(name, draw.choice(sorted(way.commands))) for name, way in WAYS.items()]


def fail(
    way: Way,
    command: str,
    program: list[str],
    folder: Path,
    environment: Mapping[str, str],
    server: DemoServer,
) -> subprocess.CompletedProcess[str]:
    """Run a command that fails, as a process of its own, in a folder that is made for it."""
    folder.mkdir(parents=True)
    for name, text in way.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    server.faults.clear()
    server.faults.add(*way.faults)
    own = {"DLT_PROJECT_DIR": str(folder), "DLT_DATA_DIR": str(folder / "dlt")}
    changed = {**environment, **own, **way.changes}
    return subprocess.run(
        [*program, *COMMANDS[command], *way.words],
        cwd=folder,
        env={
            name: value.replace("FOLDER", str(folder))
            for name, value in changed.items()
            if value is not None
        },
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_with_files_of_at_most(way.largest),
    )


def _with_files_of_at_most(largest: int | None) -> Callable[[], None] | None:
    if largest is None:
        return None
    return partial(resource.setrlimit, resource.RLIMIT_FSIZE, (largest, largest))
