"""Rows that somebody took away or added by hand: what tables have against what coverage says."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from databuddy_source.coverage.reading import Tables, coverage_rows

Told = Mapping[tuple[str, str], Mapping[date, int]]
"""Rows by website's id and report, and by the first day of the window. Of hours, those of a day."""


@dataclass(frozen=True, slots=True)
class Miscount:
    """A day of one website and report of which the table has another number of rows than was
    loaded.

    Attributes:
        date: of the day, or the first one of a week or month, in the zone that cuts the report.
        told: rows that coverage says were loaded.
        there: rows that the table has.
    """

    website_id: str
    report: str
    date: date
    told: int
    there: int

    def __str__(self) -> str:
        where = f"{self.report} of {self.website_id} on {self.date}"
        return f"{where} has {self.there:,} rows of {self.told:,}"


def told_by_coverage(tables: Tables) -> Told:
    """The rows of each day that coverage says were loaded, of all that it knows.

    Args:
        tables: that are open.
    """
    found: dict[tuple[str, str], dict[date, int]] = defaultdict(dict)
    for website_id, report, day, rows in coverage_rows(
        tables,
        "SELECT website_id, report, date, SUM({rows}) FROM {table} "
        "GROUP BY website_id, report, date",
    ):
        found[website_id, report][day] = int(rows)
    return found


def miscounts(tables: Tables, told: Told) -> Iterator[Miscount]:
    """Count the rows of each day, a query for each table.

    Args:
        tables: that are open.
        told: what coverage says of the days to look at.
    """
    for report in sorted({report for _, report in told}):
        counted = tables.rows(
            report, "SELECT website_id, date, COUNT(*) FROM {table} GROUP BY website_id, date"
        )
        there = {(website_id, day): rows for website_id, day, rows in counted}
        for (website_id, name), days in told.items():
            for day, rows in days.items() if name == report else ():
                found = there.get((website_id, day), 0)
                if found != rows:
                    yield Miscount(website_id, report, day, rows, found)
