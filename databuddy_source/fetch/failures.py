"""When a query type fails so often that asking on is of no use. Pure: no requests here."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from databuddy_source.reports import Cell, Report

ENOUGH = 3
"""Windows in which a type has to fail the same way before it counts as unavailable."""


@dataclass
class _Record:
    failed: dict[Cell, str] = field(default_factory=dict)
    signatures: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    outstanding: int = 0
    given_up: bool = False
    succeeded: bool = False


class Failures:
    """Counts failures by report, and holds failed cells back until it is clear whether only they
    failed or the whole type does."""

    def __init__(self) -> None:
        self._records: dict[Report, _Record] = defaultdict(_Record)

    def expect(self, report: Report, cells: int) -> None:
        """So many more cells of this report will be asked for."""
        self._records[report].outstanding += cells

    def given_up(self, report: Report) -> bool:
        """Whether the type failed the same way in three windows."""
        return self._records[report].given_up

    def decided(self, report: Report) -> bool:
        """Whether so many windows failed that a few more would tell nothing new."""
        return sum(self._records[report].signatures.values()) >= ENOUGH

    def success(self, report: Report) -> dict[Cell, str]:
        """One cell has its answer. Returns failed cells whose fate is now clear, with reasons."""
        record = self._records[report]
        record.succeeded, record.given_up = True, False
        record.outstanding -= 1
        return self._settle(record)

    def failure(self, cells: Iterable[Cell], reason: str) -> dict[Cell, str]:
        """Cells of one report failed. Returns failed cells whose fate is now clear."""
        listed = list(cells)
        record = self._records[listed[0].report]
        record.failed.update(dict.fromkeys(listed, reason))
        record.outstanding -= len(listed)
        # messages carry dates and numbers, which differ from window to window
        signature = re.sub(r"\d+", "#", reason)[:80]
        record.signatures[signature] += 1
        if record.signatures[signature] >= ENOUGH and not record.succeeded:
            record.given_up = True
        return self._settle(record)

    def forget(self, report: Report, cells: int) -> dict[Cell, str]:
        """Cells got no answer for a reason that is not their type's. Returns as above."""
        record = self._records[report]
        record.outstanding -= cells
        return self._settle(record)

    @staticmethod
    def _settle(record: _Record) -> dict[Cell, str]:
        if not (record.given_up or record.succeeded or record.outstanding <= 0):
            return {}
        settled, record.failed = record.failed, {}
        return settled
