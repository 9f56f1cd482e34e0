"""Ways to fail, and commands to fail in: what each ends with, and what it says."""

from __future__ import annotations

import random
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import duckdb
from filelock import FileLock

from databuddy_source.cli.program import Exit
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.warehouse.place import DATASET, place_of
from tests.cli.conftest import PROGRAM, PROJECT
from tests.forked import python

FILE = "web.duckdb"
TODAY = str(datetime.now(UTC).date())
WEEK_AGO = str(datetime.now(UTC).date() - timedelta(days=7))

COMMANDS: Mapping[str, list[str]] = {
    "sync": ["sync", "--since", TODAY, "--report", "pages"],
    "backfill": ["backfill", "--since", TODAY, "--report", "pages"],
    "audit": ["audit", "--since", WEEK_AGO, "--report", "pages"],
    "plan": ["plan", "--since", TODAY, "--report", "pages"],
    "heal": ["heal", "--report", "pages"],
    "status": ["status", "--report", "pages"],
    "dashboard": ["dashboard"],
    "verify": ["verify", "--report", "pages"],
    "why": ["why", "pages", "--date", TODAY],
    "remove": ["remove", "--report", "pages"],
    "rebuild": ["rebuild", "--timezone", "Asia/Tokyo"],
    "check": ["check"],
    "discover": ["discover"],
    "explain": ["explain", "pages"],
    "export": ["export", "--since", WEEK_AGO, "--report", "pages"],
    "dbt": ["dbt", "init"],
}
"""By name, how each is called."""

READERS = {"heal", "status", "dashboard", "verify", "why", "remove", "rebuild", "dbt"}
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
        before: words of a command that runs first, and well.
        held: what others hold in the folder of the run meanwhile.
    """

    code: Exit
    says: str
    commands: frozenset[str]
    changes: Mapping[str, str | None] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    words: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    largest: int | None = None
    before: tuple[str, ...] = ()
    held: Callable[[Path], AbstractContextManager[object]] = nullcontext

    @property
    def python(self) -> list[str]:
        """What runs the command: a process of its own, where this is about how one begins."""
        begins = self.largest or "PYTHONPATH" in self.changes
        return [sys.executable] if begins else python()


_OPENS = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def _open_elsewhere(folder: Path) -> Iterator[None]:
    """Another process has the DuckDB file open."""
    with subprocess.Popen(
        [sys.executable, "-c", _OPENS, str(folder / FILE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"open\n"
        yield


def _synced_elsewhere(folder: Path, beside: str = "") -> AbstractContextManager[object]:
    """Another sync into the same dataset runs, or into the one beside it."""
    place = place_of("duckdb", DATASET, folder / FILE, None)
    home = place.home / beside
    home.mkdir(exist_ok=True, parents=True)
    return FileLock(home / f"{place.name}.lock")


@contextmanager
def refusing(table: str, folder: Path) -> Iterator[None]:
    """Somebody gave a table of the DuckDB file a column that may not be empty. Whatever comes is
    new."""
    with duckdb.connect(str(folder / FILE)) as own:
        own.execute(f"UPDATE {DATASET}.coverage SET digest = NULL")
        own.execute(f"UPDATE {DATASET}.websites SET name = 'as it was before'")
        for change in (
            "ADD mine INT DEFAULT 0",
            "ALTER mine SET NOT NULL",
            "ALTER mine DROP DEFAULT",
        ):
            own.execute(f"ALTER TABLE {DATASET}.{table} {change}")
    yield


ALL = frozenset(COMMANDS)
ASKING = ALL - READERS
LOADING = frozenset({"sync", "backfill"})
INTO = ALL - {"discover", "explain", "export"}
"""Those that have a warehouse."""

_OWN = "SOURCES__DATABUDDY__"
_INTO_FILE = {"DESTINATION__DUCKDB__CREDENTIALS": f"FOLDER/{FILE}"}
_POSTGRES = "DESTINATION__POSTGRES__CREDENTIALS"

# Python imports it at its beginning: else each command would wait for a minute
_IMPATIENT = """
from databuddy_source.warehouse import duckdb_file
duckdb_file.LOCK_PATIENCE = 0.0
"""

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

# the plan, the source and the extraction have the server's own
_PUT_BACK = Fault(
    path="/v1/query/types",
    skip=3,
    times=None,
    status=200,
    body={"success": True, "types": ["top_pages"], "configs": {}},
    headers={"content-type": "application/json"},
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
    "a server that is put back meanwhile": Way(
        Exit.FAILED, "is of 2025 now, so what it answered", LOADING, faults=(_PUT_BACK,)
    ),
    "a wrong zone": Way(
        Exit.WRONG_USAGE, "Mars/X", ALL - {"rebuild"}, {f"{_OWN}TIMEZONE": "Mars/X"}
    ),
    "a wrong zone for a rebuild": Way(
        Exit.WRONG_USAGE,
        "--timezone = 'Mars/X' is wrong",
        frozenset({"rebuild"}),
        words=("--timezone", "Mars/X"),
    ),
    "a wrong address": Way(Exit.WRONG_USAGE, "ftp://x", ALL, {f"{_OWN}BASE_URL": "ftp://x"}),
    "a file that is no TOML": Way(
        Exit.WRONG_USAGE, "secrets.toml, line 1", ALL, files={".dlt/secrets.toml": "= 1"}
    ),
    "a key in the file that is for all else": Way(
        Exit.WRONG_USAGE,
        "Move it to secrets.toml",
        ALL,
        {f"{_OWN}API_KEY": None},
        files={".dlt/config.toml": '[sources.databuddy]\napi_key = "dbdy_x"\n'},
    ),
    "a file with a byte order mark": Way(
        Exit.WRONG_USAGE,
        "config.toml begins with a byte order mark",
        ALL,
        files={".dlt/config.toml": "\ufeff[sources.databuddy]\n"},
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
        _INTO_FILE,
        files={FILE: "no database " * 1000},
    ),
    "a destination that nobody knows": Way(
        Exit.WRONG_USAGE, "nowhere", INTO - {"check"}, words=("--destination", "nowhere")
    ),
    "a full disk": Way(Exit.FAILED, "File too large", LOADING, largest=2_000),
    "a disk that is full while tables are loaded": Way(
        Exit.FAILED, "Make room on the disk of the warehouse", LOADING, largest=40_960
    ),
    "a DuckDB file that another process has open": Way(
        Exit.FAILED,
        "Close it there, or sync into another file",
        INTO,
        {**_INTO_FILE, "PYTHONPATH": f"FOLDER:{PROJECT}"},
        files={"sitecustomize.py": _IMPATIENT},
        held=_open_elsewhere,
    ),
    "another sync that runs": Way(
        Exit.FAILED,
        "Wait until it is done, or use --wait.",
        LOADING,
        _INTO_FILE,
        held=_synced_elsewhere,
    ),
    "another sync that runs while something is lacking": Way(
        Exit.FAILED,
        "Wait until it is done, or use --wait.",
        frozenset({"heal"}),
        _INTO_FILE,
        before=("sync", "--since", WEEK_AGO, "--until", WEEK_AGO, "--report", "pages"),
        held=_synced_elsewhere,
    ),
    "another sync that runs while something is taken out": Way(
        Exit.FAILED,
        "Wait until it is done, or use --wait.",
        frozenset({"remove"}),
        _INTO_FILE,
        before=("sync", "--since", WEEK_AGO, "--until", WEEK_AGO, "--report", "pages"),
        held=_synced_elsewhere,
    ),
    "another rebuild that runs": Way(
        Exit.FAILED,
        "Another sync into databuddy_rebuild is running",
        frozenset({"rebuild"}),
        _INTO_FILE,
        before=("sync", "--since", WEEK_AGO, "--until", WEEK_AGO, "--report", "pages"),
        held=partial(_synced_elsewhere, beside="rebuild/databuddy_rebuild"),
    ),
    "a website that is not there to be taken out": Way(
        Exit.WRONG_USAGE,
        "'shop.exmaple.com' is no website of this dataset. Did you mean shop.example.com?",
        frozenset({"remove"}),
        _INTO_FILE,
        before=("sync", "--since", WEEK_AGO, "--until", WEEK_AGO, "--report", "pages"),
        words=("--website", "shop.exmaple.com"),
    ),
    "a folder of somebody else": Way(
        Exit.WRONG_USAGE,
        "dbt has files, and no dbt project that `dbt init` wrote. Name another folder.",
        frozenset({"dbt"}),
        _INTO_FILE,
        files={"dbt/dbt_project.yml": "name: mine"},
        before=tuple(COMMANDS["sync"]),
    ),
    "a file of somebody else in a dbt project": Way(
        Exit.WRONG_USAGE,
        "dbt/macros/known.sql is a file that `dbt init` did not write",
        frozenset({"dbt"}),
        _INTO_FILE,
        files={
            "dbt/dbt_project.yml": "# Written by `databuddy-source dbt init`, and anew each time: "
            "changes are lost.",
            "dbt/macros/known.sql": "mine",
        },
        before=tuple(COMMANDS["sync"]),
    ),
    "a list that the warehouse refuses": Way(
        Exit.FAILED,
        "The table websites refuses its rows",
        LOADING,
        _INTO_FILE,
        before=tuple(COMMANDS["sync"]),
        held=partial(refusing, "websites"),
    ),
    "a Postgres server that is out of reach": Way(
        Exit.FAILED,
        "Check host and port in destination.*.credentials",
        INTO,
        {_POSTGRES: "postgresql://me:secret@127.0.0.1:1/web"},
        words=("--destination", "postgres"),
    ),
    "a page that cannot be written": Way(
        Exit.WRONG_USAGE,
        "nowhere/page.html cannot be written",
        frozenset({"dashboard"}),
        _INTO_FILE,
        before=("sync", "--since", WEEK_AGO, "--until", WEEK_AGO, "--report", "pages"),
        words=("--output", "nowhere/page.html"),
    ),
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
    folder: Path,
    environment: Mapping[str, str],
    server: DemoServer,
) -> subprocess.CompletedProcess[str]:
    """Run a command that fails, in a folder that is made for it."""
    folder.mkdir(parents=True)
    for name, text in way.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    server.faults.clear()
    server.faults.add(*way.faults)
    own = {"DLT_PROJECT_DIR": str(folder), "DLT_DATA_DIR": str(folder / "dlt")}
    changed = {**environment, **own, **way.changes}
    run = partial(
        subprocess.run,
        cwd=folder,
        env={
            name: value.replace("FOLDER", str(folder))
            for name, value in changed.items()
            if value is not None
        },
        capture_output=True,
        text=True,
        preexec_fn=_with_files_of_at_most(way.largest),
    )
    program = [*way.python, PROGRAM]
    if way.before:
        run([*program, *way.before], check=True)
    with way.held(folder):
        return run([*program, *COMMANDS[command], *way.words], check=False)


def _with_files_of_at_most(largest: int | None) -> Callable[[], None] | None:
    if largest is None:
        return None
    return partial(resource.setrlimit, resource.RLIMIT_FSIZE, (largest, largest))
