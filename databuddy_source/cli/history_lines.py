"""What `status` says of days long past."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from databuddy_source import WarehouseStatus
from databuddy_source.cli.journal import moment


def history_lines(found: WarehouseStatus) -> Iterator[str]:
    """How old the proof of history is, and whether something changed of late.

    Args:
        found: what the warehouse has and lacks.
    """
    known = found.history
    if known.changed_days:
        days = "1 day" if known.changed_days == 1 else f"{known.changed_days:,} days"
        yield f"{days} changed since yesterday: the table restatements says what and by how much."
    if known.proved_since:
        again = f" A round takes about {known.round_days:,} days." if known.round_days else ""
        yield (
            f"Each final cell was compared with the server since {moment(known.proved_since)}."
            f"{again}"
        )
    changed = [each for each in found.lateness if each.days]
    for each in changed:
        yield (
            f"{each.report}: {len(each.days):,} changes of {each.cells:,} final cells, half of "
            f"them within {each.by(0.5):,} days, the last one {each.by(1):,} days after its end; "
            f"{each.after(found.lookback_days):,} after the lookback of {found.lookback_days} days."
        )
    if found.lateness and not changed:
        yield "No final cell has changed so far."
    if longer := found.proposed_lookback_days:
        yield (
            "More than one in a thousand cells changes after the lookback: "
            f"sources.databuddy.lookback_days = {longer} would have caught these."
        )


def lateness_document(found: WarehouseStatus) -> dict[str, Any] | None:
    """What `status --json` says of it; None where it was not asked for.

    Args:
        found: what the warehouse has and lacks.
    """
    if not found.lateness:
        return None
    return {
        "lookback_days": found.lookback_days,
        "proposed_lookback_days": found.proposed_lookback_days,
        "reports": [
            {
                "report": each.report,
                "cells": each.cells,
                "changed": len(each.days),
                "after_lookback": each.after(found.lookback_days),
                "days": {"half": each.by(0.5), "most": each.by(0.95), "last": each.by(1)},
            }
            for each in found.lateness
        ],
    }
