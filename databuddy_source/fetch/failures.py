"""When a query type fails so often that asking on is of no use. Pure: no requests here."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from databuddy_source.model.reports import Cell, Report

Series: TypeAlias = tuple[str, Report]
"""A website's id and a report. One website's trouble is not another one's."""

ENOUGH = 3
"""Windows in which a type has to fail the same way before it counts as unavailable."""


def signature_of(reason: str) -> str:
    """What reasons have in common that are the same: messages carry dates and numbers, which
    differ from window to window."""
    return re.sub(r"\d+", "#", reason)[:80]


_NOT_KNOWN = re.compile(
    r"unknown|unsupported|no such|invalid|removed|retired"
    r"|(not|no longer) (a |an )?(supported|known|found|recogni[sz]ed|available|valid)",
    re.IGNORECASE,
)


def named_in(words: str, spellings: Iterable[str]) -> str:
    """The only one of some query types that a server names; an empty string where it names none or
    several.

    Args:
        words: its refusal.
        spellings: of the types that it was asked for.
    """
    found = {
        each for each in spellings if re.search(rf"(?<![\w.-]){re.escape(each)}(?![\w-])", words)
    }
    return found.pop() if len(found) == 1 else ""


def says_unknown(words: str) -> bool:
    """Whether a refusal says that a query type is not known, in whichever words."""
    return bool(re.search(r"\btype\b", words, re.IGNORECASE) and _NOT_KNOWN.search(words))


@dataclass
class _Record:
    failed: dict[Cell, str] = field(default_factory=dict)
    signatures: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    outstanding: int = 0
    given_up: str = ""
    succeeded: bool = False


class Failures:
    """Counts failures by website and report, and holds failed cells back until it is clear
    whether only they failed or the whole type does."""

    def __init__(self) -> None:
        self._records: dict[Series, _Record] = defaultdict(_Record)

    def expect(self, series: Series, cells: int) -> None:
        """So many more of these cells will be asked for."""
        self._records[series].outstanding += cells

    def given_up(self, series: Series) -> str:
        """Why nobody asks for the type any more: it failed so in three windows, or is known to
        fail; an empty string where it is asked for."""
        return self._records[series].given_up

    def give_up(self, series: Series, reason: str) -> None:
        """It is known from elsewhere that the type fails in each window."""
        self._records[series].given_up = reason

    def has_answered(self, series: Series) -> bool:
        """Whether any window of the type had an answer."""
        return self._records[series].succeeded

    def decided(self, series: Series) -> bool:
        """Whether so many windows failed that a few more would tell nothing new."""
        return sum(self._records[series].signatures.values()) >= ENOUGH

    def success(self, series: Series) -> dict[Cell, str]:
        """One cell has its answer. Returns failed cells whose fate is now clear, with reasons."""
        record = self._records[series]
        record.succeeded, record.given_up = True, ""
        record.outstanding -= 1
        return self._settle(record)

    def failure(self, cells: Iterable[Cell], reason: str) -> dict[Cell, str]:
        """Cells of one website and report failed. Returns failed cells whose fate is now clear."""
        listed = list(cells)
        record = self._records[listed[0].series]
        record.failed.update(dict.fromkeys(listed, reason))
        record.outstanding -= len(listed)
        signature = signature_of(reason)
        record.signatures[signature] += 1
        if record.signatures[signature] >= ENOUGH and not record.succeeded:
            record.given_up = reason
        return self._settle(record)

    def forget(self, series: Series, cells: int) -> dict[Cell, str]:
        """Cells got no answer for a reason that is not their type's. Returns as above."""
        record = self._records[series]
        record.outstanding -= cells
        return self._settle(record)

    @staticmethod
    def _settle(record: _Record) -> dict[Cell, str]:
        if not (record.given_up or record.succeeded or record.outstanding <= 0):
            return {}
        settled, record.failed = record.failed, {}
        return settled
