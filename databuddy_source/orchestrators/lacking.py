"""What a run of an orchestrator lacks, as cells and in lines; which websites a table is for; and
what an orchestrator is told of an error."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime

from databuddy_source import (
    Cells,
    DatabuddyError,
    KnownCell,
    LoadedCell,
    NothingLoaded,
    Remedy,
    ReportTable,
    Scope,
    Settings,
    remedy_of,
    status,
    websites,
)
from databuddy_source.warehouse.redaction import redacted
from databuddy_source.warehouse.target import Warehouse
from databuddy_source.warehouse.trial import destination_failure

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


def lacking_before(
    warehouse: Warehouse,
    settings: Settings,
    tables: Sequence[ReportTable],
    ids: Sequence[str],
    until: date,
) -> list[Cells]:
    """What is lacking of days that a run is not about, or was loaded last while late events could
    still come; in an empty warehouse what a first sync would load.

    Args:
        warehouse: that is looked into.
        settings: what lasts.
        tables: that are loaded.
        ids: of the websites of the run.
        until: the last day to look at.

    Raises:
        DatabuddyError: see `websites`.
    """
    of_names = {
        names: [each for each in ids if not own or each in own]
        for names, own in ids_of(tables, settings).items()
    }
    try:
        warehouse.open()
    except NothingLoaded:
        first = Scope().first_day(settings)
        return [
            Cells(table.name, website_id, first, until)
            for table in tables
            for website_id in of_names[table.websites]
            if first <= until
        ]
    wanted = {(table.name, each) for table in tables for each in of_names[table.websites]}
    return [
        Cells(each.report, each.website_id, stretch.first, stretch.last)
        for each in status(warehouse.pipeline, _by_ids(settings, ids), until=until).reports
        if (each.report, each.website_id) in wanted
        for stretch in each.calendar
        if stretch.mark.is_gap or stretch.mark.value == "restated"
    ]


def _by_ids(settings: Settings, ids: Sequence[str]) -> Settings:
    """The settings with all reports for these websites: of a domain that was never loaded the
    warehouse does not know what it stands for."""
    reports = tuple(each.model_copy(update={"websites": ()}) for each in settings.reports)
    return settings.model_copy(update={"websites": tuple(ids), "reports": reports})


def told_of(error: Exception) -> tuple[str, Remedy]:
    """What happened, in words without secrets, and what helps.

    Args:
        error: that ended a run.
    """
    if not isinstance(error, DatabuddyError) and (failure := destination_failure(error)):
        return str(failure), failure.remedy
    return redacted(str(error)), remedy_of(error)


def place_of(cell: KnownCell | LoadedCell) -> tuple[str, str, datetime]:
    """What tells a cell from all others: report, website and first instant.

    Args:
        cell: known or loaded.
    """
    return cell.report, cell.website_id, cell.window.start


def lacking(known: Iterable[KnownCell], loaded: Iterable[LoadedCell]) -> list[str]:
    """A line for each cell that is not there, with the reason that the loads of this run gave.

    Args:
        known: what the warehouse has.
        loaded: what the loads brought.
    """
    told = {place_of(each): f"{each.status}: {each.reason}" for each in loaded if each.is_gap}
    return [
        f"{each.report} of {each.website_id} on {each.window}: "
        + told.get(place_of(each), f"{each.mark.words}. {each.reason}")
        for each in known
        if not each.is_there
    ]


def doubted(known: Iterable[KnownCell], loaded: Iterable[LoadedCell]) -> list[str]:
    """A line for each cell that was compared beside those of this run and of which the answer is
    not believed.

    Args:
        known: see `lacking`.
        loaded: see `lacking`.
    """
    own = set(map(place_of, known))
    return [
        f"{each}: {each.status}: {each.reason}"
        for each in loaded
        if each.status.value == "suspect" and place_of(each) not in own
    ]


def shown(lines: Sequence[str]) -> str:
    """The first of them, and how many more there are.

    Args:
        lines: see `lacking`.
    """
    more = f"\n... and {len(lines) - LINES_SHOWN} more" if len(lines) > LINES_SHOWN else ""
    return "Not complete are:\n" + "\n".join(lines[:LINES_SHOWN]) + more
