"""The views for analysts: how they are called, and what they are made of. Their text is the
warehouse's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from databuddy_source.coverage.reading import LOADS, TABLE

CELL_STATES: Final = "cell_states"
DAILY, WEEKLY, MONTHLY = "daily_summary", "weekly_summary", "monthly_summary"

SUMMARY: Final = "summary_metrics"
WEEKS, MONTHS = f"{SUMMARY}_weekly", f"{SUMMARY}_monthly"

NEEDS: Final[Mapping[str, Sequence[str]]] = {
    CELL_STATES: (TABLE, LOADS),
    DAILY: (TABLE, LOADS, "websites", SUMMARY),
    WEEKLY: (TABLE, LOADS, "websites", WEEKS),
    MONTHLY: (TABLE, LOADS, "websites", MONTHS),
}
"""The tables without which there is no such view. In the order in which they are made: later ones
read earlier ones that are there."""

SUMS: Final[Mapping[str, Mapping[str, str]]] = {
    "custom_events": {"total_events": "events"},
    "error_summary": {"total_errors": "errors"},
    "revenue_overview": {"total_revenue": "revenue", "refund_amount": "refunds"},
}
"""Reports whose sums stand beside the summary: columns of theirs, and how they are called then."""

MONEY: Final = frozenset({"revenue", "refunds"})
"""Those of the sums that are amounts, of a currency."""
