"""What the views are, as SQL: written once, for any warehouse. Pure: no warehouse here.

The text is DuckDB's dialect, kept to what all have: a date and a whole number make a date. Names
of tables and views are plain; `views.py` says where they are and writes the dialect at hand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

CELLS: Final = "cell_states"
DAILY, WEEKLY, MONTHLY = "daily_summary", "weekly_summary", "monthly_summary"
VIEWS: Final = (CELLS, DAILY, WEEKLY, MONTHLY)
"""In the order in which they are made: later ones read earlier ones."""

SUMMARY: Final = "summary_metrics"
KNOWN: Final = "('final', 'may grow', 'running')"
"""The states of which a count without a row is zero."""
COMPARABLE: Final = "('final', 'may grow')"
NOTHING: Final = "('failed', 'missing')"
"""The states of which no number is shown: older rows may be of a part of the window."""

COUNTS: Final = {"pageviews": "pageviews", "unique_visitors": "visitors", "sessions": "sessions"}
MORE_COUNTS: Final = {"total_events": "total_events"}
RATES: Final = ("bounce_rate", "median_session_duration", "avg_session_duration")
"""Columns of the summary, as the API has them; those that a table lacks are left out."""

Columns = Mapping[str, Collection[str]]
"""The columns of each table that is there."""


@dataclass(frozen=True)
class Beside:
    """A report whose sum stands beside the summary.

    Attributes:
        report: its table.
        sums: columns of the table that are summed, and how they are called then.
    """

    report: str
    sums: Mapping[str, str]

    @property
    def state(self) -> str:
        return f"{self.report}_state"


BESIDE: Final = (
    Beside("custom_events", {"total_events": "events"}),
    Beside("error_summary", {"total_errors": "errors"}),
    Beside("revenue_overview", {"total_revenue": "revenue", "refund_amount": "refunds"}),
)

MONEY: Final = frozenset({"revenue", "refunds"})
"""Sums of one currency, or none."""

_CELLS: Final = f"""
WITH done AS (
  SELECT website_id, report, grain, date, window_start, window_end, reason,
    CASE WHEN status IN ('failed', 'unavailable') THEN 'failed'
      WHEN status <> 'complete' THEN status
      WHEN COALESCE(checked_at, fetched_at) < window_end THEN 'running'
      WHEN final THEN 'final'
      ELSE 'may grow' END AS state
  FROM coverage
  WHERE _dlt_load_id IN (SELECT load_id FROM _dlt_loads WHERE status = 0)
),
neighbours AS (
  SELECT website_id, report, grain, date,
    CASE WHEN grain = 'week' THEN 7 ELSE 1 END AS step,
    LEAD(date) OVER (PARTITION BY website_id, report, grain ORDER BY date) AS next_date
  FROM done
  WHERE grain <> 'hour'
),
gaps AS (
  SELECT website_id, report, grain, date, step, next_date
  FROM neighbours
  WHERE next_date > date + CASE WHEN grain = 'month' THEN 31 ELSE step END
),
digits AS (
  SELECT 0 AS n {" ".join(f"UNION ALL SELECT {n}" for n in range(1, 10))}
),
numbers AS (
  SELECT ones.n + 10 * tens.n + 100 * hundreds.n + 1000 * thousands.n + 1 AS n
  FROM digits AS ones CROSS JOIN digits AS tens CROSS JOIN digits AS hundreds
  CROSS JOIN digits AS thousands
),
absent AS (
  SELECT gaps.website_id, gaps.report, gaps.grain, gaps.date + gaps.step * numbers.n AS date
  FROM gaps
  JOIN numbers ON gaps.date + gaps.step * numbers.n < gaps.next_date
)
SELECT website_id, report, grain, date, window_start, window_end, state, reason FROM done
UNION ALL
SELECT website_id, report, grain, date, CAST(NULL AS TIMESTAMPTZ), CAST(NULL AS TIMESTAMPTZ),
  'missing', CAST(NULL AS TEXT)
FROM absent
WHERE grain <> 'month' OR EXTRACT(DAY FROM date) = 1
"""


def view_texts(columns: Columns) -> dict[str, str]:
    """The views that there shall be, in the order in which they are made.

    Args:
        columns: of each of our tables that is there.
    """
    if not {"coverage", "_dlt_loads"} <= columns.keys():
        return {}
    texts = {CELLS: _CELLS}
    if {SUMMARY, "websites"} <= columns.keys():
        texts[DAILY] = _daily(columns)
        for view, suffix in ((WEEKLY, "weekly"), (MONTHLY, "monthly")):
            if f"{SUMMARY}_{suffix}" in columns:
                texts[view] = _longer(f"{SUMMARY}_{suffix}", columns, by_week=view == WEEKLY)
    return texts


def _own(table: str, columns: Columns) -> tuple[dict[str, str], list[str]]:
    """The counts and the rates of a summary."""
    counts = {
        name: called for name, called in (COUNTS | MORE_COUNTS).items() if name in columns[table]
    }
    return counts, [name for name in RATES if name in columns[table]]


def _sums(columns: Columns) -> list[Beside]:
    """What stands beside, as far as it is loaded."""
    return [
        Beside(each.report, own)
        for each in BESIDE
        if each.report in columns
        and (own := {c: called for c, called in each.sums.items() if c in columns[each.report]})
    ]


def _has_currency(columns: Columns) -> bool:
    return "currency" in columns.get("revenue_overview", ())


def _numbers(table: str, columns: Columns, state: str) -> list[str]:
    """The columns of a summary `s` beside the state of its cell."""
    counts, rates = _own(table, columns)
    return [
        *(
            f"CASE WHEN {state} IN {NOTHING} THEN NULL "
            f"WHEN {state} IN {KNOWN} THEN COALESCE(s.{name}, 0) ELSE s.{name} END AS {called}"
            for name, called in counts.items()
        ),
        *(
            f"CASE WHEN {state} NOT IN {NOTHING} AND s.sessions > 0 THEN s.{name} END AS {name}"
            for name in rates
        ),
    ]


def _daily(columns: Columns) -> str:
    beside = _sums(columns)
    states = [f"MAX(CASE WHEN report = '{SUMMARY}' THEN state END) AS state"]
    states += [
        f"MAX(CASE WHEN report = '{each.report}' THEN state END) AS {each.state}" for each in beside
    ]
    reports = ", ".join(f"'{name}'" for name in (SUMMARY, *(each.report for each in beside)))
    chosen = ["c.website_id", "w.domain", "c.date", "c.state"]
    chosen += _numbers(SUMMARY, columns, "c.state")
    joins, parts = [], []
    for each in beside:
        alone = "COUNT(DISTINCT currency) <= 1" if "revenue" in each.sums.values() else ""
        alone = alone if _has_currency(columns) else ""
        sums = [
            (f"CASE WHEN {alone} THEN SUM({c}) END" if alone else f"SUM({c})") + f" AS {called}"
            for c, called in each.sums.items()
        ]
        sums += [f"CASE WHEN {alone} THEN MAX(currency) END AS currency"] if alone else []
        sums += ["COUNT(*) AS found"]
        parts.append(
            f"{each.report}_sums AS (SELECT website_id, date, {', '.join(sums)} "
            f"FROM {each.report} GROUP BY website_id, date)"
        )
        joins.append(
            f"LEFT JOIN {each.report}_sums ON {each.report}_sums.website_id = c.website_id "
            f"AND {each.report}_sums.date = c.date"
        )
        chosen += [
            f"CASE WHEN c.{each.state} IN {KNOWN} THEN CASE WHEN {each.report}_sums.found > 0 "
            f"THEN {each.report}_sums.{called} ELSE 0 END END AS {called}"
            for called in each.sums.values()
        ]
        chosen += [f"{each.report}_sums.currency"] if alone else []
    return f"""
WITH cells AS (
  SELECT website_id, date, {", ".join(states)}
  FROM {CELLS}
  WHERE grain = 'day' AND report IN ({reports})
  GROUP BY website_id, date
){"".join(f", {part}" for part in parts)}
SELECT {", ".join(chosen)}
FROM cells AS c
JOIN websites AS w ON w.id = c.website_id
LEFT JOIN {SUMMARY} AS s ON s.website_id = c.website_id AND s.date = c.date
{" ".join(joins)}
WHERE c.state IS NOT NULL
"""


def _longer(table: str, columns: Columns, *, by_week: bool) -> str:
    counts, rates = _own(table, columns)
    sums = [called for each in _sums(columns) for called in each.sums.values()]
    currency = _has_currency(columns)
    following = "date + 7" if by_week else "CAST(DATE_TRUNC('month', date + 31) AS DATE)"
    before = "o.date - 7" if by_week else "CAST(DATE_TRUNC('month', o.date - 1) AS DATE)"
    of_days = ["MIN(d.date) AS first_day", "MAX(d.date) AS last_day", "COUNT(*) AS days"]
    of_days += ["COUNT(DISTINCT d.currency) AS currencies"] if currency else []
    of_days += ["MAX(d.currency) AS currency"] if currency else []
    for name in sums:
        of_days += [f"SUM(d.{name}) AS {name}", f"COUNT(d.{name}) AS {name}_days"]
    whole = "n.first_day = c.date AND (n.last_day + 1 = c.next_date OR c.state = 'running')"
    own = ["c.website_id", "w.domain", "c.date", "c.state", *_numbers(table, columns, "c.state")]
    for name in sums:
        one = " AND n.currencies <= 1" if currency and name in MONEY else ""
        own.append(f"CASE WHEN {whole} AND n.{name}_days = n.days{one} THEN n.{name} END AS {name}")
    own += ["CASE WHEN n.currencies = 1 THEN n.currency END AS currency"] if currency else []
    called = [*counts.values(), *rates, *sums, *(["currency"] if currency else [])]
    compared = [
        f"CASE WHEN o.currency = b.currency OR b.{name} = 0 THEN b.{name} END AS {name}_before"
        if currency and name in MONEY
        else f"b.{name} AS {name}_before"
        for name in (*counts.values(), *rates, *sums)
    ]
    return f"""
WITH windows AS (
  SELECT website_id, date, state, {following} AS next_date
  FROM {CELLS}
  WHERE report = '{table}'
),
sums AS (
  SELECT c.website_id, c.date, {", ".join(of_days)}
  FROM windows AS c
  JOIN {DAILY} AS d ON d.website_id = c.website_id AND d.date >= c.date AND d.date < c.next_date
  GROUP BY c.website_id, c.date
),
own AS (
  SELECT {", ".join(own)}
  FROM windows AS c
  JOIN websites AS w ON w.id = c.website_id
  LEFT JOIN {table} AS s ON s.website_id = c.website_id AND s.date = c.date
  LEFT JOIN sums AS n ON n.website_id = c.website_id AND n.date = c.date
)
SELECT o.website_id, o.domain, o.date, o.state,
  {", ".join(f"o.{name}" for name in called)}, {", ".join(compared)}
FROM own AS o
LEFT JOIN own AS b ON b.website_id = o.website_id AND b.date = {before}
  AND o.state IN {COMPARABLE} AND b.state IN {COMPARABLE}
"""
