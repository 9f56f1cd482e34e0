"""Which rows the tables have, whatever coverage says of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date

from databuddy_source.coverage.marks import Slot
from databuddy_source.coverage.reading import TABLE, Tables
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
    tables: Tables, reports: Iterable[tuple[str, Grain]], first: date, last: date
) -> Mapping[tuple[str, str, Slot], Present]:
    """The rows of tables by website, report and window, without windows of which there are none.
    One query for days, weeks and months, and one for hours. Nothing where a table is not there.

    Args:
        tables: that are open.
        reports: names of tables, with the length of their windows.
        first, last: the days that matter.
    """
    found: dict[tuple[str, str, Slot], Present] = {}
    for is_hourly in (False, True):
        names = sorted(name for name, grain in reports if (grain is Grain.HOUR) is is_hourly)
        column = "hour" if is_hourly else "date"
        asked = " UNION ALL ".join(
            f"SELECT '{name}', website_id, {column}, COUNT(*), MIN(_dlt_load_id), "
            f"MAX(_dlt_load_id) FROM {tables.place(name)} WHERE date >= %s AND date <= %s "
            f"GROUP BY website_id, {column}"
            for name in names
        )
        for name, website_id, slot, *told in (
            tables.rows(TABLE, asked, *[first, last] * len(names)) if names else ()
        ):
            found[website_id, name, slot.astimezone(UTC) if is_hourly else slot] = Present(*told)
    return found


def page_views(
    tables: Tables, reports: Iterable[tuple[str, Grain]], first: date, last: date
) -> Mapping[tuple[str, str, Slot], int]:
    """How many page views tables have of windows, by website and report. A query for each table.

    Args:
        tables: that are open.
        reports: names of tables with a column `pageviews`, with the length of their windows.
        first, last: the days that matter.
    """
    found: dict[tuple[str, str, Slot], int] = {}
    for name, grain in reports:
        column = "hour" if grain is Grain.HOUR else "date"
        for website_id, slot, views in tables.rows(
            name,
            f"SELECT website_id, {column}, COALESCE(SUM(pageviews), 0) FROM {{table}} "
            f"WHERE date >= %s AND date <= %s GROUP BY website_id, {column}",
            *(first, last),
        ):
            key = slot.astimezone(UTC) if grain is Grain.HOUR else slot
            found[website_id, name, key] = int(views)
    return found


def has_all(held: HeldCell, present: Present | None) -> bool:
    """Whether a table has the rows that coverage has a digest of, and no others.

    Args:
        held: what coverage says.
        present: what the table has; None for no rows.
    """
    if present is None:
        return held.rows == 0
    loads = {present.first_load, present.last_load}
    return present.rows == held.rows and loads == {held.load_id}
