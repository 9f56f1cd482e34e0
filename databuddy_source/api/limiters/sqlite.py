"""A file for the processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from databuddy_source.api.limiters.sql import CREATE, SqlLimiter, Statements

PATIENCE: Final = 5.0
"""Seconds for which others may have the file."""

clock = time.time
"""The machine's, which all of its processes share."""


def limiter(url: str) -> SqlLimiter:
    """Of `sqlite:///` and a path: with one more slash from the root, else from where we are."""
    return SqlLimiter(_File(url.removeprefix("sqlite:///")))


class _File:
    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._process = 0

    @contextmanager
    def transaction(self, budget: str) -> Iterator[tuple[Statements, float]]:
        """See `Database`."""
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        try:

            def run(sql: str, *values: object) -> Sequence[Sequence[Any]]:
                return connection.execute(sql.replace("%s", "?"), values).fetchall()

            yield run, clock()
        except BaseException:
            connection.rollback()
            raise
        connection.commit()

    def _opened(self) -> sqlite3.Connection:
        if self._connection and self._process == os.getpid():
            return self._connection
        opened = sqlite3.connect(
            self._path, PATIENCE, isolation_level=None, check_same_thread=False
        )
        # with a log beside the file nobody waits for the disk, and nothing breaks
        opened.execute("PRAGMA journal_mode = WAL")
        opened.execute("PRAGMA synchronous = NORMAL")
        opened.execute(CREATE)
        self._connection, self._process = opened, os.getpid()
        return opened
