"""Which rows the tables have, whatever coverage says of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date

from databuddy_source.coverage.marks import Slot
from databuddy_source.coverage.reading import TABLE, Tables, among
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import HeldCell
from databuddy_source.model.windows import Grain


@dataclass(frozen=True, slots=True)
class Present:
    """The rows of a cell.

    Attributes:
        rows: how many.
        first_load, last_load: the ids of the loads that brought them.
    """

    rows: int
    first_load: str
    last_load: str


def present_rows(
    tables: Tables, reports: Iterable[tuple[str, Grain]], days: Collection[date]
) -> Mapping[tuple[str, str, Slot], Present]:
    """The rows of tables by website, report and window, without windows of which there are none.
    One query for days, weeks and months, and one for hours. Nothing where a table is not there.

    Args:
        tables: that are open.
        reports: names of tables, with the length of their windows.
        days: the first days of the windows that matter.
    """
    found: dict[tuple[str, str, Slot], Present] = {}
    for is_hourly in (False, True):
        names = sorted(name for name, grain in reports if (grain is Grain.HOUR) is is_hourly)
        column = "hour" if is_hourly else "date"
        asked = " UNION ALL ".join(
            f"SELECT '{name}', website_id, {column}, COUNT(*), MIN(_dlt_load_id), "
            f"MAX(_dlt_load_id) FROM {tables.place(name)} WHERE {among(days)} "
            f"GROUP BY website_id, {column}"
            for name in names
        )
        for name, website_id, slot, *told in tables.rows(TABLE, asked) if names and days else ():
            found[website_id, name, slot.astimezone(UTC) if is_hourly else slot] = Present(*told)
    return found


def rows_of_cells(
    tables: Tables, cells: Collection[Cell]
) -> Mapping[tuple[str, str, Slot], Present]:
    """The rows of tables in windows of cells; see `present_rows`."""
    reports = {(cell.report.name, cell.report.grain) for cell in cells}
    return present_rows(tables, reports, {cell.window.date for cell in cells})


def with_counts(
    tables: Tables, report: Report, days: Collection[date]
) -> Collection[tuple[str, Slot]] | None:
    """Where a table has more than zeros in what counts things, by website and window; None where
    nothing of it is known to count.

    Args:
        tables: that are open.
        report: whose rows they are.
        days: the first days of the windows that matter; at least one.
    """
    there = {each.replace("_", ""): each for each in tables.columns(report.name)}
    names = [each.replace("_", "").lower() for each in report.query_type.counting]
    counting = [tables.quoted(there[each]) for each in names if each in there]
    if not counting:
        return None
    column = "hour" if report.grain is Grain.HOUR else "date"
    counts = " OR ".join(f"{each} <> 0" for each in counting)
    found = tables.rows(
        report.name,
        f"SELECT DISTINCT website_id, {column} FROM {{table}} WHERE {among(days)} AND ({counts})",
    )
    return {
        (website_id, slot.astimezone(UTC) if report.grain is Grain.HOUR else slot)
        for website_id, slot in found
    }


def page_views(
    tables: Tables, reports: Collection[tuple[str, Grain]], first: date, last: date
) -> Mapping[tuple[str, str, Slot], int]:
    """How many page views tables have of windows, by website and report. One query for days, weeks
    and months, and one for hours.

    Args:
        tables: that are open.
        reports: names of tables, with the length of their windows. Those without a column
            `pageviews` have none.
        first, last: the days that matter.
    """
    found: dict[tuple[str, str, Slot], int] = {}
    columns = tables.columns_of({name for name, _ in reports})
    for is_hourly in (False, True):
        names = sorted(
            name
            for name, grain in reports
            if (grain is Grain.HOUR) is is_hourly and "pageviews" in columns[name]
        )
        at = "hour" if is_hourly else "date"
        asked = " UNION ALL ".join(
            f"SELECT '{name}', website_id, {at}, COALESCE(SUM(pageviews), 0) "
            f"FROM {tables.place(name)} WHERE date >= DATE '{first}' AND date <= DATE '{last}' "
            f"GROUP BY website_id, {at}"
            for name in names
        )
        for name, website_id, slot, views in tables.rows(TABLE, asked) if names else ():
            key = slot.astimezone(UTC) if is_hourly else slot
            found[website_id, name, key] = int(views)
    return found


def has_all(held: HeldCell, present: Present | None) -> bool:
    """Whether a table has the rows that coverage has a digest of, and no others.

    Args:
        held: what coverage says.
        present: what the table has; None for no rows.
    """
    return has_rows(held.rows, held.load_id, present)


def has_rows(rows: int, load_id: str | None, present: Present | None) -> bool:
    """Whether a table has so many rows, and all of one load.

    Args:
        rows: how many.
        load_id: of the load.
        present: what the table has; None for no rows.
    """
    if present is None:
        return rows == 0
    return present.rows == rows and {present.first_load, present.last_load} == {load_id}
