"""The real command line against a demo server, in a folder of its own with a space in its name."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from click.testing import Result as Outcome
from typer.testing import CliRunner

from databuddy_source.demo import DemoServer, Fault, Plan
from tests.forked import python

PROJECT = Path(__file__).resolve().parents[2]
PROGRAM = str(PROJECT / "pipelines" / "sync.py")
SYNC = [sys.executable, PROGRAM]
"""A process of its own, where that is what is tested."""

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    """A server whose today is the real one, since the command line has no other clock. Nothing
    happens any more while the tests run."""
    with DemoServer(days=10, rate_limit=Plan.SERVER, now=datetime.now(UTC)) as running:
        running.date = lambda: format_datetime(datetime.now(UTC), usegmt=True)
        yield running


@dataclass
class Held:
    """A server that gives no answer to a query until it is let go."""

    server: DemoServer
    _go_on: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._before = len(self.server.log)
        self.server.faults.add(Fault(rows=self._held, times=None))

    def _held(self, rows: list[dict[str, object]]) -> list[dict[str, object]]:
        self._go_on.wait()
        return rows

    def wait_for_query(self, asking: subprocess.Popen[str]) -> None:
        """Until a command has sent its first one."""
        while not any(each.path == "/v1/query" for each in self.server.log[self._before :]):
            assert asking.poll() is None
            time.sleep(0.05)

    def let_go(self) -> None:
        """Answer all that came and that comes."""
        self._go_on.set()
        self.server.faults.clear()


@pytest.fixture
def hold(server: DemoServer) -> Iterator[Callable[[], Held]]:
    """Lets the server hold its answers back from now on."""
    holding: list[Held] = []

    def begin() -> Held:
        holding.append(Held(server))
        return holding[-1]

    yield begin
    for each in holding:
        each.let_go()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the command is started."""
    path = tmp_path / "a folder"
    path.mkdir()
    return path


@pytest.fixture
def environment(server: DemoServer) -> dict[str, str]:
    """A configured account."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DLT_")}
    return clean | {
        "SOURCES__DATABUDDY__API_KEY": server.api_key,
        "SOURCES__DATABUDDY__BASE_URL": server.url,
        "COLUMNS": "200",
        "NO_COLOR": "1",
    }


@pytest.fixture
def invoke(
    folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Outcome]]:
    """Like `run`, in this process: a second faster, for what is only read."""
    from databuddy_source.cli.app import app

    monkeypatch.chdir(folder)
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "CRITICAL")
    logger = logging.getLogger("databuddy_source")
    before = logger.handlers, logger.propagate, logger.level

    def call(*words: str, **changes: str | None) -> Outcome:
        wanted = {name: value for name, value in environment.items() if "DATABUDDY" in name}
        return CliRunner().invoke(app, list(words), env={**wanted, **changes})

    yield call
    logger.handlers, logger.propagate = before[0], before[1]
    logger.setLevel(before[2])


@pytest.fixture
def run(folder: Path, environment: dict[str, str]) -> Run:
    """Runs `sync.py`, forked, with words and changed environment variables (None takes one
    away)."""

    def call(*words: str, **changes: str | None) -> Result:
        changed = {**environment, **changes}
        return subprocess.run(
            [*python(), PROGRAM, *words],
            cwd=folder,
            env={name: value for name, value in changed.items() if value is not None},
            capture_output=True,
            text=True,
            check=False,
        )

    return call
