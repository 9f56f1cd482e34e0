"""What the queries of the manual read, on any warehouse: loaded by real runs from the demo server,
once without a fault, and once from one that fails, repeats itself and falls silent.

Nothing in a warehouse is written by a test. What a query has to give follows from the server's
events and from `Lacking`: what the faults below do to which day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import dlt
import time_machine

from databuddy_source import databuddy_source, load
from databuddy_source.demo import DemoServer, Fault, Silence
from tests.docs.queries import reports

Row = dict[str, Any]
Read = Callable[[str], Sequence[tuple[Any, ...]]]
"""Runs SQL with unqualified names of tables."""

TODAY = date(2026, 3, 20)


def ago(days: int) -> date:
    """A day before today."""
    return TODAY - timedelta(days=days)


FIRST = ago(28)
DAYS = [ago(days) for days in range(28, -1, -1)]
"""Those that are loaded, four weeks and today, oldest first."""

FAILED, TRUNCATED, SUSPECT, MISSING = ago(11), ago(5), ago(3), ago(20)
"""Of all reports of the first website; `MISSING` of each website. The first one is a Monday, so
that its week fails, too; the week of the third one is not believed either."""

ALSO_FAILED = {
    "custom_events": ago(9),
    "error_summary": ago(9),
    "revenue_overview": ago(9),
    "utm_sources": ago(9),
    "summary_metrics": ago(8),
}
ALSO_TRUNCATED = {"vitals_time_series": [ago(1), TODAY]}
"""Days that one report lacks and others have."""

HOURLY, WEEKLY = "events_by_date_hourly", "summary_metrics_weekly"
QUERY_TYPES = reports() - {HOURLY, WEEKLY} | {"events_by_date"}
SERIES = {"events_by_date", "retention_rate", "vitals_time_series"}
"""Of several days in one answer, or of more days than one cell."""
ASKED_EARLIER = {"events_by_date": 2, "retention_rate": 29}
"""How many days before the first one that is wanted a question begins."""
ONE_ROW = {"summary_metrics", "error_summary", "revenue_overview"}
"""Reports of one row and without a key: of these nothing can be cut off."""

Lacking = Mapping[tuple[str, str, date | datetime], str]
"""The state of each cell that is not known, by domain, report and its day, hour or Monday."""

COMPLETE: Lacking = {}


NEW = {14: 1, 13: 2, 8: 1, 7: 1, 6: 3, 5: 2, 3: 4, 2: 2, 0: 1}
"""How often there is something new, by how many days ago."""


@contextmanager
def serving() -> Iterator[DemoServer]:
    """A demo server whose today is `TODAY`, with pages, countries and errors that are new on both
    sides of the seventh and the fourteenth day, and on two days."""
    with DemoServer(today=TODAY, days=60) as server:
        for days, often in NEW.items():
            for each in range(often):
                at = datetime.combine(ago(days), time(12, each), UTC)
                for name in (f"new {days}", f"new {days + 3 if days < 4 else days}"):
                    website = server.websites[0].id
                    server.events.add(website, at, path=f"/{name}", country=f"Land {name}")
                    server.events.add(website, at, kind="error", message=name)
        yield server


def fill(server: DemoServer, pipeline: dlt.Pipeline) -> Lacking:
    """Load four weeks and a day of what the queries read.

    Args:
        server: from `serving`.
        pipeline: into an empty dataset.

    Returns:
        That nothing is lacking.
    """
    _run(server, pipeline, FIRST, TODAY)
    return COMPLETE


def fill_from_a_faulty_server(server: DemoServer, pipeline: dlt.Pipeline) -> Lacking:
    """The same, from a server that fails on one day that was loaded while it was still running,
    repeats the rows of another, and says that nobody was there on a third, which was loaded
    before. One more is not asked for.

    Args:
        server: from `serving`.
        pipeline: into an empty dataset.

    Returns:
        What is lacking then.
    """
    website = server.websites[0].id
    _run(server, pipeline, FAILED, FAILED, now=datetime.combine(FAILED, time(18), UTC))
    _run(server, pipeline, FIRST, MISSING - timedelta(days=1))
    _run(server, pipeline, MISSING + timedelta(days=1), FAILED - timedelta(days=1))

    def fault(query_type: str, day: date | None = None, **what: Any) -> Fault:
        return Fault(website_id=website, query_type=query_type, day=day, times=None, **what)

    def repeating(*days: date) -> Callable[[list[Row]], list[Row]]:
        return lambda rows: [row for row in rows for _ in range(1 + (_day_of(row) in days))]

    for name in sorted(QUERY_TYPES):
        begin = FAILED - timedelta(days=ASKED_EARLIER.get(name, 0))
        server.faults.add(fault(name, begin, parameter_error="out of memory"))
        if day := ALSO_FAILED.get(name):
            server.faults.add(fault(name, day, parameter_error="out of memory"))
        if name in SERIES:
            days = [TRUNCATED, *ALSO_TRUNCATED.get(name, ())]
            server.faults.add(fault(name, rows=repeating(*days)))
        elif name not in ONE_ROW:
            server.faults.add(fault(name, TRUNCATED, rows=lambda rows: [*rows, *rows]))
    _run(server, pipeline, FAILED, TODAY)
    server.faults.clear()
    server.faults.add(Silence(website_id=website, first=SUSPECT))
    later = server.now + timedelta(hours=2)
    _run(server, pipeline, SUSPECT, SUSPECT, now=later, websites=[website], refetch=True)
    server.faults.clear()
    return _lacking(server)


def _day_of(row: Row) -> date | None:
    told = row.get("date")
    return date.fromisoformat(told[:10]) if isinstance(told, str) else None


def _run(
    server: DemoServer,
    pipeline: dlt.Pipeline,
    since: date,
    until: date,
    *,
    now: datetime | None = None,
    websites: Sequence[str] = (),
    **scope: Any,
) -> None:
    before, server.now = server.now, now or server.now
    with time_machine.travel(server.now, tick=True):
        source = databuddy_source(
            api_key=server.api_key,
            base_url=server.url,
            websites=websites or [website.id for website in server.websites],
            requests_per_minute=6000,
            query_types=sorted(reports()),
            since=since,
            until=until,
            **scope,
        )
        load(pipeline, source)
    server.now = before


def _lacking(server: DemoServer) -> Lacking:
    shop, daily = server.websites[0].domain, reports() - {HOURLY, WEEKLY}
    hours = "SELECT DISTINCT website_id, DATE_TRUNC('hour', time) FROM arrived"
    events = World(server, COMPLETE).events(hours)
    busy = {hour.replace(tzinfo=UTC) for domain, hour in events if domain == shop}
    found: dict[tuple[str, str, date | datetime], str] = {}
    for report in daily:
        for website in server.websites:
            found[website.domain, report, MISSING] = "missing"
        found[shop, report, FAILED] = "failed"
        found[shop, report, SUSPECT] = "suspect"
        if report not in ONE_ROW:
            found[shop, report, TRUNCATED] = "truncated"
    found |= {(shop, report, day): "failed" for report, day in ALSO_FAILED.items()}
    for report, days in ALSO_TRUNCATED.items():
        found |= {(shop, report, day): "truncated" for day in days}
    for day, state in ((FAILED, "failed"), (SUSPECT, "suspect")):
        found |= {(shop, HOURLY, hour): state for hour in hours_of(day)}
    found |= {(shop, HOURLY, hour): "truncated" for hour in hours_of(TRUNCATED) if hour in busy}
    for website in server.websites:
        found |= {(website.domain, HOURLY, hour): "missing" for hour in hours_of(MISSING)}
    for day, state in ((FAILED, "failed"), (SUSPECT, "suspect")):
        found[shop, WEEKLY, day - timedelta(days=day.weekday())] = state
    return found


def hours_of(day: date) -> list[datetime]:
    """The beginnings of its hours, in UTC."""
    return [datetime.combine(day, time(hour), UTC) for hour in range(24)]


@dataclass(frozen=True)
class World:
    """What the answers of queries follow from: the server's events, and what is lacking."""

    server: DemoServer
    lacking: Lacking

    @property
    def domains(self) -> list[str]:
        return sorted(website.domain for website in self.server.websites)

    def state(self, domain: str, report: str, of: date | datetime) -> str:
        """In one word, what is known of a day, an hour or a week."""
        if told := self.lacking.get((domain, report, of)):
            return told
        last = of.date() if isinstance(of, datetime) else of
        if report == WEEKLY:
            last += timedelta(days=6)
        return "final" if last < ago(3) else "may grow" if last < TODAY else "running"

    def known(self, domain: str, report: str, of: date | datetime) -> bool:
        return (domain, report, of) not in self.lacking

    def known_days(self, domain: str, report: str, days: Sequence[date]) -> int:
        return sum(self.known(domain, report, day) for day in days)

    def events(self, sql: str) -> list[tuple[Any, ...]]:
        """What SQL says of the events that have arrived by now: a website's id, which becomes its
        domain, and more.

        Args:
            sql: reads `arrived`, all of them since the Monday before the first day, with the UTC
                `day` of each; `cut`, those of the days, without the last fraction of a second of
                a day, which is in no window; and the table `countries`.
        """
        domains = {website.id: website.domain for website in self.server.websites}
        with self.server.events.connection() as events:
            events.execute(
                "WITH arrived AS (SELECT *, CAST(time AS DATE) AS day FROM events WHERE "
                "received_at <= $now AND time < CAST($last AS DATE) + 1), cut AS (SELECT * FROM "
                "arrived WHERE day >= $first AND CAST(time AS TIME) <= TIME '23:59:59') " + sql,
                {"now": self.server.now.replace(tzinfo=None), "first": FIRST, "last": TODAY},
            )
            return [(domains[row[0]], *row[1:]) for row in events.fetchall()]

    def of_known(
        self, report: str, sql: str, days: Sequence[date] = DAYS
    ) -> Iterator[tuple[Any, ...]]:
        """Rows of `events` whose second column is a day, of days that are known."""
        for row in self.events(sql):
            if row[1] in days and self.known(row[0], report, row[1]):
                yield row

    def sums(
        self, report: str, sql: str, days: Sequence[date] = DAYS
    ) -> dict[tuple[str, Any], list[Any]]:
        """Sums over the days that are known, by website and the third column of `events`."""
        found: dict[tuple[str, Any], list[Any]] = {}
        for domain, _, name, *values in self.of_known(report, sql, days):
            had = found.setdefault((domain, name), [0] * len(values))
            found[domain, name] = [a + b for a, b in zip(had, values, strict=True)]
        return found
