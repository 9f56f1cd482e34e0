"""History that a run in Dagster found changed: partitions beside its own, which it loaded anew."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import dagster as dg

from databuddy_source import KnownCell, LoadedCell
from databuddy_source.orchestrators.lacking import doubted, place_of, shown
from databuddy_source.orchestrators.partitions import WEBSITES, Period

Places = Mapping[str, tuple[dg.AssetKey, Period]]
"""The asset of each report, and the period of its partitions."""


def tell_restated(
    context: dg.AssetExecutionContext,
    places: Places,
    known: Iterable[KnownCell],
    loaded: Iterable[LoadedCell],
) -> None:
    """Tell Dagster of partitions that a scheduled run has loaded anew, and of the answers about
    others that are not believed. They are no reason to run again: the check `complete` is red.

    Args:
        context: of the run.
        places: of all reports, since weeks and months change with a day.
        known: what the warehouse has of the run's own cells.
        loaded: what its loads brought.
    """
    own, every = list(known), list(loaded)
    if lines := doubted(own, every):
        context.log.warning(shown(lines))
    asked = set(map(place_of, own))
    beside = [each for each in every if each.changed and place_of(each) not in asked]
    for key, part, cells in _partitions(context, places, beside):
        metadata: dict[str, Any] = {"cells": cells, "restated": True}
        context.log_event(dg.AssetMaterialization(key, partition=part, metadata=metadata))


def _partitions(
    context: dg.AssetExecutionContext, places: Places, cells: Iterable[LoadedCell]
) -> Iterator[tuple[dg.AssetKey, str, int]]:
    """The partitions that Dagster has of cells, each with how many these are."""
    periods = {period.name: period for _, period in places.values()}
    times = {name: {*each.times.get_partition_keys()} for name, each in periods.items()}
    ids = set(context.instance.get_dynamic_partitions(WEBSITES))
    found: dict[tuple[dg.AssetKey, str], int] = defaultdict(int)
    for each in cells:
        time = f"{each.window.date}"
        if each.report in places and each.website_id in ids:
            key, period = places[each.report]
            if time in times[period.name]:
                found[key, period.key(time, each.website_id)] += 1
    for (key, part), count in sorted(found.items()):
        yield key, part, count
