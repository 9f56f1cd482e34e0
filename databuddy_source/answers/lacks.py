"""What the warehouse knows of cells, and what it lacks, as cells that may be loaded. Asks nothing
of the API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from databuddy_source.answers.status import status
from databuddy_source.clock import now, today
from databuddy_source.config.cells import Cells, narrowed
from databuddy_source.config.resolve import configured
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.finality import is_settled, last_settled
from databuddy_source.coverage.reading import Tables, offered_types, tables_of
from databuddy_source.coverage.single import Single, single_cells
from databuddy_source.errors import without_window
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import day_zone
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import Window, tile

if TYPE_CHECKING:
    import dlt


NEAR: Final = 31
"""Days between two that are read in one query: with the first one a month before it is read."""


@dataclass(frozen=True)
class Lack(Cells):
    """Neighbouring cells of one website and report that lack something for the same reason.

    Attributes:
        mark: what is wrong with them.
        windows: how many there are.
        reason: in a sentence; empty where they were never asked for.
    """

    mark: Mark
    windows: int
    reason: str


def gaps(
    pipeline: dlt.Pipeline,
    settings: Settings | None = None,
    *,
    since: date | None = None,
    until: date | None = None,
) -> list[Lack]:
    """What the warehouse lacks of the configured reports: what failed, is truncated, suspect or
    missing, by website, oldest first. `load_cells(pipeline, gaps(pipeline), only_gaps=True)` asks
    for it.

    Args:
        pipeline: whose warehouse it is.
        settings: websites, reports, and where they begin. Default: as configured.
        since, until: look at these days only, both included.

    Raises:
        BadSetting: see `status`.
    """
    found = status(pipeline, settings, since=since, until=until)
    return [
        Lack(each.report, each.website_id, gap.first, gap.last, gap.mark, gap.cells, gap.reason)
        for each in found.reports
        for gap in each.gaps
    ]


@dataclass(frozen=True, slots=True)
class KnownCell:
    """What the warehouse knows of one cell, whichever load brought it.

    Attributes:
        report: the name of the table.
        window: its days and instants.
        mark: what is known of it; it tells what is a gap.
        rows: that the table has of it.
        reason: why it is not complete.
    """

    website_id: str
    report: str
    window: Window
    mark: Mark
    rows: int
    reason: str

    @property
    def is_there(self) -> bool:
        """Whether it was asked for, and nothing is lacking that may be had."""
        return self.mark.is_asked and not self.mark.is_gap

    @property
    def is_final(self) -> bool:
        """Whether it is there, and no sync will ask for it again."""
        return self.mark in {Mark.EMPTY, Mark.COMPLETE}

    @property
    def cause(self) -> str:
        """The reason without window and request: the same for all that failed together."""
        return without_window(self.reason)


def known_cells(
    pipeline: dlt.Pipeline, cells: Iterable[Cells], settings: Settings | None = None
) -> list[KnownCell]:
    """What the warehouse knows of chosen cells, also of those that nobody ever asked for, in the
    order in which they were given. What the server did not have at the last sync is unavailable.

    Args:
        pipeline: whose warehouse it is.
        cells: of chosen reports; websites by id.
        settings: what lasts. Default: as configured.

    Raises:
        BadSetting: a report is not chosen.
    """
    settings, chosen = settings or configured(), list(cells)
    reports = {each.name: each for each in narrowed(settings, chosen).reports}
    if not chosen:
        return []
    with tables_of(pipeline) as tables:
        has, offered = _has(tables, chosen), offered_types(tables)
    instant, found = now(), list[KnownCell]()
    for each in chosen:
        report, own = reports[each.report], has.get((each.website_id, each.report), Single())
        zone = own.zone or day_zone(load_catalog().get(report.query_type), settings.timezone)
        settled = last_settled(today(zone, instant), settings.lookback_days)
        for window in tile(each.first, each.last, zone, report.grain, settings.weeks):
            unknown = Mark.MISSING if is_settled(window, settled) else Mark.DUE
            if offered and report.query_type not in offered:
                unknown = Mark.UNAVAILABLE
            what = own.cells.get(window.start, (unknown, 0, ""))
            found.append(KnownCell(each.website_id, each.report, window, *what))
    return found


def _has(tables: Tables, chosen: Iterable[Cells]) -> Mapping[tuple[str, str], Single]:
    """What is known on the days of chosen cells; of a year between two of them nothing is read."""
    stretches: list[tuple[date, date]] = []
    for first, last in sorted({(each.first, each.last) for each in chosen}):
        if stretches and (first - stretches[-1][1]).days <= NEAR:
            stretches[-1] = stretches[-1][0], max(last, stretches[-1][1])
        else:
            stretches.append((first, last))
    found: dict[tuple[str, str], Single] = defaultdict(Single)
    for first, last in stretches:
        for place, own in single_cells(tables, first, last).items():
            found[place].zone = own.zone
            found[place].cells.update(own.cells)
    return found
