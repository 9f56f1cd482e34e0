"""What is known of a website's newest days, as values. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from databuddy_source.answers.status import ReportStatus
from databuddy_source.coverage.views import MONEY
from databuddy_source.model.meanings import meaning_of
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.windows import ONE_DAY

STATES: Final = ("final", "may grow", "running", "suspect", "truncated", "failed", "missing")
"""What the view `cell_states` says of a window, from what is well to what is worst."""

COMPARABLE: Final = frozenset({"final", "may grow"})

Number = int | float | Decimal
Rank = tuple[str | None, Number | None, Number | None]
"""A name, its count, and its count of the days before."""
Vital = tuple[str | None, Number | None, Number | None]
"""A metric, its 75th percentile, and how many samples it is of."""


@dataclass(frozen=True)
class Day:
    """A window of one website, or of all.

    Attributes:
        state: one of `STATES`.
        numbers: by column; None is not known. Columns that are not loaded are left out.
        currency: of the amounts, where all are in one.
    """

    date: date
    state: str
    numbers: Mapping[str, Number | None]
    currency: str | None = None


@dataclass(frozen=True)
class Ranked:
    """What is ranked.

    Attributes:
        title: of the section.
        report: its table.
        name, counts: columns of it; the counts may be added up over days and websites.
    """

    title: str
    report: str
    name: str
    counts: str

    def label(self, column: str) -> str:
        """What a column is called."""
        meaning = meaning_of(load_catalog().get(self.report), column)
        return meaning.label if meaning else column


RANKED: Final = (
    Ranked("Pages", "top_pages", "name", "pageviews"),
    Ranked("Sources", "traffic_sources", "source", "pageviews"),
    Ranked("Countries", "country", "country_name", "pageviews"),
    Ranked("Devices", "device_types", "name", "pageviews"),
    Ranked("Campaigns", "utm_campaigns", "name", "pageviews"),
    Ranked("Error messages", "error_types", "name", "count"),
)


@dataclass(frozen=True)
class Extent:
    """Some days of a report, and what is not known of them.

    Attributes:
        report: its name.
        first, last: both included.
        days: how many cells there should be.
        states: days by their state, but for final ones.
        is_empty: whether nothing of it was ever asked for.
        without: names of the websites of which nothing was.
    """

    report: str
    first: date
    last: date
    days: int
    states: Mapping[str, Sequence[date]]
    is_empty: bool = False
    without: Sequence[str] = ()

    @property
    def is_comparable(self) -> bool:
        return self.states.keys() <= COMPARABLE


@dataclass(frozen=True)
class Ranking:
    """The names that count most.

    Attributes:
        of: what is ranked.
        extent: the days that are counted, of the websites that have any of them.
        before: as many before them.
        rows: name, count, and count of the days before.
    """

    of: Ranked
    extent: Extent
    before: Extent
    rows: Sequence[Rank]

    @property
    def is_compared(self) -> bool:
        is_known = self.extent.is_comparable and self.before.is_comparable
        return is_known and self.extent.without == self.before.without


@dataclass(frozen=True)
class Site:
    """A website, or all together.

    Attributes:
        website_id: empty for all.
        name: its domain, as the warehouse has it.
        days: oldest first, none left out.
        weeks, months: with `..._before` where the window before is comparable. None for all, since
            who comes to two websites is one visitor.
        rankings: one for each of `RANKED`.
        vitals: metric, 75th percentile and samples of `vitals_of`.
        vitals_of: the newest whole day that has them.
        cells: what is known of each report, from the first of the days on. Of all together a day
            lacks where it lacks of a website that the report is configured for.
        reports: what the warehouse has and lacks.
        gone: those of its websites that the newest sync did not see, with the last day that was
            asked for: so far they are in what is of all.
    """

    website_id: str
    name: str
    days: Sequence[Day]
    weeks: Sequence[Day]
    months: Sequence[Day]
    rankings: Sequence[Ranking]
    vitals: Sequence[Vital]
    vitals_of: date | None
    cells: Mapping[str, Extent]
    reports: Sequence[ReportStatus] = ()
    gone: Mapping[str, date] = field(default_factory=dict)


def worst(states: Iterable[str]) -> str:
    """The state that says least is known; of none it is missing."""
    return max(states, key=STATES.index, default="missing")


def number_of(value: object) -> Number | None:
    """A value of the warehouse as a number; None where it is none that can be shown: a text, or
    one without end."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return value if math.isfinite(value) else None


def filled(days: Sequence[Day], first: date, last: date) -> list[Day]:
    """All days from a first to a last one, those that lack as missing: views begin and end with
    days that were asked for.

    Args:
        days: that are there.
        first, last: of the result, both included.
    """
    own = {each.date: each for each in days}
    nothing = dict.fromkeys(days[0].numbers) if days else {}
    dates = [first + number * ONE_DAY for number in range((last - first).days + 1)]
    return [own.get(day) or Day(day, "missing", nothing) for day in dates]


def together(
    websites: Mapping[str, Sequence[Day]],
    adding: Mapping[str, Collection[str]],
    counted: Collection[str],
    ends: Mapping[str, date] = MappingProxyType({}),
) -> list[Day]:
    """The days of several websites as one. A number that one of them does not have is not known.

    Args:
        websites: by id, the same days of each.
        adding: columns that may be added up over websites, with the ids of these.
        counted: ids of those that have states.
        ends: by id, the last day that one counts that is gone.
    """
    found = [
        dict(zip(websites, days, strict=True)) for days in zip(*websites.values(), strict=True)
    ]
    return [_as_one(days, adding, counted, ends) for days in found]


def _as_one(
    given: Mapping[str, Day],
    adding: Mapping[str, Collection[str]],
    counted: Collection[str],
    ends: Mapping[str, date],
) -> Day:
    days = {id_: each for id_, each in given.items() if each.date <= ends.get(id_, each.date)}
    # of an amount without a currency nobody knows which one it is of
    paid = [each for each in days.values() if any(each.numbers.get(column) for column in MONEY)]
    currencies = {each.currency for each in paid}
    numbers: dict[str, Number | None] = {}
    for column, ids in adding.items():
        if any(column in each.numbers for each in given.values()):
            own = [days[id_].numbers.get(column) for id_ in ids if id_ in days]
            known = [number for number in own if number is not None]
            mixed = column in MONEY and len(currencies) > 1
            is_known = known and len(known) == len(own) and not mixed
            numbers[column] = number_of(sum(known)) if is_known else None
    currency = currencies.pop() if len(currencies) == 1 else None
    state = worst(days[id_].state for id_ in counted if id_ in days)
    return Day(next(iter(given.values())).date, state, numbers, currency)


def extent_of(
    report: str,
    websites: Sequence[Mapping[date, str]],
    first: date,
    last: date,
    without: Sequence[str] = (),
    ends: Sequence[date | None] = (),
) -> Extent:
    """What is known of some days of a report.

    Args:
        report: its name.
        websites: for each, the state of its days; what has none was never asked for.
        first, last: both included.
        without: names of websites of which nothing is there.
        ends: for each, the last day that it counts, where it is gone.
    """
    own_ends = [end or last for end in ends] or [last] * len(websites)
    days = [first + number * ONE_DAY for number in range((last - first).days + 1)]
    found: dict[str, list[date]] = {}
    for day in days:
        state = worst(
            own.get(day, "missing")
            for own, end in zip(websites, own_ends, strict=True)
            if day <= end
        )
        if state != "final":
            found.setdefault(state, []).append(day)
    is_empty = not any(day in own for own in websites for day in days)
    return Extent(report, first, last, len(days), found, is_empty, without)


def weeks_before(last: date, days: int) -> tuple[date, date]:
    """The first days of a time that ends on a day, and of as long a one before it.

    Args:
        last: of the later one.
        days: how long they are.
    """
    return last - timedelta(days=days - 1), last - timedelta(days=2 * days - 1)
