"""Rows that tables have and of which coverage says nothing, as it was lost, or dlt's list of the
loads that are done. They are evidence, too: an empty answer does not take them away."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Final

from databuddy_source.coverage.marks import Slot, slot_of
from databuddy_source.coverage.present import Present, with_counts
from databuddy_source.coverage.reading import Tables
from databuddy_source.extract.evidence import Evidence
from databuddy_source.model.query_types import Shape
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import HeldCell

logger = logging.getLogger("databuddy_source")

_ZEROS: Final = {Shape.SUMMARY, Shape.TIME_SERIES}
"""What may have rows of windows in which nobody came."""


def hold_unrecorded(
    evidence: Evidence,
    cells: Collection[Cell],
    present: Mapping[tuple[str, str, Slot], Present],
    tables: Tables,
) -> None:
    """Let the run know of rows that coverage does not know, and say so. Whether they were final,
    and of which answer they are, nobody knows any more.

    Args:
        evidence: of the run, with what coverage says.
        cells: that are wanted.
        present: the rows of tables.
        tables: that are open; asked for more only where there are such rows.
    """
    found: dict[Report, list[Cell]] = defaultdict(list)
    for cell in cells:
        if evidence.held_of(cell) is None and _place(cell) in present:
            found[cell.report].append(cell)
    if not found:
        return
    days = {cell.window.date for own in found.values() for cell in own}
    for report, own in found.items():
        is_any = report.query_type.shape not in _ZEROS
        counting = None if is_any else with_counts(tables, report, days)
        for cell in own:
            evidence.held[cell.website_id, report.name, cell.window.start] = HeldCell(
                present[_place(cell)].rows,
                final=False,
                silent=counting is not None
                and (cell.website_id, slot_of(cell.window)) not in counting,
            )
    logger.warning(
        "Coverage does not know rows that are there (%s, from %s to %s). They are asked for again, "
        "and stay where the answer is empty.",
        ", ".join(sorted(report.name for report in found)),
        min(days),
        max(days),
    )


def _place(cell: Cell) -> tuple[str, str, Slot]:
    return cell.website_id, cell.report.name, slot_of(cell.window)
