"""Runs the demo server: a real HTTP server on a free loopback port, or a plain ASGI application."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from email.utils import format_datetime
from types import TracebackType
from typing import Self

import uvicorn

from databuddy_source.demo import access
from databuddy_source.demo.account import Account, Billing
from databuddy_source.demo.answers import Answers
from databuddy_source.demo.app import Api
from databuddy_source.demo.arrivals import Arrival
from databuddy_source.demo.faults import Faults
from databuddy_source.demo.front import Application, Front
from databuddy_source.demo.generations import Generation, behaviour
from databuddy_source.demo.limits import Plan, RateLimiter
from databuddy_source.demo.scopes import Scopes
from databuddy_source.demo.store import Events
from databuddy_source.demo.websites import Website

# Requests that are still being answered when the server stops are cut off.
_PATIENCE_SECONDS = 1

# Of the event loop, until uvicorn knows of a connection that was accepted: three, to be sure more.
_TURNS = 10


class DemoServer:
    """A Databuddy server over synthetic visitors.

    Use it as a context manager for HTTP at `url`, or give `app` to an ASGI transport and call
    `close()` afterwards.

    `today` is the last UTC day with visitors, out of `days`; `ahead` more days can be reached by
    moving the clock. `now` is the server's clock: it stands still at `now`, or at 18:00 UTC of
    `today`, and runs with the real one when neither is given. `rate_limit` is the plan that the
    server enforces, its seconds multiplied by `time_scale`. `billing` is who pays; `account`
    changes it later. What goes wrong is added to `faults`. `date` gives the header of this name, by
    the server's clock unless another one is put in its place; None for an answer without one.
    """

    api_key = access.FULL_KEY
    api_key_without_scope = access.KEY_WITHOUT_SCOPE
    api_key_of_another_organisation = access.KEY_OF_ANOTHER_ORGANISATION
    api_key_without_resources = access.KEY_WITHOUT_RESOURCES
    api_key_of_one_website = access.KEY_OF_ONE_WEBSITE
    api_key_with_website_scope = access.KEY_WITH_WEBSITE_SCOPE
    session_cookie = access.SESSION_COOKIE

    def __init__(
        self,
        *,
        today: date | None = None,
        generation: Generation = "2026-04",
        rate_limit: Plan | None = None,
        time_scale: float = 1.0,
        seed: int = 7,
        days: int = 90,
        ahead: int = 0,
        now: datetime | None = None,
        port: int = 0,
        billing: Billing = Billing.PAID,
    ) -> None:
        of = behaviour(generation)
        self.generation = generation
        self.today = today or datetime.now(UTC).date()
        if now is None and today is not None:
            now = datetime.combine(today, time(18), UTC)
        self._now = None if now is None else _aware(now)
        self.events = Events(seed=seed, today=self.today, days=days, ahead=ahead)
        self.date: Callable[[], str | None] = lambda: format_datetime(self.now, usegmt=True)
        self.log: list[Arrival] = []
        self.faults = Faults()
        self.account = Account(billing, of.website_scopes)
        self._port = port
        self._scopes = Scopes(self.events, of)
        answers = Answers(of, self._scopes, self.faults)
        api = Api(of, self.events, answers, self.account, lambda: self.now)
        limiter = RateLimiter(
            rate_limit,
            time_scale,
            retry_after=of.retry_after,
            compile_requests=of.compile_requests,
            wall=lambda: self.now.timestamp(),
        )
        self.app: Application = Front(
            api.app,
            self.events,
            self.log,
            limiter,
            self.faults,
            of.in_flight,
            lambda: self.date(),
        )
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def now(self) -> datetime:
        """The server's clock, in UTC. Events that arrive later are in no answer."""
        return self._now or datetime.now(UTC)

    @now.setter
    def now(self, moment: datetime) -> None:
        self._now = _aware(moment)

    @property
    def websites(self) -> Sequence[Website]:
        """The websites that the full key sees: a shop, a public blog, and one without any event."""
        return tuple(self.events.websites)

    @property
    def url(self) -> str:
        """The base of the API, `http://127.0.0.1:PORT/v1`."""
        if self._socket is None:
            raise RuntimeError(
                "the server is not running: use it as a context manager, or call start()"
            )
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def start(self) -> Self:
        """Serve in a background thread."""
        if self._thread is not None:
            raise RuntimeError("the server is running already")
        self._socket = _listen(self._port)
        config = uvicorn.Config(
            self.app,
            http="h11",
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,  # it would tell the machine's time
            timeout_graceful_shutdown=_PATIENCE_SECONDS,
        )
        self._server = _Server(config)
        self._thread = threading.Thread(
            target=self._server.run,
            args=([self._socket],),
            name="databuddy-demo-server",
            daemon=True,
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving; the events stay."""
        if self._server is not None and self._thread is not None and self._socket is not None:
            self._server.should_exit = True
            self._thread.join()
            self._socket.close()
        self._server = self._thread = self._socket = None

    def close(self) -> None:
        """Stop serving and forget the events."""
        self.stop()
        self._scopes.close()
        self.events.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Server(uvicorn.Server):
    """Ends also the connections that come while it stops, which uvicorn leaves open."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._accept_no_more()
        await super().shutdown(sockets)
        while left := list(self.server_state.connections):
            for connection in left:
                connection.transport.abort()
            await asyncio.sleep(0)

    async def _accept_no_more(self) -> None:
        """asyncio loses a connection that was accepted, and not yet made known, when it closes."""
        loop = asyncio.get_running_loop()
        for server in self.servers:
            for listening in server.sockets:
                with suppress(NotImplementedError):  # on Windows
                    loop.remove_reader(listening)
        for _ in range(_TURNS):
            await asyncio.sleep(0)


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's delay of 40 ms off only where the protocol is named. The socket listens
    # already: a client that is too early waits in the queue.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        listening.listen(256)
    except OSError:
        listening.close()
        raise
    return listening


def _aware(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
