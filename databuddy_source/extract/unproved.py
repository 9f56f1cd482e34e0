"""Final cells that were asked for to be compared alone, and had no answer: nothing was learned of
them, so that they stay what they are. A server that is ill for a night takes no history away."""

from __future__ import annotations

import logging
from collections.abc import Collection

from databuddy_source.extract.evidence import Evidence
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import Result

logger = logging.getLogger("databuddy_source")


class Unproved:
    """Keeps them as they are, and tells once of each website and report.

    Args:
        evidence: of the run.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._told: set[tuple[str, Report]] = set()

    def as_it_was(self, result: Result, compared: Collection[Cell]) -> Result:
        """A result; what the warehouse has, where there was no answer to compare that with.

        Args:
            result: as it came.
            compared: cells of its website and report that were asked for to be compared alone.
        """
        cell, held = result.cell, self._evidence.held_of(result.cell)
        if held is None or cell not in compared or not result.status.is_unanswered:
            return result
        if not result.outage and cell.series not in self._told:  # an outage is told by others
            self._told.add(cell.series)
            logger.warning(
                "Final days of %s of %s could not be compared, and stay as they are: %s",
                cell.report.name,
                cell.website_id,
                result.reason,
            )
        return result.unproved(held)
