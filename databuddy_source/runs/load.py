"""One load that survives a kill: what an earlier run left behind first, then the source."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import dlt
from dlt.sources import DltSource

from databuddy_source.dlt_seam import PipelineStepFailed, signals_raised
from databuddy_source.extract.source import websites_of
from databuddy_source.runs import pending
from databuddy_source.warehouse import dlt_defaults
from databuddy_source.warehouse.comments import finish_tables
from databuddy_source.warehouse.examined import damage, groundless, overtaken
from databuddy_source.warehouse.learnt import learn
from databuddy_source.warehouse.lease import leased
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.redaction import redacted
from databuddy_source.warehouse.trial import own_errors
from databuddy_source.warehouse.whole import is_whole

logger = logging.getLogger("databuddy_source")


@dataclass(frozen=True, slots=True)
class LoadHooks:
    """What the caller does before and after each load.

    Attributes:
        before_load: called whenever the warehouse is needed; may wait for it.
        after_load: called after each load that is complete.
    """

    before_load: Callable[[], None] = lambda: None
    after_load: Callable[[], None] = lambda: None


def load(
    pipeline: dlt.Pipeline,
    source: DltSource,
    *,
    hooks: LoadHooks = LoadHooks(),  # frozen
    wait: bool = False,
) -> list[str]:
    """Load what an earlier run left behind, then run the source, as one load.

    `pipeline.run(source)` alone would load what is pending and extract nothing.

    Args:
        pipeline: where to.
        source: from `databuddy_source`.
        hooks: called before and after each load.
        wait: for another sync of this pipeline; else it is an error.

    Returns:
        The ids of all loads, for `raise_if_incomplete`.

    Raises:
        AlreadyRunning: another process syncs with this pipeline.
        DatabuddyError: the server cannot be reached, rejects the key, or lacks what was named; the
            tables hold days of another zone.
        DestinationFails, DestinationAway: the warehouse needs a person, or is away.
        PipelineStepFailed: of dlt, where the destination or the machine fails in another way.
    """
    dlt_defaults.for_pipeline(pipeline)
    with own_errors(), alone_everywhere(pipeline, wait=wait) as alone_with:
        hooks.before_load()
        loads = finish_pending(pipeline, hooks)
        alone_with(websites_of(source))
        return loads + load_once(pipeline, source, hooks)


@contextmanager
def alone_everywhere(
    pipeline: dlt.Pipeline, *, wait: bool
) -> Iterator[Callable[[Collection[str]], None]]:
    """Keep other syncs of the pipeline away, those of this machine by a lock, those of others by a
    lease, where the warehouse has one.

    Yields:
        A function that keeps other pipelines away from these websites, too.

    Raises:
        AlreadyRunning: says who syncs.
    """
    say = logger.warning
    with alone(pipeline, wait=wait, say=say), leased(pipeline, wait=wait, say=say) as alone_with:
        yield alone_with


def load_once(pipeline: dlt.Pipeline, source: DltSource, hooks: LoadHooks) -> list[str]:
    """Run the source, where nothing is pending and the pipeline's lock is held. Returns the ids of
    the loads."""
    hooks.before_load()
    look_at_destination(pipeline)
    pipeline.extract(source)
    return _bring_in(pipeline, hooks)


def look_at_destination(pipeline: dlt.Pipeline) -> None:
    """Take dlt's state from the warehouse where that is newer, and what others loaded into it where
    this pipeline never did. Where the whole dataset is gone dlt forgets what it knew, without a
    word."""
    knew = pipeline.default_schema_name
    pipeline.sync_destination()
    if not pipeline.default_schema_name:
        learn(pipeline)
    if knew and not pipeline.default_schema_name:
        logger.warning(
            "The warehouse has lost the dataset %s, so all is loaded anew.", pipeline.dataset_name
        )


def _bring_in(pipeline: dlt.Pipeline, hooks: LoadHooks) -> list[str]:
    pipeline.normalize()
    pending.keep(pipeline)
    hooks.before_load()
    # dlt leaves jobs over when a signal comes, and forgets the signal: a series would go on
    with signals_raised():
        # a report of which a job failed stays out, where the last step says so in coverage
        info = pipeline.load(raise_on_failed_jobs=not is_whole(pipeline))
    loads = list(info.loads_ids) if info else []  # dlt says nothing of a package without a job
    pending.forget(pipeline)
    finish_tables(pipeline)
    hooks.after_load()
    return loads


def finish_pending(pipeline: dlt.Pipeline, hooks: LoadHooks) -> list[str]:
    """Load what a killed run left behind. What can never load, is older than what others loaded
    since, or counts on what somebody took away since, is set aside: its files are kept beside the
    pipeline's state, and its cells count as not asked for.

    Returns:
        The ids of the loads.
    """
    pending.begin_again(pipeline)
    if harm := damage(pipeline):
        _give_up(pipeline, harm, damaged=True)
    if not pipeline.has_pending_data:
        pending.forget(pipeline)
        return []
    if later := overtaken(pipeline):
        logger.warning(
            "What an earlier run left behind is older than what the warehouse has (%s), so it is "
            "not loaded. Its files are kept in %s, and what is missing is asked for.",
            later,
            pending.set_aside(pipeline),
        )
        return []
    if gone := groundless(pipeline):
        logger.warning(
            "What an earlier run left behind counts on what the warehouse has lost since (%s), so "
            "it is not loaded. Its files are kept in %s, and what is missing is asked for.",
            gone,
            pending.set_aside(pipeline),
        )
        return []
    logger.info("Loading first what an earlier run left behind.")
    try:
        return _bring_in(pipeline, hooks)
    except PipelineStepFailed as failure:
        if not pending.is_hopeless(pipeline, failure):
            raise
        words = redacted(str(failure.exception)).strip().splitlines()
        _give_up(pipeline, words[0] if words else type(failure.exception).__name__)
        return []


def _give_up(pipeline: dlt.Pipeline, reason: str, *, damaged: bool = False) -> None:
    logger.warning(
        "What an earlier run left behind can never be loaded (%s). Its files are kept in %s, "
        "and its cells are asked for again.",
        reason,
        pending.set_aside(pipeline, damaged=damaged),
    )


def new_columns(pipeline: dlt.Pipeline, load_ids: Sequence[str]) -> list[str]:
    """The columns that these loads added to tables that were there before.

    Args:
        pipeline: that ran, with its local state.
        load_ids: of the loads, as `sync` returns them.

    Returns:
        `table.column`, each once, in the order in which they came.

    Raises:
        dlt's LoadPackageNotFound: the local state does not have such a load.
    """
    found: dict[str, None] = {}
    for load_id in load_ids:
        for table, update in pipeline.get_load_package_info(load_id).schema_update.items():
            # a table that is new brings all of its columns
            if "_dlt_load_id" not in update["columns"] and not table.startswith("_dlt"):
                found.update(dict.fromkeys(f"{table}.{name}" for name in update["columns"]))
    return list(found)
