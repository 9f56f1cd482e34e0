"""A demo server at a fixed day, a pipeline into DuckDB, and the truth by SQL over the events.

The truth cuts days with DuckDB's own time zone functions; nothing here imports the package's
windows.
"""

from __future__ import annotations

import itertools
import shutil
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest
import time_machine

from databuddy_source import databuddy_source, load
from databuddy_source.coverage.queries import Gap, gaps_of_loads
from databuddy_source.demo import DemoServer, Generation, queries
from tests.traffic import demo_server

TODAY = date(2026, 3, 20)

First = Callable[..., object]
"""Fills an empty warehouse: takes it and what it is given."""


@dataclass
class Warehouse:
    """One DuckDB file that is synced from a demo server."""

    server: DemoServer
    pipeline: dlt.Pipeline

    def sync(
        self,
        *,
        limit: int | None = None,
        resources: list[str] | None = None,
        **given: Any,
    ) -> list[Gap]:
        """Sync at the server's time, the shop and the blog unless others are given. Returns the
        cells that are not complete."""
        given = {"api_key": self.server.api_key, "base_url": self.server.url, **given}
        given.setdefault("websites", [website.id for website in self.server.websites[:2]])
        with time_machine.travel(self.server.now, tick=True), self._open():
            source = databuddy_source(**given)
            if resources:
                source = source.with_resources(*resources)
            if limit:
                source.add_limit(limit)
            loads = load(self.pipeline, source)
            return gaps_of_loads(self.pipeline, loads)

    def another(self, home: Path) -> Warehouse:
        """The same dataset, by a pipeline of another name and with a state of its own."""
        pipeline = dlt.pipeline(
            "another",
            destination=self.pipeline.destination,
            dataset_name="databuddy",
            pipelines_dir=str(home / "another"),
        )
        return Warehouse(self.server, pipeline)

    @contextmanager
    def _open(self) -> Iterator[None]:
        """Keep the file open, if there is one: DuckDB takes longer to open it than to be asked, and
        each of a sync's ten connections would."""
        with self.pipeline.sql_client() if self.file.exists() else nullcontext():
            yield

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Without dlt, which resolves its configuration for each."""
        with duckdb.connect(str(self.file)) as connection:
            connection.execute("SET TimeZone = 'UTC'; USE databuddy")
            return connection.execute(sql.replace("%s", "?"), values).fetchall()

    @property
    def file(self) -> Path:
        destination: Any = self.pipeline.destination
        return Path(destination.config_params["credentials"])

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the warehouse that two equal syncs have in common; not what changed."""
        of_loads = "_dlt_load_id, load_id, request_id, fetched_at, checked_at, final, proofs"
        own = {"coverage": f"EXCLUDE ({of_loads})"}
        with duckdb.connect(str(self.file)) as connection:  # opening it takes longer than the rest
            connection.execute("SET TimeZone = 'UTC'; USE databuddy")
            found = connection.execute(
                "SELECT table_name FROM information_schema.tables "
                "WHERE table_schema = 'databuddy' AND table_name NOT LIKE '!_dlt%' ESCAPE '!' "
                "AND table_type = 'BASE TABLE' "
                "AND table_name <> 'restatements'"
            ).fetchall()
            return {
                name: sorted(
                    connection.execute(
                        f"SELECT * {own.get(name, 'EXCLUDE (_dlt_load_id)')} FROM {name}"
                    ).fetchall(),
                    key=repr,
                )
                for (name,) in sorted(found)
            }

    def cells(
        self, report: str, period: str = "date"
    ) -> dict[tuple[str, Any], list[tuple[Any, ...]]]:
        """Rows of a report as text, without our own columns, sorted, by website and an SQL
        expression for the period."""
        found: dict[tuple[str, Any], list[tuple[Any, ...]]] = defaultdict(list)
        undecided = UNDECIDED[self.server.generation].get(report, set())
        ours = {"website_id", "date", "tombstone", "_dlt_load_id", *undecided}
        if report.endswith("_hourly"):
            ours.add("hour")
        for website_id, key, *own in self.query(
            f"SELECT website_id, {period}, * EXCLUDE ({', '.join(ours)}) FROM {report}"
        ):
            found[website_id, key].append(tuple(map(plain, own)))
        return defaultdict(list, {key: sorted(rows) for key, rows in found.items()})


def plain(value: Any) -> str:
    """A value as it looks on both sides: 100 is 100.0, and times are UTC to the millisecond."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return repr(float(value))
    return repr(value) if value is None else str(value)


Make = Callable[..., Warehouse]
"""The fixture `warehouse`."""

GENERATIONS: tuple[Generation, ...] = ("2026-04", "2026-06", "2026-10", "2025")

SERIES = {"events_by_date", "sessions_time_series"}
WHOLE_DAYS: dict[Generation, set[str]] = {
    **dict.fromkeys(GENERATIONS, SERIES),
    "2025": {*SERIES, "entry_pages", "exit_pages", "page_time_analysis"},
}
"""Asked for up to the next midnight: series, which bring their own dates, and what a 2025 server
ends at the first instant of the end date. No day of theirs loses its last fraction of a second."""


UNDECIDED: dict[Generation, dict[str, set[str]]] = {
    **{generation: {} for generation in GENERATIONS},
    "2025": {"country": {"name"}, "city": {"name", "country"}, "region": {"name", "country"}},
}
"""A 2025 server merges all places, and all spellings, of a country into one row, under the name of
any of them."""


def period(grain: str, zone: str, time: str = "time") -> str:
    """SQL for the name of the period of `time` (UTC without a zone), cut by the database's own
    time zone functions. An hour has its offset from UTC in its name: a clock may repeat it."""
    local = f"timezone('{zone}', timezone('UTC', {time}))"
    return {
        "hour": f"concat(strftime({local}, '%Y-%m-%d %H'), ' ', {local} - {time})",
        "day": f"CAST({local} AS DATE)",
        "week": f"CAST(date_trunc('week', {local}) AS DATE)",
        "sunday week": f"CAST(date_trunc('week', {local} + INTERVAL 1 DAY) AS DATE) - 1",
        "month": f"CAST(date_trunc('month', {local}) AS DATE)",
    }[grain]


def truth(
    server: DemoServer,
    reports: Iterable[str],
    website_id: str,
    key: object,
    timezone: str = "UTC",
    grain: str = "day",
    *,
    whole: Collection[str] | None = None,
    where: str = "true",
) -> dict[str, list[tuple[Any, ...]]]:
    """The rows that the cells of a period have to have, by query type, computed from the events.

    The server's windows end at a whole second, so what happens in the last fraction of a second
    of a window is in no window: that is how it is, and what its own dashboard shows. Only the
    query types in `whole` have it.
    """
    found = {}
    whole = WHOLE_DAYS[server.generation] if whole is None else whole
    with server.events.connection() as cursor:
        values = {"website": website_id, "key": key, "now": server.now.replace(tzinfo=None)}
        cursor.execute(
            f"CREATE TEMP TABLE whole AS SELECT *, '' AS bucket "
            f"FROM events WHERE website_id = $website AND {period(grain, timezone)} = $key "
            f"AND received_at <= $now AND {where}",
            values,
        )
        later = "time + INTERVAL 1 SECOND - INTERVAL 1 MICROSECOND"
        cursor.execute(
            f"CREATE TEMP TABLE cut AS SELECT * FROM whole "
            f"WHERE {period(grain, timezone, f'({later})')} = $key",
            {"key": key},
        )
        cursor.execute("CREATE TEMP TABLE history AS SELECT * FROM whole LIMIT 0")
        cursor.execute("CREATE TEMP TABLE buckets AS SELECT '' AS label")
        # a session belongs to the period of its first view, so this one is read with its neighbours
        cursor.execute(
            f"CREATE TEMP TABLE around AS SELECT *, "
            f"CAST({period(grain, timezone)} AS VARCHAR) AS bucket "
            f"FROM events WHERE website_id = $website AND received_at <= $now AND {where} "
            "AND time BETWEEN (SELECT min(time) FROM whole) - INTERVAL 1 DAY "
            "AND (SELECT max(time) FROM whole) + INTERVAL 1 DAY",
            {name: values[name] for name in ("website", "now")},
        )
        for report in reports:
            by_first_view = (
                report == "events_by_date" and report in whole and server.generation != "2025"
            )
            scope = "around" if by_first_view else "whole" if report in whole else "cut"
            cursor.execute(f"CREATE OR REPLACE TEMP VIEW scope AS SELECT * FROM {scope}")
            answer = cursor.execute(queries(server.generation)[report].full_sql)
            columns = [column[0] for column in answer.description or ()]
            left_out = {"date", *UNDECIDED[server.generation].get(report, ())}
            kept = [index for index, column in enumerate(columns) if column not in left_out]
            rows = answer.fetchall()
            if by_first_view:
                rows = [row for row in rows if row[columns.index("date")] == str(key)]
            found[report] = sorted(tuple(plain(row[index]) for index in kept) for row in rows)
    return found


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


@pytest.fixture
def serve() -> Iterator[Callable[..., DemoServer]]:
    """Starts demo servers and stops them."""
    servers: list[DemoServer] = []

    def start(generation: Generation = "2026-04", **given: Any) -> DemoServer:
        server = demo_server(**{"today": TODAY, "generation": generation, "days": 14, **given})
        servers.append(server.start())
        return server

    yield start
    for server in servers:
        server.close()


class Begun:
    """What warehouses hold after their first syncs, each made once for each process and copied."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[object, Path] = {}

    def copy(
        self, server: DemoServer, number: int, to: Path, first: First, given: dict[str, Any]
    ) -> Warehouse:
        """A warehouse that `first` has filled from a server that has the same events. The server
        does not remember whether it was this one."""
        faults = server.faults
        wrong = [*faults._script, *faults._silences, *faults._vanished]
        assert not wrong, "what fails belongs to a test"
        key = (server.generation, server.now, *self._events(server), number, first, repr(given))
        if key not in self._made:
            made = self._folder / f"{len(self._made)}"
            first(_warehouse(server, number, made), **given)
            server.log.clear()
            self._made[key] = made
        shutil.copytree(self._made[key], to, dirs_exist_ok=True)
        return _warehouse(server, number, to)

    @staticmethod
    def _events(server: DemoServer) -> tuple[object, ...]:
        with server.events.connection() as cursor:
            found = cursor.execute("SELECT count(*), bit_xor(hash(events)) FROM events").fetchone()
        return (*(found or ()), *server.websites)


def _warehouse(server: DemoServer, number: int, folder: Path) -> Warehouse:
    folder.mkdir(exist_ok=True)
    pipeline = dlt.pipeline(
        f"databuddy_{number}",
        destination=dlt.destinations.duckdb(str(folder / f"w{number}.duckdb")),
        dataset_name="databuddy",
        pipelines_dir=str(folder / "state"),
    )
    return Warehouse(server, pipeline)


@pytest.fixture(scope="session")
def _begun(tmp_path_factory: pytest.TempPathFactory) -> Begun:
    return Begun(tmp_path_factory.mktemp("begun"))


@pytest.fixture
def warehouse(tmp_path: Path, _begun: Begun) -> Make:
    """A DuckDB file for a server; each call makes another one. It is empty, or as `first` leaves
    it: a function that fills a warehouse, a `sync` for instance, with what it is given."""
    numbers = itertools.count()

    def make(server: DemoServer, first: First | None = None, **given: Any) -> Warehouse:
        number = next(numbers)
        if first is None:
            return _warehouse(server, number, tmp_path)
        return _begun.copy(server, number, tmp_path, first, given)

    return make


def without_nameless_sessions(server: DemoServer) -> DemoServer:
    """The same server: events without a session's id are one session, of the first day that is
    asked for, so what is asked together tells where it counts."""
    server.events.connection().execute("DELETE FROM events WHERE session_id = ''")
    return server
