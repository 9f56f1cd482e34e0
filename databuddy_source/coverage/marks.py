"""A calendar of the warehouse in stretches: neighbouring windows of which the same is known. Pure:
no warehouse here.

What coverage says of a window becomes its mark. A window that coverage does not name is missing
once it is settled, which is when daily syncs no longer ask for it by themselves. Ten years of a
report are some stretches, so they are cheaper by far than one object for each window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import TypeAlias

from databuddy_source.coverage.finality import is_settled
from databuddy_source.model import windows
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import Grain, Weeks, Window

Slot: TypeAlias = date | datetime
"""What names a window within its report: its first instant where it is an hour, else its date."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring windows of one website and report of which the same is known.

    Attributes:
        begins: slot of the first window.
        ends: slot of the last one.
        first: day of the first window.
        newest: first day of the last one.
        cells: how many windows.
        reason: why they are not complete.
        rows: that the warehouse holds of all of them.
    """

    mark: Mark
    grain: Grain
    begins: Slot
    ends: Slot
    first: date
    newest: date
    cells: int
    reason: str = ""
    rows: int = 0

    @classmethod
    def of(cls, group: Sequence[Window], mark: Mark, reason: str = "", rows: int = 0) -> Stretch:
        """The stretch that these windows are, which are neighbours in order."""
        one, last = group[0], group[-1]
        return cls(
            mark,
            one.grain,
            slot_of(one),
            slot_of(last),
            one.date,
            last.date,
            len(group),
            reason,
            rows,
        )

    @property
    def last(self) -> date:
        """The last day of the last window."""
        return windows.last_date(self.newest, self.grain)

    @property
    def dates(self) -> Sequence[date]:
        """The dates with which its windows begin, in order; those that a zone skipped, too."""
        return windows.dates(self.first, self.newest, self.grain)

    def windows(self, zone: str, weeks: Weeks) -> list[Window]:
        """Its windows, oldest first.

        Args:
            zone: IANA name of the zone that cuts them.
            weeks: the day that weeks begin with.
        """
        tiles = windows.tile(self.first, self.newest, zone, self.grain, weeks)
        return [each for each in tiles if self.begins <= slot_of(each) <= self.ends]


def slot_of(window: Window) -> Slot:
    """What coverage calls the window."""
    return window.start if window.grain is Grain.HOUR else window.date


def unknown(tiles: Iterable[Window], settled: date) -> Iterator[Stretch]:
    """The stretches of windows that coverage does not name.

    Args:
        tiles: neighbours of one website and report, oldest first.
        settled: the newest day that daily syncs no longer ask for by themselves.
    """
    for is_over, group in groupby(tiles, key=lambda each: is_settled(each, settled)):
        yield Stretch.of(list(group), Mark.MISSING if is_over else Mark.DUE)


def joined(calendar: Iterable[Stretch]) -> list[Stretch]:
    """The same calendar with as few stretches as can be.

    Args:
        calendar: of one website and report, without a gap, oldest first.
    """
    found = []
    for (mark, reason), group in groupby(calendar, key=lambda each: (each.mark, each.reason)):
        own = list(group)
        one, last = own[0], own[-1]
        found.append(
            Stretch(
                mark,
                one.grain,
                one.begins,
                last.ends,
                one.first,
                last.newest,
                sum(each.cells for each in own),
                reason,
                sum(each.rows for each in own),
            )
        )
    return found


def by_date(calendar: Iterable[Stretch]) -> Mapping[date, Mark]:
    """The mark of each date with which a window begins. A day is as bad as its worst hour."""
    found: dict[date, Mark] = {}
    for each in sorted(calendar, key=lambda stretch: stretch.mark.badness):
        found.update(dict.fromkeys(each.dates, each.mark))
    return found
