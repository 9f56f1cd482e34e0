"""What a run of an orchestrator lacks, in lines; and which websites a table is for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from databuddy_source import KnownCell, LoadedCell, ReportTable, Settings, websites

LINES_SHOWN = 20
"""Of what is lacking; the table `coverage` has all of it."""


def ids_of(
    tables: Iterable[ReportTable], settings: Settings
) -> Mapping[Sequence[str], Collection[str]]:
    """The websites that tables are for, by the names that these have for them; none where they are
    for all. A list with domains costs one request.

    Args:
        tables: that are loaded.
        settings: key and server.

    Raises:
        DatabuddyError: see `websites`.
    """
    return {names: _ids(names, settings) for names in {each.websites for each in tables}}


def _ids(names: Sequence[str], settings: Settings) -> Collection[str]:
    if not any("." in name for name in names):
        return names
    named = {"websites": tuple(names), "reports": (), "query_types": ("default",)}
    return {each.id for each in websites(settings.model_copy(update=named))}


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
