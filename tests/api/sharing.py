"""`python -m tests.api.sharing STORE SERVER NUMBER`: sends so many requests of a budget that others
share, in minutes of one second."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import urlopen

from databuddy_source.api import budget, limiter
from databuddy_source.api.limiters import limiter_at, redis, sql

SECONDS = 1.0
"""Of a minute. A request may take as many until it arrives as in a real one."""

PER_MINUTE = 6
AT_ONCE = 4


class Counting(ThreadingHTTPServer):
    """Notes when requests arrive.

    Attributes:
        arrivals: seconds of the monotonic clock.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.arrivals: list[float] = []
        self.more = threading.Condition()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"

    def wait_for(self, number: int) -> None:
        """Until so many requests have arrived."""
        with self.more:
            self.more.wait_for(lambda: len(self.arrivals) >= number)


class _Answer(BaseHTTPRequestHandler):
    server: Counting

    def do_GET(self) -> None:
        with self.server.more:
            self.server.arrivals.append(time.monotonic())
            self.server.more.notify_all()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@contextmanager
def counting() -> Iterator[Counting]:
    """A server that runs."""
    with Counting() as server:
        running = threading.Thread(target=server.serve_forever)
        running.start()
        try:
            yield server
        finally:
            server.shutdown()
            running.join()


def _hurry() -> None:
    short = {"WINDOW": SECONDS, "MARGIN": 0.5}
    short["HELD"] = sum(short.values())
    short["LONGEST_HELD"] = short["HELD"] + budget.LATEST_ARRIVAL
    for module in (budget, limiter, sql, redis):
        for name, seconds in short.items():
            if hasattr(module, name):
                setattr(module, name, seconds)


async def _send(store: str, server: str, number: int) -> None:
    ours = budget.Budget(PER_MINUTE)
    ours.share_by(limiter_at(store), "b", 1)
    many = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with many, ours.slot():
            await asyncio.to_thread(lambda: urlopen(server).close())

    await asyncio.gather(*(one() for _ in range(number)))


if __name__ == "__main__":
    _hurry()
    asyncio.run(_send(sys.argv[1], sys.argv[2], int(sys.argv[3])))
