"""The views of weeks and months, as SQL. Pure.

Visitors and sessions of a window are the server's own; what stands beside them is a sum of days,
and so shown only where each day is known, to its end, and where all mean the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from databuddy_source.coverage.views import CELL_STATES, DAILY, SUMMARY
from databuddy_source.warehouse.view_columns import (
    COMPARABLE,
    CURRENCY,
    PARTIAL,
    Beside,
    Columns,
    beside,
    meaning,
    numbers,
    own_columns,
)


@dataclass(frozen=True)
class _Sum:
    """A column that is a sum over the days of a window.

    Attributes:
        of: the report beside.
        column: of the report.
        name: of the sum.
    """

    of: Beside
    column: str
    name: str

    @property
    def meaning(self) -> str:
        said = meaning(self.of.report, self.column, "g.generation")
        return f"CASE WHEN e.report = '{self.of.report}' THEN {said} END" if said else ""

    def of_days(self) -> list[str]:
        """Aggregates over the days `d` of the daily view."""
        return [f"SUM(d.{self.name}) AS {self.name}", f"COUNT(d.{self.name}) AS {self.name}_days"]

    def of_cells(self) -> list[str]:
        """Aggregates over the cells `e` of the days, with the generations `g` that gave them."""
        return [
            f"MIN({self.meaning}) AS {self.name}_first_meant",
            f"MAX({self.meaning}) AS {self.name}_meant",
        ] * bool(self.meaning)

    @property
    def is_shown(self) -> str:
        """Where it is a number of the whole window, or of a running one as far as it is known."""
        return " AND ".join(
            [
                f"n.first_day = c.date AND n.{self.name}_days = n.days",
                # a part of a day is known, but no part of what is over
                "(c.state = 'running' OR n.last_day + 1 = c.next_date "
                f"AND k.{self.of.report}_over = n.days)",
                *["n.currencies <= 1"] * self.of.has_currency,
                *[f"k.{self.name}_first_meant = k.{self.name}_meant"] * bool(self.meaning),
            ]
        )

    def own(self) -> list[str]:
        """Columns of a window."""
        meant = [f"k.{self.name}_meant"] * bool(self.meaning)
        return [f"CASE WHEN {self.is_shown} THEN n.{self.name} END AS {self.name}", *meant]

    def before(self) -> str:
        """The one of the window before."""
        if self.of.has_currency:
            is_alike = (
                "o.currencies = 0 OR o.currencies = 1 AND (b.currencies = 0 OR o.money = b.money)"
            )
            return f"CASE WHEN {is_alike} THEN b.{self.name} END"
        return _before(self.name, is_redefined=bool(self.meaning))


def _before(name: str, *, is_redefined: bool) -> str:
    if is_redefined:
        return f"CASE WHEN o.{name}_meant = b.{name}_meant THEN b.{name} END"
    return f"b.{name}"


def longer(table: str, columns: Columns, *, by_week: bool) -> str:
    """The view of weeks or months.

    Args:
        table: of their summary.
        columns: of each table that is there.
        by_week: and not by month.
    """
    counts, rates = own_columns(table, columns)
    redefined = {name: said for name in rates if (said := meaning(SUMMARY, name, "g.generation"))}
    parts = beside(columns) if SUMMARY in columns else []  # without it there is no daily view
    sums = [_Sum(each, column, name) for each in parts for column, name in each.sums.items()]
    names = [*counts.values(), *rates]
    own = ["c.website_id", "w.domain", "c.date", "c.state", *numbers(table, columns)]
    own += [f"{said} AS {name}_meant" for name, said in redefined.items()]
    own += [each for one in sums for each in one.own()]
    chosen = [*names, *(each.name for each in sums)]
    chosen = [f"o.{each}" for each in ("website_id", "domain", "date", "state", *chosen)]
    paid = [each for each in sums if each.of.has_currency][:1]
    for each in paid:
        own += [f"CASE WHEN {each.is_shown} THEN NULLIF(n.money, '') END AS {CURRENCY}"]
        own += [f"CASE WHEN {each.is_shown} THEN n.currencies END AS currencies", "n.money"]
        # nothing is of any currency
        chosen += [
            f"CASE WHEN o.currencies = 0 THEN b.{CURRENCY} ELSE o.{CURRENCY} END AS currency"
        ]
    chosen += [f"{_before(c, is_redefined=c in redefined)} AS {c}_before" for c in names]
    chosen += [f"{each.before()} AS {each.name}_before" for each in sums]
    following = "c.date + 7" if by_week else "CAST(DATE_TRUNC('month', c.date + 31) AS DATE)"
    before = "o.date - 7" if by_week else "CAST(DATE_TRUNC('month', o.date - 1) AS DATE)"
    return f"""
WITH windows AS (
  SELECT c.website_id, c.date, c.state, c.{PARTIAL}, {following} AS next_date
  FROM {CELL_STATES} AS c
  WHERE c.report = '{table}'
){"".join(f", {each}" for each in _of_days(parts, sums) if parts)},
own AS (
  SELECT {", ".join(own)}
  FROM windows AS c
  JOIN websites AS w ON w.id = c.website_id
  LEFT JOIN {table} AS s ON s.website_id = c.website_id AND s.date = c.date
  LEFT JOIN coverage AS g ON g.website_id = c.website_id AND g.report = '{table}'
    AND g.date = c.date
  {_JOINS if parts else ""}
)
SELECT {", ".join(chosen)}
FROM own AS o
LEFT JOIN own AS b ON b.website_id = o.website_id AND b.date = {before}
  AND o.state IN {COMPARABLE} AND b.state IN {COMPARABLE}
"""


_JOINS = """
  LEFT JOIN sums AS n ON n.website_id = c.website_id AND n.date = c.date
  LEFT JOIN known AS k ON k.website_id = c.website_id AND k.date = c.date
"""


def _of_days(parts: list[Beside], sums: list[_Sum]) -> Iterator[str]:
    """What is said of the days of a window: their sums, and what is known of them."""
    of_days = ["MIN(d.date) AS first_day", "MAX(d.date) AS last_day", "COUNT(*) AS days"]
    of_days += [said for each in sums for said in each.of_days()]
    of_cells = []
    for each in parts:
        over = f"e.report = '{each.report}' AND e.state IN {COMPARABLE}"
        of_cells.append(f"SUM(CASE WHEN {over} THEN 1 ELSE 0 END) AS {each.report}_over")
        if each.has_currency:
            paid = each.currency_of("d.", each.sums.values())
            of_days += [f"COUNT(DISTINCT {paid}) AS currencies", f"MAX({paid}) AS money"]
    of_cells += [said for each in sums for said in each.of_cells()]
    reports = ", ".join(f"'{each.report}'" for each in parts)
    yield f"""sums AS (
  SELECT c.website_id, c.date, {", ".join(of_days)}
  FROM windows AS c
  JOIN {DAILY} AS d ON d.website_id = c.website_id AND d.date >= c.date AND d.date < c.next_date
  GROUP BY c.website_id, c.date
)"""
    yield f"""known AS (
  SELECT c.website_id, c.date, {", ".join(of_cells)}
  FROM windows AS c
  JOIN {CELL_STATES} AS e ON e.website_id = c.website_id
    AND e.date >= c.date AND e.date < c.next_date
  LEFT JOIN coverage AS g ON g.website_id = e.website_id AND g.report = e.report
    AND g.date = e.date
  WHERE e.grain = 'day' AND e.report IN ({reports})
  GROUP BY c.website_id, c.date
)"""
