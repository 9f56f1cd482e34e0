"""What is known of a cell: its status after it was asked for, its mark in a calendar, and what
either means to a person and to a program, in one table.

A command that leaves a gap ends with exit code 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """What is known of a cell after it was asked for. The table `coverage` has it."""

    COMPLETE = "complete"
    """all rows are in the warehouse; there may be none"""
    TRUNCATED = "truncated"
    """the rows that could be had are in the warehouse; more exist, or some came twice"""
    SUSPECT = "suspect"
    """the answer is empty, or rewrites history, and is not believed; older rows were kept"""
    FAILED = "failed"
    """no answer, or rows that the warehouse refuses; older rows were kept"""
    UNAVAILABLE = "unavailable"
    """the server fails for this query type every time, and the user did not name it"""

    @property
    def brings_rows(self) -> bool:
        """Whether the answer is believed, so that the partition is to have its rows."""
        return self in {Status.COMPLETE, Status.TRUNCATED}

    @property
    def is_unanswered(self) -> bool:
        """Whether nothing came of the question: there was no answer, or none that could be kept."""
        return self in {Status.FAILED, Status.UNAVAILABLE}

    @property
    def is_gap(self) -> bool:
        """Whether the warehouse lacks something that may be had."""
        return Mark(self.value).is_gap


class Mark(StrEnum):
    """What is known of a window, from what is well to what is worst. A status is the mark of the
    same name, but that a complete window may be empty, or not final."""

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
    """the answer is empty, or rewrites history, and is not believed"""
    TRUNCATED = "truncated"
    """more rows exist than could be had"""
    FAILED = "failed"
    """no answer"""
    MISSING = "missing"
    """settled, and never asked for"""

    @classmethod
    def of(cls, status: Status, *, final: bool, silent: bool) -> Mark:
        """The mark of a window that coverage names."""
        if status is not Status.COMPLETE:
            return cls(status.value)
        if not final:
            return cls.RESTATED
        return cls.EMPTY if silent else cls.COMPLETE

    @property
    def is_gap(self) -> bool:
        """Whether the warehouse lacks something that may be had: what `heal` asks for."""
        return MARKS[self].is_gap

    @property
    def is_asked(self) -> bool:
        """Whether a sync ever asked for the window."""
        return MARKS[self].is_asked

    @property
    def sign(self) -> str:
        """One character that stands for it: a capital letter for a gap."""
        return MARKS[self].sign

    @property
    def words(self) -> str:
        """What the sign means."""
        return MARKS[self].words

    @property
    def badness(self) -> int:
        """What is well has the smallest number."""
        return _BADNESS[self]


@dataclass(frozen=True, slots=True)
class MarkMeaning:
    """What a mark means; see the properties of `Mark`."""

    sign: str
    words: str
    is_gap: bool = False
    is_asked: bool = True


MARKS: Final[Mapping[Mark, MarkMeaning]] = {
    Mark.EMPTY: MarkMeaning("o", "empty"),
    Mark.COMPLETE: MarkMeaning(".", "complete"),
    Mark.DUE: MarkMeaning("_", "due with the next sync", is_asked=False),
    Mark.RESTATED: MarkMeaning("~", "complete, not final yet"),
    Mark.UNAVAILABLE: MarkMeaning("u", "unavailable on this server"),
    Mark.SUSPECT: MarkMeaning("S", "suspect: the answer is not believed", is_gap=True),
    Mark.TRUNCATED: MarkMeaning("T", "truncated: more rows exist", is_gap=True),
    Mark.FAILED: MarkMeaning("F", "failed", is_gap=True),
    Mark.MISSING: MarkMeaning("M", "missing: never asked for", is_gap=True, is_asked=False),
}

_BADNESS = {mark: badness for badness, mark in enumerate(Mark)}
