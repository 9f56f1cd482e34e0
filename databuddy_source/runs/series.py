"""A run as a series of bounded loads, oldest first."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import dlt

from databuddy_source.clock import today
from databuddy_source.config.resolve import configured, scoped
from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.finality import last_settled
from databuddy_source.coverage.queries import loaded_reports
from databuddy_source.extract.session import Extraction
from databuddy_source.extract.source import source_of
from databuddy_source.model.windows import ONE_DAY
from databuddy_source.runs.load import (
    LoadHooks,
    alone_everywhere,
    finish_pending,
    load_once,
    look_at_destination,
)
from databuddy_source.runs.plan import Plan, planned, wanted
from databuddy_source.warehouse import dlt_defaults
from databuddy_source.warehouse.trial import own_errors

logger = logging.getLogger("databuddy_source")

QUESTIONS_PER_LOAD = 10_000
"""About a hundred requests. While they are loaded, the budget of the next minute fills up."""

FIRST_QUESTIONS = 1_000
"""Of the first load of a series, while nobody knows how many rows a question brings."""

ROWS_PER_LOAD = 1_000_000
"""As many rows as a load of a series may bring, by what the one before it brought: what a load
holds in memory while it is merged grows with its rows."""

SECONDS_PER_LOAD = 600
"""As long as a load of a series may take, by what the one before it took: so much is repeated
after a kill, also where the server is slow."""


@dataclass(frozen=True, slots=True)
class Step:
    """One load of a series that is done.

    Attributes:
        first: day of its oldest windows.
        last: day of its newest ones.
        load_ids: of its loads.
        done: questions that are settled by now.
        total: questions of the whole series.
    """

    first: date
    last: date
    load_ids: Sequence[str]
    done: int
    total: int


def sync(
    pipeline: dlt.Pipeline,
    settings: Settings | None = None,
    scope: Scope | None = None,
    *,
    hooks: LoadHooks = LoadHooks(),
    tell: Callable[[Step], None] = lambda _: None,
    wait: bool = False,
) -> list[str]:
    """Load what is new or may have changed: first what an earlier run left behind, then what is
    missing, as a series of bounded loads, oldest first, where many days are, and the newest days.
    Killed at any moment, the next run goes on after the last load that was done, since what is
    final is not asked for again.

    Args:
        pipeline: where to.
        settings: what lasts. Default: as configured.
        scope: what is of this run; with `since` and `until` exactly these days are loaded and no
            cursor moves. Default: as configured.
        hooks: called before and after each load.
        tell: called after each load of a series.
        wait: for another sync of this pipeline; else it is an error.

    Returns:
        The ids of all loads, for `raise_if_incomplete`.

    Raises:
        AlreadyRunning: another process syncs with this pipeline.
        BadSetting: something is configured wrongly.
        OtherDays, OtherReport: the tables hold rows that do not go with those of this run.
        DatabuddyError: the server cannot be reached, rejects the key, or lacks what was named.
        DestinationFails, DestinationAway: the warehouse needs a person, or is away.
        PipelineStepFailed: of dlt, where the destination or the machine fails in another way.
    """
    settings, scope = settings or configured(), scope or scoped()
    dlt_defaults.for_pipeline(pipeline)
    with own_errors(), alone_everywhere(pipeline, wait=wait) as alone_with:
        hooks.before_load()
        loads = finish_pending(pipeline, hooks)
        # before the warehouse is touched: a wrong key shall leave no empty one
        extraction = Extraction(settings, scope, pipeline)
        chosen = wanted(extraction)
        alone_with({website_id for _, ids in chosen for website_id in ids})
        look_at_destination(pipeline)
        missing = planned(extraction, chosen, pipeline)
        if scope.until:
            last = scope.until
        elif missing.questions > QUESTIONS_PER_LOAD:
            last = last_settled(today(settings.timezone, extraction.now), settings.lookback_days)
        else:
            last = date.min
        proves = True
        for step in _series(pipeline, settings, scope, missing, last, hooks):
            loads += step.load_ids
            tell(step)
            proves = False
        if not scope.bounded:
            loads += load_once(pipeline, source_of(settings, scope, proves=proves), hooks)
        return loads


def least_loads(missing: Plan) -> int:
    """As many loads as `sync` needs at least for what it has to ask for."""
    if missing.questions <= QUESTIONS_PER_LOAD:
        return 1
    return 1 + math.ceil((missing.questions - FIRST_QUESTIONS) / QUESTIONS_PER_LOAD)


def backfill(
    pipeline: dlt.Pipeline,
    since: date,
    until: date | None = None,
    settings: Settings | None = None,
    *,
    refetch: bool = False,
    hooks: LoadHooks = LoadHooks(),
    tell: Callable[[Step], None] = lambda _: None,
    wait: bool = False,
) -> list[str]:
    """Load past days, as far as they are not final, and move no cursor.

    Args:
        pipeline: where to.
        since, until: first and last day in the reporting time zone, both included. Default of
            `until`: today.
        settings: what lasts. Default: as configured.
        refetch: ask again for days that are final, too.
        hooks, tell, wait: see `sync`.

    Returns:
        The ids of all loads, for `raise_if_incomplete`.

    Raises:
        see `sync`.
    """
    settings = settings or configured()
    scope = scoped(since=since, until=until or today(settings.timezone), refetch=refetch or None)
    return sync(pipeline, settings, scope, hooks=hooks, tell=tell, wait=wait)


def _series(
    pipeline: dlt.Pipeline,
    settings: Settings,
    scope: Scope,
    missing: Plan,
    last: date,
    hooks: LoadHooks,
) -> Iterator[Step]:
    by_day = deque(sorted((day, count) for day, count in missing.by_day.items() if day <= last))
    total, done = sum(count for _, count in by_day), 0
    most = min(FIRST_QUESTIONS, QUESTIONS_PER_LOAD)
    while by_day:
        first, questions = by_day.popleft()
        while by_day and questions + by_day[0][1] <= most:
            questions += by_day.popleft()[1]
        # the question for a range of days counts for its first one, so no day may be left out
        until = by_day[0][0] - ONE_DAY if by_day else last
        step = scope.model_copy(update={"since": first, "until": until})
        started = time.monotonic()
        # with the last one: old days that came with this run need no proof
        loads = load_once(pipeline, source_of(settings, step, proves=not by_day), hooks)
        seconds = time.monotonic() - started
        done += questions
        yield Step(first, until, loads, done, total)
        hooks.before_load()
        loaded = loaded_reports(pipeline, loads)
        # where only gaps are asked for, it may be those of a type that always fails
        if not scope.only_gaps and all(each.failed == each.cells for each in loaded):
            return  # the server is out of reach
        rows = sum(report.rows for report in loaded)
        heaviness = max(rows / ROWS_PER_LOAD, seconds / SECONDS_PER_LOAD)
        most = min(QUESTIONS_PER_LOAD, max(1, int(questions / heaviness)))
