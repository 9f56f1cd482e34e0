"""A client against a mocked server, in a time that only moves when somebody waits."""

from __future__ import annotations

import asyncio
import socketserver
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
import respx
from dlt.common.configuration.container import Container
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from databuddy_source.api.budget import Budget, Clock
from databuddy_source.api.client import Client
from databuddy_source.api.credential import Credential
from databuddy_source.api.models import ParameterResult
from databuddy_source.api.retry import SETTLED, Patience
from tests.api.bodies import a_body
from tests.timeless import in_simulated_time

FROZEN = datetime(2026, 11, 12, 9, 30, tzinfo=UTC).timestamp()
"""The simulated instant at which each test begins."""

DAY = date(2026, 11, 11)


@pytest.fixture(autouse=True)
def _project_folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Modules that ask dlt for its configuration have a project folder for each test. dlt reads
    it anew, which takes longer than all else in a test."""
    if not hasattr(request.module, "configured"):
        yield
        return
    with monkeypatch.context() as patched:
        patched.setenv("DLT_PROJECT_DIR", str(tmp_path))
        Container()[PluggableRunContext].reload_providers()
        yield
    Container()[PluggableRunContext].reload_providers()


@pytest.fixture(autouse=True)
def _no_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To read them takes long, too, and no test goes where they matter."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))


@pytest.fixture(scope="session")
def key() -> str:
    return "dbdy_test_4f1c2e9b7a"


@pytest.fixture(scope="session")
def base_url() -> str:
    return "https://databuddy.test/v1"


@pytest.fixture
def clock() -> Clock:
    """Sleeping moves the time on at once."""
    passed = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal passed
        assert seconds >= 0
        passed += seconds

    return Clock(monotonic=lambda: 1_000.0 + passed, wall=lambda: FROZEN + passed, sleep=sleep)


@pytest.fixture
def budget(clock: Clock) -> Budget:
    return Budget(120, clock)


@pytest.fixture
def client(base_url: str, key: str, budget: Budget, clock: Clock) -> Client:
    return Client(base_url, Credential(key), budget, clock)


@pytest.fixture
def server(base_url: str) -> Iterator[respx.MockRouter]:
    """Answers what a test tells it to; a request that nobody expected fails the test."""
    with respx.mock(base_url=base_url, assert_all_called=False) as router:
        yield router


class OneQuestion(Protocol):
    def __call__(
        self, client: Client, patience: Patience = ...
    ) -> Coroutine[Any, Any, dict[str, ParameterResult]]: ...


@pytest.fixture(scope="session")
def one_question() -> OneQuestion:
    """The smallest query: one type, one day, one website."""

    def ask(
        client: Client, patience: Patience = SETTLED
    ) -> Coroutine[Any, Any, dict[str, ParameterResult]]:
        return client.query("web_1", [a_body(DAY.isoformat())], "UTC", patience)

    return ask


@pytest.fixture(scope="session")
def timeless() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run async work in simulated time. `loop_clock` tells that time."""
    return in_simulated_time


@pytest.fixture(scope="session")
def loop_clock() -> Clock:
    """The time of the event loop that is running."""
    return Clock(
        monotonic=lambda: asyncio.get_running_loop().time(),
        wall=lambda: FROZEN + asyncio.get_running_loop().time(),
        sleep=asyncio.sleep,
    )


class _Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    answer = b""


class _Answering(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, _Listener)
        while (line := self.rfile.readline()).strip():
            while (header := self.rfile.readline()).strip():
                assert header
            assert line.startswith(b"GET ")
            self.wfile.write(self.server.answer)
            if b"content-length" not in self.server.answer:
                return


@pytest.fixture
def loopback() -> Iterator[Callable[[bytes], str]]:
    """Start a real server that answers each GET with these bytes. Returns its base_url."""
    with ExitStack() as running:

        def start(answer: bytes) -> str:
            listener = running.enter_context(_Listener(("127.0.0.1", 0), _Answering))
            listener.answer = answer
            thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
            thread.start()
            running.callback(thread.join)
            running.callback(listener.shutdown)
            return f"http://127.0.0.1:{listener.server_address[1]}/v1"

        yield start
