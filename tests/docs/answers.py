"""What each query of the manual has to give: counted in the server's events, by SQL and arithmetic
of its own, never in what was loaded."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import pytest

from tests.docs.queries import QUERIES, reports
from tests.docs.world import DAYS, HOURLY, TODAY, WEEKLY, Read, World, ago, hours_of

Rows = list[tuple[Any, ...]]
Expected = Callable[[World], Rows]
ANSWERS: dict[str, tuple[str, Expected]] = {}
"""By the title of a query: the names of its columns, and its rows in their order."""

OVER = ("final", "may grow")
KNOWN = (*OVER, "running")
FOUR_WEEKS = DAYS[1:]
THIS_WEEK, WEEK_BEFORE = (DAYS[-1 - days : -days + 6] for days in (7, 14))


def answers(title: str, columns: str) -> Callable[[Expected], Expected]:
    """What a query has to give, and the names of its columns in order."""

    def remember(expected: Expected) -> Expected:
        ANSWERS[title] = columns, expected
        return expected

    return remember


def wrong(read: Read, world: World) -> dict[str, str]:
    """Run all queries and compare their answers. Returns what is wrong, by the title of a query.

    Args:
        read: runs SQL on what was loaded.
        world: what it was loaded from.
    """
    told = {title: _difference(title, read, world) for title in QUERIES}
    return {title: difference for title, difference in told.items() if difference}


def _difference(title: str, read: Read, world: World) -> str:
    sql, (columns, expected) = QUERIES[title].sql, ANSWERS[title]
    found = [tuple(map(plain, row)) for row in read(sql)]
    named = read(f"SELECT {columns.replace(' ', ', ')} FROM ({sql}) AS query")
    if Counter(tuple(map(plain, row)) for row in named) != Counter(found):
        return f"its columns are not {columns}"
    right = [tuple(map(exact, row)) for row in expected(world)]
    if not right and world.lacking:
        return "no rows, so it tells nothing"
    pairs = [pair for pair in zip_longest(found, right) if pair[0] != pair[1]]
    return f"{len(pairs)} rows differ, first {pairs[0][0]}: not {pairs[0][1]}" if pairs else ""


def plain(value: Any) -> Any:
    """A value whatever the warehouse: whole numbers and others, instants in UTC."""
    if isinstance(value, Decimal | float):
        return int(value) if value == int(value) else float(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def exact(value: Any) -> Any:
    """A number of another order of adding up is the same one."""
    return pytest.approx(value, rel=1e-9) if isinstance(value, float) else value


def rounded(value: float | None, digits: int = 1) -> Any:
    """What is rounded, by whatever rule for what lies in the middle."""
    return None if value is None else pytest.approx(value, abs=0.50001 * 10**-digits)


def share(part: float, whole: float) -> Any:
    return rounded(100 * part / whole) if whole else None


class Said:
    """Any text with one of these; any value at all without."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __eq__(self, other: object) -> bool:
        return not self.words or any(word in str(other) for word in self.words)

    def __repr__(self) -> str:
        return f"Said{self.words}"

    __hash__ = None  # type: ignore[assignment]


def by(*columns: int) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """An order by columns, counted from 1; by a negative one from the greatest down."""
    return lambda row: tuple(row[each - 1] if each > 0 else -row[-each - 1] for each in columns)


VIEWS = "WHERE kind = 'screen_view'"


Summary = dict[tuple[str, date], tuple[Any, ...]]


def summary(world: World) -> Summary:
    """State, page views, visitors and sessions of each day of each website."""
    counted = {
        (domain, day): tuple(counts)
        for domain, day, *counts in world.events(
            "SELECT website_id, day, COUNT(*), COUNT(DISTINCT anonymous_id), "
            f"COUNT(DISTINCT session_id) FROM cut {VIEWS} GROUP BY ALL"
        )
    }
    found: Summary = {}
    for key in ((domain, day) for domain in world.domains for day in DAYS):
        state = world.state(key[0], "summary_metrics", key[1])
        unknown = state in ("failed", "missing")
        found[key] = state, *([None] * 3 if unknown else counted.get(key, (0, 0, 0)))
    return found


def known_views(found: Summary, domain: str, days: Sequence[date]) -> int | None:
    """Page views of days that are over, unless one is not known."""
    own = [found[domain, day] for day in days]
    return sum(views for _, views, *_ in own) if all(row[0] in OVER for row in own) else None


@answers("Traffic by day", "domain date state pageviews visitors sessions")
def _(world: World) -> Rows:
    return [(*key, *row) for key, row in summary(world).items()]


@answers("Page views over seven days", "date pageviews mean_of_seven_days")
def _(world: World) -> Rows:
    rows: Rows = []
    found = summary(world)
    for day in DAYS[:-1]:
        of_sites = [known_views(found, domain, [day]) for domain in world.domains]
        whole = None if None in of_sites else sum(each or 0 for each in of_sites)
        week = [views for _, views, _ in rows[-6:]] + [whole]
        mean = None if None in week or len(week) < 7 else plain(sum(week) / 7)
        rows.append((day, whole, mean))
    return rows


@answers("Week over week", "domain this_week week_before change_percent")
def _(world: World) -> Rows:
    rows: Rows = []
    found = summary(world)
    for domain in world.domains:
        new, old = (known_views(found, domain, week) for week in (THIS_WEEK, WEEK_BEFORE))
        compared = None not in (new, old) and old
        rows.append((domain, new, old, share(new - old, old) if compared else None))
    return rows


@answers("Two websites side by side", "date shop shop_state blog blog_state")
def _(world: World) -> Rows:
    found = summary(world)
    both = ("shop.example.com", "blog.example.com")
    return [
        (day, *(value for domain in both for value in found[domain, day][1::-1])) for day in DAYS
    ]


@answers("Visitors by week", "domain week state visitors change")
def _(world: World) -> Rows:
    visitors = {
        (domain, week): count
        for domain, week, count in world.events(
            "SELECT website_id, CAST(DATE_TRUNC('week', day) AS DATE) AS week, "
            "COUNT(DISTINCT anonymous_id) FROM arrived WHERE kind = 'screen_view' "
            "AND NOT (ISODOW(day) = 7 AND CAST(time AS TIME) > TIME '23:59:59') GROUP BY ALL"
        )
    }
    rows: Rows = []
    for domain in world.domains:
        before = None
        for week in sorted({day - timedelta(days=day.weekday()) for day in DAYS}):
            state, count = world.state(domain, WEEKLY, week), visitors.get((domain, week), 0)
            over = count if state in OVER else None
            change = None if None in (over, before) else over - before
            # what was last believed of the newest week is of a part of it
            is_part = state == "suspect" and week + timedelta(days=6) >= TODAY
            shown = None if state == "failed" or is_part else count
            rows.append((domain, week, state, shown, change))
            before = over
    return rows


@answers("Weekends against weekdays", "domain part days pageviews_a_day")
def _(world: World) -> Rows:
    views: dict[tuple[str, str], list[int]] = defaultdict(list)
    for (domain, day), (state, count, *_) in summary(world).items():
        if state in OVER:
            views[domain, "weekend" if day.isoweekday() > 5 else "weekday"].append(count)
    return sorted((*key, len(own), plain(sum(own) / len(own))) for key, own in views.items())


@answers("Hours of the week", "domain day_of_week hour_of_day hours pageviews")
def _(world: World) -> Rows:
    views = {
        (domain, hour.replace(tzinfo=UTC)): count
        for domain, hour, count in world.events(
            f"SELECT website_id, DATE_TRUNC('hour', time), COUNT(*) FROM arrived {VIEWS} "
            "GROUP BY ALL"
        )
    }
    found: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for domain in world.domains:
        for hour in (hour for day in DAYS[:-1] for hour in hours_of(day)):
            if world.known(domain, HOURLY, hour):
                key = domain, hour.isoweekday(), hour.hour
                found[key].append(views.get((domain, hour), 0))
    return sorted((*key, len(own), plain(sum(own) / len(own))) for key, own in found.items())


PAGES = f"SELECT website_id, day, path, COUNT(*) FROM cut {VIEWS} GROUP BY ALL"


@answers("Top pages", "domain page pageviews known_days")
def _(world: World) -> Rows:
    rows = [
        (domain, page, views, world.known_days(domain, "top_pages", FOUR_WEEKS))
        for (domain, page), (views,) in world.sums("top_pages", PAGES, FOUR_WEEKS).items()
    ]
    return sorted(rows, key=by(-3, 1, 2))[:20]


@answers("Pages that gain or lose", "domain page this_week week_before change known_days")
def _(world: World) -> Rows:
    def pairs(domain: str) -> set[date]:
        return {
            new
            for new, old in zip(THIS_WEEK, WEEK_BEFORE, strict=True)
            if world.known(domain, "top_pages", new) and world.known(domain, "top_pages", old)
        }

    views: dict[tuple[str, str], Counter[bool]] = defaultdict(Counter)
    for domain, day, page, count in world.events(PAGES):
        if day in pairs(domain) or day + timedelta(days=7) in pairs(domain):
            views[domain, page][day in THIS_WEEK] += count
    rows = [
        (*key, own[True], own[False], own[True] - own[False], len(pairs(key[0])))
        for key, own in views.items()
    ]
    return sorted(rows, key=lambda row: (-abs(row[4]), *row))[:20]


def newer(world: World, report: str, sql: str, days: int) -> Rows:
    """What is there in so many last days and in none before, with its first day, its sum, and how
    many days are not known."""
    first: dict[tuple[str, Any], date] = {}
    for domain, day, name, _ in world.of_known(report, sql):
        first[domain, name] = min(first.get((domain, name), day), day)
    sums = world.sums(report, sql)
    rows = [
        (*key, day, *sums[key], len(DAYS) - world.known_days(key[0], report, DAYS))
        for key, day in first.items()
        if day > ago(days)
    ]
    return sorted(rows, key=by(-4, 1, 2))


@answers("New pages", "domain page first_seen pageviews unknown_days")
def _(world: World) -> Rows:
    return newer(world, "top_pages", PAGES, 7)


TIMED = "WHERE kind = 'screen_view' AND load_time > 0"


@answers("Slow pages", "domain page days slow_days worst_day_ms known_days")
def _(world: World) -> Rows:
    means: dict[tuple[str, str], list[float]] = defaultdict(list)
    sql = f"SELECT website_id, day, path, AVG(load_time) FROM cut {TIMED} GROUP BY ALL"
    for domain, _, page, mean in world.of_known("slow_pages", sql, FOUR_WEEKS):
        means[domain, page].append(mean)
    rows = [
        (
            *key,
            len(own),
            sum(mean > 1000 for mean in own),
            plain(max(own)),
            world.known_days(key[0], "slow_pages", FOUR_WEEKS),
        )
        for key, own in means.items()
        if max(own) > 1000
    ]
    return sorted(rows, key=by(-4, -5, 1, 2))[:20]


@answers("Load times over weeks", "domain page load_time_ms pageviews known_days")
def _(world: World) -> Rows:
    sql = f"SELECT website_id, day, path, SUM(load_time), COUNT(*) FROM cut {TIMED} GROUP BY ALL"
    rows = [
        (*key, whole / views, views, world.known_days(key[0], "slow_pages", FOUR_WEEKS))
        for key, (whole, views) in world.sums("slow_pages", sql, FOUR_WEEKS).items()
        if views >= 20
    ]
    # each mean of a day is rounded by the machine, so what is equal here may differ there
    return [
        (domain, page, pytest.approx(float(mean), rel=1e-9), *rest)
        for domain, page, mean, *rest in sorted(rows, key=by(-3, 1, 2))[:20]
    ]


GOOD = {"CLS": 0.1, "FCP": 1800, "INP": 200, "LCP": 2500, "TTFB": 800}


@answers("Web vitals", "domain date metric_name p75 good verdict samples")
def _(world: World) -> Rows:
    rows: Rows = []
    sql = (
        "SELECT website_id, day, metric_name, QUANTILE_CONT(metric_value, 0.75), COUNT(*) "
        "FROM arrived WHERE kind = 'web_vital' GROUP BY ALL"
    )
    for domain, day, metric, p75, samples in world.events(sql):
        over = [each for each in DAYS[:-1] if world.known(domain, "vitals_time_series", each)]
        if day == over[-1] and metric in GOOD:
            verdict = "good" if p75 <= GOOD[metric] else "needs work"
            rows.append((domain, day, metric, float(p75), GOOD[metric], verdict, samples))
    return sorted(rows, key=by(1, 3))


def shares(world: World, report: str, sql: str) -> Iterable[tuple[str, Any, int, Any, int]]:
    """Website, name, sum, its share of the website's, and the days that are known."""
    sums = {key: count for key, (count,) in world.sums(report, sql, FOUR_WEEKS).items()}
    whole: Counter[str] = Counter()
    for (domain, _), count in sums.items():
        whole[domain] += count
    for (domain, name), count in sums.items():
        days = world.known_days(domain, report, FOUR_WEEKS)
        yield domain, name, count, share(count, whole[domain]), days


@answers("Sources", "domain source pageviews percent known_days")
def _(world: World) -> Rows:
    sql = (
        "SELECT website_id, day, CASE WHEN referrer LIKE 'http%' THEN SPLIT_PART(referrer, '/', 3) "
        f"ELSE 'direct' END AS source, COUNT(*) FROM cut {VIEWS} GROUP BY ALL"
    )
    return sorted(shares(world, "traffic_sources", sql), key=by(1, -3, 2))


CAMPAIGNS = (
    "SELECT website_id, day, utm_campaign, COUNT(*), COUNT(DISTINCT anonymous_id) "
    f"FROM cut {VIEWS} AND utm_campaign <> '' GROUP BY ALL"
)


@answers("Campaigns by day", "domain date state campaign pageviews visitors")
def _(world: World) -> Rows:
    of_day: dict[tuple[str, date], Rows] = defaultdict(list)
    for domain, day, *row in world.of_known("utm_campaigns", CAMPAIGNS):
        of_day[domain, day].append(tuple(row))
    return [
        (domain, day, world.state(domain, "utm_campaigns", day), *row)
        for domain in world.domains
        for day in DAYS
        for row in sorted(of_day[domain, day], key=by(-2, 1)) or [(None, None, None)]
    ]


@answers("Campaigns", "domain campaign pageviews days known_days")
def _(world: World) -> Rows:
    sql = CAMPAIGNS.replace("COUNT(DISTINCT anonymous_id)", "1")
    rows = [
        (*key, views, days, world.known_days(key[0], "utm_campaigns", FOUR_WEEKS))
        for key, (views, days) in world.sums("utm_campaigns", sql, FOUR_WEEKS).items()
    ]
    return sorted(rows, key=by(-3, 1, 2))


COUNTRIES = (
    "SELECT website_id, day, COALESCE(code, country) AS code, COUNT(*) FROM cut "
    f"LEFT JOIN countries ON spelling = country {VIEWS} AND country <> '' GROUP BY ALL"
)


@answers("New countries", "domain country_code first_seen pageviews unknown_days")
def _(world: World) -> Rows:
    return newer(world, "country", COUNTRIES, 14)


@answers("Countries", "domain country_code country pageviews percent known_days")
def _(world: World) -> Rows:
    names = {
        code: name
        for _, code, name in world.events(
            "SELECT DISTINCT website_id, code, name FROM cut JOIN countries ON spelling = country"
        )
    }
    rows = [
        (domain, code, names.get(code, code), *rest)
        for domain, code, *rest in shares(world, "country", COUNTRIES)
    ]
    return sorted(rows, key=by(1, -4, 2))


@answers("Devices by week", "domain week device pageviews percent known_days")
def _(world: World) -> Rows:
    sql = (
        "SELECT website_id, day, device_type, COUNT(*) FROM cut "
        f"{VIEWS} AND device_type <> '' GROUP BY ALL"
    )
    rows: Rows = []
    for week in {day - timedelta(days=day.weekday()) for day in DAYS}:
        days = [day for day in DAYS if week <= day <= week + timedelta(days=6)]
        sums = world.sums("device_types", sql, days)
        for (domain, device), (views,) in sums.items():
            whole = sum(own for (other, _), (own,) in sums.items() if other == domain)
            known = world.known_days(domain, "device_types", days)
            rows.append((domain, week, device.capitalize(), views, share(views, whole), known))
    return sorted(rows, key=by(1, 2, -4, 3))


@answers("Events for a hundred sessions", "domain date event total_events for_hundred_sessions")
def _(world: World) -> Rows:
    found = summary(world)
    sql = "SELECT website_id, day, event_name, COUNT(*) FROM cut WHERE kind = 'custom' GROUP BY ALL"
    return sorted(
        (
            (domain, day, event, count, share(count, found[domain, day][3]))
            for domain, day, event, count in world.of_known("custom_events", sql)
            if found[domain, day][0] in KNOWN
        ),
        key=by(1, 2, 3),
    )


@answers("Links that lead away", "domain href clicks last_clicked known_days")
def _(world: World) -> Rows:
    # a server of April 2026 counts a click once for each event of its page within a minute
    sql = (
        "SELECT c.website_id, c.day, c.href, COUNT(*), MAX(DATE_TRUNC('millisecond', c.time)) "
        "FROM cut c LEFT JOIN cut p "
        "ON p.website_id = c.website_id AND p.day = c.day AND p.session_id = c.session_id "
        "AND p.kind IN ('screen_view', 'page_exit') AND ABS(EPOCH(p.time - c.time)) <= 60 "
        "WHERE c.kind = 'link_out' GROUP BY ALL"
    )
    clicks: Counter[tuple[str, str]] = Counter()
    last: dict[tuple[str, str], datetime] = {}
    for domain, _, href, count, at in world.of_known("outbound_links", sql, FOUR_WEEKS):
        clicks[domain, href] += count
        last[domain, href] = max(last.get((domain, href), at), at)
    rows = [
        (
            *key,
            count,
            last[key].replace(tzinfo=UTC),
            world.known_days(key[0], "outbound_links", FOUR_WEEKS),
        )
        for key, count in clicks.items()
    ]
    return sorted(rows, key=by(-3, 1, 2))[:20]


@answers("Retention", "domain date state new_users returning_users retention_rate week_before")
def _(world: World) -> Rows:
    counted: dict[tuple[str, date], tuple[int, int]] = {}
    with_before = (
        "SELECT v.website_id, v.day, COUNT(*) FILTER (NOT seen), COUNT(*) FILTER (seen) FROM ("
        "SELECT DISTINCT c.website_id, c.day, c.anonymous_id, EXISTS (FROM arrived b WHERE "
        "b.kind = 'screen_view' AND b.website_id = c.website_id "
        "AND b.anonymous_id = c.anonymous_id AND b.day BETWEEN c.day - 29 AND c.day - 1) AS seen "
        "FROM cut c WHERE c.kind = 'screen_view') v GROUP BY ALL"
    )
    for domain, day, new, returning in world.of_known("retention_rate", with_before):
        counted[domain, day] = new, returning

    def rate(domain: str, day: date) -> Any:
        new, returning = counted.get((domain, day), (0, 0))
        return rounded(100 * returning / (new + returning), 2) if new + returning else None

    return [
        (
            domain,
            day,
            world.state(domain, "retention_rate", day),
            *counted.get((domain, day), (None, None)),
            rate(domain, day),
            rate(domain, day - timedelta(days=7)),
        )
        for domain in world.domains
        for day in DAYS
    ]


PAID = (
    "SELECT website_id, day, COALESCE(NULLIF(utm_source, ''), 'None') AS source, SUM(amount), "
    "COUNT(*) FROM cut WHERE kind = 'revenue' AND revenue_type <> 'refund' GROUP BY ALL"
)


@answers("Revenue by source", "domain source revenue transactions mean_amount known_days")
def _(world: World) -> Rows:
    report = "revenue_by_utm_source"
    rows = [
        (
            *key,
            rounded(float(amount), 4),
            count,
            rounded(float(amount) / count, 4),
            world.known_days(key[0], report, FOUR_WEEKS),
        )
        for key, (amount, count) in world.sums(report, PAID, FOUR_WEEKS).items()
    ]
    return sorted(rows, key=lambda row: (-row[2].expected, *row[:2]))


@answers("Revenue with what has no source", "domain source revenue pageviews known_days")
def _(world: World) -> Rows:
    def both(domain: str) -> list[date]:
        return [
            day
            for day in FOUR_WEEKS
            if world.known(domain, "revenue_by_utm_source", day)
            and world.known(domain, "utm_sources", day)
        ]

    visits = (
        "SELECT website_id, day, utm_source, COUNT(*) FROM cut "
        f"{VIEWS} AND utm_source <> '' GROUP BY ALL"
    )
    found: dict[tuple[str, str], list[Any]] = defaultdict(lambda: [0, None])
    for domain, day, source, amount, _ in world.events(PAID):
        if day in both(domain):
            found[domain, source][0] += float(amount)
    for domain, day, source, views in world.events(visits):
        if day in both(domain):
            found[domain, source][1] = (found[domain, source][1] or 0) + views
    rows = [
        (*key, rounded(amount, 4), views, len(both(key[0])))
        for key, (amount, views) in found.items()
    ]
    return sorted(rows, key=lambda row: (row[0], -row[2].expected, row[1]))


@answers("Refunds", "domain revenue refunds remains known_days")
def _(world: World) -> Rows:
    sums: dict[str, list[float]] = {domain: [0, 0] for domain in world.domains}
    sql = (
        "SELECT website_id, day, revenue_type = 'refund', SUM(amount) FROM cut "
        "WHERE kind = 'revenue' GROUP BY ALL"
    )
    for domain, _, is_refund, amount in world.of_known("revenue_overview", sql, FOUR_WEEKS):
        sums[domain][is_refund] += float(amount)
    return [
        (
            domain,
            rounded(earned, 4),
            rounded(back, 4),
            rounded(earned + back, 4),
            world.known_days(domain, "revenue_overview", FOUR_WEEKS),
        )
        for domain, (earned, back) in sums.items()
    ]


@answers(
    "Errors for a thousand page views",
    "domain date state total_errors pageviews for_thousand_pageviews",
)
def _(world: World) -> Rows:
    sql = "SELECT website_id, day, COUNT(*) FROM cut WHERE kind = 'error' GROUP BY ALL"
    errors = {(domain, day): count for domain, day, count in world.events(sql)}
    rows: Rows = []
    for key, (state, views, *_) in summary(world).items():
        known = world.known(key[0], "error_summary", key[1])
        count = errors.get(key, 0) if known else None
        rate = rounded(1000 * count / views) if views and count is not None else None
        rows.append((*key, state, count, views, rate))
    return rows


ERRORS = "SELECT website_id, day, message, COUNT(*) FROM cut WHERE kind = 'error' GROUP BY ALL"


@answers("Errors before and after a release", "release domain error before after change known_days")
def _(world: World) -> Rows:
    before, after = [ago(days) for days in (10, 9, 8)], [ago(days) for days in (6, 5, 4)]
    sides = [world.sums("error_types", ERRORS, days) for days in (before, after)]
    rows: Rows = []
    for domain, error in {*sides[0], *sides[1]}:
        old, new = (side.get((domain, error), [0])[0] for side in sides)
        known = world.known_days(domain, "error_types", [*before, *after])
        rows.append(("1.4.0", domain, error, old, new, new - old if known == 6 else None, known))
    return sorted(rows, key=lambda row: (row[1], row[3] - row[4], row[2]))


@answers("New errors", "domain error first_seen occurrences unknown_days")
def _(world: World) -> Rows:
    return newer(world, "error_types", ERRORS, 7)


@answers("How fresh the tables are", "domain report newest_day newest_final_day checked_at")
def _(world: World) -> Rows:
    return [
        (
            domain,
            report,
            max(day for day in DAYS if world.known(domain, report, day)),
            max(day for day in DAYS if world.state(domain, report, day) == "final"),
            Said(f"{TODAY} {world.server.now:%H:}"),
        )
        for domain in world.domains
        for report in sorted(reports() - {HOURLY, WEEKLY})
    ]


REASONS = {
    "failed": Said("out of memory"),
    "truncated": Said("rows have the key of another one"),
    "suspect": Said("empty", "fewer page views"),
}


@answers("What is final", "domain date state reason")
def _(world: World) -> Rows:
    return [(*key, row[0], REASONS.get(row[0])) for key, row in summary(world).items()]


@answers("What is not complete", "domain report date status rows rows_expected reason")
def _(world: World) -> Rows:
    rows = [
        (domain, report, of.date() if isinstance(of, datetime) else of, state)
        for (domain, report, of), state in world.lacking.items()
        if state != "missing"
    ]
    return [
        (*row, Said(), Said() if row[3] == "truncated" else None, REASONS[row[3]])
        for row in sorted(rows, key=lambda row: (-row[2].toordinal(), *row[:2]))
    ]


@answers("Days that nobody asked for", "domain report date")
def _(world: World) -> Rows:
    return sorted(
        (domain, report, of)
        for (domain, report, of), state in world.lacking.items()
        if state == "missing" and report != HOURLY  # hours that nobody asked for have no row
    )
