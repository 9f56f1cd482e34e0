"""The life of a number: what the warehouse has of a window, and what became of it since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from databuddy_source.answers.holdings import holdings
from databuddy_source.answers.verify import Checked, verify
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.reading import (
    RESTATEMENTS,
    Tables,
    coverage_rows,
    grain_of,
    tables_of,
    zone_of,
)
from databuddy_source.errors import BadSetting
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.windows import Grain, LocalDate, last_date
from databuddy_source.tables.hints import partition_of
from databuddy_source.tables.layout import our_columns

if TYPE_CHECKING:
    import dlt

ROWS_SHOWN: Final = 100
"""Of one window."""


@dataclass(frozen=True)
class CellState:
    """What coverage says of a window of a website and report; instants are UTC.

    Attributes:
        date: its first day, in `time_zone`.
        filters: as JSON; None without any.
        generation: of the server that was asked; None where that was not recorded.
        status: complete, truncated, suspect, failed or unavailable.
        final: whether syncs leave it alone, unless they compare history.
        fetched_at: when the answer was there that brought the rows.
        checked_at: when the last answer was there.
        load_id: of the load that brought the rows; None where that was not recorded.
        request_id: what the server called the request that brought them; None where it did not say.
    """

    website_id: str
    report: str
    date: LocalDate
    grain: str
    window_start: datetime
    window_end: datetime
    time_zone: str
    query_type: str
    filters: str | None
    generation: str | None
    status: str
    final: bool
    reason: str | None
    fetched_at: datetime
    checked_at: datetime
    load_id: str | None
    request_id: str | None

    def has(self, day: LocalDate) -> bool:
        """Whether a day, in `time_zone`, is in the window."""
        return self.date <= day <= last_date(self.date, Grain(self.grain))


@dataclass(frozen=True)
class Changed:
    """One change of a window that was over; instants are UTC.

    Attributes:
        noticed_at: when the answer was there that said something else.
        loaded_at: when the answer was there that was loaded before.
        why: it was asked for: lookback, scrub, heal, refetch or audit.
        sums: before and after, by column, of those that changed.
        keys: the ten with the greatest change; None where rows have no key.
        load_id: of the load that noticed it.
        request_id: what the server called the request; None where it did not say.
    """

    noticed_at: datetime
    loaded_at: datetime
    why: str
    rows_before: int
    rows_after: int
    sums: Mapping[str, Sequence[float]]
    keys: Sequence[Mapping[str, Any]] | None
    load_id: str
    request_id: str | None


@dataclass(frozen=True)
class Life:
    """What is known of a window of a website and report.

    Attributes:
        domain: of the website, where the warehouse knows it.
        rows: that the table has of it, or those that were chosen, without our own columns.
        left_out: how many more there are.
        adds_up: by column, whether its values may be added up; None where that is no question.
        changes: oldest first.
        now: what the server says at this moment, where it was asked and the cell is complete.
    """

    cell: CellState
    domain: str | None
    rows: Sequence[Mapping[str, Any]]
    left_out: int
    adds_up: Mapping[str, bool | None]
    changes: Sequence[Changed]
    now: Checked | None = None


def why(
    pipeline: dlt.Pipeline,
    table: str,
    day: date,
    *,
    websites: Sequence[str] = (),
    keys: Mapping[str, str] | None = None,
    ask: Settings | None = None,
) -> list[Life]:
    """The life of what a table has of a day: of each of its hours, or of the week or month that it
    is in.

    Args:
        pipeline: whose warehouse it is, with its local state.
        table: a report, by any of its names.
        day: in the report's time zone.
        websites: ids or domains; all where there are none.
        keys: only rows whose columns have these values, as text.
        ask: server and key, where the server shall be asked, too.

    Raises:
        BadSetting: the dataset has no such report, website, column or day.
        DatabuddyError: the server cannot be reached, or rejects the key.
    """
    keys = keys or {}
    with tables_of(pipeline) as tables:
        found = holdings(tables)
        (report,) = found.reports_of([table])
        ids = found.ids_of(websites)
        columns = [*pipeline.default_schema.get_table_columns(report)]
        if unknown := sorted(keys.keys() - {*columns}):
            has = ", ".join(sorted({*columns} - our_columns(Grain.HOUR)))
            raise BadSetting(f"{report} has no column {unknown[0]!r}", f"It has: {has}.")
        cells = [each for each in _cells(tables, report) if each.has(day)]
        lives = []
        for cell in cells:
            if not ids or cell.website_id in ids:
                website = found.websites.get(cell.website_id)
                rows = _rows(tables, cell, columns, keys)
                kinds = load_catalog().get(cell.query_type).columns
                lives.append(
                    Life(
                        cell,
                        website.domain if website else None,
                        rows[:ROWS_SHOWN],
                        max(0, len(rows) - ROWS_SHOWN),
                        {name: kinds[name].adds_up for name in columns if name in kinds},
                        _changes(tables, cell),
                    )
                )
    if not lives:
        raise BadSetting(f"{report} has nothing of {day}", "`status` says which days it has.")
    return _asked(pipeline, ask, lives) if ask else lives


def _cells(tables: Tables, report: str) -> list[CellState]:
    asked = (
        "SELECT website_id, report, date, grain, window_start, window_end, time_zone, query_type, "
        "filters, {generation}, status, final, reason, fetched_at, {checked_at}, {load_id}, "
        "{request_id} "
        "FROM {table} WHERE report = %s ORDER BY website_id, window_start"
    )
    found = [CellState(*map(_plain, row)) for row in coverage_rows(tables, asked, report)]
    for each in found:
        grain_of(each.grain)
        zone_of(each.time_zone)
    return found


def _rows(
    tables: Tables, cell: CellState, columns: Sequence[str], keys: Mapping[str, str]
) -> list[Mapping[str, Any]]:
    ours = our_columns(Grain(cell.grain))
    own = [name for name in columns if name not in ours]
    slot = partition_of(Grain(cell.grain))[1]
    asked = ", ".join(map(tables.quoted, own)) or "1"
    found = tables.rows(
        cell.report,
        f"SELECT {asked} FROM {{table}} WHERE website_id = %s AND {tables.quoted(slot)} = %s",
        cell.website_id,
        cell.window_start if slot == "hour" else cell.date,
    )
    rows = [dict(zip(own, map(_plain, row), strict=False)) for row in found]
    return [row for row in rows if all(str(row.get(key)) == keys[key] for key in keys)]


def _changes(tables: Tables, cell: CellState) -> list[Changed]:
    found = tables.rows(
        RESTATEMENTS,
        "SELECT noticed_at, loaded_at, why, rows_before, rows_after, _dlt_load_id, request_id, "
        "sums, keys FROM {table} WHERE website_id = %s AND report = %s AND window_start = %s "
        "ORDER BY noticed_at",
        cell.website_id,
        cell.report,
        cell.window_start,
    )
    names = ("noticed_at", "loaded_at", "why", "rows_before", "rows_after", "load_id", "request_id")
    return [
        Changed(
            **dict(zip(names, map(_plain, told), strict=True)),
            sums=orjson.loads(sums),
            keys=orjson.loads(keys) if keys else None,
        )
        for *told, sums, keys in found
    ]


def _plain(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _asked(pipeline: dlt.Pipeline, ask: Settings, lives: Sequence[Life]) -> list[Life]:
    """The same, and what the server says now."""
    checked = verify(
        pipeline,
        ask,
        since=min(each.cell.date for each in lives),
        until=max(each.cell.date for each in lives),
        websites=sorted({each.cell.website_id for each in lives}),
        reports=[lives[0].cell.report],
    )
    found = {(each.cell.website_id, each.cell.window.start): each for each in checked}
    return [
        replace(each, now=found.get((each.cell.website_id, each.cell.window_start)))
        for each in lives
    ]
