"""One run in Dagster: partitions become cells, and what came of them becomes events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

import dagster as dg
from dagster._check import CheckError

from databuddy_source import (
    BadConfiguration,
    Cells,
    KnownCell,
    LoadHooks,
    Remedy,
    ReportTable,
    Settings,
    Step,
    known_cells,
    load_cells,
    loaded_cells,
    logs_to,
    status,
)
from databuddy_source.clock import today
from databuddy_source.orchestrators.dagster_checks import (
    COMPLETE,
    FINAL,
    complete,
    final,
)
from databuddy_source.orchestrators.dagster_events import (
    Known,
    Wanted,
    also_materialized,
    brought,
    materialized,
)
from databuddy_source.orchestrators.dagster_restated import Places, tell_restated
from databuddy_source.orchestrators.lacking import (
    Lack,
    ids_of,
    lacking,
    lacking_before,
    remedy_for,
    shown,
    told_of,
)
from databuddy_source.orchestrators.partitions import Period
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.target import Warehouse


class LoadConfig(dg.Config):
    """What may be chosen for one run in Dagster's launchpad."""

    refetch: bool = False
    """Ask again for cells that are final, too."""

    allow_empty: bool = False
    """Believe a day that had data and is now empty."""

    lacking: bool = False
    """Load, too, what is lacking in other partitions of the same tables and websites, or was loaded
    last while late events could still come. The schedules do."""

    scrub: bool = False
    """Compare old days with the server, too, as each scheduled run does, and load what differs."""


@dataclass(frozen=True)
class Job:
    """What one op of Dagster loads.

    Attributes:
        period: of its partitions.
        tables: by asset key.
        places: of the reports of all jobs.
        settings: what lasts.
        retries: how many more tries a run has, where another one may help.
        seconds_between: tries.
    """

    period: Period
    tables: Mapping[dg.AssetKey, ReportTable]
    places: Places
    settings: Settings
    retries: int
    seconds_between: int

    def load(
        self,
        context: dg.AssetExecutionContext,
        config: LoadConfig,
        settings: Settings,
        warehouse: Warehouse,
    ) -> Iterator[Any]:
        """Load the partitions of the run, tell what came of each, and fail where one lacks
        something.

        Args:
            context: of the run.
            config: of the run.
            settings: with the key that the run has.
            warehouse: where to.

        Yields:
            Dagster's results.

        Raises:
            Failure: a person has to change something.
            RetryRequested: another try may help.
        """
        wrong: Exception | None = None
        lacks: list[Lack] = []
        try:
            with logs_to(context.log), alone(warehouse.pipeline, wait=True, say=context.log.info):
                warehouse.wait()
                if context.selected_asset_keys:
                    lacks = yield from self._loaded(context, config, settings, warehouse)
                yield from self._checked(context, settings, warehouse)
        except Exception as error:  # also of a warehouse that is gone while it is asked what it has
            wrong = error
        if wrong is not None:
            self._fail(context, *told_of(wrong))
        if lacks:
            self._fail(context, shown(lacks), remedy_for(lacks, settings))

    def _loaded(
        self,
        context: dg.AssetExecutionContext,
        config: LoadConfig,
        settings: Settings,
        warehouse: Warehouse,
    ) -> Generator[Any, None, list[Lack]]:
        """Gives the cells that are lacking in the end."""
        wanted = self._wanted(context, settings)
        others = self._lacking(wanted, settings, warehouse) if config.lacking else {}
        steps: list[Step] = []
        try:
            loads = load_cells(
                warehouse.pipeline,
                _cells(wanted, others),
                settings,
                began=_began(context),
                refetch=config.refetch,
                allow_empty=config.allow_empty,
                scrub=config.scrub,
                hooks=LoadHooks(before_load=warehouse.wait),
                tell=steps.append,
                wait=True,
            )
        except Exception:  # what was loaded before it is told all the same
            if steps:
                loads = [load_id for step in steps for load_id in step.load_ids]
                told = loaded_cells(warehouse.pipeline, loads)
                known = brought(told, self._known(warehouse, settings, wanted, others))
                also_materialized(context, others, known)
                yield from materialized(context, wanted, known)
            raise
        warehouse.wait()
        known = self._known(warehouse, settings, wanted, others)
        also_materialized(context, others, known)
        yield from materialized(context, wanted, known)
        told, own = loaded_cells(warehouse.pipeline, loads), [*chain.from_iterable(known.values())]
        if config.scrub:
            tell_restated(context, self.places, own, told)
        return lacking(own, told)

    def _wanted(self, context: dg.AssetExecutionContext, settings: Settings) -> Wanted:
        """The cells of each table and partition. Of a table that is for some websites only, the
        partitions of others have none.

        Raises:
            BadConfiguration: a partition has not begun, or is gone.
        """
        parts = list(self.period.parts(_keys(context)))
        if early := [part for part, _, first, _ in parts if first > today(settings.timezone)]:
            more = f" and {len(early) - 1} more" if len(early) > 1 else ""
            raise BadConfiguration(
                f"The partition {early[0]}{more} is of the future", "Choose those that are over."
            )
        selected = sorted(context.selected_asset_keys)
        by_names = ids_of([self.tables[key] for key in selected], settings)
        found: dict[dg.AssetKey, dict[str, Cells]] = {}
        for key in selected:
            table = self.tables[key]
            ids = by_names[table.websites]
            found[key] = {
                part: Cells(table.name, website_id, first, last)
                for part, website_id, first, last in parts
                if not ids or website_id in ids
            }
        return found

    def _lacking(self, wanted: Wanted, settings: Settings, warehouse: Warehouse) -> Wanted:
        """The other partitions of the same tables and websites that lack something, or were loaded
        last while late events could still come."""
        times = self.period.over()
        ids = list(dict.fromkeys(each.website_id for each in _cells(wanted)))
        if not (times and ids):
            return {}
        by_name = {self.tables[key].name: key for key in wanted}
        tables = [self.tables[key] for key in wanted]
        found: dict[dg.AssetKey, dict[str, Cells]] = defaultdict(dict)
        for each in lacking_before(warehouse, settings, tables, ids, until=times[-1].last):
            key = by_name[each.report]
            for time in times:
                if each.last < time.first or time.last < each.first:
                    continue
                part = self.period.key(time.key, each.website_id)
                if part not in wanted[key]:
                    found[key][part] = replace(each, first=time.first, last=time.last)
        return found

    def _known(self, warehouse: Warehouse, settings: Settings, *wanted: Wanted) -> Known:
        """What the warehouse has of each table and partition."""
        places: dict[tuple[str, str, date], tuple[dg.AssetKey, str]] = {}
        for key, parts in chain.from_iterable(each.items() for each in wanted):
            for part, cells in parts.items():
                for number in range((cells.last - cells.first).days + 1):
                    day = cells.first + timedelta(days=number)
                    places[cells.report, cells.website_id, day] = key, part
        found: dict[tuple[dg.AssetKey, str], list[KnownCell]] = defaultdict(list)
        for each in known_cells(warehouse.pipeline, _cells(*wanted), settings):
            place = places.get((each.report, each.website_id, each.window.date))
            if place:  # else a week that begins before its partition
                found[place].append(each)
        return found

    def _checked(
        self, context: dg.AssetExecutionContext, settings: Settings, warehouse: Warehouse
    ) -> Iterator[dg.AssetCheckResult]:
        chosen = context.selected_asset_check_keys
        if chosen:
            found = status(warehouse.pipeline, settings)
            for key, table in self.tables.items():
                own = [each for each in found.reports if each.report == table.name]
                for name, check in ((COMPLETE, complete), (FINAL, final)):
                    if dg.AssetCheckKey(key, name) in chosen:
                        yield check(key, own, settings)

    def _fail(self, context: dg.AssetExecutionContext, what: str, remedy: Remedy) -> None:
        context.log.error(what)
        if remedy is Remedy.CHANGE or context.retry_number >= self.retries:
            # without a cause, whose words may hold a secret of the destination
            raise dg.Failure(what, allow_retries=False) from None
        raise dg.RetryRequested(self.retries, self.seconds_between) from None


def _keys(context: dg.AssetExecutionContext) -> Sequence[str]:
    try:
        return list(context.partition_keys)
    except (dg.DagsterInvalidInvocationError, CheckError) as error:
        raise BadConfiguration(
            "The first or the last partition of this run is gone: its website was taken away after "
            "the run was queued, or partitions begin later now",
            "Launch it anew for those that are there. The next scheduled run loads what one left.",
        ) from error


def _cells(*wanted: Wanted) -> list[Cells]:
    return [each for one in wanted for parts in one.values() for each in parts.values()]


def _began(context: dg.AssetExecutionContext) -> datetime | None:
    """When the first try of this run began; of one that is executed again, that of the first."""
    first = context.run.root_run_id or context.run.run_id
    record = context.instance.get_run_record_by_id(first)
    return record.create_timestamp.replace(tzinfo=UTC) if record else None
