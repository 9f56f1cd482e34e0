"""Tables whose rows mean something else on some days than on others, since servers of different
generations gave them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from databuddy_source.coverage.parts import Part, parts_of_tables
from databuddy_source.coverage.reading import Tables
from databuddy_source.model.changes import Change, change_between
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog

if TYPE_CHECKING:
    import dlt


@dataclass(frozen=True, slots=True)
class Stay:
    """The days of a table that servers of one generation gave.

    Attributes:
        first: the oldest day.
        last: the newest one.
    """

    generation: Generation
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Redefinition:
    """A table whose rows mean something else on some days than on others.

    Attributes:
        report: its name.
        now: the generation whose definitions the newest load has.
        stays: its days by generation, those that began first first.
        changes: what is different on the days of each other generation.
    """

    report: str
    now: Generation
    stays: tuple[Stay, ...]
    changes: Mapping[Generation, Change]

    @property
    def old(self) -> tuple[date, date]:
        """The first and the last of the days that mean something else than the newest ones."""
        old = [each for each in self.stays if each.generation in self.changes]
        return min(each.first for each in old), max(each.last for each in old)

    @property
    def days(self) -> str:
        """Which days are of which generation, in words."""
        *before, newest = self.stays
        if any(one.last >= other.first for one, other in pairwise(self.stays)):
            words = [
                f"of {each.generation.called} from {each.first} to {each.last}"
                for each in self.stays
            ]
        else:
            words = [f"of {each.generation.called} until {each.last}" for each in before]
            words.append(f"of {newest.generation.called} since {newest.first}")
        return f"asked {', '.join(words)}"

    @property
    def columns(self) -> str:
        """Which columns came and which went, in words; empty for none."""
        return "; ".join(dict.fromkeys(filter(None, (c.columns for c in self.changes.values()))))

    def __str__(self) -> str:
        return "; ".join(dict.fromkeys(map(str, self.changes.values())))


def redefinitions(warehouse: dlt.Pipeline | Tables) -> list[Redefinition]:
    """The tables of the warehouse whose days do not mean the same, in alphabetical order. Of days
    that 0.1.0 loaded nobody knows.

    Args:
        warehouse: a pipeline, or the open tables of one.

    Raises:
        the destination's own errors, when it cannot be asked.
    """
    by_report: dict[str, list[Part]] = defaultdict(list)
    for part in parts_of_tables(warehouse):
        if part.last_load or part.holds_rows:
            by_report[part.report].append(part)
    found = []
    for parts in by_report.values():
        newest = max(parts, key=lambda each: each.last_load or "")
        if newest.generation and (redefined := redefinition(parts, newest.generation)):
            found.append(redefined)
    return found


def redefinition(parts: Iterable[Part], now: Generation) -> Redefinition | None:
    """What does not mean the same in one table; None when all does.

    Args:
        parts: of the table.
        now: the generation whose definitions hold from now on.
    """
    days: dict[Generation, list[Part]] = defaultdict(list)
    for part in parts:
        if part.generation:
            days[part.generation].append(part)
    changes = {
        before: change
        for before, held in sorted(days.items())
        if (change := change_between(held[0].definition.query_type, before, now))
    }
    if not changes:
        return None
    stays = [
        Stay(generation, min(each.first for each in held), max(each.last for each in held))
        for generation, held in days.items()
        if generation in changes or generation is now
    ]
    ordered = tuple(sorted(stays, key=lambda each: (each.first, each.last)))
    return Redefinition(next(iter(days.values()))[0].report, now, ordered, changes)


def older_meanings(query_type: str, column: str) -> list[list[Generation]]:
    """The generations of servers whose numbers of a column are not to be compared with those of
    today, oldest first: each list is of those that mean the same. Empty where all do.

    Args:
        query_type: canonical name.
        column: of it, as the API has it.
    """
    redefined = load_catalog().get(query_type).redefined
    older: list[list[Generation]] = []
    begin = min(Generation)
    for since in Generation:
        if column in redefined.get(since, ()):
            older.append([each for each in Generation if begin <= each < since])
            begin = since
    return older
