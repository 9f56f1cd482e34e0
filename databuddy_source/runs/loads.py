"""Running a pipeline so that a killed run costs nothing but time."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import dlt
from dlt.sources import DltSource

from databuddy_source.clock import today
from databuddy_source.coverage.queries import loaded_reports
from databuddy_source.dlt_seam import PipelineStepFailed, signals_raised
from databuddy_source.extract.source import configured, databuddy_source
from databuddy_source.model.windows import ONE_DAY
from databuddy_source.runs import pending
from databuddy_source.runs.plan import Plan, plan
from databuddy_source.warehouse import dlt_defaults
from databuddy_source.warehouse.comments import finish_tables
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.redaction import redacted

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


def sync(
    pipeline: dlt.Pipeline,
    source: DltSource,
    *,
    before_load: Callable[[], None] = lambda: None,
    after_load: Callable[[], None] = lambda: None,
    wait: bool = False,
) -> list[str]:
    """Load what an earlier run left behind, then run the source.

    `pipeline.run(source)` alone would load what is pending and extract nothing.

    Args:
        pipeline: where to.
        source: from `databuddy_source`.
        before_load: called whenever the warehouse is needed; may wait for it.
        after_load: called after each load that is complete.
        wait: for another sync of this pipeline; else it is an error.

    Returns:
        The ids of all loads, for `raise_if_incomplete`.

    Raises:
        AlreadyRunning: another process syncs with this pipeline.
    """
    dlt_defaults.for_pipeline(pipeline)
    with alone(pipeline, wait=wait, say=logger.warning):
        before_load()
        hooks = LoadHooks(before_load, after_load)
        loads = finish_pending(pipeline, hooks)
        return loads + _load(pipeline, source, hooks)


@dataclass(frozen=True, slots=True)
class LoadHooks:
    """What the caller does before and after each load."""

    before_load: Callable[[], None] = lambda: None
    after_load: Callable[[], None] = lambda: None


def _load(pipeline: dlt.Pipeline, source: DltSource, hooks: LoadHooks) -> list[str]:
    hooks.before_load()
    pipeline.sync_destination()
    pipeline.extract(source)
    return _bring_in(pipeline, hooks)


def _bring_in(pipeline: dlt.Pipeline, hooks: LoadHooks) -> list[str]:
    pipeline.normalize()
    pending.keep(pipeline)
    hooks.before_load()
    # dlt leaves jobs over when a signal comes, and forgets the signal: a series would go on
    with signals_raised():
        loads = list(pipeline.load().loads_ids)
    pending.forget(pipeline)
    finish_tables(pipeline)
    hooks.after_load()
    return loads


def finish_pending(pipeline: dlt.Pipeline, hooks: LoadHooks) -> list[str]:
    """Load what a killed run left behind. What can never load is set aside: its files are kept
    beside the pipeline's state, and its cells count as not asked for.

    Returns:
        The ids of the loads.
    """
    pending.begin_again(pipeline)
    if not pipeline.has_pending_data:
        pending.forget(pipeline)
        return []
    logger.info("Loading first what an earlier run left behind.")
    try:
        return _bring_in(pipeline, hooks)
    except PipelineStepFailed as failure:
        if not pending.is_hopeless(pipeline, failure):
            raise
        kept = pending.set_aside(pipeline, failure.load_id or "unknown")
        words = redacted(str(failure.exception)).strip().splitlines()
        reason = words[0] if words else type(failure.exception).__name__
        logger.warning(
            "What an earlier run left behind can never be loaded (%s). Its files are kept in %s, "
            "and its cells are asked for again.",
            reason,
            kept,
        )
        return []


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


def sync_in_loads(
    pipeline: dlt.Pipeline,
    arguments: Mapping[str, Any] | None = None,
    *,
    before_load: Callable[[], None] = lambda: None,
    after_load: Callable[[], None] = lambda: None,
    tell: Callable[[Step], None] = lambda _: None,
    wait: bool = False,
) -> list[str]:
    """Like `sync`, as a series of bounded loads, oldest first, where many days are missing. Killed
    at any moment, the next run goes on after the last load that was done, since what is final is
    not asked for again.

    Args:
        pipeline: where to.
        arguments: of `databuddy_source`, above what is configured. With `since` and `until`
            exactly these days are loaded and no cursor moves.
        before_load: called whenever the warehouse is needed; may wait for it.
        after_load: called after each load that is complete.
        tell: called after each load of a series.
        wait: for another sync of this pipeline; else it is an error.

    Returns:
        The ids of all loads, for `raise_if_incomplete`.

    Raises:
        AlreadyRunning: another process syncs with this pipeline.
    """
    given = dict(arguments or {})
    settings = configured(**given)
    dlt_defaults.for_pipeline(pipeline)
    with alone(pipeline, wait=wait, say=logger.warning):
        before_load()
        hooks = LoadHooks(before_load, after_load)
        loads = finish_pending(pipeline, hooks)
        pipeline.sync_destination()
        missing = plan(pipeline, settings)
        if settings.until:
            last = settings.until
        elif missing.questions > QUESTIONS_PER_LOAD:
            last = today(settings.timezone) - (settings.lookback_days + 1) * ONE_DAY
        else:
            last = date.min
        for step in _series(pipeline, given, missing, last, hooks):
            loads += step.load_ids
            tell(step)
        if not settings.bounded:
            loads += _load(pipeline, databuddy_source(**given), hooks)
        return loads


def new_columns(pipeline: dlt.Pipeline, load_ids: Sequence[str]) -> list[str]:
    """The columns that these loads added to tables that were there before, as `table.column`."""
    found: dict[str, None] = {}
    for load_id in load_ids:
        for table, update in pipeline.get_load_package_info(load_id).schema_update.items():
            # a table that is new brings all of its columns
            if "_dlt_load_id" not in update["columns"] and not table.startswith("_dlt"):
                found.update(dict.fromkeys(f"{table}.{name}" for name in update["columns"]))
    return list(found)


def _series(
    pipeline: dlt.Pipeline,
    given: Mapping[str, Any],
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
        source = databuddy_source(**{**given, "since": first, "until": until})
        started = time.monotonic()
        loads = _load(pipeline, source, hooks)
        seconds = time.monotonic() - started
        done += questions
        yield Step(first, until, loads, done, total)
        hooks.before_load()
        loaded = loaded_reports(pipeline, loads)
        # where only gaps are asked for, it may be those of a type that always fails
        if not given.get("only_gaps") and all(each.failed == each.cells for each in loaded):
            return  # the server is out of reach
        rows = sum(report.rows for report in loaded)
        heaviness = max(rows / ROWS_PER_LOAD, seconds / SECONDS_PER_LOAD)
        most = min(QUESTIONS_PER_LOAD, max(1, int(questions / heaviness)))
