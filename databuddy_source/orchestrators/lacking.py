"""What a run of an orchestrator lacks, in lines; and which websites a table is for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from databuddy_source import KnownCell, LoadedCell, ReportTable, Settings, websites

LINES_SHOWN = 20
"""Of what is lacking; the table `coverage` has all of it."""


def ids_of(table: ReportTable, settings: Settings) -> Collection[str]:
    """The websites that a table is for; none where it is for all. Domains cost one request.

    Args:
        table: that is loaded.
        settings: key and server.

    Raises:
        DatabuddyError: see `websites`.
    """
    if not any("." in name for name in table.websites):
        return table.websites
    named = settings.model_copy(update={"websites": tuple(table.websites), "reports": ()})
    return {each.id for each in websites(named.model_copy(update={"query_types": ("default",)}))}


def lacking(known: Iterable[KnownCell], loaded: Iterable[LoadedCell]) -> list[str]:
    """A line for each cell that is not there, with the reason that the loads of this run gave.

    Args:
        known: what the warehouse has.
        loaded: what the loads brought.
    """
    told = {
        (each.report, each.website_id, each.window.start): f"{each.status}: {each.reason}"
        for each in loaded
        if each.is_gap
    }
    return [
        f"{each.report} of {each.website_id} on {each.window}: "
        + told.get(
            (each.report, each.website_id, each.window.start), f"{each.mark.words}. {each.reason}"
        )
        for each in known
        if not each.is_there
    ]


def shown(lines: Sequence[str]) -> str:
    """The first of them, and how many more there are.

    Args:
        lines: see `lacking`.
    """
    more = f"\n... and {len(lines) - LINES_SHOWN} more" if len(lines) > LINES_SHOWN else ""
    return "Not complete are:\n" + "\n".join(lines[:LINES_SHOWN]) + more
