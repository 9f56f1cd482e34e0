"""Asks for exactly what the warehouse lacks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import dlt

from databuddy_source.answers.status import status
from databuddy_source.clock import today
from databuddy_source.config.resolve import Choices, configured, scoped
from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.runs.load import LoadHooks
from databuddy_source.runs.series import Step, sync


def heal(
    pipeline: dlt.Pipeline,
    settings: Settings | None = None,
    *,
    since: date | None = None,
    until: date | None = None,
    hooks: LoadHooks = LoadHooks(),
    tell: Callable[[Step], None] = lambda _: None,
    wait: bool = False,
) -> list[str]:
    """Fetch what `status` calls failed, truncated, suspect or missing, and nothing else. No cursor
    moves, and what was healed is not asked for again by the next sync. Nothing is sent when
    nothing is lacking.

    Args:
        pipeline: where to.
        settings: what lasts. Default: as configured.
        since, until: heal these days only, both included.
        hooks, tell, wait: see `sync`.

    Returns:
        The ids of all loads, for `raise_if_incomplete`.

    Raises:
        AlreadyRunning: another process syncs with this pipeline.
    """
    hooks.before_load()
    gaps = choice_of_gaps(pipeline, settings or configured(), scoped(), since, until)
    if gaps is None:
        return []
    return sync(pipeline, *gaps, hooks=hooks, tell=tell, wait=wait)


def choice_of_gaps(
    pipeline: dlt.Pipeline,
    settings: Settings,
    scope: Scope,
    since: date | None,
    until: date | None,
) -> Choices | None:
    """What to choose for a bounded run that asks for what is lacking from `since` to `until`; None
    when nothing is.

    Args:
        pipeline: whose warehouse it is.
        settings: what lasts; of its websites those that lack something are kept.
        scope: of which `allow_empty` is kept.
        since, until: days in the reports' time zones, both included.

    Raises:
        BadSetting: see `status`.
    """
    found = status(pipeline, settings, since=since, until=until)
    gaps = [gap for each in found.reports for gap in each.gaps]
    if not gaps:
        return None
    websites = tuple(sorted({each.website_id for each in found.reports if each.gaps}))
    # a week or month may begin before the first day that was named, and days of it shall not
    first = max(since or date.min, min(gap.first for gap in gaps))
    last = min(until or date.max, max(gap.last for gap in gaps))
    # UTC may be a day ahead
    first = min(first, today(settings.timezone))
    return Choices(
        settings.model_copy(update={"websites": websites}),
        Scope(since=first, until=last, only_gaps=True, allow_empty=scope.allow_empty),
    )
