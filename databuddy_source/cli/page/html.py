"""The page as HTML: texts of others are texts, and never markup."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from itertools import groupby
from typing import Any, Final

from databuddy_source import Day, Extent, Overview, Ranking, Site
from databuddy_source.cli.calendar_lines import calendar_lines, legend
from databuddy_source.cli.console import shown
from databuddy_source.cli.journal import moment
from databuddy_source.cli.page import words
from databuddy_source.cli.page.charts import Dot, drawn
from databuddy_source.model.meanings import meaning_of
from databuddy_source.model.query_types import load_catalog

LONGEST_NAME: Final = 120
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
        name=lambda text: shown(text, LONGEST_NAME) or "(none)",
        count=words.count,
        change=words.change,
        states=words.states,
        absent=words.absent,
        moment=moment,
    )
    template = environment.from_string((own / "page.html.jinja").read_text(encoding="utf-8"))
    return template.render(
        style=(own / "page.css").read_text(encoding="utf-8"),
        found=found,
        made_at=made_at,
        sites=[_shown(site) for site in found.sites],
        few=words.FEW_SAMPLES,
        of_weeks=OF_WEEKS,
    )


def _shown(site: Site) -> Mapping[str, Any]:
    """What the template needs besides the website itself."""
    columns = [each for each in COLUMNS if any(each.name in day.numbers for day in site.days)]
    charts = [_chart(site, each) for each in columns]
    absent = {each.report for each in COLUMNS} - {each.report for each in columns}
    return {
        "site": site,
        "columns": columns,
        "charts": charts,
        "not_loaded": [site.cells[name] for name in sorted(absent)],
        "windows": [("Weeks", site.weeks), ("Months", site.months)],
        "recent": _recent(site),
        "rankings": [(each, _changes(each)) for each in site.rankings],
        "calendar": "\n".join(_calendar(site)),
        "legend": legend({mark for each in site.reports for mark in each.cells}),
        "answers": list(_answers(site)),
    }


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
    states = list(words.states(cells))
    if column.is_money and any(
        each.value is None and each.state in {"final", "may grow"} for each in dots
    ):
        states.append(("mixed", "Amounts of several currencies are not added up"))
    return Chart(column.label, says, drawn(dots, narrow=False), drawn(dots, narrow=True), states)


def _dots(days: Sequence[Day], column: Column, cells: Extent) -> Iterator[Dot]:
    known = {day: state for state, own in cells.states.items() for day in own}
    for day in days:
        state, value = known.get(day.date, "final"), day.numbers.get(column.name)
        says = f"{day.date}: {column.text(day)}" + (f", {state}" if state != "final" else "")
        yield Dot(day.date, state, None if value is None else float(value), says)


def _recent(site: Site) -> Sequence[tuple[str, str, str, date]]:
    """Of the newest week that is over: each number with its change."""
    over = [each for each in site.weeks if each.state in {"final", "may grow"}]
    if not over:
        return []
    week = over[-1]
    return [
        (
            each.label,
            each.text(week),
            words.change(week.numbers[each.name], week.numbers[f"{each.name}_before"]),
            week.date,
        )
        for each in OF_WEEKS
        if each.name in week.numbers
    ]


def _changes(ranking: Ranking) -> Sequence[str]:
    """By row, how much more it is than before; nothing where the two times are not comparable."""
    if not ranking.is_compared:
        return [""] * len(ranking.rows)
    return [words.change(now, before) if before else "new" for _, now, before in ranking.rows]


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
