"""A table in Postgres, for processes of any machine. The server's clock is the one clock."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from typing import Any, Final

import psycopg2

from databuddy_source.api.limiters.sql import CREATE, SqlLimiter, Statements

PATIENCE: Final = 5
"""Seconds for a connection, and for others to let go of the budget."""

_BEGIN: Final = (
    f"SET LOCAL lock_timeout = '{PATIENCE}s'; SET LOCAL statement_timeout = '{PATIENCE}s'; "
    f"SET LOCAL idle_in_transaction_session_timeout = '{PATIENCE}s'; "
    "SELECT pg_advisory_xact_lock(%s)"
)
"""A process that hangs or is gone keeps others waiting for as long at most."""


def limiter(url: str) -> SqlLimiter:
    """Of an address as libpq reads it."""
    return SqlLimiter(_Server(url))


class _Server:
    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: Any = None
        self._process = 0

    @contextmanager
    def transaction(self, budget: str) -> Iterator[tuple[Statements, float]]:
        """See `Database`."""
        cursor = self._begun(budget)

        def run(sql: str, *values: object) -> Sequence[Sequence[Any]]:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else ()

        try:
            # of the moment, not of the transaction's beginning: that may have waited
            ((now,),) = run("SELECT extract(epoch FROM clock_timestamp())::double precision")
            yield run, now
            self._connection.commit()
        except BaseException:
            self._let_go()
            raise

    def _begun(self, budget: str) -> Any:
        """A cursor in a transaction that has the budget's lock. What was idle may be cut off by
        now, so that is tried twice."""
        if self._connection and self._process == os.getpid():
            with suppress(psycopg2.Error):
                return self._locked(budget)
            self._let_go()
        self._connection = psycopg2.connect(self._url, connect_timeout=PATIENCE, **_FAREWELL)
        self._process = os.getpid()
        try:
            cursor = self._locked(budget)
            cursor.execute("SELECT to_regclass(%s)", ("databuddy_budget",))
            if cursor.fetchone() == (None,):
                cursor.execute(CREATE)
        except BaseException:
            self._let_go()
            raise
        return cursor

    def _locked(self, budget: str) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(_BEGIN, (_key(budget),))
        return cursor

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection and self._process == os.getpid():
            with suppress(psycopg2.Error):
                connection.close()


_FAREWELL: Final = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}
"""A server that is gone says nothing."""


def _key(budget: str) -> int:
    digest = blake2b(f"databuddy-budget\0{budget}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
