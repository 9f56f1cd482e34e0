"""History that a run in Dagster found changed: partitions beside its own, which it loaded anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg

from databuddy_source import KnownCell, LoadedCell, ReportTable
from databuddy_source.orchestrators.lacking import doubted, place_of, shown
from databuddy_source.orchestrators.partitions import Period


def tell_restated(
    context: dg.AssetExecutionContext,
    period: Period,
    tables: Mapping[dg.AssetKey, ReportTable],
    known: Iterable[KnownCell],
    loaded: Iterable[LoadedCell],
) -> None:
    """Tell Dagster of partitions that a scheduled run has loaded anew, and of the answers about
    others that are not believed. They are no reason to run again: the check `complete` is red.

    Args:
        context: of the run.
        period: of its partitions.
        tables: by asset key; weeks and months that changed with a day are of other assets.
        known: what the warehouse has of the run's own cells.
        loaded: what its loads brought.
    """
    own, every = list(known), list(loaded)
    if lines := doubted(own, every):
        context.log.warning(shown(lines))
    asked = set(map(place_of, own))
    beside = [each for each in every if each.changed and place_of(each) not in asked]
    for key, part, cells in _partitions(context, period, tables, beside):
        metadata: dict[str, Any] = {"cells": cells, "restated": True}
        context.log_event(dg.AssetMaterialization(key, partition=part, metadata=metadata))


def _partitions(
    context: dg.AssetExecutionContext,
    period: Period,
    tables: Mapping[dg.AssetKey, ReportTable],
    cells: Iterable[LoadedCell],
) -> Iterator[tuple[dg.AssetKey, str, int]]:
    """The partitions that Dagster has of cells, each with how many these are."""
    keys = {table.name: key for key, table in tables.items()}
    times, websites = set(period.times.get_partition_keys()), period.websites.name
    ids = set(context.instance.get_dynamic_partitions(str(websites)))
    found: dict[tuple[dg.AssetKey, str], int] = defaultdict(int)
    for each in cells:
        time = f"{each.window.date}"
        if each.report in keys and time in times and each.website_id in ids:
            found[keys[each.report], period.key(time, each.website_id)] += 1
    for (key, part), count in sorted(found.items()):
        yield key, part, count
