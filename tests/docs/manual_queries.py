"""The queries of docs/queries.md and what has to hold of their answers, on any warehouse.

`fill` loads what they need; `check` runs one of them over a function that reads rows.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import dlt
import time_machine

from databuddy_source import databuddy_source, sync
from databuddy_source.catalog import load_catalog
from databuddy_source.demo import DemoServer, Fault

PAGE = (Path(__file__).parents[2] / "docs" / "queries.md").read_text(encoding="utf-8")
TODAY = date(2026, 3, 20)
FIRST = TODAY - timedelta(days=28)
FAILED = ("outbound_links", TODAY - timedelta(days=5))
"""A cell that the server fails on."""
LEFT_OUT = ("country", TODAY - timedelta(days=9))
"""A report and a day that nobody asks for."""

Row = dict[str, Any]
Read = Callable[[str], Sequence[tuple[Any, ...]]]
"""Runs SQL with unqualified names of tables."""


@dataclass(frozen=True)
class Query:
    """A query of the manual.

    Attributes:
        title: its heading.
        prose: what stands between heading and query.
        sql: the query.
    """

    title: str
    prose: str
    sql: str

    @property
    def tables(self) -> set[str]:
        """The tables that it reads."""
        own = set(re.findall(r"(\w+) AS \(\s*SELECT", self.sql))
        return set(re.findall(r"(?:FROM|JOIN) ([a-z_]+)\b(?!\.)", self.sql)) - own


QUERIES = {
    title: Query(title, prose, sql)
    for title, prose, sql in re.findall(
        r"\n### (.+?)\n(.*?)```sql\n(.*?)```", PAGE, flags=re.DOTALL
    )
}

NAMED = tomllib.loads(re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)[0])["sources"][
    "databuddy"
]["query_types"]
"""What the page says has to be configured."""


def reports() -> set[str]:
    """The reports that the queries read, and one to compare with."""
    every = set().union(*(query.tables for query in QUERIES.values()))
    return every - {"websites", "coverage"} | {"revenue_overview"}


def fill(server: DemoServer, pipeline: dlt.Pipeline) -> None:
    """Load four weeks and a day of what the queries read, with one failed cell and one left out.

    Args:
        server: a demo server whose today is `TODAY`.
        pipeline: into an empty dataset.
    """
    report, failing = FAILED
    website = server.websites[0].id
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
            sync(pipeline, databuddy_source(**given, **each))


def check(title: str, read: Read, server: DemoServer) -> None:
    """Run a query and look at its answer.

    Args:
        title: its heading.
        read: runs SQL on what `fill` loaded.
        server: that it was loaded from.
    """
    query, (columns, holds) = QUERIES[title], CHECKS[title]
    answer = [tuple(row) for row in read(query.sql)]
    assert answer, "no rows"
    named = read(f"SELECT {columns.replace(' ', ', ')} FROM ({query.sql}) AS query")
    assert Counter(map(tuple, named)) == Counter(answer), "columns are named otherwise"
    rows = [dict(zip(columns.split(), row, strict=True)) for row in answer]
    holds(rows, World(read, server))


@dataclass(frozen=True)
class World:
    """What answers are compared with."""

    read: Read
    server: DemoServer

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


Check = Callable[[list[Row], World], None]
CHECKS: dict[str, tuple[str, Check]] = {}


def answers(title: str, columns: str) -> Callable[[Check], Check]:
    """What has to hold of a query's answer, and the names of its columns in order."""

    def remember(holds: Check) -> Check:
        CHECKS[title] = columns, holds
        return holds

    return remember


def near(left: Any, right: Any, most: float = 0.051) -> bool:
    """Whether numbers are equal up to rounding to one digit."""
    return abs(float(left) - float(right)) <= most


def falling(numbers: Sequence[Any]) -> bool:
    """Whether no number is greater than the one before it."""
    return all(left >= right for left, right in pairwise(numbers))


@answers("Traffic by day", "domain date pageviews visitors sessions")
def _(rows: list[Row], world: World) -> None:
    found = {(row["domain"], row["date"]): row["pageviews"] for row in rows}
    assert found == world.views(FIRST, TODAY)
    assert all(row["visitors"] <= row["pageviews"] for row in rows)


@answers("Page views over seven days", "date pageviews mean_of_seven_days")
def _(rows: list[Row], world: World) -> None:
    views = world.views(FIRST, TODAY)
    assert rows[0]["date"] == FIRST + timedelta(days=6)
    for row in rows:
        week = [row["date"] - timedelta(days=n) for n in range(7)]
        whole = sum(count for (_, day), count in views.items() if day in week)
        assert near(row["mean_of_seven_days"], whole / 7)


@answers("Week over week", "domain this_week week_before change_percent")
def _(rows: list[Row], world: World) -> None:
    for row in rows:
        for name, first in (("this_week", 7), ("week_before", 14)):
            begin = TODAY - timedelta(days=first)
            views = world.views(begin, begin + timedelta(days=6))
            whole = sum(count for (domain, _), count in views.items() if domain == row["domain"])
            assert row[name] == whole
        change = row["this_week"] / row["week_before"] - 1
        assert near(row["change_percent"], 100 * change)


@answers("Visitors by week", "domain week unique_visitors change")
def _(rows: list[Row], world: World) -> None:
    visitors = {(row["domain"], row["week"]): row["unique_visitors"] for row in rows}
    for (domain, week), count in visitors.items():
        assert week.isoweekday() == 1
        (added,) = world.read(
            "SELECT SUM(e.visitors), MAX(e.visitors) FROM events_by_date e JOIN websites w "
            f"ON w.id = e.website_id WHERE w.domain = '{domain}' "
            f"AND e.date BETWEEN DATE '{week}' AND DATE '{week + timedelta(days=6)}'"
        )
        if week >= FIRST:  # the table of days begins within the first week
            assert added[1] <= count < added[0]
    for row in rows:
        before = visitors.get((row["domain"], row["week"] - timedelta(days=7)))
        assert row["change"] == (None if before is None else row["unique_visitors"] - before)


@answers("Weekends against weekdays", "domain part days pageviews_a_day")
def _(rows: list[Row], world: World) -> None:
    views = world.views(FIRST, TODAY - timedelta(days=1))
    assert {(row["part"], row["days"]) for row in rows} == {("weekday", 20), ("weekend", 8)}
    assert len(rows) == 2 * len(world.server.websites)
    for row in rows:
        whole = sum(
            count
            for (domain, day), count in views.items()
            if domain == row["domain"] and (day.isoweekday() > 5) == (row["part"] == "weekend")
        )
        assert near(row["pageviews_a_day"], whole / row["days"])


@answers("Hours of the week", "domain day_of_week hour_of_day pageviews")
def _(rows: list[Row], world: World) -> None:
    assert {row["day_of_week"] for row in rows} == set(range(1, 8))
    assert {row["hour_of_day"] for row in rows} == set(range(24))
    views: Counter[tuple[str, int]] = Counter()
    for (domain, day), count in world.views(FIRST, TODAY - timedelta(days=1)).items():
        views[domain, day.isoweekday()] += count
    found: Counter[tuple[str, int]] = Counter()
    for row in rows:
        found[row["domain"], int(row["day_of_week"])] += round(row["pageviews"] * 4)
    assert found == views


@answers("Top pages", "domain page pageviews")
def _(rows: list[Row], world: World) -> None:
    assert falling([row["pageviews"] for row in rows])
    ((whole,),) = world.read("SELECT SUM(pageviews) FROM top_pages WHERE name = '/'")
    assert sum(row["pageviews"] for row in rows if row["page"] == "/") == whole


@answers("Pages that gain or lose", "domain page this_week week_before change")
def _(rows: list[Row], world: World) -> None:
    assert falling([abs(row["change"]) for row in rows])
    assert all(row["change"] == row["this_week"] - row["week_before"] for row in rows)
    assert {row["change"] > 0 for row in rows} == {True, False}
    week = defaultdict(int)
    for domain, page, pageviews in world.read(
        "SELECT domain, p.name, pageviews FROM top_pages p JOIN websites w ON w.id = p.website_id "
        f"WHERE date >= DATE '{TODAY - timedelta(days=7)}' AND date < DATE '{TODAY}'"
    ):
        week[domain, page] += pageviews
    for row in rows:
        assert row["this_week"] == week[row["domain"], row["page"]]


@answers("New pages", "domain page first_seen pageviews")
def _(rows: list[Row], world: World) -> None:
    older = world.read(
        "SELECT domain, p.name FROM top_pages p JOIN websites w ON w.id = p.website_id "
        f"WHERE date <= DATE '{TODAY - timedelta(days=7)}'"
    )
    assert not {(row["domain"], row["page"]) for row in rows} & set(map(tuple, older))
    assert all(row["first_seen"] > TODAY - timedelta(days=7) for row in rows)


@answers("Slow pages", "domain page days slow_days worst_day_ms")
def _(rows: list[Row], world: World) -> None:
    assert falling([row["slow_days"] for row in rows])
    assert all(0 < row["slow_days"] <= row["days"] <= 29 for row in rows)
    assert all(row["worst_day_ms"] > 1000 for row in rows)


@answers("Web vitals", "domain date metric_name p75 good verdict samples")
def _(rows: list[Row], world: World) -> None:
    assert {row["date"] for row in rows} == {TODAY - timedelta(days=1)}
    assert {row["metric_name"] for row in rows} == {"CLS", "FCP", "INP", "LCP", "TTFB"}
    for row in rows:
        assert (row["verdict"] == "good") == (float(row["p75"]) <= float(row["good"]))


@answers("Sources", "domain source pageviews percent")
def _(rows: list[Row], world: World) -> None:
    shares: dict[str, float] = defaultdict(float)
    for row in rows:
        shares[row["domain"]] += float(row["percent"])
    assert len(shares) == 2
    assert all(near(share, 100, 5) for share in shares.values())  # rounded many times
    ((whole,),) = world.read("SELECT SUM(pageviews) FROM traffic_sources")
    assert sum(row["pageviews"] for row in rows) == whole


@answers("Campaigns by day", "domain date campaign pageviews visitors")
def _(rows: list[Row], world: World) -> None:
    assert {"brand", "retargeting"} <= {row["campaign"] for row in rows}
    ((count,),) = world.read("SELECT COUNT(*) FROM utm_campaigns")
    assert len(rows) == count


@answers("Countries", "country_code country pageviews percent")
def _(rows: list[Row], world: World) -> None:
    codes = [row["country_code"] for row in rows]
    assert len(codes) == len(set(codes))
    assert rows[0]["country"] == "United States"
    assert near(sum(row["percent"] for row in rows), 100, 3)


@answers("Devices by week", "week device pageviews percent")
def _(rows: list[Row], world: World) -> None:
    shares: dict[date, float] = defaultdict(float)
    for row in rows:
        assert row["week"].isoweekday() == 1
        shares[row["week"]] += float(row["percent"])
    assert len(shares) == 5
    assert all(near(share, 100, 0.3) for share in shares.values())


@answers("Events for a hundred sessions", "domain date event total_events for_hundred_sessions")
def _(rows: list[Row], world: World) -> None:
    sessions = {
        (domain, day): count
        for domain, day, count in world.read(
            "SELECT domain, date, sessions FROM events_by_date JOIN websites ON id = website_id"
        )
    }
    for row in rows:
        share = 100 * row["total_events"] / sessions[row["domain"], row["date"]]
        assert near(row["for_hundred_sessions"], share)


@answers("Links that lead away", "domain href clicks last_clicked")
def _(rows: list[Row], world: World) -> None:
    assert len(rows) == 20
    assert falling([row["clicks"] for row in rows])


@answers("Retention", "domain date new_users returning_users retention_rate week_before")
def _(rows: list[Row], world: World) -> None:
    rates = {(row["domain"], row["date"]): row["retention_rate"] for row in rows}
    for row in rows:
        whole = row["new_users"] + row["returning_users"]
        assert near(row["retention_rate"], 100 * row["returning_users"] / whole)
        week_before = row["date"] - timedelta(days=7)
        assert row["week_before"] == rates.get((row["domain"], week_before))


@answers("Revenue by source", "domain source revenue transactions mean_amount")
def _(rows: list[Row], world: World) -> None:
    assert falling([row["revenue"] for row in rows])
    ((whole,),) = world.read("SELECT SUM(total_revenue) FROM revenue_overview")
    assert near(sum(row["revenue"] for row in rows), whole)
    for row in rows:
        assert near(float(row["mean_amount"]) * int(row["transactions"]), row["revenue"])


@answers(
    "Errors for a thousand page views", "domain date total_errors pageviews for_thousand_pageviews"
)
def _(rows: list[Row], world: World) -> None:
    assert {(row["domain"], row["date"]) for row in rows} == set(world.views(FIRST, TODAY))
    for row in rows:
        share = 1000 * row["total_errors"] / row["pageviews"]
        assert near(row["for_thousand_pageviews"], share)


@answers("Errors before and after a release", "release error before after change")
def _(rows: list[Row], world: World) -> None:
    assert falling([row["change"] for row in rows])
    release = TODAY - timedelta(days=7)
    for name, first in (("before", -3), ("after", 1)):
        begin = release + timedelta(days=first)
        ((whole,),) = world.read(
            f"SELECT SUM(count) FROM error_types WHERE date BETWEEN DATE '{begin}' "
            f"AND DATE '{begin + timedelta(days=2)}'"
        )
        assert sum(row[name] for row in rows) == whole


@answers("New errors", "domain error first_seen occurrences")
def _(rows: list[Row], world: World) -> None:
    older = world.read(
        "SELECT domain, e.name FROM error_types e JOIN websites w ON w.id = e.website_id "
        f"WHERE date <= DATE '{TODAY - timedelta(days=7)}'"
    )
    assert not {(row["domain"], row["error"]) for row in rows} & set(map(tuple, older))


@answers("How fresh the tables are", "domain newest_day newest_final_day fetched_at")
def _(rows: list[Row], world: World) -> None:
    assert {row["domain"] for row in rows} == {site.domain for site in world.server.websites}
    assert {row["newest_day"] for row in rows} == {TODAY}
    assert {row["newest_final_day"] for row in rows} == {TODAY - timedelta(days=4)}


@answers("What is not complete", "domain report date status rows rows_expected reason")
def _(rows: list[Row], world: World) -> None:
    (row,) = rows
    assert (row["domain"], row["report"], row["date"]) == (world.server.websites[0].domain, *FAILED)
    assert row["status"] == "failed"
    assert "out of memory" in row["reason"]


@answers("Days that nobody asked for", "domain report date")
def _(rows: list[Row], world: World) -> None:
    found = {(row["domain"], row["report"], row["date"]) for row in rows}
    assert found == {(site.domain, *LEFT_OUT) for site in world.server.websites}


def default() -> set[str]:
    """Reports that load when nothing is configured."""
    return set(load_catalog().selection("default"))
