"""A calendar of the warehouse: one mark for each window. Pure: no warehouse here.

What coverage says of a window becomes its mark. A window that coverage does not name is missing
once it is settled, which is when daily syncs no longer ask for it by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby
from typing import TypeAlias

from databuddy_source.fetch.results import Status
from databuddy_source.model.windows import Grain, Window

Place: TypeAlias = date | datetime
"""What names a window within its report: its first instant where it is an hour, else its date."""


class Mark(StrEnum):
    """What is known of a window, from what is well to what is worst."""

    EMPTY = "empty"
    """complete and final, and nobody came"""
    COMPLETE = "complete"
    """complete and final"""
    DUE = "due"
    """never asked for, and not settled yet: the next sync asks for it"""
    RESTATED = "restated"
    """complete, but not final: the next syncs ask for it again"""
    UNAVAILABLE = "unavailable"
    """the server fails for this query type every time, and nobody named it"""
    SUSPECT = "suspect"
    """the answer was empty and is not believed"""
    TRUNCATED = "truncated"
    """more rows exist than could be had"""
    FAILED = "failed"
    """no answer"""
    MISSING = "missing"
    """settled, and never asked for"""

    @property
    def is_gap(self) -> bool:
        """Whether the warehouse lacks something that may be had: what `heal` asks for."""
        return self in _GAPS


_GAPS = frozenset({Mark.SUSPECT, Mark.TRUNCATED, Mark.FAILED, Mark.MISSING})
_BADNESS = {mark: badness for badness, mark in enumerate(Mark)}


@dataclass(frozen=True, slots=True)
class Known:
    """What coverage says of a window.

    Attributes:
        reason: why it is not complete.
        rows: that the warehouse holds of it.
    """

    mark: Mark
    reason: str = ""
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Marked:
    """A window and what is known of it."""

    window: Window
    known: Known

    @property
    def mark(self) -> Mark:
        return self.known.mark


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring windows that lack something for the same reason.

    Attributes:
        first: day of the first window.
        last: last day of the last one.
        cells: how many windows.
    """

    mark: Mark
    first: date
    last: date
    cells: int
    reason: str


def mark_of(status: Status, *, final: bool, silent: bool) -> Mark:
    """The mark of a window that coverage names."""
    if status is not Status.COMPLETE:
        return Mark(status.value)
    if not final:
        return Mark.RESTATED
    return Mark.EMPTY if silent else Mark.COMPLETE


def place_of(window: Window) -> Place:
    """What coverage calls the window."""
    return window.start if window.grain is Grain.HOUR else window.date


def marked(
    windows: Iterable[Window], covered: Mapping[Place, Known], settled: date
) -> list[Marked]:
    """Each window with its mark, in the same order.

    Args:
        windows: of one website and report.
        covered: those that coverage names.
        settled: the newest day that daily syncs no longer ask for by themselves.
    """
    missing, due = Known(Mark.MISSING), Known(Mark.DUE)
    return [
        Marked(
            window,
            covered.get(place_of(window)) or (missing if window.last_date <= settled else due),
        )
        for window in windows
    ]


def by_date(marks: Iterable[Marked]) -> dict[date, Mark]:
    """The mark of each date with which a window begins. A day is as bad as its worst hour."""
    found: dict[date, Mark] = {}
    for each in marks:
        day = each.window.date
        found[day] = max(found.get(day, each.mark), each.mark, key=_BADNESS.__getitem__)
    return found


def stretches(marks: Sequence[Marked]) -> list[Stretch]:
    """What is lacking, oldest first. The windows are those of one website and report, in order."""
    found = []
    for (mark, reason), group in groupby(marks, key=lambda each: (each.mark, each.known.reason)):
        if mark.is_gap:
            same = [each.window for each in group]
            found.append(Stretch(mark, same[0].date, same[-1].last_date, len(same), reason))
    return found
