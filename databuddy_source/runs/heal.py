"""Asks for exactly what the warehouse lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import dlt

from databuddy_source.answers.status import status
from databuddy_source.clock import today
from databuddy_source.extract.source import configured
from databuddy_source.runs.loads import Step, sync_in_loads


def heal(
    pipeline: dlt.Pipeline,
    arguments: Mapping[str, Any] | None = None,
    *,
    since: date | None = None,
    until: date | None = None,
    before_load: Callable[[], None] = lambda: None,
    after_load: Callable[[], None] = lambda: None,
    tell: Callable[[Step], None] = lambda _: None,
    wait: bool = False,
) -> list[str]:
    """Fetch what `status` calls failed, truncated, suspect or missing, and nothing else. No cursor
    moves, and what was healed is not asked for again by the next sync. Nothing is sent when
    nothing is lacking.

    Args:
        pipeline: where to.
        arguments: of `databuddy_source`, above what is configured, without `since` and `until`.
        since, until: heal these days only, both included.
        before_load, after_load, tell, wait: see `sync_in_loads`.

    Returns:
        The ids of all loads, for `raise_if_incomplete`.

    Raises:
        AlreadyRunning: another process syncs with this pipeline.
    """
    given = dict(arguments or {})
    before_load()
    bounds = bounds_of_gaps(pipeline, given, since, until)
    if not bounds:
        return []
    return sync_in_loads(
        pipeline,
        {**given, **bounds},
        before_load=before_load,
        after_load=after_load,
        tell=tell,
        wait=wait,
    )


def bounds_of_gaps(
    pipeline: dlt.Pipeline, arguments: Mapping[str, Any], since: date | None, until: date | None
) -> dict[str, Any]:
    """The arguments of `databuddy_source` for a bounded run that asks for what is lacking from
    `since` to `until`; empty when nothing is."""
    found = status(pipeline, arguments, since=since, until=until)
    gaps = [gap for each in found.reports for gap in each.gaps]
    websites = sorted({each.website_id for each in found.reports if each.gaps})
    if not gaps:
        return {}
    # a week or month may begin before the first day that was named, and days of it shall not
    first = max(since or date.min, min(gap.first for gap in gaps))
    last = min(until or date.max, max(gap.last for gap in gaps))
    # UTC may be a day ahead
    first = min(first, today(configured(**arguments).timezone))
    return {"since": first, "until": last, "only_gaps": True, "websites": websites}
