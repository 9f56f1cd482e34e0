"""Old days are proved again: numbers of days long past do change, and nobody says so.

Of a series one question asks for years, with each sync, in the requests that leave anyway. A day
that differs from what the warehouse has is asked for again in all reports, in the same run. What
room these requests have left carries other final cells, those first that were asked for longest
ago. Nothing is written of what is as it was.

A server that is ill shall not rewrite history: where more than a few of a website's old days or
cells differ, all of them stay as they are until a sync ten hours later has the same answers.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain
from typing import Final

from databuddy_source.coverage.behind import days_behind
from databuddy_source.coverage.present import Present, has_rows, present_rows
from databuddy_source.coverage.proofs import (
    FinalDay,
    Proof,
    due,
    final_days,
    proofs_of,
    proofs_text,
    with_proof,
)
from databuddy_source.coverage.reading import Tables
from databuddy_source.coverage.turns import next_cells
from databuddy_source.extract.rewritten import doubt, is_confirmed
from databuddy_source.fetch.fetchers import Fetchers
from databuddy_source.fetch.packing import questions_of
from databuddy_source.fetch.queue import Route, route_of
from databuddy_source.fetch.rows import OddRows, bucket_of
from databuddy_source.model.digests import digest_of, says_the_same
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import Result, Row, counted, is_silent
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY, Grain, Window, tile

logger = logging.getLogger("databuddy_source")

MOST_AGAIN: Final = 200
"""Days of a website about which a run asks for everything again since a series differs, newest
first. What is left differs in the next run, too."""

ROOM: Final = 0.9
"""Of the rows of one answer, as many as what is asked for in one question had when it came: more
take another page."""


@dataclass
class Long:
    """The final days of a series, in one question.

    Attributes:
        cell: whose window is all of them.
        days: what is known of each.
        present: the rows that the table has of each.
        newest: the cell whose coverage keeps when which days were compared.
    """

    cell: Cell
    days: Mapping[date, FinalDay]
    present: Mapping[date, Present]
    newest: Cell


@dataclass(frozen=True)
class Found:
    """What the series of one website say of its old days.

    Attributes:
        answers: of single days of a series, which need no question any more.
        days: that differ, or did so for a run that did not ask for all, newest first; what else is
            about them is asked for again.
        doubt: why what differs is not believed; an empty string where it is.
    """

    answers: Sequence[Result] = ()
    days: Sequence[Window] = ()
    doubt: str = ""


class Scrub:
    """What one run asks for again of what is final.

    Args:
        fetcher: of the run, before its first request.
        tables: that are open.
        own: the cells that the run asks for anyway, by website and report, as far as what they
            bring may be compared with what is held; none of what only follows others.
        generation: of the server.
        requests: that each website may have for this alone.
        now: this instant.

    Attributes:
        cells: those that are asked for one by one, by website and name of the report.
    """

    def __init__(
        self,
        fetcher: Fetchers,
        tables: Tables,
        own: Mapping[tuple[str, Report], Sequence[Cell]],
        *,
        generation: Generation,
        requests: int,
        now: datetime,
    ) -> None:
        self._fetcher = fetcher
        self._generation = generation
        self._rows = int(ROOM * generation.max_limit)
        self._long: dict[str, list[Long]] = defaultdict(list)
        self._proofs: dict[Cell, Sequence[Proof]] = {}
        self.cells: dict[tuple[str, str], list[Cell]] = defaultdict(list)
        followed = own.keys()
        own = {series: cells for series, cells in own.items() if cells}
        self._behind = self._days_behind(tables, followed, own, now)
        self._ask_for_series(tables, own, now)
        self._fill_rooms(tables, own, requests, now)

    def _days_behind(
        self,
        tables: Tables,
        followed: Collection[tuple[str, Report]],
        own: Mapping[tuple[str, Report], Sequence[Cell]],
        now: datetime,
    ) -> Mapping[str, Sequence[Window]]:
        if not own:
            return {}
        telling = {report.name for _, report in followed if report.is_series_of_days}
        telling |= {each.name for each in load_catalog() if each.ranged}  # of other runs
        series = {(website_id, report.name) for website_id, report in followed}
        zone = next(iter(own.values()))[0].window.zone
        return days_behind(tables, series, sorted(telling), zone, now)

    def _ask_for_series(
        self,
        tables: Tables,
        own: Mapping[tuple[str, Report], Sequence[Cell]],
        now: datetime,
    ) -> None:
        series = [
            (report.name, cells) for (_, report), cells in own.items() if report.is_series_of_days
        ]
        names = {name for name, _ in series}
        websites = sorted({cells[0].website_id for _, cells in series})
        known = final_days(tables, websites, names, self._generation, now)
        proofs = proofs_of(tables) if names else {}
        days = {day for each in known.values() for day in each}
        present = present_rows(tables, [(name, Grain.DAY) for name in names], days)
        rows: dict[tuple[str, str], dict[date, Present]] = defaultdict(dict)
        for (website_id, name, slot), each in present.items():
            rows[website_id, name][slot] = each
        for name, cells in series:
            key = (cells[0].website_id, name)
            asked = {cell.window.date for cell in cells}
            final = {day: each for day, each in known.get(key, {}).items() if day not in asked}
            newest = max(cells, key=lambda cell: cell.window)
            proved = self._proofs[newest] = proofs.get(key, ())
            if chosen := due(final, proved, self._rows, now):
                cell = replace(newest, window=_whole(chosen, newest.window.zone))
                which = {day: final[day] for day in chosen}
                self._long[cell.website_id].append(Long(cell, which, rows[key], newest))
                self._fetcher.want([cell], proven=True)

    def _fill_rooms(
        self,
        tables: Tables,
        own: Mapping[tuple[str, Report], Sequence[Cell]],
        requests: int,
        now: datetime,
    ) -> None:
        rooms = self._fetcher.rooms(requests)
        series = {(each.cell.website_id, each.cell.report) for each in chain(*self._long.values())}
        reports = {
            (website_id, report.name): report
            for (website_id, report), cells in own.items()
            if (website_id, report) not in series and rooms.get(_route(cells[0]), 0) > 0
        }
        if not reports:
            return
        asked = {cell for cells in own.values() for cell in cells}
        for each in next_cells(
            tables,
            reports.keys(),
            self._generation,
            max(rooms.values()),
            self._rows,
            now,
        ):
            cell = Cell(each.website_id, reports[each.website_id, each.report], each.window)
            if cell not in asked and rooms.get(_route(cell), 0) > 0:
                rooms[_route(cell)] -= 1
                self.cells[each.website_id, each.report].append(cell)
        for cells in self.cells.values():
            self._fetcher.want(cells, proven=True)

    async def found(self, website_id: str) -> Found:
        """What the series of a website say of its old days, once their answers are there."""
        known_again: list[Result] = []
        news: list[tuple[Result, FinalDay]] = []
        compared: set[date] = set()
        for long in self._long[website_id]:
            whole = await self._fetcher.result(long.cell)
            answered = whole.status is Status.COMPLETE
            if answered or not whole.outage:
                days = min(long.days), max(long.days)
                proof = Proof(*days, whole.fetched_at, not answered)
                self._proofs[long.newest] = with_proof(self._proofs[long.newest], proof)
            if not answered:
                logger.warning(
                    "%s of %s could not be compared with its days from %s to %s: %s",
                    long.cell.report.name,
                    website_id,
                    min(long.days),
                    max(long.days),
                    whole.reason,
                )
            else:
                compared.update(long.days)
                for result, known in _odd(long, whole):
                    if says_the_same(result.digest, known.digest):
                        known_again.append(result)
                    else:
                        news.append((result, known))
            self._fetcher.drop_rows([whole])
        unconfirmed = [
            each for each, known in news if not is_confirmed(each.digest, each.fetched_at, known)
        ]
        reason = doubt(len({each.cell.window.date for each in unconfirmed}), len(compared))
        doubted = [each.doubted(reason) for each in unconfirmed] if reason else []
        never = {each.cell for each in doubted}
        believed = [each for each, _ in news if each.cell not in never]
        differ = {*self._behind.get(website_id, ()), *(each.cell.window for each in believed)}
        newest = sorted(differ, reverse=True)[:MOST_AGAIN]
        believed = [each for each in believed if each.cell.window in newest]
        return Found([*known_again, *doubted, *believed], newest, reason)

    def proofs(self, cell: Cell) -> str | None:
        """What coverage keeps of the older days of a series, where this is its newest cell."""
        proofs = self._proofs.get(cell)
        return proofs_text(proofs) if proofs else None


def _route(cell: Cell) -> Route:
    """Which requests a question of an old cell may travel in."""
    return route_of(questions_of([cell], cell.report.query_type.name, limit=1, proven=True)[0])


def _whole(days: Sequence[date], zone: str) -> Window:
    """From the first of these days, in order, until the last; more than one day, since a single one
    is a cell of its own."""
    before = (2 if len(days) == 1 else 0) * ONE_DAY  # a zone may have skipped one
    first, *_, last = tile(days[0] - before, days[-1], zone)
    return replace(first, end=last.end)


def _odd(long: Long, whole: Result) -> Iterator[tuple[Result, FinalDay]]:
    """The answers of single days that differ from what is held, or of which more or fewer rows are
    there, or whose last answer was not believed."""
    query_type, zone = long.cell.report.query_type, long.cell.window.zone
    rows: dict[str, list[Row]] = defaultdict(list)
    for row in whole.rows:
        with suppress(OddRows):  # a day that lacks its rows is asked for by itself
            name = bucket_of(row.get("date"), zone, Grain.DAY)
            rows[name].append({**row, "date": name})
    for day, known in long.days.items():
        own = rows[day.isoformat()]
        digest = digest_of(own, query_type)
        is_there = has_rows(known.rows, known.load_id, long.present.get(day))
        if says_the_same(digest, known.digest) and is_there and known.other_digest is None:
            continue
        yield (
            Result(
                replace(long.cell, window=tile(day, day, zone)[0]),
                Status.COMPLETE,
                whole.fetched_at,
                tuple(own),
                silent=is_silent(own, query_type),
                counts=bool(counted(own, query_type)),
                digest=digest,
                request_id=whole.request_id,
            ),
            known,
        )
