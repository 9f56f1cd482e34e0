"""What the warehouse has and lacks, by website and report. Asks nothing of the API."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from databuddy_source.answers.history import History, history
from databuddy_source.answers.known_websites import known_websites, refuse_unknown
from databuddy_source.answers.lateness import Lateness, lateness, proposed_lookback
from databuddy_source.answers.leftovers import Leftover, leftovers
from databuddy_source.answers.miscounts import Miscount, Told, miscounts, told_by_coverage
from databuddy_source.clock import now
from databuddy_source.config.resolve import configured
from databuddy_source.config.selection import websites_of_reports
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.calendar import calendar_of, held, instant_there
from databuddy_source.coverage.marks import Stretch, by_date
from databuddy_source.coverage.reading import Tables, offered_types, tables_of
from databuddy_source.coverage.redefinitions import Redefinition, redefinitions
from databuddy_source.errors import BadSetting
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import day_zone
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import Grain

if TYPE_CHECKING:
    import dlt


@dataclass(frozen=True)
class ReportStatus:
    """One report of one website.

    Attributes:
        domain: of the website, where the warehouse knows it.
        grain: length of the windows.
        time_zone: IANA name of the zone that cuts them.
        synced_at: when the newest answer was there, UTC; None when nothing was synced yet.
        load_id: dlt's, of the newest load.
        calendar: all windows in stretches, oldest first.
        added_at: when the website was added to Databuddy, UTC, where the warehouse knows it.
        is_gone: whether the newest sync did not see the website, which an earlier one saw.
    """

    website_id: str
    domain: str | None
    report: str
    grain: Grain
    time_zone: str
    synced_at: datetime | None
    load_id: str | None
    calendar: Sequence[Stretch]
    added_at: datetime | None = None
    is_gone: bool = False

    @property
    def first(self) -> date | None:
        """Day of the oldest window that was ever asked for."""
        return min((each.first for each in self.calendar if each.mark.is_asked), default=None)

    @property
    def last(self) -> date | None:
        """Day of the newest one."""
        return max((each.newest for each in self.calendar if each.mark.is_asked), default=None)

    @property
    def marks(self) -> Mapping[date, Mark]:
        """The mark of each date with which a window begins. A day is as bad as its worst hour."""
        return by_date(self.calendar)

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.calendar)

    @cached_property
    def cells(self) -> Mapping[Mark, int]:
        """How many windows have each mark; those that none has are left out."""
        found: Counter[Mark] = Counter()
        for each in self.calendar:
            found[each.mark] += each.cells
        return found

    @property
    def gaps(self) -> Sequence[Stretch]:
        """What is lacking, oldest first."""
        return [each for each in self.calendar if each.mark.is_gap]

    @property
    def holes(self) -> Sequence[Stretch]:
        """What is lacking of what was ever asked for, and what nobody asked for between the first
        and the last of it, oldest first. Of a table that never came to be, or was lost, all."""
        first, last, lost = self.first, self.last, self.synced_at and self.first is None
        return [
            each
            for each in self.calendar
            if (each.mark.is_gap and (each.mark.is_asked or lost))
            or (not each.mark.is_asked and first and last and first < each.first < last)
        ]


@dataclass(frozen=True)
class WarehouseStatus:
    """What the warehouse has and lacks.

    Attributes:
        reports: those configured now, by website.
        others: `(website_id, report)` that the warehouse has and that are not configured now.
        redefined: those of the configured reports whose days do not mean the same.
        leftovers: what `remove` has to be told to take out the others, and nothing else.
        withdrawn: `(website_id, report)` that the warehouse has and that are configured, but the
            server did not have at the last sync.
        miscounts: days of which a table has other numbers of rows than coverage says, where they
            were counted.
        history: how old the proof of final cells is, and what changed of late.
        lateness: how late windows still changed, by report, where that was asked for.
        lookback_days: that are configured.
    """

    reports: Sequence[ReportStatus]
    others: Sequence[tuple[str, str]]
    redefined: Sequence[Redefinition] = ()
    leftovers: Sequence[Leftover] = ()
    withdrawn: Sequence[tuple[str, str]] = ()
    miscounts: Sequence[Miscount] = ()
    history: History = field(default_factory=History)
    lateness: Sequence[Lateness] = ()
    lookback_days: int = 0

    @cached_property
    def cells(self) -> Mapping[Mark, int]:
        """How many windows of all reports have each mark."""
        total: Counter[Mark] = Counter()
        for each in self.reports:
            total.update(each.cells)
        return total

    @property
    def lacking(self) -> int:
        """How many cells `heal` would ask for."""
        return sum(count for mark, count in self.cells.items() if mark.is_gap)

    @property
    def proposed_lookback_days(self) -> int | None:
        """A longer lookback, where more than one in a thousand cells changes after the configured
        one; None where it is long enough, or lateness was not asked for."""
        return proposed_lookback(self.lateness, self.lookback_days)

    @property
    def is_complete(self) -> bool:
        return not (self.lacking or self.miscounts)


def status(
    pipeline: dlt.Pipeline | Tables,
    settings: Settings | None = None,
    *,
    since: date | None = None,
    until: date | None = None,
    deep: bool = False,
    late: bool = False,
    gone: bool = False,
) -> WarehouseStatus:
    """What the warehouse has and lacks of the configured reports.

    Args:
        pipeline: whose warehouse it is, or its tables, where they are open.
        settings: websites, reports, and where they begin. Default: as configured.
        since, until: look at these days only, both included.
        deep: count the rows of each day, too, a query for each table: so rows are missed that
            somebody deleted.
        late: tell how late windows still changed.
        gone: where all websites are meant, also of those that the newest sync did not see, up to
            the newest window of each report. Nothing lacks that is not asked for any more.

    Raises:
        BadSetting: a configured domain is none of the websites that the warehouse knows, or
            `since` is after `until`.
    """
    if since and until and since > until:
        raise BadSetting(f"since ({since}) is after until ({until})", "Swap them.")
    with tables_of(pipeline) as tables:
        chosen = settings or configured()
        return _status(tables, chosen, since, until, deep=deep, late=late, gone=gone)


def _status(
    tables: Tables,
    settings: Settings,
    since: date | None,
    until: date | None,
    *,
    deep: bool,
    late: bool,
    gone: bool,
) -> WarehouseStatus:
    seen, left = known_websites(tables)
    websites = {**seen, **left}
    offered = offered_types(tables)
    instant = now()
    has = held(tables, instant, since, until)
    there = instant_there(has, instant)
    redefined = redefinitions(tables)
    domains = {id_: website.domain for id_, website in websites.items()}
    refuse_unknown([name for name in settings.websites if "." in name], domains)
    found, configured_now, withdrawn = [], set(), []
    shown = websites if gone else seen
    for chosen, website_ids in websites_of_reports(settings, lambda: shown, left):
        places = [(website_id, chosen.name) for website_id in website_ids]
        configured_now.update(places)
        if offered and chosen.query_type not in offered:
            withdrawn += [place for place in places if place in has]
            continue  # a sync skips it with one line
        for website_id in website_ids:
            own = has.get((website_id, chosen.name))
            is_named = bool(chosen.websites or settings.websites)
            is_left = gone and not is_named and website_id in left
            if is_left and (own is None or (since and own.last < since)):
                continue
            query_type = load_catalog().get(chosen.query_type)
            grain = own.grain if own else chosen.grain
            zone = own.zone if own else day_zone(query_type, settings.timezone)
            last = min(until or own.last, own.last) if own and is_left else until
            calendar = calendar_of(
                own, settings, zone=zone, grain=grain, now=there, since=since, until=last
            )
            website = websites.get(website_id)
            found.append(
                ReportStatus(
                    website_id,
                    website.domain if website else None,
                    chosen.name,
                    grain,
                    zone,
                    own.synced_at if own else None,
                    own.load_id if own else None,
                    calendar,
                    website.createdAt if website else None,
                    website_id in left,
                )
            )
    found.sort(key=lambda each: each.website_id)
    names = {each.report for each in found}
    redefined = [each for each in redefined if each.report in names]
    others = [place for place in has if place not in configured_now]
    odd = tuple(miscounts(tables, _told(tables, found))) if deep else ()
    return WarehouseStatus(
        found,
        others,
        redefined,
        leftovers(has, configured_now),
        withdrawn,
        odd,
        history(tables, there),
        lateness(tables) if late else (),
        settings.lookback_days,
    )


def _told(tables: Tables, reports: Sequence[ReportStatus]) -> Told:
    """The rows that each day should have; of what was never asked for, or whose table is lost,
    none."""
    told = told_by_coverage(tables)
    return {
        (each.website_id, each.report): {
            day: told.get((each.website_id, each.report), {}).get(day, 0)
            if stretch.mark.is_asked
            else 0
            for stretch in each.calendar
            for day in stretch.dates
        }
        for each in reports
    }
