"""A calendar of the warehouse: one mark for each window. Pure: no warehouse here.

What coverage says of a window becomes its mark. A window that coverage does not name is missing
once it is settled, which is when daily syncs no longer ask for it by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import TypeAlias

from databuddy_source.coverage.finality import is_settled
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import Grain, Window

Slot: TypeAlias = date | datetime
"""What names a window within its report: its first instant where it is an hour, else its date."""


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


def slot_of(window: Window) -> Slot:
    """What coverage calls the window."""
    return window.start if window.grain is Grain.HOUR else window.date


def marked(windows: Iterable[Window], covered: Mapping[Slot, Known], settled: date) -> list[Marked]:
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
            covered.get(slot_of(window)) or (missing if is_settled(window, settled) else due),
        )
        for window in windows
    ]


def by_date(marks: Iterable[Marked]) -> dict[date, Mark]:
    """The mark of each date with which a window begins. A day is as bad as its worst hour."""
    found: dict[date, Mark] = {}
    for each in marks:
        day = each.window.date
        found[day] = max(found.get(day, each.mark), each.mark, key=lambda mark: mark.badness)
    return found


def stretches(marks: Sequence[Marked]) -> list[Stretch]:
    """What is lacking, oldest first. The windows are those of one website and report, in order."""
    found = []
    for (mark, reason), group in groupby(marks, key=lambda each: (each.mark, each.known.reason)):
        if mark.is_gap:
            same = [each.window for each in group]
            found.append(Stretch(mark, same[0].date, same[-1].last_date, len(same), reason))
    return found
