"""The real command line against a demo server, in a folder of its own with a space in its name."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result as Outcome
from typer.testing import CliRunner

from databuddy_source.demo import DemoServer, Plan

PROJECT = Path(__file__).resolve().parents[2]
SYNC = [sys.executable, str(PROJECT / "pipelines" / "sync.py")]

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]


@pytest.fixture(scope="module")
def server() -> Iterator[DemoServer]:
    """A server whose today is the real one, since the command line has no other clock. Nothing
    happens any more while the tests run."""
    with DemoServer(days=10, rate_limit=Plan.SERVER, now=datetime.now(UTC)) as running:
        yield running


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
    """Runs `sync.py` with words and changed environment variables (None takes one away)."""

    def call(*words: str, **changes: str | None) -> Result:
        changed = {**environment, **changes}
        return subprocess.run(
            [*SYNC, *words],
            cwd=folder,
            env={name: value for name, value in changed.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return call
