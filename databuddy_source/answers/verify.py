"""Asks the API again for cells of the warehouse and compares them value by value.

Nothing is changed. A cell that later syncs will ask for again may differ, since late events
restate it; a final one may not.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial
from itertools import groupby
from typing import Any

import dlt

from databuddy_source.answers.comparison import Tolerance, differences
from databuddy_source.answers.holdings import holdings
from databuddy_source.api.server import Server, run_alone
from databuddy_source.config.connect import contact, refuse_another_server
from databuddy_source.config.reports import ReportSetting, split_name, table_name
from databuddy_source.config.resolve import configured
from databuddy_source.config.selection import ids_meant
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.queries import Recorded, recorded_cells
from databuddy_source.coverage.reading import known
from databuddy_source.dlt_seam import SqlClientBase
from databuddy_source.errors import OtherDays
from databuddy_source.extract.fetching import fetchers_for
from databuddy_source.model.changes import change_between
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import Result
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Grain
from databuddy_source.tables.hints import partition_of
from databuddy_source.tables.layout import TOMBSTONE, Layout, our_columns
from databuddy_source.tables.rows import rows_table

CELLS_AT_ONCE = 1_000
"""Cells whose rows are held at the same time."""


class Outcome(StrEnum):
    """What comparing a cell showed."""

    EQUAL = "equal"
    RESTATED = "restated"
    """different, but not final: the next syncs ask for it again"""
    DIFFERENT = "different"
    UNANSWERED = "unanswered"
    """the API gave no whole answer"""


@dataclass(frozen=True, slots=True)
class Checked:
    """One cell that was compared.

    Attributes:
        cell: what was asked for.
        outcome: what it showed.
        details: the differences, or why there was no answer.
        tolerance: the columns that were compared less strictly.
    """

    cell: Recorded
    outcome: Outcome
    details: tuple[str, ...] = ()
    tolerance: Tolerance = field(default_factory=Tolerance)


def verify(
    pipeline: dlt.Pipeline,
    settings: Settings | None = None,
    *,
    sample: int | None = None,
    since: date | None = None,
    until: date | None = None,
    websites: Collection[str] = (),
    reports: Collection[str] = (),
) -> Iterator[Checked]:
    """Compare complete cells of the warehouse with the API.

    Args:
        pipeline: that loaded them.
        settings: server and key; time zone, grain and filters are those of the cells. Default: as
            configured.
        sample: how many cells, by chance; all when None.
        since, until: first and last day, both included.
        websites: only these, by id or domain; all when empty. Cells of a website that no account
            of the settings is asked for are unanswered.
        reports: only these, by any of their names; all when empty.

    Raises:
        BadSetting: a website is none that the key sees or the dataset has, or a report is none at
            all.
        OtherDays: the server knows UTC days only, and the warehouse has others.
        ServerChanged: it was upgraded, or put back, while it was asked.
        DatabuddyError: the server cannot be reached, or rejects the key.
    """
    settings = settings or configured()
    listing = any("." in name for name in websites)
    server = contact(settings, listing=listing)
    cells = recorded_cells(pipeline, since, until)
    ids = _ids_of(websites, pipeline, server, cells)
    tables = _tables_of(reports, pipeline, settings, cells)
    cells = [
        cell
        for cell in cells
        if (not ids or cell.website_id in ids) and (not tables or cell.report in tables)
    ]
    if sample is not None and sample < len(cells):
        cells = random.sample(cells, sample)
    zones = {cell.window.zone for cell in cells}
    if others := [zone for zone in zones if server.generation.zone(zone) != zone]:
        raise OtherDays(
            f"The tables hold days of {min(others)}, and this server knows UTC days only"
        )
    if settings.accounts:
        asked = {id_ for own in settings.by_account().values() for id_ in own.websites}
        for cell in cells:
            if cell.website_id not in asked:
                yield Checked(cell, Outcome.UNANSWERED, ("no account is asked for its website",))
        cells = [cell for cell in cells if cell.website_id in asked]
    cells.sort(key=lambda cell: (cell.website_id, cell.report, cell.window))
    for start in range(0, len(cells), CELLS_AT_ONCE):
        yield from _compare(pipeline, settings, server, cells[start : start + CELLS_AT_ONCE])


def _ids_of(
    names: Collection[str], pipeline: dlt.Pipeline, server: Server, cells: Sequence[Recorded]
) -> set[str]:
    """The ids of the websites that are meant: of those that the key sees, or else the dataset
    has."""
    held = {cell.website_id for cell in cells}
    found: set[str] = set()
    for name in names:
        ids = {id_ for id_ in ids_meant(name, server.websites) if id_ in held | {*server.websites}}
        found |= ids or set(holdings(pipeline).ids_of([name]))
    return found


def _tables_of(
    names: Collection[str],
    pipeline: dlt.Pipeline,
    settings: Settings,
    cells: Sequence[Recorded],
) -> set[str]:
    """The tables of the reports that are meant: of what could be loaded, or else the dataset
    has."""
    found = {table_name(name) for name in names}
    known = {cell.report for cell in cells} | {each.name for each in settings.chosen_reports()}
    for table in found - known:
        if not load_catalog().get(split_name(table)[0]).known:
            holdings(pipeline).reports_of([table])
    return found


def _compare(
    pipeline: dlt.Pipeline, settings: Settings, server: Server, recorded: Sequence[Recorded]
) -> Iterator[Checked]:
    asked: dict[Recorded, Cell] = {}
    for each in recorded:
        spelling = server.spelling(each.query_type)
        if spelling is None:
            yield Checked(each, Outcome.UNANSWERED, ("this server lacks the query type",))
            continue
        chosen = known("filters", each.filters, partial(_chosen, each))
        report = chosen.on(server.generation, server.types[spelling])
        asked[each] = Cell(each.website_id, report, each.window)
    results = run_alone(lambda: _fetched(settings, server, list(asked.values())))
    refuse_another_server(settings, server)
    with pipeline.sql_client() as client:
        for (_, table), group in groupby(asked, key=lambda each: (each.website_id, each.report)):
            answers = {each: results[asked[each]] for each in group}
            whole = [each for each, answer in answers.items() if answer.status is Status.COMPLETE]
            columns = list(pipeline.default_schema.get_table_columns(table))
            held = _held(client, table, columns, whole)
            loaded = _as_loaded(pipeline, [answers[each] for each in whole])
            for each, answer in answers.items():
                if answer.status is not Status.COMPLETE:
                    yield Checked(each, Outcome.UNANSWERED, (answer.reason,))
                    continue
                tolerance = Tolerance.of(answer.cell.report.query_type)
                found = tuple(differences(held[_place(each)], loaded[_place(each)], tolerance))
                differs = Outcome.DIFFERENT if each.final else Outcome.RESTATED
                if found and (why := _redefined(each, server.generation)):
                    found = (why, *found)
                yield Checked(each, differs if found else Outcome.EQUAL, found, tolerance)


def _chosen(cell: Recorded, filters: str) -> ReportSetting:
    """The report of a cell; a ValueError where its filters are none."""
    return ReportSetting.model_validate(
        {
            "name": cell.report,
            "query_type": cell.query_type,
            "grain": cell.window.grain,
            "filters": filters or [],
        }
    )


def _redefined(cell: Recorded, now: Generation) -> str:
    """What the cell meant to the server that gave it and means no more, or an empty string."""
    if cell.generation not in set(Generation):
        return ""
    before = Generation(cell.generation)
    change = change_between(cell.query_type, before, now)
    return f"asked of {before.called}, and {change}" if change else ""


async def _fetched(
    settings: Settings, server: Server, cells: Sequence[Cell]
) -> Mapping[Cell, Result]:
    fetcher = fetchers_for(settings, server)
    for _, group in groupby(cells, key=lambda cell: cell.series):
        fetcher.want(list(group))
    try:
        return {cell: await fetcher.result(cell) for cell in cells}
    finally:
        await fetcher.close()


_Row = dict[str, Any]


def _place(cell: Recorded) -> object:
    """What names the cell's rows within its website and table."""
    return cell.window.start if partition_of(cell.window.grain)[1] == "hour" else cell.window.date


def _held(
    client: SqlClientBase[Any], table: str, columns: Sequence[str], cells: Sequence[Recorded]
) -> Mapping[object, list[_Row]]:
    """The rows of one website's cells as the warehouse has them, by `_place`."""
    found: dict[object, list[_Row]] = defaultdict(list)
    if not cells:
        return found
    grain = cells[0].window.grain
    website, period = partition_of(grain)
    marks = ", ".join(["%s"] * len(cells))
    rows = client.execute_sql(
        f"SELECT {', '.join(map(client.escape_column_name, columns))} "
        f"FROM {client.make_qualified_table_name(table)} "
        f"WHERE {website} = %s AND {period} IN ({marks})",
        cells[0].website_id,
        *map(_place, cells),
    )
    _by_place([dict(zip(columns, row, strict=True)) for row in rows or ()], grain, found)
    return found


def _as_loaded(pipeline: dlt.Pipeline, results: Sequence[Result]) -> Mapping[object, list[_Row]]:
    """The rows of answers as a load would bring them, by `_place`."""
    found: dict[object, list[_Row]] = defaultdict(list)
    if not results:
        return found
    report = results[0].cell.report
    loaded = rows_table(report, results, Layout.of(report, pipeline.default_schema))
    rows = [row for row in loaded.to_pylist() if not row[TOMBSTONE]]
    _by_place(rows, report.grain, found)
    return found


def _by_place(rows: Iterable[_Row], grain: Grain, found: dict[object, list[_Row]]) -> None:
    column, ours = partition_of(grain)[1], our_columns(grain)
    for row in rows:
        place = row[column]
        found[place.astimezone(UTC) if isinstance(place, datetime) else place].append(
            {name: value for name, value in row.items() if name not in ours}
        )
