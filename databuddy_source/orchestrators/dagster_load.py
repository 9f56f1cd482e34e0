"""One run in Dagster: partitions become cells, and what came of them becomes events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

import dagster as dg

from databuddy_source import (
    Cells,
    KnownCell,
    LoadedCell,
    LoadHooks,
    Remedy,
    ReportTable,
    Settings,
    Step,
    known_cells,
    load_cells,
    loaded_cells,
    logs_to,
    remedy_of,
    status,
)
from databuddy_source.orchestrators.dagster_checks import (
    COMPLETE,
    FINAL,
    complete,
    final,
)
from databuddy_source.orchestrators.lacking import ids_of, lacking, shown
from databuddy_source.orchestrators.partitions import Period
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.redaction import redacted
from databuddy_source.warehouse.target import Warehouse


class LoadConfig(dg.Config):
    """What may be chosen for one run in Dagster's launchpad."""

    refetch: bool = False
    """Ask again for cells that are final, too."""

    allow_empty: bool = False
    """Believe a day that had data and is now empty."""


@dataclass(frozen=True)
class Job:
    """What one op of Dagster loads.

    Attributes:
        period: of its partitions.
        tables: by asset key.
        settings: what lasts.
        retries: how many more tries a run has, where another one may help.
        seconds_between: tries.
    """

    period: Period
    tables: Mapping[dg.AssetKey, ReportTable]
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
        selected = sorted(context.selected_asset_keys)
        with logs_to(context.log), alone(warehouse.pipeline, wait=True, say=context.log.info):
            warehouse.wait()
            wrong: Exception | None = None
            lines: list[str] = []
            if selected:
                wanted = self._wanted(context, settings, selected)
                steps: list[Step] = []
                loads: list[str] = []
                try:
                    loads = load_cells(
                        warehouse.pipeline,
                        [each for cells in wanted.values() for each in cells.values()],
                        settings,
                        began=_began(context),
                        refetch=config.refetch,
                        allow_empty=config.allow_empty,
                        hooks=LoadHooks(before_load=warehouse.wait),
                        tell=steps.append,
                        wait=True,
                    )
                except Exception as error:  # what was loaded before it is told all the same
                    wrong = error
                if wrong is None or steps:
                    warehouse.wait()
                    known = self._known(warehouse, settings, wanted)
                    loads = loads or [load_id for step in steps for load_id in step.load_ids]
                    told = loaded_cells(warehouse.pipeline, loads)
                    if wrong is not None:
                        known = _among(told, known)
                    yield from _materialized(context, wanted, known)
                    lines = lacking(chain.from_iterable(known.values()), told)
            if wrong is None:
                yield from self._checked(context, settings, warehouse)
        if wrong is not None or lines:
            self._fail(context, wrong, lines)

    def _wanted(
        self, context: dg.AssetExecutionContext, settings: Settings, selected: Sequence[dg.AssetKey]
    ) -> Wanted:
        """The cells of each table and partition. Of a table that is for some websites only, the
        partitions of others have none."""
        parts = list(self.period.parts(context.partition_keys))
        found: Wanted = {}
        by_names = ids_of([self.tables[key] for key in selected], settings)
        for key in selected:
            table = self.tables[key]
            ids = by_names[table.websites]
            found[key] = {
                part: Cells(table.name, website_id, first, last)
                for part, website_id, first, last in parts
                if not ids or website_id in ids
            }
        return found

    def _known(self, warehouse: Warehouse, settings: Settings, wanted: Wanted) -> Known:
        """What the warehouse has of each table and partition."""
        places: dict[tuple[str, str, date], tuple[dg.AssetKey, str]] = {}
        for key, parts in wanted.items():
            for part, cells in parts.items():
                for number in range((cells.last - cells.first).days + 1):
                    day = cells.first + timedelta(days=number)
                    places[cells.report, cells.website_id, day] = key, part
        found: Known = defaultdict(list)
        every = [each for parts in wanted.values() for each in parts.values()]
        for each in known_cells(warehouse.pipeline, every, settings):
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

    def _fail(
        self, context: dg.AssetExecutionContext, wrong: Exception | None, lines: Sequence[str]
    ) -> None:
        remedy = remedy_of(wrong) if wrong else Remedy.HEAL
        what = redacted(str(wrong)) if wrong else shown(lines)
        context.log.error(what)
        if remedy is Remedy.CHANGE or context.retry_number >= self.retries:
            # without its cause, whose words may hold a secret of the destination
            raise dg.Failure(what, allow_retries=False) from None
        raise dg.RetryRequested(self.retries, self.seconds_between) from None


Wanted = dict[dg.AssetKey, dict[str, Cells]]
Known = dict[tuple[dg.AssetKey, str], list[KnownCell]]


def _began(context: dg.AssetExecutionContext) -> datetime | None:
    """When the first try of this run began; of one that is executed again, that of the first."""
    first = context.run.root_run_id or context.run.run_id
    record = context.instance.get_run_record_by_id(first)
    return record.create_timestamp.replace(tzinfo=UTC) if record else None


def _among(loaded: Iterable[LoadedCell], known: Known) -> Known:
    """What loads brought of what is known, where another load was cut off."""
    brought = {(each.report, each.website_id, each.window.start) for each in loaded}
    return {
        place: cells
        for place, cells in known.items()
        if all((each.report, each.website_id, each.window.start) in brought for each in cells)
    }


def _materialized(
    context: dg.AssetExecutionContext, wanted: Wanted, known: Known
) -> Iterator[dg.MaterializeResult[None]]:
    """Events for the partitions that are there. A table that has all of them gives a result, too,
    by which what comes after it goes on."""
    told = _told_before(context)
    for key, parts in wanted.items():
        done = [part for part in parts if _is_there(known, key, part)]
        if len(done) == len(parts):
            for part in done:
                context.add_asset_metadata(_metadata(known[key, part]), key, part)
            yield dg.MaterializeResult(asset_key=key)
            continue
        for part in done:
            if (key, part) not in told:
                metadata = _metadata(known[key, part])
                context.log_event(dg.AssetMaterialization(key, partition=part, metadata=metadata))


def _told_before(context: dg.AssetExecutionContext) -> set[tuple[dg.AssetKey, str | None]]:
    """What an earlier try of this run has told."""
    if not context.retry_number:
        return set()
    records = context.instance.get_records_for_run(
        context.run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    events = (each.event_log_entry.asset_materialization for each in records)
    return {(each.asset_key, each.partition) for each in events if each}


def _is_there(known: Known, key: dg.AssetKey, part: str) -> bool:
    return (key, part) in known and all(each.is_there for each in known[key, part])


def _metadata(cells: Sequence[KnownCell]) -> dict[str, Any]:
    return {
        "dagster/partition_row_count": sum(each.rows for each in cells),
        "cells": len(cells),
        "coverage": ", ".join(dict.fromkeys(each.mark.value for each in cells)),
        "final": all(each.is_final for each in cells),
    }
