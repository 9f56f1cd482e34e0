"""What `status --json` prints. `docs/command-line.md` has its shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from databuddy_source import WarehouseStatus
from databuddy_source.cli.history_lines import lateness_document
from databuddy_source.cli.redefined_lines import load_anew
from databuddy_source.cli.removal_lines import removal_commands
from databuddy_source.model.statuses import Mark

JSON_VERSION = 1
"""Counts up when a field changes its meaning or goes away; new fields may come any time."""


def as_document(
    found: WarehouseStatus, where: Sequence[str] = (), *, named: bool = False
) -> dict[str, Any]:
    """What `--json` prints. Days are `YYYY-MM-DD` in the report's time zone, instants UTC.

    Args:
        found: what the warehouse has and lacks.
        where: options by which another command finds it.
        named: whether the user named websites or reports, so that others may be configured, too.
    """
    return {
        "version": JSON_VERSION,
        "complete": found.is_complete,
        "cells": _counts(found.cells),
        "reports": [
            {
                "website_id": each.website_id,
                "domain": each.domain,
                "report": each.report,
                "grain": each.grain.value,
                "time_zone": each.time_zone,
                "first_day": _text(each.first),
                "last_day": _text(each.last),
                "rows": each.rows,
                "synced_at": _iso(each.synced_at),
                "load_id": each.load_id,
                "cells": _counts(each.cells),
                "gaps": [
                    {
                        "mark": gap.mark.value,
                        "first_day": str(gap.first),
                        "last_day": str(gap.last),
                        "cells": gap.cells,
                        "reason": gap.reason or None,
                    }
                    for gap in each.gaps
                ],
            }
            for each in found.reports
        ],
        "not_configured": [
            {"website_id": website_id, "report": report} for website_id, report in found.others
        ],
        "remove": [] if named else removal_commands(found.leftovers, where),
        "not_offered": [
            {"website_id": website_id, "report": report} for website_id, report in found.withdrawn
        ],
        "redefined": [
            {
                "report": each.report,
                "now": each.now,
                "days": [
                    {
                        "generation": stay.generation,
                        "first_day": str(stay.first),
                        "last_day": str(stay.last),
                    }
                    for stay in each.stays
                ],
                "changes": [
                    {
                        "generation": before,
                        "meanings": list(change.meanings.values()),
                        "new_columns": list(change.came),
                        "gone_columns": list(change.gone),
                    }
                    for before, change in each.changes.items()
                ],
            }
            for each in found.redefined
        ],
        "load_anew": load_anew(found.redefined, where) if found.redefined else None,
        "miscounted": [
            {
                "website_id": each.website_id,
                "report": each.report,
                "first_day": str(each.date),
                "rows": each.there,
                "rows_loaded": each.told,
            }
            for each in found.miscounts
        ],
        "history": {
            "proved_since": _iso(found.history.proved_since),
            "round_days": found.history.round_days,
            "changed_days": found.history.changed_days,
        },
        "lateness": lateness_document(found),
    }


def _counts(cells: Mapping[Mark, int]) -> dict[str, int]:
    return {mark.value: cells.get(mark, 0) for mark in Mark}


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _text(day: date | None) -> str | None:
    return str(day) if day else None
