"""Rows that somebody took away or added by hand, as a person reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from databuddy_source import Miscount
from databuddy_source.cli.console import LINES_SHOWN, shown
from databuddy_source.cli.redefined_lines import refetching


def miscounted_lines(found: Sequence[Miscount], where: Sequence[str]) -> Iterator[str]:
    """Which days, and the command that loads them anew.

    Args:
        found: one or more.
        where: options of that command by which it finds the same warehouse.
    """
    yield "These days have other numbers of rows than were loaded; somebody changed the tables:"
    for each in found[:LINES_SHOWN]:
        yield (
            f"  {shown(each.report)} of {each.website_id} on {each.date}: {each.there:,} rows, "
            f"and {each.told:,} were loaded"
        )
    if len(found) > LINES_SHOWN:
        yield f"  ... and {len(found) - LINES_SHOWN} more; --json has them all."
    yield "To load them anew:"
    yield f"  {command(found, where)}"


def command(found: Sequence[Miscount], where: Sequence[str]) -> str:
    """The command that loads all of these days anew, and those between them."""
    days = [each.date for each in found]
    return refetching(
        min(days),
        max(days),
        where,
        reports=sorted({each.report for each in found}),
        websites=sorted({each.website_id for each in found}),
    )
