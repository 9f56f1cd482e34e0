"""What the resources of one run share: the server, the fetcher, and what they know together.

Resources stay independent of each other: each joins when dlt starts it and leaves when it is
done. The first to join opens an extraction, the last to leave closes it, so the same source can
run again, in another event loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date, datetime
from itertools import chain
from weakref import WeakSet

import dlt
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.common.runtime.collector import NULL_COLLECTOR
from dlt.common.runtime.collector_base import Collector

from databuddy_source.api.budget import Budget, budget_for
from databuddy_source.api.client import Client
from databuddy_source.api.models import TypeMeta
from databuddy_source.api.server import Server, first_contact, run_alone
from databuddy_source.config.reports import ReportSetting
from databuddy_source.config.settings import Settings, now
from databuddy_source.coverage.calendar import Held, calendar_of, held, within
from databuddy_source.coverage.queries import Definition, definitions, final_windows, held_cells
from databuddy_source.errors import OtherDays, OtherReport, UnknownQueryType
from databuddy_source.fetch.fetcher import Fetcher
from databuddy_source.fetch.pace import pace_for
from databuddy_source.model import windows
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import Cell, Report, day_zone
from databuddy_source.model.results import HeldCell, Result
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import Window
from databuddy_source.warehouse import dlt_defaults
from databuddy_source.warehouse.fitness import refuse_ambiguous_file, refuse_unfit

logger = logging.getLogger("databuddy_source")


def budget_of(settings: Settings) -> Budget:
    """The budget that all clients of the configured key share in this process."""
    secret = settings.credential.api_key or settings.credential.session_cookie
    return budget_for(settings.base_url, secret, settings.requests_per_minute)


def client_for(settings: Settings) -> Client:
    """A client for the configured server and key."""
    return Client(settings.base_url, settings.credential, budget_of(settings))


class Extraction:
    """One run's contact with the server."""

    def __init__(
        self,
        settings: Settings,
        pipeline: dlt.Pipeline | None = None,
        progress: Collector = NULL_COLLECTOR,
    ) -> None:
        begun: set[str] = set()

        def count(what: str, done: int, wanted: int) -> None:
            if not wanted:
                progress.update(what, done)
            elif what in begun:
                progress.update(what, done, inc_total=wanted)
            else:  # dlt's collectors take a total when a counter begins, and then what comes on top
                begun.add(what)
                progress.update(what, done, total=wanted)

        self.settings = settings
        self.now = now()
        self._pipeline = pipeline or _active_pipeline()
        self.server: Server = run_alone(lambda: first_contact(client_for(settings)))
        pace = pace_for(settings.base_url, settings.pack_size)
        self.fetcher = Fetcher(
            lambda: client_for(settings), self.server, settings.timezone, pace, count
        )
        self.members: set[str] = set()
        self._of_days: dict[tuple[str, date, date], list[Cell]] = defaultdict(list)
        self._kept: Mapping[tuple[str, str, datetime], HeldCell] | None = None
        self._final: Mapping[tuple[str, str], Set[datetime]] | None = None
        self._held: Mapping[tuple[str, str], Held] | None = None

    def report(self, chosen: ReportSetting) -> Report | None:
        """The report as this server gives it, or None when the server lacks its query type and
        nobody named it.

        Raises:
            UnknownQueryType: the user named it and the server lacks it.
            WrongReport: the server has no such windows or filters.
        """
        query_type = chosen.query_type
        spelling = self.server.spelling(query_type)
        if spelling is None:
            if chosen.named:
                near = load_catalog().suggestions(query_type, self.server.types)
                hint = f"Did you mean {' or '.join(near)}? " if near else ""
                raise UnknownQueryType(
                    f"This server has no query type {query_type!r}",
                    hint + UnknownQueryType.default_todo,
                )
            return None
        return chosen.on(self.server.generation, self.server.types[spelling])

    def meta(self, report: Report) -> TypeMeta | None:
        """What the API says of the report's query type; about half of them have it."""
        return self.server.types[self.server.spelling(report.query_type.name) or ""].meta

    def zone(self, report: Report) -> str:
        """The time zone that cuts a report's days here."""
        return day_zone(report.query_type, self.settings.timezone, self.server.generation)

    def today(self, report: Report) -> date:
        """Today, where this report's days are cut."""
        return windows.today(self.zone(report), self.now)

    def final_windows(self, report: Report, website_id: str) -> Set[datetime]:
        """Where the windows begin that coverage calls final; none when they shall be asked for
        again all the same."""
        if self._final is None:
            self._final = {}
            if self._pipeline and not self.settings.refetch:
                since, until = self.settings.since, self.settings.until
                self._final = final_windows(self._pipeline, since, until)
        return self._final.get((website_id, report.name), frozenset())

    def gaps(self, report: Report, website_id: str) -> list[Window]:
        """The windows of a bounded run that failed, are truncated, suspect or missing, oldest
        first."""
        if self._held is None:
            self._held = held(self._pipeline) if self._pipeline else {}
        calendar = calendar_of(
            self._held.get((website_id, report.name)),
            self.settings,
            zone=self.zone(report),
            grain=report.grain,
            now=self.now,
        )
        chosen = within(calendar, self.settings.since, self.settings.until)
        return [each.window for each in chosen if each.mark.is_gap]

    def want(self, cells: Sequence[Cell], *, cautious: bool) -> None:
        """Line cells up to be fetched."""
        self.fetcher.want(cells, cautious=cautious)
        for cell in cells:
            window = cell.window
            self._of_days[cell.website_id, window.date, window.last_date].append(cell)

    def look_back(self) -> None:
        """Read what the warehouse already holds of the wanted cells. Called once all are known,
        before the first request.

        Raises:
            OtherDays, OtherReport: a table holds rows that do not go with those of this run.
        """
        if self._kept is not None:
            return
        if self._pipeline is None or not self._of_days:
            self._kept = {}
            return
        self._refuse_a_mixture(definitions(self._pipeline))
        self._kept = held_cells(self._pipeline, min(cell.window.start for cell in self._cells()))

    def _refuse_a_mixture(self, held: Mapping[str, set[Definition]]) -> None:
        wanted = {cell.report: cell for cell in self._cells()}
        for report in sorted(wanted, key=lambda each: each.name):
            now = Definition.of(wanted[report])
            for before in sorted(held.get(report.name, set()) - {now}, key=str):
                if replace(before, time_zone=now.time_zone) == now:
                    raise OtherDays(
                        f"The table {report.name} holds days of {before.time_zone}, and this run "
                        f"would cut them in {now.time_zone}"
                    )
                raise OtherReport(f"The table {report.name} holds {before}, and not {now}")

    async def result(self, cell: Cell) -> Result:
        """The cell's result; `suspect` when its emptiness is not to be believed."""
        result = await self._judged(await self.fetcher.result(cell))
        if result.status.brings_rows:
            return result
        if result.status is Status.UNAVAILABLE and not await self._is_unavailable(cell.report):
            result = replace(result, status=Status.FAILED)
        return replace(result, kept=self._kept_of(cell))

    async def _is_unavailable(self, report: Report) -> bool:
        """Whether the server lacks a type for good: it answers others, this one for no website,
        and never did."""
        if any(name == report.name for _, name, _ in self._kept or {}):
            return False
        results = (self.fetcher.result(cell) for cell in self._cells())
        answered = [
            result.cell.report
            for result in await asyncio.gather(*results)
            if result.status.brings_rows
        ]
        return bool(answered) and report not in answered

    def _kept_of(self, cell: Cell) -> HeldCell | None:
        return (self._kept or {}).get((cell.website_id, cell.report.name, cell.window.start))

    async def _judged(self, result: Result) -> Result:
        if not (result.status.brings_rows and result.silent):
            return result
        cell = result.cell
        if cell.website_id not in self.server.websites:
            return result.doubted("the answer is empty and the server does not list the website")
        kept = self._kept_of(cell)
        if kept is None or self.settings.allow_empty:
            return result
        if kept.final:
            return result.doubted("the answer is empty, but the day was final and had data")
        same_days = (self.fetcher.result(each) for each in self._about_the_days_of(cell))
        if all(other.silent for other in await asyncio.gather(*same_days)):
            return result.doubted("the day had data and now everything about it is empty")
        return result

    def _about_the_days_of(self, cell: Cell) -> list[Cell]:
        """Cells that tell whether a website had visitors then: those of the same days, an hour's
        whole day among them, but none of a longer time."""
        own = cell.window
        length = own.last_date - own.date
        return [
            each
            for (website_id, first, last), cells in self._of_days.items()
            if website_id == cell.website_id
            and first <= own.last_date
            and last >= own.date
            and last - first <= length
            for each in cells
        ]

    def _cells(self) -> Iterator[Cell]:
        return chain.from_iterable(self._of_days.values())


class Sharing:
    """Gives the resources of a source the extraction that they share."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._current: Extraction | None = None

    def join(self, resource: str) -> Extraction:
        """The extraction that is going on; a new one for the first resource of a run."""
        # a resource that joins twice belongs to a new run: the old one was cut off
        if self._current is None or resource in self._current.members:
            pipeline = _active_pipeline()
            if pipeline:
                if pipeline.destination:
                    refuse_unfit(pipeline.destination)
                refuse_ambiguous_file(pipeline)
                dlt_defaults.for_pipeline(pipeline)
            progress = pipeline.collector if pipeline else NULL_COLLECTOR
            self._current = Extraction(self.settings, progress=progress)
            if pipeline not in _told:
                _tell(self._current)
            if pipeline:
                _told.add(pipeline)
        self._current.members.add(resource)
        return self._current

    async def leave(self, resource: str, extraction: Extraction) -> None:
        """The last resource to leave closes the connections."""
        extraction.members.discard(resource)
        if not extraction.members:
            self.forget(extraction)
            await extraction.fetcher.close()

    def abandon(self, resource: str, extraction: Extraction) -> None:
        """Leave from dlt's own thread: a listing, or a resource that was stopped early."""
        extraction.members.discard(resource)
        if not extraction.members:
            self.forget(extraction)
            extraction.fetcher.close_from_outside()

    def forget(self, extraction: Extraction) -> None:
        """Let the next run open an extraction of its own."""
        if self._current is extraction:
            self._current = None


def _active_pipeline() -> dlt.Pipeline | None:
    """The pipeline that runs; `dlt.current.pipeline()` would make one where there is none."""
    context = Container()[PipelineContext]
    pipeline = context.pipeline() if context.is_active() else None
    return pipeline if isinstance(pipeline, dlt.Pipeline) else None


_told: WeakSet[dlt.Pipeline] = WeakSet()
"""Pipelines whose log has what this server cannot do: a series of loads shall say it once."""


def _tell(extraction: Extraction) -> None:
    settings, server = extraction.settings, extraction.server
    if server.generation.zone(settings.timezone) != settings.timezone:
        logger.warning(
            "This server knows UTC days only, so days are UTC days and not those of %s.",
            settings.timezone,
        )
    lacking = [
        chosen.name
        for chosen in settings.chosen_reports()
        if server.spelling(chosen.query_type) is None and not chosen.named
    ]
    if lacking:
        logger.warning("Skipped, since this server lacks them: %s.", ", ".join(lacking))
