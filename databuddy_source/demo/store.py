"""The events of the demo server, in an in-memory DuckDB."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta

import duckdb

from databuddy_source.demo import visitors
from databuddy_source.demo.websites import BLOG, QUIET, SHOP, Website

# Rows are sorted by website and time; small row groups let a one-day window skip almost all of
# them.
_ATTACH = "ATTACH ':memory:' AS demo (ROW_GROUP_SIZE 2048)"

# By the product, as ClickHouse does and DuckDB before 2. DuckDB 2 rounds the value, and that of
# 2.675 is a little less.
_ROUNDED = "CREATE MACRO rounded(value, digits) AS round(value * 10 ** digits) / 10 ** digits"

# The events of one window; what has not arrived yet is not there. `history` has no window.
WINDOW = """
SELECT * FROM events
WHERE website_id = $website_id AND time >= $first AND time <= $last AND received_at <= $now
"""
HISTORY = "SELECT * FROM events WHERE website_id = $website_id AND received_at <= $now"
_BUCKETS = {
    ("daily", True): "strftime(time, '%Y-%m-%d')",
    ("hourly", True): "strftime(time, '%Y-%m-%d %H:00:00')",
    ("daily", False): "strftime(timezone($timezone, timezone('UTC', time)), '%Y-%m-%d')",
    ("hourly", False): "strftime(timezone($timezone, timezone('UTC', time)), '%Y-%m-%d %H:00:00')",
}


def bucket_sql(granularity: str, timezone: str) -> str:
    """The label of an event's day or hour: local wall time without an offset."""
    return _BUCKETS["hourly" if granularity == "hourly" else "daily", timezone == "UTC"]


class Events:
    """The table `events`, and what tests do to it.

    All times are UTC; naive datetimes are taken as UTC. Columns: `time` and `received_at`
    (TIMESTAMP, microseconds), `website_id`, `kind` (screen_view, page_exit, web_vital, error,
    custom, link_out, revenue), `anonymous_id`, `session_id`, `path`, `country`, ... ; `columns`
    has all of them.

    `version` counts the changes, `longest_delay` is the most that an event's arrival lags behind
    its time.
    """

    def __init__(self, *, seed: int, today: date, days: int, ahead: int = 0) -> None:
        # Cells are small: a second thread costs more than it brings.
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute(f"{_ATTACH}; USE demo")
        visitors.generate(self._connection, seed=seed, today=today, days=days, ahead=ahead)
        self._connection.execute(_ROUNDED)
        self.websites: list[Website] = [SHOP, BLOG, QUIET]
        self.version = 0
        self.longest_delay = visitors.LONGEST_DELAY
        self.first_day = today - timedelta(days=days - 1)
        described = self._connection.execute("SELECT * FROM events LIMIT 0").description
        self.columns: tuple[str, ...] = tuple(column[0] for column in described or ())

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A cursor of its own on the store; safe to use in another thread. Close it when done."""
        cursor = self._connection.cursor()
        cursor.execute("USE demo")
        return cursor

    def scope(
        self,
        website_id: str,
        start: date | datetime,
        end: date | datetime,
        *,
        now: datetime | None = None,
        timezone: str = "UTC",
        granularity: str = "daily",
        history: bool = False,
    ) -> duckdb.DuckDBPyConnection:
        """A cursor with the temporary table `scope`, for the SQL of a query type.

        `start` and `end` are inclusive; a plain end date means 23:59:59 of that UTC day. Without
        `now`, events count whenever they arrived. `profile_list` needs `history` too, a table of
        all events of the website.
        """
        first = start if isinstance(start, datetime) else datetime.combine(start, time())
        last = end if isinstance(end, datetime) else datetime.combine(end, time(23, 59, 59))
        values: dict[str, object] = {
            "website_id": website_id,
            "first": _utc(first),
            "last": _utc(last),
            "now": _utc(now) if now else datetime.max,
        }
        if timezone != "UTC":
            values["timezone"] = timezone
        cursor = self.connection()
        bucket = bucket_sql(granularity, timezone)
        scope_sql = f"SELECT *, {bucket} AS bucket FROM ({WINDOW})"
        cursor.execute(f"CREATE TEMP TABLE scope AS {scope_sql}", values)
        if history:
            whose = {name: values[name] for name in ("website_id", "now")}
            cursor.execute(f"CREATE TEMP TABLE history AS {HISTORY}", whose)
        return cursor

    def add(
        self,
        website_id: str,
        at: datetime,
        *,
        kind: str = "screen_view",
        received_at: datetime | None = None,
        **columns: object,
    ) -> str:
        """Store one more event and return its id.

        It is visible once the server's clock has passed `received_at`.
        """
        self._check_columns(columns)
        event_id = str(uuid.uuid4())
        row: dict[str, object] = {
            "event_id": event_id,
            "website_id": website_id,
            "time": _utc(at),
            "received_at": _utc(received_at or at),
            "kind": kind,
            "anonymous_id": f"anon_{event_id}",
            "session_id": f"sess_{event_id}",
            "path": "/",
            "user_agent": "",
        } | columns
        row.setdefault("url", f"https://{self._domain(website_id)}{row['path']}")
        names, marks = ", ".join(row), ", ".join(f"${name}" for name in row)
        with self.connection() as cursor:
            cursor.execute(f"INSERT INTO events ({names}) VALUES ({marks})", row)
        self.longest_delay = max(self.longest_delay, _utc(received_at or at) - _utc(at))
        self.version += 1
        return str(row["event_id"])

    def delete(
        self, website_id: str, first: date, last: date | None = None, **equal: object
    ) -> int:
        """Forget events and say how many.

        They are those of the UTC days `first` to `last`, inclusive, whose columns equal `equal`.
        """
        self._check_columns(equal)
        conditions = "".join(f" AND {name} IS NOT DISTINCT FROM ${name}" for name in equal)
        values = {
            "of_website": website_id,
            "from_time": datetime.combine(first, time()),
            "to_time": datetime.combine(last or first, time()) + timedelta(days=1),
        }
        with self.connection() as cursor:
            deleted = cursor.execute(
                "DELETE FROM events WHERE website_id = $of_website"
                f" AND time >= $from_time AND time < $to_time {conditions} RETURNING event_id",
                values | equal,
            )
            count = len(deleted.fetchall())
        self.version += 1
        return count

    def change(
        self,
        website_id: str,
        first: date,
        last: date | None = None,
        *,
        to: Mapping[str, object],
        **equal: object,
    ) -> int:
        """Rewrite events, as a migration does, a merge of visitors, or somebody who renames a page,
        and say how many.

        They are those of the UTC days `first` to `last`, inclusive, whose columns equal `equal`.
        `to` has the new values, by column.
        """
        self._check_columns({**equal, **to})
        values = {
            "of_website": website_id,
            "from_time": datetime.combine(first, time()),
            "to_time": datetime.combine(last or first, time()) + timedelta(days=1),
            **{f"new_{name}": value for name, value in to.items()},
        }
        new = ", ".join(f"{name} = $new_{name}" for name in to)
        conditions = "".join(f" AND {name} IS NOT DISTINCT FROM ${name}" for name in equal)
        with self.connection() as cursor:
            changed = cursor.execute(
                f"UPDATE events SET {new} WHERE website_id = $of_website"
                f" AND time >= $from_time AND time < $to_time {conditions} RETURNING event_id",
                values | equal,
            )
            count = len(changed.fetchall())
        self.version += 1
        return count

    def remove_website(self, website_id: str) -> None:
        """From now on the server knows neither the website nor its events."""
        self.websites = [website for website in self.websites if website.id != website_id]
        with self.connection() as cursor:
            cursor.execute("DELETE FROM events WHERE website_id = $id", {"id": website_id})
        self.version += 1

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()

    def _domain(self, website_id: str) -> str:
        domains = {website.id: website.domain for website in self.websites}
        return domains.get(website_id, "example.com")

    def _check_columns(self, names: Iterable[str]) -> None:
        unknown = sorted(set(names) - set(self.columns))
        if unknown:
            known = ", ".join(self.columns)
            raise ValueError(f"events have no column {', '.join(unknown)}; they have {known}")


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
