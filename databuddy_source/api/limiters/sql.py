"""Places in one table of a database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol
from uuid import uuid4

from databuddy_source.api.limiter import FORGOTTEN, HELD, LONGEST_HELD, LONGEST_NAP, Turn

TABLE: Final = "databuddy_budget"

CREATE: Final = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} (budget varchar(64) NOT NULL, kind varchar(8) NOT NULL, "
    "name varchar(64) NOT NULL, since double precision NOT NULL, until double precision NOT NULL, "
    "PRIMARY KEY (budget, kind, name))"
)
"""A row is a `place`, a process that `waits` since it was last served, a `worker` that asked of
late, the `silence` for all, or when we `began` to count. Instants are seconds of the one clock."""

SOONEST: Final = 0.02
"""Seconds between two looks at least."""

_PUT: Final = (
    f"INSERT INTO {TABLE} (budget, kind, name, since, until) VALUES (%s, %s, %s, %s, %s) "
    "ON CONFLICT (budget, kind, name) DO UPDATE SET until = "
    f"CASE WHEN excluded.until > {TABLE}.until THEN excluded.until ELSE {TABLE}.until END"
)
_NAMED: Final = "budget = %s AND kind = %s AND name = %s"


class Statements(Protocol):
    """Runs statements in one transaction, with `%s` for values."""

    def __call__(self, sql: str, *values: object) -> Sequence[Sequence[Any]]: ...


class Database(Protocol):
    """A database that has one transaction at a time."""

    def transaction(self, budget: str) -> AbstractContextManager[tuple[Statements, float]]:
        """A transaction that nobody else has for this budget meanwhile, and what time it is."""


class SqlLimiter:
    """Counts in a table.

    Args:
        database: has the table.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, budget: str, worker: str, per_minute: int) -> Turn:
        """See `Limiter`. Those who wait are served in turn, each process one request."""
        with self._database.transaction(budget) as (run, now):

            def put(kind: str, name: str, until: float) -> None:
                run(_PUT, budget, kind, name, now, until)

            run(
                f"DELETE FROM {TABLE} WHERE budget = %s AND until <= %s AND kind <> 'began'",
                budget,
                now,
            )
            # a clock that was put back must not make all wait until it is where it was
            run(
                f"UPDATE {TABLE} SET since = %s, until = %s WHERE budget = %s AND since > %s",
                *(now, now + LONGEST_HELD, budget, now),
            )
            put("began", "", now)
            put("worker", worker, now + LONGEST_HELD)
            began, workers, silent, waiting = now, 0, now, dict[str, float]()
            for kind, name, since, until in run(
                f"SELECT kind, name, since, until FROM {TABLE} "
                "WHERE budget = %s AND kind <> 'place'",
                budget,
            ):
                began = since if kind == "began" else began
                workers += kind == "worker"
                silent = until if kind == "silence" else silent
                if kind == "waits":
                    waiting[name] = since
            mine = waiting.pop(worker, now)
            ((taken,),) = run(
                f"SELECT COUNT(*) FROM {TABLE} WHERE budget = %s AND kind = 'place'", budget
            )
            turn = Turn(workers=workers, age=now - began)
            ahead = sum(since < mine for since in waiting.values())
            if silent > now:
                return _later(turn, silent - now)
            if ahead < per_minute - taken:
                place = uuid4().hex
                put("place", place, now + LONGEST_HELD)
                run(f"DELETE FROM {TABLE} WHERE {_NAMED}", budget, "waits", worker)
                return Turn(place, workers=turn.workers, age=turn.age)
            put("waits", worker, now + FORGOTTEN)
            free = run(
                f"SELECT until FROM {TABLE} WHERE budget = %s AND kind = 'place' "
                "ORDER BY until LIMIT 1 OFFSET %s",
                budget,
                max(0, ahead + taken - per_minute),
            )
            return _later(turn, free[0][0] - now if free else LONGEST_NAP)

    def land(self, budget: str, place: str, silence: float) -> None:
        """See `Limiter`."""
        with self._database.transaction(budget) as (run, now):
            run(
                f"UPDATE {TABLE} SET until = %s WHERE {_NAMED} AND until > %s",
                *(now + HELD, budget, "place", place, now + HELD),
            )
            if silence > 0:
                run(_PUT, budget, "silence", "", now, now + silence)


def _later(turn: Turn, seconds: float) -> Turn:
    wait = min(max(seconds, SOONEST), LONGEST_NAP)
    return Turn(wait=wait, workers=turn.workers, age=turn.age)
