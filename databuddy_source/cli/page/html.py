"""The page as HTML: texts of others are texts, and never markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from importlib.resources import files
from itertools import groupby
from typing import Any, Final

from databuddy_source import Day, Extent, Overview, Ranking, Site
from databuddy_source.cli.calendar_lines import calendar_lines, legend
from databuddy_source.cli.console import shown
from databuddy_source.cli.journal import moment
from databuddy_source.cli.page import words
from databuddy_source.cli.page.charts import Dot, drawn
from databuddy_source.model.meanings import UNITS, Unit, meaning_of
from databuddy_source.model.query_types import load_catalog

DAILY, WEEKLY, MONTHLY = Overview.views

CALENDAR: Final = 100
"""Columns of a calendar; on a narrow screen it is scrolled."""


@dataclass(frozen=True)
class Column:
    """A number by day.

    Attributes:
        name: in the summary by day.
        report, source: where the number comes from, and what its label is that of.
        is_money: whether it is an amount.
    """

    name: str
    report: str
    source: str
    is_money: bool = False

    @property
    def label(self) -> str:
        meaning = meaning_of(load_catalog().get(self.report), self.source)
        return meaning.label if meaning else self.name

    def text(self, day: Day) -> str:
        """Its number of a day, for people."""
        value = day.numbers.get(self.name)
        return words.money(value, day.currency) if self.is_money else words.count(value)


COLUMNS: Final = (
    Column("pageviews", "summary_metrics", "pageviews"),
    Column("visitors", "summary_metrics", "unique_visitors"),
    Column("sessions", "summary_metrics", "sessions"),
    Column("errors", "error_summary", "totalErrors"),
    Column("revenue", "revenue_overview", "total_revenue", is_money=True),
)
OF_WEEKS: Final = COLUMNS[:3]


@dataclass(frozen=True)
class Chart:
    """A number by day, drawn."""

    label: str
    says: str
    wide: str
    narrow: str
    states: Sequence[tuple[str, str]]


def page(found: Overview, made_at: datetime) -> str:
    """The whole page.

    Args:
        found: what it shows.
        made_at: this instant.
    """
    from jinja2 import Environment, StrictUndefined

    own = files(__package__)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        name=words.name,
        count=words.count,
        change=words.change,
        states=words.states,
        absent=words.absent,
        unit=words.unit,
        lost_view=words.lost_view,
        moment=moment,
    )
    template = environment.from_string((own / "page.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        style=(own / "page.css").read_text(encoding="utf-8"),
        found=found,
        made_at=made_at,
        sites=[_shown(site, found) for site in found.sites],
        lost=words.lost(found.lost) if found.lost else "",
        few=words.FEW_SAMPLES,
        of_weeks=OF_WEEKS,
    )


def _shown(site: Site, found: Overview) -> Mapping[str, Any]:
    """What the template needs besides the website itself."""
    columns = [
        each
        for each in COLUMNS
        if any(each.name in day.numbers for day in site.days)
        and not site.cells[each.report].is_empty
    ]
    charts = [_chart(site, each) for each in columns]
    recent, unknown = _weeks(site, found.last)
    return {
        "site": site,
        "columns": columns,
        "charts": charts,
        "not_drawn": list(dict.fromkeys(_not_drawn(site, found, columns))),
        "windows": [
            ("Weeks", WEEKLY, site.weeks),
            ("Months", MONTHLY, site.months),
        ],
        "recent": recent,
        "unknown": words.not_known(unknown) if unknown else "",
        "gone": words.gone(site.gone, of_all=not site.website_id) if site.gone else "",
        "rankings": [(each, _changes(each), list(_of_rest(each.extent))) for each in site.rankings],
        "calendar": "\n".join(_calendar(site)),
        "legend": legend({mark for each in site.reports for mark in each.cells}),
        "answers": list(_answers(site)),
    }


def _not_drawn(site: Site, found: Overview, columns: Sequence[Column]) -> Iterator[str]:
    """What is said in the place of the charts that are not there."""
    for each in COLUMNS:
        extent = site.cells[each.report]
        if extent.is_empty:
            yield words.absent(extent)
        elif DAILY in found.lost:
            yield words.lost_view(DAILY)
        elif each not in columns and site.website_id:  # what is no sum is not of all together
            yield f"The view {DAILY} has no column {each.name}."


def _chart(site: Site, column: Column) -> Chart:
    cells = site.cells[column.report]
    dots = list(_dots(site.days, column, cells))
    known = [each.value for each in dots if each.value is not None]
    says = f"{column.label} by day, {dots[0].date} to {dots[-1].date}. "
    says += (
        f"Lowest {words.count(min(known))}, highest {words.count(max(known))}."
        if known
        else "No number is known."
    )
    states = list(_of_rest(cells))
    if column.is_money and any(
        each.value is None and each.state in {"final", "may grow"} for each in dots
    ):
        states.append(("mixed", "Amounts of several currencies are not added up"))
    unit = _currencies(site.days) if column.is_money else ""
    if unit:
        says += f" In {unit}."
    wide, narrow = (drawn(dots, narrow=each, unit=unit) for each in (False, True))
    return Chart(column.label, says, wide, narrow, states)


def _currencies(days: Sequence[Day]) -> str:
    told = {shown(each.currency) for each in days if each.currency}
    return ", ".join(sorted(told)) or UNITS[Unit.CURRENCY]  # before 2026-10 no server tells it


def _of_rest(extent: Extent) -> Iterator[tuple[str, str]]:
    """What is not known of some days, and which websites have nothing."""
    if without := words.without(extent):
        yield "missing", without
    if not extent.is_empty:
        yield from words.states(extent)


def _dots(days: Sequence[Day], column: Column, cells: Extent) -> Iterator[Dot]:
    known = {day: state for state, own in cells.states.items() for day in own}
    for day in days:
        state, value = known.get(day.date, "final"), day.numbers.get(column.name)
        says = f"{day.date}: {column.text(day)}" + (f", {state}" if state != "final" else "")
        yield Dot(day.date, state, None if value is None else float(value), says)


def _weeks(site: Site, last: date) -> tuple[Sequence[tuple[str, str, str, date]], Sequence[Day]]:
    """Of the newest week that is over and known: each number with its change. And those that are
    over since, and not known."""
    known = [each for each in site.weeks if each.state in {"final", "may grow"}]
    if not known:
        return [], []
    week, own = known[-1], {each.date: each for each in site.weeks}
    since = range(1, (last - week.date).days // 7)
    begins = [week.date + timedelta(weeks=number) for number in since]
    unknown = [own.get(begin) or Day(begin, "missing", {}) for begin in begins]
    recent = [
        (
            each.label,
            each.text(week),
            words.change(week.numbers[each.name], week.numbers.get(f"{each.name}_before")),
            week.date,
        )
        for each in OF_WEEKS
        if each.name in week.numbers
    ]
    return recent, unknown


def _changes(ranking: Ranking) -> Sequence[str]:
    """By row, how much more it is than before; nothing where the two times are not comparable."""
    if not ranking.is_compared:
        return [""] * len(ranking.rows)
    return ["new" if before == 0 else words.change(now, before) for _, now, before in ranking.rows]


def _calendar(site: Site) -> Iterator[str]:
    yield from calendar_lines(site.reports, CALENDAR) if site.website_id else ()


def _answers(site: Site) -> Iterator[tuple[str, Sequence[str]]]:
    """When the newest answers came, newest first, and the reports that they are of."""
    told = sorted(
        (
            (moment(each.synced_at)[:16] if each.synced_at else "never", each.report)
            for each in site.reports
        ),
        reverse=True,
    )
    for at, group in groupby(told, key=lambda each: each[0]):
        yield at, sorted({report for _, report in group})
