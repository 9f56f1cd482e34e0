"""Which final cells are compared next with what the server says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import chain, product
from typing import NamedTuple

from databuddy_source.coverage.believed import UNTRUE, true_until
from databuddy_source.coverage.proofs import PATIENCE, Series
from databuddy_source.coverage.reading import BROUGHT, Tables, coverage_rows, window_of
from databuddy_source.model.digests import SCHEME
from databuddy_source.model.generations import Generation
from databuddy_source.model.windows import Window


class Next(NamedTuple):
    """A final cell whose turn it is to be asked for again."""

    website_id: str
    report: str
    window: Window


def next_cells(
    tables: Tables,
    series: Collection[Series],
    generation: Generation,
    most: int,
    rows: int,
    now: datetime,
) -> list[Next]:
    """The final cells that were asked for longest ago, the oldest answer first: of each website the
    days with the oldest ones.

    Args:
        tables: that are open.
        series: that are asked for; at least one. What others have, which nobody chooses any longer,
            has no turn: its proof would stay the oldest one for ever.
        generation: of the server that gave them.
        most: cells of one website.
        rows: that come in one answer; cells that had as many are left out.
        now: this instant.
    """
    which, among_these = rows_of(series)
    which = (
        f"final AND NOT {UNTRUE} AND status IN ({BROUGHT}) AND {{generation}} = %s "
        f"AND {{rows}} < {rows} AND {{digest}} LIKE '{SCHEME}:%%' "
        f"AND ({{doubted_at}} IS NULL OR {{doubted_at}} < %s) AND {which}"
    )
    values = (*true_until(now), generation.value, now - PATIENCE, *among_these)
    # sorting all cells takes memory, and there are ten times as many as days
    found = coverage_rows(
        tables,
        "SELECT website_id, report, date, window_start, window_end, time_zone, grain FROM {table} "
        f"JOIN (SELECT website_id AS whose, date AS day FROM (SELECT website_id, date, "
        "ROW_NUMBER() OVER (PARTITION BY website_id ORDER BY asked_at, date) AS turn FROM "
        f"(SELECT website_id, date, MIN({{checked_at}}) AS asked_at FROM {{table}} WHERE {which} "
        "GROUP BY website_id, date) AS by_day) AS ranked WHERE turn <= %s) AS days "
        f"ON website_id = whose AND date = day WHERE {which} "
        "ORDER BY {checked_at}, window_start, report, website_id",
        *values,
        most // len({report for _, report in series}) + 2,
        *values,
    )
    return [
        Next(
            row[0],
            row[1],
            window_of(row[2:7]),
        )
        for row in found
    ]


def rows_of(series: Collection[Series]) -> tuple[str, Sequence[str]]:
    """SQL that is true of the rows of these websites and reports, and its values.

    Args:
        series: at least one.
    """
    websites, reports = (sorted({each[place] for each in series}) for place in (0, 1))
    others = [place for place in product(websites, reports) if place not in series]
    marks = (", ".join(["%s"] * len(each)) for each in (websites, reports))
    these = "website_id IN ({}) AND report IN ({})".format(*marks)
    not_these = " AND NOT (website_id = %s AND report = %s)" * len(others)
    return these + not_these, [*websites, *reports, *chain(*others)]
