"""What the queries of the manual read, on any warehouse, and what their answers are compared with.

Another warehouse than DuckDB is tested with `fill` and a `Read` of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import dlt
import time_machine

from databuddy_source import databuddy_source, load
from databuddy_source.demo import DemoServer, Fault
from tests.docs.queries import reports

TODAY = date(2026, 3, 20)
FIRST = TODAY - timedelta(days=28)
FAILED = ("outbound_links", TODAY - timedelta(days=5))
"""A cell that the server fails on."""
LEFT_OUT = ("country", TODAY - timedelta(days=9))
"""A report and a day that nobody asks for."""

Row = dict[str, Any]
Read = Callable[[str], Sequence[tuple[Any, ...]]]
"""Runs SQL with unqualified names of tables."""


def fill(server: DemoServer, pipeline: dlt.Pipeline) -> None:
    """Load four weeks and a day of what the queries read, with one failed cell and one left out.

    Args:
        server: a demo server whose today is `TODAY`.
        pipeline: into an empty dataset.
    """
    report, failing = FAILED
    website = server.websites[0].id
    # what is new, on both sides of the seventh day, and on two days
    for ago, often in ((8, 1), (7, 1), (6, 3), (5, 2), (3, 4), (2, 2)):
        for each in range(often):
            at = datetime.combine(TODAY - timedelta(days=ago), time(12, each), UTC)
            for name in (f"new {ago}", f"new {ago + 3 if ago < 4 else ago}"):
                server.events.add(website, at, path=f"/{name}")
                server.events.add(website, at, kind="error", message=name)
    broken = {"query_type": report, "website_id": website, "day": failing, "times": None}
    server.faults.add(Fault(parameter_error="out of memory", **broken))
    given: dict[str, Any] = {
        "api_key": server.api_key,
        "base_url": server.url,
        "websites": [website.id for website in server.websites],
        "requests_per_minute": 6000,
    }
    last, day = LEFT_OUT
    others = {"query_types": sorted(reports() - {last}), "start_date": FIRST}
    before = {"query_types": [last], "since": FIRST, "until": day - timedelta(days=1)}
    after = {"query_types": [last], "since": day + timedelta(days=1), "until": TODAY}
    with time_machine.travel(server.now, tick=True):
        for each in (others, before, after):
            load(pipeline, databuddy_source(**given, **each))


@dataclass(frozen=True)
class World:
    """What answers are compared with."""

    read: Read
    server: DemoServer

    def table(self, name: str, *columns: str) -> list[Row]:
        """The whole table, with the website's domain and the date in each row."""
        chosen = ", ".join(f"t.{column}" for column in columns)
        rows = self.read(
            f"SELECT domain, t.date, {chosen} FROM {name} t JOIN websites w ON w.id = website_id"
        )
        return [dict(zip(("domain", "date", *columns), row, strict=True)) for row in rows]

    def events(self, sql: str, first: date, last: date) -> list[tuple[Any, ...]]:
        """What SQL says of the events of some UTC days that are known by now, with the website's
        domain and the day of each; without the last fraction of a second of a day, which is in no
        window."""
        domains = {website.id: website.domain for website in self.server.websites}
        with self.server.events.connection() as events:
            events.execute(
                "WITH known AS (SELECT *, CAST(time AS DATE) AS day FROM events WHERE "
                "received_at <= $now AND CAST(time AS TIME) <= TIME '23:59:59' "
                f"AND CAST(time AS DATE) BETWEEN $first AND $last) {sql}",
                {"now": self.server.now.replace(tzinfo=None), "first": first, "last": last},
            )
            return [(domains[row[0]], *row[1:]) for row in events.fetchall()]

    def in_windows(self, first: date, last: date) -> Counter[tuple[str, date]]:
        """Page views by domain and UTC day that are in the windows of these days."""
        sql = "SELECT website_id, day, COUNT(*) FROM known WHERE kind = 'screen_view' GROUP BY ALL"
        return Counter({(domain, day): n for domain, day, n in self.events(sql, first, last)})

    def views(self, first: date, last: date) -> Counter[tuple[str, date]]:
        """Page views by domain and UTC day, counted in the events themselves."""
        domains = {website.id: website.domain for website in self.server.websites}
        with self.server.events.connection() as events:
            events.execute(
                "SELECT website_id, CAST(time AS DATE), COUNT(*) FROM events "
                "WHERE kind = 'screen_view' AND received_at <= $now "
                "AND CAST(time AS DATE) BETWEEN $first AND $last GROUP BY ALL",
                {"now": self.server.now.replace(tzinfo=None), "first": first, "last": last},
            )
            return Counter({(domains[id_], day): n for id_, day, n in events.fetchall()})
