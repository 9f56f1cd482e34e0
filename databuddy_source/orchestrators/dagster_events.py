"""What Dagster is told of the partitions of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from databuddy_source import Cells, KnownCell, LoadedCell
from databuddy_source.orchestrators.lacking import place_of

Wanted = Mapping[dg.AssetKey, Mapping[str, Cells]]
"""The cells of each partition, by asset."""

Known = Mapping[tuple[dg.AssetKey, str], Sequence[KnownCell]]
"""What the warehouse has of each asset and partition."""


def brought(loaded: Iterable[LoadedCell], known: Known) -> Known:
    """What loads brought of what is known, where another load was cut off.

    Args:
        loaded: what they brought.
        known: what the warehouse has.
    """
    own = set(map(place_of, loaded))
    return {place: cells for place, cells in known.items() if own.issuperset(map(place_of, cells))}


def materialized(
    context: dg.AssetExecutionContext, wanted: Wanted, known: Known
) -> Iterator[dg.MaterializeResult[None]]:
    """Events for the partitions that are there. A table that has all of them gives a result, too,
    by which what comes after it goes on.

    Args:
        context: of the run.
        wanted: its partitions.
        known: what the warehouse has.
    """
    whole = {
        key: parts
        for key, parts in wanted.items()
        if all(_is_there(known, key, part) for part in parts)
    }
    for key, parts in whole.items():
        for part in parts:
            context.add_asset_metadata(_metadata(known[key, part]), key, part)
        yield dg.MaterializeResult(asset_key=key)
    rest = {key: parts for key, parts in wanted.items() if key not in whole}
    also_materialized(context, rest, known)


def also_materialized(context: dg.AssetExecutionContext, others: Wanted, known: Known) -> None:
    """Events for those of other partitions that are there, such as those of days which the run
    healed.

    Args:
        context: of the run.
        others: asset by asset.
        known: what the warehouse has.
    """
    told = _told_before(context)
    for key, parts in others.items():
        for part in parts:
            if (key, part) not in told and _is_there(known, key, part):
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
