"""What the views are, as SQL: written once, for any warehouse. Pure: no warehouse here.

The text is DuckDB's dialect, kept to what all have: a date and a whole number make a date. Names
of tables and views are plain; `views.py` says where they are and writes the dialect at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from databuddy_source.coverage.views import (
    CELL_STATES,
    DAILY,
    MONTHLY,
    MONTHS,
    NEEDS,
    SUMMARY,
    WEEKLY,
    WEEKS,
)
from databuddy_source.warehouse.view_columns import (
    CURRENCY,
    KNOWN,
    PARTIAL,
    Beside,
    Columns,
    beside,
    numbers,
)
from databuddy_source.warehouse.view_windows import longer

_CELLS: Final = f"""
WITH done AS (
  SELECT website_id, report, grain, date, window_start, window_end, reason,
    CASE WHEN status IN ('failed', 'unavailable') THEN 'failed'
      WHEN status <> 'complete' THEN status
      WHEN COALESCE(checked_at, fetched_at) < window_end THEN 'running'
      WHEN final THEN 'final'
      ELSE 'may grow' END AS state,
    CASE WHEN status = 'complete' THEN COALESCE(checked_at, fetched_at) < window_end
      ELSE NOT COALESCE(final, FALSE) AND fetched_at < window_end END AS {PARTIAL}
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
SELECT website_id, report, grain, date, window_start, window_end, state, reason, {PARTIAL}
FROM done
UNION ALL
SELECT website_id, report, grain, date, CAST(NULL AS TIMESTAMPTZ), CAST(NULL AS TIMESTAMPTZ),
  'missing', CAST(NULL AS TEXT), FALSE
FROM absent
WHERE grain <> 'month' OR EXTRACT(DAY FROM date) = 1
"""


def view_texts(columns: Columns) -> dict[str, str]:
    """The views that there shall be, in the order in which they are made.

    Args:
        columns: of each of our tables that is there.
    """
    text: Mapping[str, Callable[[], str]] = {
        CELL_STATES: lambda: _CELLS,
        DAILY: lambda: _daily(columns),
        WEEKLY: lambda: longer(WEEKS, columns, by_week=True),
        MONTHLY: lambda: longer(MONTHS, columns, by_week=False),
    }
    return {view: text[view]() for view, needs in NEEDS.items() if {*needs} <= columns.keys()}


def _daily(columns: Columns) -> str:
    parts = beside(columns)
    states = [f"MAX(CASE WHEN report = '{SUMMARY}' THEN state END) AS state"]
    own = f"report = '{SUMMARY}' AND {PARTIAL}"
    states += [f"MAX(CASE WHEN {own} THEN 1 ELSE 0 END) = 1 AS {PARTIAL}"]
    states += [
        f"MAX(CASE WHEN report = '{each.report}' THEN state END) AS {each.state}" for each in parts
    ]
    reports = ", ".join(f"'{name}'" for name in (SUMMARY, *(each.report for each in parts)))
    chosen = ["c.website_id", "w.domain", "c.date", "c.state"]
    chosen += numbers(SUMMARY, columns)
    for each in parts:
        chosen += [
            f"CASE WHEN c.{each.state} IN {KNOWN} THEN CASE WHEN {each.report}_sums.found > 0 "
            f"THEN {each.report}_sums.{called} ELSE 0 END END AS {called}"
            for called in each.sums.values()
        ]
        currency = f"CASE WHEN c.{each.state} IN {KNOWN} THEN {each.report}_sums.{CURRENCY} END"
        chosen += [f"{currency} AS {CURRENCY}"] * each.has_currency
    joins = [
        f"LEFT JOIN {each.report}_sums ON {each.report}_sums.website_id = c.website_id "
        f"AND {each.report}_sums.date = c.date"
        for each in parts
    ]
    return f"""
WITH cells AS (
  SELECT website_id, date, {", ".join(states)}
  FROM {CELL_STATES}
  WHERE grain = 'day' AND report IN ({reports})
  GROUP BY website_id, date
){"".join(f", {_sums_of(each)}" for each in parts)}
SELECT {", ".join(chosen)}
FROM cells AS c
JOIN websites AS w ON w.id = c.website_id
LEFT JOIN {SUMMARY} AS s ON s.website_id = c.website_id AND s.date = c.date
{" ".join(joins)}
WHERE c.state IS NOT NULL
"""


def _sums_of(each: Beside) -> str:
    """What a report has of each day. Amounts that are not all of one currency are not added up."""
    sums = [f"SUM({c}) AS {called}" for c, called in each.sums.items()]
    if each.has_currency:
        paid = each.currency_of("", each.sums)
        one = f"CASE WHEN COUNT(DISTINCT {paid}) <= 1 THEN"
        sums = [f"{one} SUM({c}) END AS {called}" for c, called in each.sums.items()]
        sums.append(f"{one} NULLIF(MAX({paid}), '') END AS {CURRENCY}")
    return (
        f"{each.report}_sums AS (SELECT website_id, date, {', '.join(sums)}, COUNT(*) AS found "
        f"FROM {each.report} GROUP BY website_id, date)"
    )
