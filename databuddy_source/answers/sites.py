"""What is known of a website's newest days, as values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from databuddy_source.answers.status import ReportStatus
from databuddy_source.model.meanings import meaning_of
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.windows import ONE_DAY

STATES: Final = ("final", "may grow", "running", "suspect", "truncated", "failed", "missing")
"""What the view `cell_states` says of a window, from what is well to what is worst."""

COMPARABLE: Final = frozenset({"final", "may grow"})

Number = int | float | Decimal
Rank = tuple[str | None, Number, Number]
"""A name, its count, and its count of the days before."""
Vital = tuple[str, Number, int]
"""A metric, its 75th percentile, and how many samples it is of."""

MONEY: Final = frozenset({"revenue", "refunds"})
"""Columns that are amounts of one currency."""


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
    """

    report: str
    first: date
    last: date
    days: int
    states: Mapping[str, Sequence[date]]

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it was ever asked for."""
        return len(self.states.get("missing", ())) == self.days

    @property
    def is_comparable(self) -> bool:
        return self.states.keys() <= COMPARABLE


@dataclass(frozen=True)
class Ranking:
    """The names that count most.

    Attributes:
        of: what is ranked.
        extent: the days that are counted.
        before: as many before them.
        rows: name, count, and count of the days before.
    """

    of: Ranked
    extent: Extent
    before: Extent
    rows: Sequence[Rank]

    @property
    def is_compared(self) -> bool:
        return self.extent.is_comparable and self.before.is_comparable


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
        cells: what is known of each report, from the first of the days on.
        reports: what the warehouse has and lacks.
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


def worst(states: Iterable[str]) -> str:
    """The state that says least is known."""
    return max(states, key=STATES.index)


def filled(days: Sequence[Day], last: date) -> list[Day]:
    """The same up to a last day, those that lack as missing: views end with the newest day that
    was asked for.

    Args:
        days: oldest first.
        last: of the result.
    """
    if not days:
        return []
    own, begin = {each.date: each for each in days}, days[0].date
    nothing = dict.fromkeys(days[0].numbers)
    dates = [begin + number * ONE_DAY for number in range((last - begin).days + 1)]
    return [own.get(day) or Day(day, "missing", nothing) for day in dates]


def together(websites: Sequence[Sequence[Day]], adding: Iterable[str]) -> list[Day]:
    """The days of several websites as one. A number that one website does not have is not known;
    before its first day a website counts as not there.

    Args:
        websites: days of each.
        adding: columns that may be added up over websites.
    """
    found: dict[date, list[Day]] = {}
    for days in websites:
        for each in days:
            found.setdefault(each.date, []).append(each)
    return [_as_one(day, found[day], adding) for day in sorted(found)]


def _as_one(day: date, days: Sequence[Day], adding: Iterable[str]) -> Day:
    # of an amount without a currency nobody knows which one it is of
    paid = [each for each in days if any(each.numbers.get(column) for column in MONEY)]
    currencies = {each.currency for each in paid}
    numbers: dict[str, Number | None] = {}
    for column in adding:
        if any(column in each.numbers for each in days):
            own = [each.numbers.get(column) for each in days]
            known = [number for number in own if number is not None]
            mixed = column in MONEY and len(currencies) > 1
            numbers[column] = sum(known) if len(known) == len(own) and not mixed else None
    currency = currencies.pop() if len(currencies) == 1 else None
    return Day(day, worst(each.state for each in days), numbers, currency)


def extent_of(
    report: str, websites: Sequence[Mapping[date, str]], first: date, last: date
) -> Extent:
    """What is known of some days of a report.

    Args:
        report: its name.
        websites: for each, the state of its days; what has none was never asked for.
        first, last: both included.
    """
    length = (last - first).days + 1
    found: dict[str, list[date]] = {}
    for number in range(length):
        day = first + number * ONE_DAY
        state = worst(own.get(day, "missing") for own in websites)
        if state != "final":
            found.setdefault(state, []).append(day)
    return Extent(report, first, last, length, found)


def weeks_before(last: date, days: int) -> tuple[date, date]:
    """The first days of a time that ends on a day, and of as long a one before it.

    Args:
        last: of the later one.
        days: how long they are.
    """
    return last - timedelta(days=days - 1), last - timedelta(days=2 * days - 1)
