"""The newest days of each website, and of all together, as the tables have them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Final

from databuddy_source.answers.sites import (
    COMPARABLE,
    RANKED,
    Day,
    Extent,
    Rank,
    Ranked,
    Ranking,
    Site,
    Vital,
    extent_of,
    filled,
    number_of,
    together,
    weeks_before,
)
from databuddy_source.answers.status import WarehouseStatus
from databuddy_source.coverage.reading import Tables
from databuddy_source.coverage.views import DAILY, MONTHLY, SUMMARY, SUMS, WEEKLY
from databuddy_source.model.windows import ONE_DAY

COMPARED: Final = 14
"""Days that are set against as many before them: whole weeks, so that weekends weigh the same."""

LONGEST: Final = 10
"""Rows of a ranking."""

VITALS: Final = "vitals_time_series"

ADDING: Final = {
    **dict.fromkeys(("pageviews", "sessions", "total_events"), SUMMARY),
    **{name: report for report, sums in SUMS.items() for name in sums.values()},
}
"""Columns of the summary by day that may be added up over websites, and the report of each, whose
states are theirs."""

Key = tuple[str, str]
"""A website's id and a report's name."""


@dataclass(frozen=True)
class Reading:
    """What is read of the tables.

    Attributes:
        tables: that are open.
        first, last: the days, both included.
        status: what the warehouse has and lacks of them.
    """

    tables: Tables
    first: date
    last: date
    status: WarehouseStatus

    def sites(self) -> Iterator[Site]:
        """All websites together first, where there are several, then each."""
        names = self._names
        days = self._windows(DAILY, self.first)
        weeks = self._windows(WEEKLY, self.first - timedelta(days=6))
        months = self._windows(MONTHLY, self.first - timedelta(days=30))
        ranked = {of.report: self._ranked(of, names) for of in RANKED}
        vitals = self._vitals()
        for id_ in [""] * (len(names) > 1) + list(names):
            ids = [id_] if id_ else list(names)
            firsts = [days[each][0].date for each in ids if days[each]]
            begin = min(firsts, default=self.first)
            found, found_on = vitals.get(id_, ((), None))
            yield Site(
                id_,
                names.get(id_, "All websites"),
                self._days(ids, days, begin) if firsts else [],
                weeks[id_],
                months[id_],
                [self._ranking(of, ids, ranked[of.report][id_]) for of in RANKED],
                found,
                found_on,
                {name: self._extent(name, ids, begin, self.last) for name in self._reports},
                [each for each in self.status.reports if each.website_id in ids],
                {names[each]: last for each, last in self._ends.items() if each in ids},
            )

    def _days(
        self, ids: Sequence[str], days: Mapping[str, Sequence[Day]], begin: date
    ) -> Sequence[Day]:
        own = {each: filled(days[each], begin, self.last) for each in ids}
        if len(own) == 1:
            return own[ids[0]]
        counted = {name: self._counted_of(name, ids, begin, self.last) for name in self._reports}
        adding = {column: counted[report] for column, report in ADDING.items()}
        return together(own, adding, counted[SUMMARY], self._ends)

    @cached_property
    def _ends(self) -> Mapping[str, date]:
        """Of websites that are gone, the last day that was asked for. Of one that has none yet
        nothing is shown."""
        gone = {each.website_id for each in self.status.reports if each.is_gone}
        days: dict[str, list[date]] = defaultdict(list)
        for (id_, _), own in self._states.items():
            if id_ in gone:
                days[id_] += own
        return {id_: max(own) for id_, own in days.items() if own}

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Of websites, by their ids."""
        return {each.website_id: each.domain or each.website_id for each in self.status.reports}

    @property
    def _reports(self) -> Sequence[str]:
        return sorted({VITALS, *ADDING.values(), *(of.report for of in RANKED)})

    def _there(self, report: str, ids: Sequence[str], first: date, last: date) -> Sequence[str]:
        """The websites of which there is anything."""
        found = self._states
        return [id_ for id_ in ids if any(first <= day <= last for day in found[id_, report])]

    def _counted_of(
        self, report: str, ids: Sequence[str], first: date, last: date
    ) -> Sequence[str]:
        """The websites without which a sum is none: also those that the report is configured for,
        and of which nothing is there."""
        chosen = {each.website_id for each in self.status.reports if each.report == report}
        chosen.update(self._there(report, ids, first, last))
        return [id_ for id_ in ids if id_ in chosen]

    def _extent(
        self, report: str, ids: Sequence[str], first: date, last: date, *, of_rest: bool = False
    ) -> Extent:
        """What is known; of the rest of the websites, where of some nothing is there."""
        there = self._there(report, ids, first, last)
        counted = there if of_rest else self._counted_of(report, ids, first, last)
        without = [self._names[id_] for id_ in ids if id_ not in there]
        states = [self._states[id_, report] for id_ in counted]
        # one website by itself has its own days, and what is ranked is compared
        ends = [] if of_rest or len(ids) == 1 else [self._ends.get(id_) for id_ in counted]
        return extent_of(report, states, first, last, without, ends)

    @cached_property
    def _states(self) -> Mapping[Key, Mapping[date, str]]:
        found: dict[Key, dict[date, str]] = defaultdict(dict)
        named = ", ".join(f"'{name}'" for name in self._reports)
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
            numbers = dict(zip(columns, map(number_of, row[3:]), strict=False))
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
            found[id_] += [(row[0], number_of(row[1]), number_of(row[2])) for row in rows]
        return found

    def _ranking(self, of: Ranked, ids: Sequence[str], rows: Sequence[Rank]) -> Ranking:
        later, before = self._begins
        extent = self._extent(of.report, ids, later, self._counted, of_rest=True)
        previous = self._extent(of.report, ids, before, later - ONE_DAY, of_rest=True)
        return Ranking(of, extent, previous, rows)

    def _vitals(self) -> Mapping[str, tuple[Sequence[Vital], date]]:
        """Of the newest day of each website that is over and known."""
        whole = {
            website_id: max(days)
            for (website_id, report), own in self._states.items()
            if report == VITALS and (days := [d for d, state in own.items() if state in COMPARABLE])
        }
        found: dict[str, tuple[list[Vital], date]] = {
            website_id: ([], day) for website_id, day in whole.items()
        }
        there, wanted = self.tables.columns(VITALS), ("metric_name", "p75", "samples")
        named = ", ".join(self.tables.quoted(each) if each in there else "NULL" for each in wanted)
        for day in set(whole.values()):
            for website_id, metric, p75, samples in self.tables.rows(
                VITALS,
                f"SELECT website_id, {named} FROM {{table}} WHERE date = DATE '{day}' ORDER BY 2",
            ):
                if whole.get(website_id) == day:
                    found[website_id][0].append((metric, number_of(p75), number_of(samples)))
        return found
