"""What a run of an orchestrator lacks, as cells and in lines, and what helps; which websites a
table is for; and what an orchestrator is told of an error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Lack:
    """A cell that a run lacks.

    Attributes:
        cell: that it is.
        told: what is known of it, with the reason.
        cause: the same for cells that failed together.
    """

    cell: KnownCell | LoadedCell
    told: str
    cause: str

    @classmethod
    def of(cls, cell: LoadedCell) -> Lack:
        """One that a load of the run asked for."""
        return cls(cell, f"{cell.status}: {cell.reason}", f"{cell.status}: {cell.cause}")


def lacking(known: Iterable[KnownCell], loaded: Iterable[LoadedCell]) -> list[Lack]:
    """The cells that are not there, with the reasons that the loads of this run gave.

    Args:
        known: what the warehouse has.
        loaded: what the loads brought.
    """
    told = {place_of(each): Lack.of(each) for each in loaded if each.is_gap}
    return [
        told.get(place_of(each))
        or Lack(each, f"{each.mark.words}. {each.reason}", f"{each.mark.words}. {each.cause}")
        for each in known
        if not each.is_there
    ]


def doubted(known: Iterable[KnownCell], loaded: Iterable[LoadedCell]) -> list[Lack]:
    """The cells that were compared beside those of this run and of which the answer is not
    believed.

    Args:
        known: see `lacking`.
        loaded: see `lacking`.
    """
    own = set(map(place_of, known))
    return [
        Lack.of(each)
        for each in loaded
        if each.status.value == "suspect" and place_of(each) not in own
    ]


def remedy_for(lacks: Iterable[Lack], settings: Settings) -> Remedy:
    """What helps: to try again, unless all that is lacking is of accounts whose keys are refused.
    That costs a request for each of these.

    Args:
        lacks: see `lacking`.
        settings: with the accounts.
    """
    if not settings.accounts:
        return Remedy.HEAL
    ids = {each.cell.website_id for each in lacks}
    for account in settings.by_account().values():
        own = ids.intersection(account.websites)
        if own and _is_refused(account):
            ids -= own
    return Remedy.HEAL if ids else Remedy.CHANGE


def _is_refused(account: Settings) -> bool:
    try:
        websites(account)
    except DatabuddyError as error:
        return error.remedy is Remedy.CHANGE
    return False


def shown(lacks: Iterable[Lack]) -> str:
    """Each reason once, with its cells; the first lines, and how many more there are.

    Args:
        lacks: see `lacking`.
    """
    by_cause: dict[str, list[Lack]] = defaultdict(list)
    for each in lacks:
        by_cause[each.cause].append(each)
    lines = [line for cause, own in by_cause.items() for line in _lines(cause, own)]
    more = f"\n... and {len(lines) - LINES_SHOWN} more" if len(lines) > LINES_SHOWN else ""
    return redacted("Not complete are:\n" + "\n".join(lines[:LINES_SHOWN]) + more)


def _lines(cause: str, lacks: Sequence[Lack]) -> Iterator[str]:
    cells = sorted((each.cell for each in lacks), key=lambda cell: cell.window.start)
    if len(lacks) == 1:
        yield f"{_name(cells)}: {lacks[0].told}"
        return
    yield f"{len(lacks)} cells: {cause}"
    by_report: dict[tuple[str, str], list[KnownCell | LoadedCell]] = defaultdict(list)
    for each in cells:
        by_report[each.report, each.website_id].append(each)
    for own in by_report.values():
        yield f"- {_name(own)}"


def _name(cells: Sequence[KnownCell | LoadedCell]) -> str:
    one, last = cells[0], cells[-1]
    until = f" to {last.window}, {len(cells)} cells" if len(cells) > 1 else ""
    return f"{one.report} of {one.website_id} on {one.window}{until}"
