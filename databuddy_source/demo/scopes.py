"""Runs SQL over the events of one window.

The events of a window are kept as a small table `scope` in a schema of their own, because thirty
query types ask for the same day: cutting a window out of all events costs more than most queries on
it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from threading import Lock

from databuddy_source.demo.filters import Filter, condition
from databuddy_source.demo.generations import Behaviour
from databuddy_source.demo.store import HISTORY, WINDOW, Events, bucket_sql
from databuddy_source.demo.windows import Window

# A quarter's days fit, and a day's table takes about two megabytes.
_KEPT = 100

# DuckDB's types that are no number.
_KINDS = {"VARCHAR": "string", "VARCHAR[]": "array", "VARCHAR[][]": "array"}


@dataclass(frozen=True, slots=True)
class Scope:
    """Which events a cell is about, and the label that `bucket` gives each of them.

    `hidden` are SQL conditions of events that are not seen.
    """

    websites: tuple[str, ...]
    window: Window
    filters: tuple[Filter, ...] = ()
    timezone: str = "UTC"
    granularity: str = "daily"
    hidden: tuple[str, ...] = ()

    @property
    def whose(self) -> dict[str, object]:
        """The bound value that picks the websites."""
        if len(self.websites) == 1:
            return {"website_id": self.websites[0]}
        return {"website_ids": list(self.websites)}

    def seen(self, sql: str) -> str:
        """`sql`, a SELECT of one website's events, for these websites and what is not hidden."""
        if len(self.websites) != 1:
            # Equality with one website lets DuckDB skip the others' rows; this does not.
            sql = sql.replace("website_id = $website_id", "list_contains($website_ids, website_id)")
        return " AND ".join([sql.strip(), *(f"NOT ({condition})" for condition in self.hidden)])


class Scopes:
    """The recent windows of a store. Thread-safe; one query at a time."""

    def __init__(self, events: Events, of: Behaviour) -> None:
        self._events = events
        self._of = of
        self._connection = events.connection()
        self._connection.execute("ATTACH ':memory:' AS windows (ROW_GROUP_SIZE 2048)")
        self._schemas: OrderedDict[object, str] = OrderedDict()
        self._path = ""
        self._version = events.version
        self._numbers = count()
        self._lock = Lock()

    def rows(
        self, sql: str, scope: Scope, now: datetime, labels: Sequence[str] = ()
    ) -> list[dict[str, object]]:
        """The rows of `sql`, which reads `scope` and perhaps `history` and `buckets`.

        `now` is naive UTC; `labels` become the relation `buckets`.
        """
        with self._lock:
            columns, rows = self._run(sql, scope, now, labels)
        return [dict(zip((name for name, _ in columns), row, strict=True)) for row in rows]

    def columns(self, sql: str) -> list[tuple[str, str]]:
        """Name and kind (string, number or array) of each column that `sql` gives."""
        nothing = Scope(("",), Window(datetime.min, datetime.min))
        with self._lock:
            columns, _ = self._run(sql, nothing, datetime.min, ())
        return [(name, _KINDS.get(kind, "number")) for name, kind in columns]

    def statement(self, sql: str, scope: Scope) -> str:
        """One self-contained SELECT; it binds `$website_id`, `$first`, `$last`, `$now` and more."""
        scope = _as_far_as_read(scope, sql)
        bucket = bucket_sql(scope.granularity, scope.timezone)
        window = f"SELECT *, {bucket} AS bucket FROM ({self._window(scope)})"
        relations = [f"scope AS ({window})", *_relations(sql, scope)]
        return f"WITH {', '.join(relations)} SELECT * FROM ({sql})"

    def close(self) -> None:
        """Forget the windows."""
        with self._lock:
            self._connection.close()

    def _run(
        self, sql: str, scope: Scope, now: datetime, labels: Sequence[str]
    ) -> tuple[list[tuple[str, str]], list[tuple[object, ...]]]:
        scope = _as_far_as_read(scope, sql)
        schema = self._schema(scope, now)
        self._look_in(f"windows.{schema},demo.main")
        relations = _relations(sql, scope)
        statement = f"WITH {', '.join(relations)} SELECT * FROM ({sql})" if relations else sql
        given = {**scope.whose, "now": now, "labels": list(labels)}
        named = {name: value for name, value in given.items() if f"${name}" in statement}
        result = self._connection.execute(statement, named or None)
        columns = [(str(column[0]), str(column[1])) for column in result.description or ()]
        return columns, result.fetchall()

    def _schema(self, scope: Scope, now: datetime) -> str:
        if self._version != self._events.version:
            self._version = self._events.version
            self._forget(len(self._schemas))
        # Once everything has arrived, the clock no longer matters.
        seen_until = min(now, _later(scope.window.end, self._events))
        key = (scope, seen_until)
        if key in self._schemas:
            self._schemas.move_to_end(key)
            return self._schemas[key]
        self._forget(len(self._schemas) - _KEPT + 1)
        schema = f"window_{next(self._numbers)}"
        values: dict[str, object] = {
            **scope.whose,
            "first": scope.window.start,
            "last": scope.window.end,
            "now": seen_until,
        }
        values |= {f"filter{i}": _bound(given) for i, given in enumerate(scope.filters)}
        if scope.timezone != "UTC":
            values["timezone"] = scope.timezone
        bucket = bucket_sql(scope.granularity, scope.timezone)
        self._look_in("demo.main")
        self._connection.execute(f"CREATE SCHEMA windows.{schema}")
        self._connection.execute(
            f"CREATE TABLE windows.{schema}.scope AS "
            f"SELECT *, {bucket} AS bucket FROM ({self._window(scope)})",
            values,
        )
        self._schemas[key] = schema
        return schema

    def _window(self, scope: Scope) -> str:
        conditions = (
            condition(self._of, given, f"filter{i}") for i, given in enumerate(scope.filters)
        )
        return " AND ".join([scope.seen(WINDOW), *conditions])

    def _forget(self, number: int) -> None:
        if number > 0:
            self._look_in("demo.main")
        for _ in range(number):
            _, schema = self._schemas.popitem(last=False)
            self._connection.execute(f"DROP SCHEMA windows.{schema} CASCADE")

    def _look_in(self, path: str) -> None:
        if path != self._path:
            self._connection.execute(f"SET search_path = '{path}'")
            self._path = path


def _as_far_as_read(scope: Scope, sql: str) -> Scope:
    """The same scope for SQL that knows no buckets, whatever their time zone."""
    return scope if "bucket" in sql else replace(scope, timezone="UTC", granularity="daily")


def _relations(sql: str, scope: Scope) -> list[str]:
    """The relations beside `scope` that the SQL reads."""
    relations = []
    if "history" in sql:
        relations.append(f"history AS NOT MATERIALIZED ({scope.seen(HISTORY)})")
    if "buckets" in sql:
        relations.append("buckets AS (SELECT unnest(CAST($labels AS VARCHAR[])) AS label)")
    return relations


def _bound(given: Filter) -> object:
    return list(given.value) if isinstance(given.value, tuple) else given.value


def _later(end: datetime, events: Events) -> datetime:
    try:
        return end + events.longest_delay
    except OverflowError:
        return datetime.max
