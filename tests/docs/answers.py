"""What has to hold of the answer of each query of the manual."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby, pairwise
from typing import Any

from databuddy_source.demo import DemoServer
from tests.docs.queries import QUERIES
from tests.docs.world import FAILED, FIRST, LEFT_OUT, TODAY, Read, Row, World

Check = Callable[[list[Row], World], None]
CHECKS: dict[str, tuple[str, Check]] = {}


def answers(title: str, columns: str) -> Callable[[Check], Check]:
    """What has to hold of a query's answer, and the names of its columns in order."""

    def remember(holds: Check) -> Check:
        CHECKS[title] = columns, holds
        return holds

    return remember


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


def near(left: Any, right: Any, most: float = 0.051) -> bool:
    """Whether numbers are equal up to rounding to one digit."""
    return abs(float(left) - float(right)) <= most


def total(rows: Iterable[Row], value: str, *by: str) -> Counter[tuple[Any, ...]]:
    """Sums of a value by others."""
    sums: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        sums[tuple(row[name] for name in by)] += row[value]
    return sums


def newer(rows: Iterable[Row], name: str, value: str) -> dict[tuple[Any, ...], tuple[date, int]]:
    """What is there in the last seven days and not before, with its first day and its sum."""
    listed = list(rows)
    first: dict[tuple[Any, ...], date] = {}
    for row in listed:
        key = row["domain"], row[name]
        first[key] = min(first.get(key, row["date"]), row["date"])
    sums = total(listed, value, "domain", name)
    return {key: (day, sums[key]) for key, day in first.items() if day > TODAY - timedelta(days=7)}


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
        own = sum(count for (_, day), count in views.items() if day == row["date"])
        assert row["pageviews"] == own


@answers("Week over week", "domain this_week week_before change_percent")
def _(rows: list[Row], world: World) -> None:
    assert falling([row["this_week"] for row in rows])
    for row in rows:
        for name, first in (("this_week", 7), ("week_before", 14)):
            begin = TODAY - timedelta(days=first)
            views = world.views(begin, begin + timedelta(days=6))
            whole = sum(count for (domain, _), count in views.items() if domain == row["domain"])
            assert row[name] == whole
        change = row["this_week"] / row["week_before"] - 1
        assert near(row["change_percent"], 100 * change)


@answers("Week over week of days that are known", "domain this_week week_before change_percent")
def _(rows: list[Row], world: World) -> None:
    assert len(rows) == len(world.server.websites)
    for row in rows:
        for name, ago in (("this_week", 7), ("week_before", 14)):
            begin = TODAY - timedelta(days=ago)
            views = world.in_windows(begin, begin + timedelta(days=6))
            assert row[name] == sum(
                n for (domain, _), n in views.items() if domain == row["domain"]
            )
        if row["week_before"]:
            change = row["this_week"] / row["week_before"] - 1
            assert near(row["change_percent"], 100 * change)


@answers("Two websites side by side", "date shop shop_state blog blog_state")
def _(rows: list[Row], world: World) -> None:
    views = world.in_windows(FIRST, TODAY)
    assert [row["date"] for row in rows] == [FIRST + timedelta(days=n) for n in range(29)]
    for row in rows:
        assert row["shop"] == views["shop.example.com", row["date"]]
        assert row["blog"] == views["blog.example.com", row["date"]]
        ago = (TODAY - row["date"]).days
        state = "final" if ago > 3 else "may grow" if ago else "running"
        assert row["shop_state"] == row["blog_state"] == state


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
    views = total(world.table("top_pages", "name", "pageviews"), "pageviews", "domain", "name")
    assert [row["pageviews"] for row in rows] == sorted(views.values(), reverse=True)[:20]
    assert all(row["pageviews"] == views[row["domain"], row["page"]] for row in rows)


@answers("Pages that gain or lose", "domain page this_week week_before change")
def _(rows: list[Row], world: World) -> None:
    table = world.table("top_pages", "name", "pageviews")
    new, old = (
        total(
            [row for row in table if first <= (TODAY - row["date"]).days <= first + 6],
            "pageviews",
            "domain",
            "name",
        )
        for first in (1, 8)
    )
    changes = {key: new[key] - old[key] for key in {*new, *old}}
    assert {row["change"] > 0 for row in rows} == {True, False}
    most = sorted(map(abs, changes.values()), reverse=True)[:20]
    assert [abs(row["change"]) for row in rows] == most
    for row in rows:
        key = row["domain"], row["page"]
        found = row["this_week"], row["week_before"], row["change"]
        assert found == (new[key], old[key], changes[key])


@answers("New pages", "domain page first_seen pageviews")
def _(rows: list[Row], world: World) -> None:
    expected = newer(world.table("top_pages", "name", "pageviews"), "name", "pageviews")
    found = {(row["domain"], row["page"]): (row["first_seen"], row["pageviews"]) for row in rows}
    assert found == expected
    assert falling([row["pageviews"] for row in rows])


@answers("Slow pages", "domain page days slow_days worst_day_ms")
def _(rows: list[Row], world: World) -> None:
    times: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for row in world.table("slow_pages", "name", "avg_load_time"):
        times[row["domain"], row["name"]].append(row["avg_load_time"])
    slow = {key: sum(time > 1000 for time in own) for key, own in times.items()}
    assert [row["slow_days"] for row in rows] == sorted(slow.values(), reverse=True)[:20]
    assert falling([(row["slow_days"], row["worst_day_ms"]) for row in rows])
    for row in rows:
        key = row["domain"], row["page"]
        found = row["days"], row["slow_days"], row["worst_day_ms"]
        assert found == (len(times[key]), slow[key], max(times[key]))


@answers("Load times over weeks", "domain page load_time_ms pageviews")
def _(rows: list[Row], world: World) -> None:
    truth = {
        (domain, path): (mean, count)
        for domain, path, mean, count in world.events(
            "SELECT website_id, path, AVG(load_time), COUNT(*) FROM known "
            "WHERE kind = 'screen_view' AND load_time > 0 GROUP BY ALL",
            FIRST,
            TODAY,
        )
    }
    assert falling([row["load_time_ms"] for row in rows])
    assert len(rows) == 20
    for row in rows:
        mean, count = truth[row["domain"], row["page"]]
        assert row["pageviews"] == count
        assert near(row["load_time_ms"], mean)


@answers("Web vitals", "domain date metric_name p75 good verdict samples")
def _(rows: list[Row], world: World) -> None:
    assert {row["date"] for row in rows} == {TODAY - timedelta(days=1)}
    assert {row["metric_name"] for row in rows} == {"CLS", "FCP", "INP", "LCP", "TTFB"}
    for row in rows:
        assert (row["verdict"] == "good") == (float(row["p75"]) <= float(row["good"]))


@answers("Sources", "domain source pageviews percent")
def _(rows: list[Row], world: World) -> None:
    by_domain = sorted(rows, key=lambda row: row["domain"])  # keeps the order within a domain
    assert rows == by_domain
    for _, own in groupby(by_domain, key=lambda row: row["domain"]):
        assert falling([row["pageviews"] for row in own])
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
    for _, own in groupby(rows, key=lambda row: (row["domain"], row["date"])):
        assert falling([row["pageviews"] for row in own])


@answers("Campaigns", "domain campaign pageviews days")
def _(rows: list[Row], world: World) -> None:
    found = {(row["domain"], row["campaign"]): (row["pageviews"], row["days"]) for row in rows}
    assert found == {
        (domain, name): (count, days)
        for domain, name, count, days in world.events(
            "SELECT website_id, utm_campaign, COUNT(*), COUNT(DISTINCT day) FROM known "
            "WHERE kind = 'screen_view' AND utm_campaign <> '' GROUP BY ALL",
            TODAY - timedelta(days=27),
            TODAY,
        )
    }
    assert falling([row["pageviews"] for row in rows])


@answers("New countries", "domain country_code first_seen pageviews")
def _(rows: list[Row], world: World) -> None:
    table = world.table("country", "country_code", "pageviews")
    first: dict[tuple[Any, ...], date] = {}
    for row in table:
        key = row["domain"], row["country_code"]
        first[key] = min(first.get(key, row["date"]), row["date"])
    sums = total(table, "pageviews", "domain", "country_code")
    found = {
        (row["domain"], row["country_code"]): (row["first_seen"], row["pageviews"]) for row in rows
    }
    assert found == {
        key: (day, sums[key]) for key, day in first.items() if day > TODAY - timedelta(days=14)
    }


@answers("Countries", "country_code country pageviews percent")
def _(rows: list[Row], world: World) -> None:
    table = world.table("country", "country_code", "pageviews")
    views = total(table, "pageviews", "country_code")
    assert {(row["country_code"],): row["pageviews"] for row in rows} == views
    assert [row["pageviews"] for row in rows] == sorted(views.values(), reverse=True)
    assert rows[0]["country"] == "United States"
    assert all(near(row["percent"], 100 * row["pageviews"] / views.total()) for row in rows)


@answers("Devices by week", "week device pageviews percent")
def _(rows: list[Row], world: World) -> None:
    table = [
        row | {"week": row["date"] - timedelta(days=row["date"].weekday())}
        for row in world.table("device_types", "name", "pageviews")
    ]
    views = total(table, "pageviews", "week", "name")
    weeks = total(table, "pageviews", "week")
    assert {(row["week"], row["device"]): row["pageviews"] for row in rows} == views
    assert falling([(-row["week"].toordinal(), row["pageviews"]) for row in rows])
    assert all(near(row["percent"], 100 * row["pageviews"] / weeks[row["week"],]) for row in rows)


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
    table = world.table("outbound_links", "href", "total_clicks", "last_clicked")
    clicks = total(table, "total_clicks", "domain", "href")
    assert [row["clicks"] for row in rows] == sorted(clicks.values(), reverse=True)[:20]
    for row in rows:
        own = [
            each for each in table if (each["domain"], each["href"]) == (row["domain"], row["href"])
        ]
        assert row["clicks"] == clicks[row["domain"], row["href"]]
        assert row["last_clicked"] == max(each["last_clicked"] for each in own)


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


@answers("Revenue with what has no source", "domain source revenue pageviews")
def _(rows: list[Row], world: World) -> None:
    paid = {
        (domain, source): amount
        for domain, source, amount in world.events(
            "SELECT website_id, COALESCE(NULLIF(utm_source, ''), 'None'), SUM(amount) FROM known "
            "WHERE kind = 'revenue' AND revenue_type <> 'refund' GROUP BY ALL",
            FIRST,
            TODAY,
        )
    }
    found = {(row["domain"], row["source"]): row["revenue"] for row in rows}
    assert set(paid) <= set(found)
    assert all(near(value, paid.get(key, 0)) for key, value in found.items())
    without = [row for row in rows if row["source"] == "None"]
    assert without
    assert all(row["revenue"] > 0 and row["pageviews"] is None for row in without)


@answers("Refunds", "domain revenue refunds remains")
def _(rows: list[Row], world: World) -> None:
    truth = {
        domain: (earned, back)
        for domain, earned, back in world.events(
            "SELECT website_id, SUM(amount) FILTER (revenue_type <> 'refund'), "
            "SUM(amount) FILTER (revenue_type = 'refund') FROM known WHERE kind = 'revenue' "
            "GROUP BY ALL",
            FIRST,
            TODAY,
        )
    }
    assert len(rows) == len(world.server.websites)
    assert any(row["refunds"] < 0 for row in rows)
    for row in rows:
        earned, back = truth.get(row["domain"], (0, 0))
        assert near(row["revenue"], earned or 0)
        assert near(row["refunds"], back or 0)
        assert near(row["remains"], (earned or 0) + (back or 0))


@answers(
    "Errors for a thousand page views", "domain date total_errors pageviews for_thousand_pageviews"
)
def _(rows: list[Row], world: World) -> None:
    views = world.in_windows(FIRST, TODAY)
    errors = {
        (domain, day): count
        for domain, day, count in world.events(
            "SELECT website_id, day, COUNT(*) FROM known WHERE kind = 'error' GROUP BY ALL",
            FIRST,
            TODAY,
        )
    }
    assert len(rows) == 29 * len(world.server.websites)
    for row in rows:
        key = row["domain"], row["date"]
        assert (row["total_errors"], row["pageviews"]) == (errors.get(key, 0), views[key])
        if views[key]:
            assert near(row["for_thousand_pageviews"], 1000 * errors.get(key, 0) / views[key])
        else:
            assert row["for_thousand_pageviews"] is None


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
    expected = newer(world.table("error_types", "name", "count"), "name", "count")
    found = {(row["domain"], row["error"]): (row["first_seen"], row["occurrences"]) for row in rows}
    assert found == expected
    assert falling([row["occurrences"] for row in rows])


@answers("How fresh the tables are", "domain newest_day newest_final_day checked_at")
def _(rows: list[Row], world: World) -> None:
    assert {row["domain"] for row in rows} == {site.domain for site in world.server.websites}
    assert {row["newest_day"] for row in rows} == {TODAY}
    assert {row["newest_final_day"] for row in rows} == {TODAY - timedelta(days=4)}


@answers("What is final", "domain date state reason")
def _(rows: list[Row], world: World) -> None:
    assert len(rows) == 29 * len(world.server.websites)
    for row in rows:
        ago = (TODAY - row["date"]).days
        assert row["state"] == ("final" if ago > 3 else "may grow" if ago else "running")
        assert row["reason"] is None


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
