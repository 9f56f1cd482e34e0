"""What the page says of days and numbers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from databuddy_source import Extent
from databuddy_source.model.windows import ONE_DAY, span

MOST_SPANS: Final = 4
"""Times that a sentence names."""

FEW_SAMPLES: Final = 100
"""Below it a 75th percentile says little."""

UNKNOWN: Final = "?"
"""In the place of a number."""

OF_STATE: Final = {
    "may grow": "May still grow a little",
    "running": "Running, so a part of it only",
    "suspect": "Suspect, the answer was not believed",
    "truncated": "Truncated, more rows exist than could be had",
    "failed": "Failed, no answer",
    "missing": "Missing, never asked for",
}


def count(number: int | float | Decimal | None) -> str:
    """A number of things; what is not known is a question mark."""
    if number is None:
        return UNKNOWN
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"


def money(number: int | float | Decimal | None, currency: str | None = None) -> str:
    """An amount."""
    return UNKNOWN if number is None else f"{number:,.2f} {currency or ''}".strip()


def change(now: float | Decimal | None, before: float | Decimal | None) -> str:
    """How much more it is, in per cent; empty where that is not known."""
    if now is None or not before:
        return ""
    percent = 100 * (float(now) - float(before)) / float(before)
    rounded = round(percent)
    return f"{rounded:+,} %" if rounded else "0 %"


def spans(days: Sequence[date]) -> str:
    """Days in words, those that follow each other as one time.

    Args:
        days: oldest first; at least one.
    """
    found: list[list[date]] = []
    for day in days:
        if found and day - found[-1][-1] == ONE_DAY:
            found[-1].append(day)
        else:
            found.append([day])
    named = [span(each[0], each[-1]) for each in found[-MOST_SPANS:]]
    more = len(found) - len(named)
    return ", ".join(named) + (f" and {more} before" if more else "")


def states(extent: Extent) -> Iterator[tuple[str, str]]:
    """What is not final of some days: each state, and a sentence without its full stop."""
    for state, words in OF_STATE.items():
        if days := extent.states.get(state):
            number = "1 day" if len(days) == 1 else f"{len(days)} days"
            yield state, f"{words}: {number} ({spans(days)})"


def absent(extent: Extent) -> str:
    """What is said in the place of a section of which nothing is there."""
    return (
        f"Nothing of {extent.report} is loaded for these days. "
        "It is loaded by a sync whose query_types have it."
    )
