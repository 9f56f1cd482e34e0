"""Cells that are chosen one by one, instead of all reports and websites on the same days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from databuddy_source.config.reports import ReportSetting
from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.errors import BadSetting
from databuddy_source.model.windows import span

Place = tuple[str, str]
"""Website and report."""


@dataclass(frozen=True)
class Cells:
    """The cells of one report and website on some days.

    Attributes:
        report: its name, which is its table's.
        website_id: as `websites` tells it, no domain.
        first, last: days in the zone that cuts the report's, both included. Of a weekly or monthly
            report the windows are meant that touch them.
    """

    report: str
    website_id: str
    first: date
    last: date

    def __str__(self) -> str:
        return f"{self.report} of {self.website_id}, {span(self.first, self.last)}"


class CellScope(Scope):
    """A bounded run of chosen cells.

    Attributes:
        days: of each website and report, as ranges that neither meet nor overlap, oldest first.
        began: what has been answered completely since then is not asked for again; None for no such
            instant.
        scrub: compare what is final with the server, too, and ask for more where it differs; not
            where gaps alone are asked for.
    """

    days: Mapping[Place, tuple[tuple[date, date], ...]]
    began: datetime | None = None
    scrub: bool = False

    def days_of(self, report: str, website_id: str) -> list[tuple[date, date]]:
        """See `Scope`."""
        return [
            (max(first, begin), min(last, end))
            for begin, end in super().days_of(report, website_id)
            for first, last in self.days.get((website_id, report), ())
            if first <= end and begin <= last
        ]

    @property
    def done_since(self) -> datetime | None:
        """See `Scope`."""
        return self.began

    @property
    def proves(self) -> bool:
        """See `Scope`."""
        return self.scrub and not self.only_gaps


def narrowed(settings: Settings, cells: Iterable[Cells], *, scrub: bool = False) -> Settings:
    """The settings with no other reports and websites than those of the cells.

    Args:
        settings: what lasts.
        cells: that are meant.
        scrub: keep the other reports of these websites, too, which may be asked for an old day that
            differs; but for those whose own websites are named by domains, which nobody has listed.

    Raises:
        BadSetting: one is of a report that is not chosen, or of a website that is named by its
            domain, or its days are in the wrong order.
    """
    wanted: dict[str, dict[str, None]] = defaultdict(dict)
    known = {each.name: each for each in settings.chosen_reports()}
    for each in cells:
        if each.report not in known:
            raise BadSetting(
                f"No report {each.report!r} is chosen",
                f"Chosen are: {', '.join(sorted(known))}.",
            )
        if "." in each.website_id:
            raise BadSetting(
                f"{each.website_id!r} is a domain", "Name the website by its id: see `websites()`."
            )
        if each.first > each.last:
            raise BadSetting(f"The days of {each} are in the wrong order", "Swap them.")
        wanted[each.report][each.website_id] = None
    if scrub:
        ids = dict.fromkeys(website_id for own in wanted.values() for website_id in own)
        for name, report in known.items():
            own = report.websites
            wanted[name] |= {each: None for each in ids if not own or each in own}
    reports: list[ReportSetting] = [
        each.model_copy(update={"websites": tuple(wanted[name])})
        for name, each in known.items()
        if wanted[name]
    ]
    return settings.model_copy(update={"query_types": (), "reports": tuple(reports)})


def scope_of(cells: Iterable[Cells], began: datetime | None = None, **mode: Any) -> CellScope:
    """The scope of a run of exactly these cells.

    Args:
        cells: at least one; they may overlap.
        began: see `CellScope`.
        mode: other fields of `Scope`.
    """
    by_place: dict[Place, list[tuple[date, date]]] = defaultdict(list)
    for each in cells:
        by_place[each.website_id, each.report].append((each.first, each.last))
    days = {place: tuple(_joined(ranges)) for place, ranges in by_place.items()}
    since = min(ranges[0][0] for ranges in days.values())
    until = max(ranges[-1][1] for ranges in days.values())
    return CellScope(since=since, until=until, days=days, began=began, **mode)


def _joined(ranges: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    found: list[tuple[date, date]] = []
    for first, last in sorted(ranges):
        if found and first.toordinal() <= found[-1][1].toordinal() + 1:
            found[-1] = found[-1][0], max(last, found[-1][1])
        else:
            found.append((first, last))
    return found
