"""What a page to look at shows: the newest days of each website, and of all together. Asks nothing
of the API.

Nothing is added up that is not a sum: visitors and sessions of several days come from windows that
the server counted, and those of several websites from nowhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from databuddy_source.answers.sites import (
    COMPARABLE,
    RANKED,
    Day,
    Rank,
    Ranked,
    Ranking,
    Site,
    Vital,
    extent_of,
    filled,
    together,
    weeks_before,
)
from databuddy_source.answers.status import WarehouseStatus, status
from databuddy_source.config.resolve import configured
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.reading import Tables, tables_of
from databuddy_source.errors import NothingLoaded
from databuddy_source.model.windows import ONE_DAY

if TYPE_CHECKING:
    import dlt

COMPARED: Final = 14
"""Days that are set against as many before them: whole weeks, so that weekends weigh the same."""

LONGEST: Final = 10
"""Rows of a ranking."""

VITALS: Final = "vitals_time_series"

BESIDE: Final = {"errors": "error_summary", "revenue": "revenue_overview"}
"""Columns of the summary by day that come from another report, whose states are theirs."""

ADDING: Final = ("pageviews", "sessions", "total_events", "events", "errors", "revenue", "refunds")
"""Columns of the summary by day that may be added up over websites."""

Key = tuple[str, str]
"""A website's id and a report's name."""


@dataclass(frozen=True)
class Overview:
    """What a page to look at shows.

    Attributes:
        first, last: days, both included.
        sites: all together first, where there are several.
        status: what the warehouse has and lacks of these days.
    """

    first: date
    last: date
    sites: Sequence[Site]
    status: WarehouseStatus = field(repr=False)


def overview(
    pipeline: dlt.Pipeline | Tables, settings: Settings | None = None, *, days: int = 90
) -> Overview:
    """What a page to look at shows of the configured websites.

    Args:
        pipeline: whose warehouse it is, or its tables, where they are open.
        settings: websites, reports, and where they begin. Default: as configured.
        days: how many, up to the newest one that is there.

    Raises:
        BadSetting: a configured domain is none of the websites that the warehouse knows.
        NothingLoaded: the warehouse has no days, or not yet the views that say what is known.
    """
    with tables_of(pipeline) as tables:
        newest = tables.rows("cell_states", "SELECT MAX(date) FROM {table} WHERE grain = 'day'")
        if not newest or newest[0][0] is None:
            raise NothingLoaded(
                "The dataset has no days in the view cell_states",
                "Sync once with this version, which makes the view, and reports by day.",
            )
        last = newest[0][0]
        first = last - timedelta(days=days - 1)
        found = status(tables, settings or configured(), since=first, until=last)
        return Overview(first, last, list(_Reading(tables, first, last, found).sites()), found)


@dataclass(frozen=True)
class _Reading:
    """The tables, and the days that are read of them."""

    tables: Tables
    first: date
    last: date
    status: WarehouseStatus

    def sites(self) -> Iterator[Site]:
        names = {each.website_id: each.domain or each.website_id for each in self.status.reports}
        reports = {"summary_metrics", VITALS, *BESIDE.values(), *(of.report for of in RANKED)}
        states = self._states(reports)
        days = self._windows("daily_summary", self.first)
        weeks = self._windows("weekly_summary", self.first - timedelta(days=6))
        months = self._windows("monthly_summary", self.first - timedelta(days=30))
        ranked = {of.report: self._ranked(of, names) for of in RANKED}
        vitals = self._vitals(states)
        whole = {id_: filled(days[id_], self.last) for id_ in names}
        for id_ in [""] * (len(names) > 1) + list(names):
            ids = [id_] if id_ else list(names)
            own = whole[id_] if id_ else together([whole[each] for each in ids], ADDING)
            begin = own[0].date if own else self.first
            found, found_on = vitals.get(id_, ((), None))
            yield Site(
                id_,
                names.get(id_, "All websites"),
                own,
                weeks[id_],
                months[id_],
                [
                    self._ranking(
                        of, [states[each, of.report] for each in ids], ranked[of.report][id_]
                    )
                    for of in RANKED
                ],
                found,
                found_on,
                {
                    name: extent_of(name, [states[each, name] for each in ids], begin, self.last)
                    for name in sorted(reports)
                },
                [each for each in self.status.reports if each.website_id in ids],
            )

    def _states(self, reports: Collection[str]) -> Mapping[Key, Mapping[date, str]]:
        found: dict[Key, dict[date, str]] = defaultdict(dict)
        named = ", ".join(f"'{name}'" for name in sorted(reports))
        for website_id, report, day, state in self.tables.rows(
            "cell_states",
            "SELECT website_id, report, date, state FROM {table} "
            f"WHERE grain = 'day' AND report IN ({named}) AND {self._between(self._begin)}",
        ):
            found[website_id, report][day] = state
        return found

    @property
    def _begin(self) -> date:
        """The first day that is counted, also for comparison."""
        return min(self.first, self.last - timedelta(days=2 * COMPARED))

    def _between(self, first: date) -> str:
        return f"date >= DATE '{first}' AND date <= DATE '{self.last}'"

    def _windows(self, view: str, first: date) -> Mapping[str, list[Day]]:
        there = self.tables.columns(view)
        plain = there - {"website_id", "domain", "date", "state", "currency"}
        columns = sorted(each for each in plain if not each.startswith("_dlt"))
        found: dict[str, list[Day]] = defaultdict(list)
        if not columns:
            return found
        chosen = ["website_id", "date", "state", *columns]
        chosen += ["currency"] if "currency" in there else []
        named = ", ".join(map(self.tables.quoted, chosen))
        for row in self.tables.rows(
            view, f"SELECT {named} FROM {{table}} WHERE {self._between(first)} ORDER BY date"
        ):
            numbers = dict(zip(columns, row[3:], strict=False))
            currency = row[-1] if "currency" in there else None
            found[row[0]].append(Day(row[1], row[2], numbers, currency))
        return found

    @property
    def _counted(self) -> date:
        """The last day of rankings: the one before the newest, which still runs."""
        return self.last - ONE_DAY

    @property
    def _begins(self) -> tuple[date, date]:
        return weeks_before(self._counted, COMPARED)

    def _ranked(self, of: Ranked, websites: Collection[str]) -> Mapping[str, list[Rank]]:
        """The names that count most, by website, and under an empty id those of all."""
        found: dict[str, list[Rank]] = defaultdict(list)
        if not {of.name, of.counts} <= self.tables.columns(of.report):
            return found
        name, counts = map(self.tables.quoted, (of.name, of.counts))
        later, before = self._begins
        now = f"SUM(CASE WHEN date >= DATE '{later}' THEN {counts} ELSE 0 END)"
        then = f"SUM(CASE WHEN date < DATE '{later}' THEN {counts} ELSE 0 END)"
        ids = sorted(websites)
        for id_ in [""] * (len(ids) > 1) + ids:
            chosen = [id_] if id_ else ids
            rows = self.tables.rows(
                of.report,
                f"SELECT {name}, {now} AS counted, {then} AS counted_before FROM {{table}} "
                f"WHERE website_id IN ({', '.join(['%s'] * len(chosen))}) "
                f"AND date >= DATE '{before}' AND date <= DATE '{self._counted}' "
                f"GROUP BY {name} HAVING {now} > 0 ORDER BY counted DESC, {name} LIMIT {LONGEST}",
                *chosen,
            )
            found[id_] += [(row[0], row[1], row[2]) for row in rows]
        return found

    def _ranking(
        self, of: Ranked, states: Sequence[Mapping[date, str]], rows: Sequence[Rank]
    ) -> Ranking:
        later, before = self._begins
        extent = extent_of(of.report, states, later, self._counted)
        previous = extent_of(of.report, states, before, later - ONE_DAY)
        return Ranking(of, extent, previous, rows)

    def _vitals(
        self, states: Mapping[Key, Mapping[date, str]]
    ) -> Mapping[str, tuple[Sequence[Vital], date]]:
        """Of the newest day of each website that is over and known."""
        whole = {
            website_id: max(days)
            for (website_id, report), own in states.items()
            if report == VITALS and (days := [d for d, state in own.items() if state in COMPARABLE])
        }
        found: dict[str, tuple[list[Vital], date]] = {
            website_id: ([], day) for website_id, day in whole.items()
        }
        for day in set(whole.values()):
            for website_id, metric, p75, samples in self.tables.rows(
                VITALS,
                "SELECT website_id, metric_name, p75, samples FROM {table} "
                f"WHERE date = DATE '{day}' ORDER BY metric_name",
            ):
                if whole.get(website_id) == day:
                    found[website_id][0].append((metric, p75, samples))
        return found
