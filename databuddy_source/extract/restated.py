"""Notes what changed of windows that were over when they were loaded before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson
import pyarrow as pa

from databuddy_source.coverage import restatements
from databuddy_source.extract.before import Compared, Told, told_of
from databuddy_source.model.digests import is_current, says_the_same
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import HeldCell, Result
from databuddy_source.model.windows import Grain, Window, tile

MOST_KEYS: Final = 10
"""That a change names."""

_EXACT: Final = 2**53
"""Whole numbers below it are the same as floats, and JSON's readers have them."""


@dataclass(frozen=True)
class Change:
    """A window of which the server says something else than it did.

    Attributes:
        held: what the warehouse has of it.
        at: when the answer was there, UTC.
        after: what it says.
        why: it was asked for.
        request_id: the server's, of the request that the answer came by.
    """

    cell: Cell
    held: HeldCell
    at: datetime
    after: Told
    why: str
    request_id: str = ""


def change_of(result: Result, held: HeldCell | None, why: str) -> Change | None:
    """What an answer restates: it has other rows than the warehouse, and those came when the last
    day of the window was over. None for one that does not.

    Args:
        result: with its rows and their digest.
        held: what the warehouse holds of the cell.
        why: it was asked for.
    """
    if held is None or not is_current(held.digest) or not result.is_new:
        return None
    if says_the_same(held.digest, result.digest):  # rows are missing, or of another load
        return None
    if held.checked_at is None or held.checked_at < _over(result.cell.window):
        return None
    after = told_of(result.rows, Compared.of(result.cell.report.query_type))
    return Change(result.cell, held, result.fetched_at, after, why, result.request_id)


def restated(changes: Sequence[Change], before: Mapping[Cell, Told]) -> pa.Table:
    """Rows of the table of what changed, without their ids.

    Args:
        changes: of one website and report.
        before: what the warehouse has of each.
    """
    compared = Compared.of(changes[0].cell.report.query_type)
    rows = []
    for each in changes:
        window = each.cell.window
        had = before[each.cell]
        rows.append(
            {
                "website_id": each.cell.website_id,
                "report": each.cell.report.name,
                "window_start": window.start,
                "window_end": window.end,
                "date": window.date,
                "grain": window.grain.value,
                "noticed_at": each.at,
                "loaded_at": each.held.fetched_at,
                "why": each.why,
                "rows_before": had.rows,
                "rows_after": each.after.rows,
                "sums": _changed_sums(had, each.after, compared),
                "keys": _changed_keys(had, each.after, compared),
                "request_id": each.request_id or None,
            }
        )
    return pa.Table.from_pylist(rows, restatements.NOTED)


def _over(window: Window) -> datetime:
    """When the last day of a window is over; of an hour its day."""
    if window.grain is not Grain.HOUR:
        return window.end
    return tile(window.date, window.date, window.zone)[-1].end


def _changed_sums(before: Told, after: Told, compared: Compared) -> str:
    both = {
        name: [_plain(before.sums.get(name, 0)), _plain(after.sums.get(name, 0))]
        for name in compared.summed
    }
    return orjson.dumps({name: [a, b] for name, (a, b) in both.items() if a != b}).decode()


def _changed_keys(before: Told, after: Told, compared: Compared) -> str | None:
    if not compared.key:
        return None
    both = {
        key: (_plain(before.keys.get(key, 0)), _plain(after.keys.get(key, 0)))
        for key in {*before.keys, *after.keys}
    }
    changed = [(key, pair) for key, pair in both.items() if pair[0] != pair[1]]
    changed.sort(key=lambda each: (-abs(each[1][1] - each[1][0]), str(each[0])))
    told = [
        {**dict(zip(compared.key, key, strict=True)), compared.measure: pair}
        for key, pair in changed[:MOST_KEYS]
    ]
    return orjson.dumps(told).decode("utf-8", "replace")


def _plain(value: float) -> float:
    """Without the last digits, in which the sums of floats differ by their order."""
    rounded = round(float(value), 6)
    return int(rounded) if rounded.is_integer() and abs(rounded) < _EXACT else rounded
