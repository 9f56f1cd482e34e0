"""What the page says of days and numbers. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from databuddy_source import Day, Extent
from databuddy_source.cli.console import shown
from databuddy_source.model.meanings import UNITS, Unit, vital_units
from databuddy_source.model.windows import ONE_DAY, span

MOST_SPANS: Final = 4
"""Times that a sentence names."""

FEW_SAMPLES: Final = 100
"""Below it a 75th percentile says little."""

UNKNOWN: Final = "?"
"""In the place of a number."""

MOST_NAMES: Final = 4
"""Websites that a sentence names."""

LONGEST_NAME: Final = 120
"""Letters of a name that is shown."""

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
    if number is None or not math.isfinite(number):
        return UNKNOWN
    return f"{number:,.0f}" if number == int(number) else f"{number:,.2f}"


def money(number: int | float | Decimal | None, currency: str | None = None) -> str:
    """An amount."""
    if number is None or not math.isfinite(number):
        return UNKNOWN
    return f"{number:,.2f} {shown(currency)}".strip()


def change(now: float | Decimal | None, before: float | Decimal | None) -> str:
    """How much more it is, in per cent; empty where that is not known."""
    if now is None or not before:
        return ""
    percent = 100 * (float(now) - float(before)) / float(before)
    if not math.isfinite(percent):
        return ""
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


def without(extent: Extent) -> str:
    """Which of several websites have nothing of a report, without its full stop; empty where all
    have some, or none has."""
    if extent.is_empty or not extent.without:
        return ""
    names = [name(each) for each in extent.without[:MOST_NAMES]]
    more = len(extent.without) - len(names)
    others = f" and {more} more" if more else ""
    return f"Nothing of {extent.report} is loaded for {', '.join(names)}{others}"


def gone(websites: Mapping[str, date], *, of_all: bool) -> str:
    """What is said of websites that the newest sync did not see, without its full stop.

    Args:
        websites: by name, the last day that was asked for.
        of_all: of a sum over websites.
    """
    named = [f"{name(each)} (until {last})" for each, last in [*websites.items()][:MOST_NAMES]]
    more = len(websites) - len(named)
    those = ", ".join(named) + (f" and {more} more" if more else "")
    said = f"The newest sync did not see {those}"
    return f"{said}: after that day the numbers are of the others" if of_all else said


def lost(views: Sequence[str]) -> str:
    """What is said where views are not there, which sections are made of."""
    one = len(views) == 1
    return (
        f"The warehouse lacks the view{'' if one else 's'} {', '.join(views)}, so that nothing is "
        f"shown of what {'it has' if one else 'they have'}. The next sync makes "
        f"{'it' if one else 'them'}."
    )


def lost_view(view: str) -> str:
    """What is said in the place of a section that is made of a view which is not there."""
    return f"The warehouse lacks the view {view}, which this is made of. The next sync makes it."


def unit(metric: str | None) -> str:
    """What a web vital is measured in; empty where it has no unit, or nobody knows it."""
    own = vital_units().get(metric or "", Unit.NONE)
    return "" if own is Unit.NONE else UNITS[own]


def name(text: object) -> str:
    """A name that others chose."""
    return shown(None if text is None else str(text), LONGEST_NAME) or "(none)"


def not_known(weeks: Sequence[Day]) -> str:
    """What is said of weeks that are over and newer than the one that is shown, without its full
    stop."""
    named = [f"{each.date} ({each.state})" for each in weeks[-MOST_SPANS:]]
    more = len(weeks) - len(named)
    after = f" and {more} before" if more else ""
    those = "A newer week is over, and not" if len(weeks) == 1 else "Newer weeks are over, and not"
    return f"{those} known: {', '.join(named)}{after}"
