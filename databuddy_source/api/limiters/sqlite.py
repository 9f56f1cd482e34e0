"""A file for the processes of one machine."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
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
        self._opened_as: tuple[int, int] | None = None

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
        if self._connection and self._opened_as == self._is_now():
            return self._connection
        opened = sqlite3.connect(
            self._path, PATIENCE, isolation_level=None, check_same_thread=False
        )
        # with a log beside the file nobody waits for the disk, and nothing breaks
        opened.execute("PRAGMA journal_mode = WAL")
        opened.execute("PRAGMA synchronous = NORMAL")
        opened.execute(CREATE)
        self._connection, self._opened_as = opened, self._is_now()
        return opened

    def _is_now(self) -> tuple[int, int] | None:
        """This process and the file that has the name now: one that was deleted counts nothing any
        longer, and a fork takes no connection along."""
        try:
            return os.getpid(), Path(self._path).stat().st_ino
        except FileNotFoundError:
            return None
