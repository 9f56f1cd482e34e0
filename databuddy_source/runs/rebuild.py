"""Loads a dataset anew, in another time zone, beside the old one, and then changes places."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass

import dlt

from databuddy_source.answers.miscounts import miscounts, told_by_coverage
from databuddy_source.config.resolve import configured
from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.lacking import Lacking, answered, lacking, refuse_left_out
from databuddy_source.coverage.reading import tables_of
from databuddy_source.runs.beside import Beside
from databuddy_source.runs.load import (
    LoadHooks,
    alone_everywhere,
    finish_pending,
    look_at_destination,
)
from databuddy_source.runs.plan import Plan, Wanted, planned
from databuddy_source.runs.series import Step, least_loads, sync
from databuddy_source.warehouse.comments import finish_tables
from databuddy_source.warehouse.exchange import refuse_other_rows, take_the_place
from databuddy_source.warehouse.learnt import learn
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.part import Part, opened
from databuddy_source.warehouse.removal import Removing
from databuddy_source.warehouse.trial import own_errors

logger = logging.getLogger("databuddy_source")

Load = Callable[[dlt.Pipeline, Settings, Scope], object]
"""What loads into the dataset beside, as `sync` does."""


@dataclass(frozen=True, slots=True)
class PlannedRebuild:
    """What loading a dataset anew would take.

    Attributes:
        before: the other zones that the tables were cut in; none where there is nothing to do.
        beside: the dataset that would be loaded.
        plan: what would be asked for.
        loads: as many as it takes at least.
        left_out: what the dataset has data for and the configuration does not choose.
    """

    before: Sequence[str]
    beside: str
    plan: Plan
    loads: int
    left_out: Sequence[Lacking]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What came of loading a dataset anew.

    Attributes:
        time_zone: IANA name of the zone that was asked for.
        before: the other zones that the tables were cut in; none where there was nothing to do.
        beside: the dataset that was loaded, which is gone once it has changed places.
        lacking: what the dataset beside has no data for, though the old one has; where gaps are not
            allowed, places were not changed for it.
        kept: the dataset that has the old tables; empty where none was kept.
        load_id: as which the change of places is noted in `_dlt_loads`; None where there was none.
    """

    time_zone: str
    before: Sequence[str]
    beside: str
    lacking: Sequence[Lacking]
    kept: str
    load_id: str | None


def rebuild(
    pipeline: dlt.Pipeline,
    settings: Settings | None = None,
    *,
    beside: str | None = None,
    keep_as: str | None = None,
    allow_gaps: bool = False,
    load: Load | None = None,
    hooks: LoadHooks = LoadHooks(),
    tell: Callable[[Step], None] = lambda _: None,
    wait: bool = False,
) -> Rebuilt:
    """Load all days of a dataset in another time zone into a dataset beside it, as a series of
    bounded loads, and then, in one transaction, give its tables what was loaded. Stopped or killed
    at any moment, the next call goes on. Until then the old dataset is as it was, and syncs in its
    old zone go on.

    Args:
        pipeline: whose dataset it is.
        settings: what lasts, with the new time zone: `configured(timezone=...)`. Default: as
            configured.
        beside: dataset to load into meanwhile. Default: the dataset's name with `_rebuild`.
        keep_as: dataset for the old tables; "" to keep none of them. Default: the dataset's name
            with `_before`.
        allow_gaps: change places even where the new days lack what the old ones have.
        load: loads into the dataset beside. Default: `sync`, with `hooks`, `tell` and `wait`.
        hooks: called before and after each load.
        tell: called after each load of a series.
        wait: for another call of this function to be done; else it is an error. Syncs of the old
            dataset are waited for in any case.

    Raises:
        AlreadyRunning: another process does the same.
        NothingLoaded: there is no such dataset.
        OtherDays: the dataset beside was begun in yet another zone, or the server knows UTC days
            only.
        BadConfiguration: a dataset is in the way, or the configuration leaves out what the old one
            has.
        UnfitDestination: the warehouse cannot change places whole or not at all.
        DestinationFails: the warehouse refuses the change, or has lost rows of what was loaded
            beside; nothing has changed.
        DatabuddyError: see `sync`.
    """
    settings = settings or configured()
    new = Beside(pipeline, settings, beside, keep_as)
    with own_errors(), new.opened() as other, alone(other, wait=wait, say=logger.warning):
        hooks.before_load()
        if not new.other_zones():
            return Rebuilt(settings.timezone, (), new.dataset, (), "", None)
        with alone_everywhere(other, wait=wait):
            new.begin(other)
        extraction, chosen = new.chosen(other)
        if not allow_gaps:
            refuse_left_out(pipeline.dataset_name, new.left_out(chosen))
        if load:
            load(other, settings, extraction.scope)
        else:
            sync(other, settings, extraction.scope, hooks=hooks, tell=tell, wait=wait)
        return _change_places(pipeline, new, other, chosen, hooks, allow_gaps=allow_gaps)


def plan_of_rebuild(
    pipeline: dlt.Pipeline,
    settings: Settings | None = None,
    *,
    beside: str | None = None,
    keep_as: str | None = None,
) -> PlannedRebuild:
    """What `rebuild` would ask for, as far as no call before has loaded it. Changes nothing, and
    costs two requests that no rate limit counts.

    Args:
        pipeline: whose dataset it is.
        settings, beside, keep_as: see `rebuild`.

    Raises:
        see `rebuild`.
    """
    settings = settings or configured()
    new = Beside(pipeline, settings, beside, keep_as)
    with own_errors(), new.opened(look=True) as other:
        if not (before := new.other_zones()):
            return PlannedRebuild((), new.dataset, Plan(settings.requests_per_minute), 0, ())
        new.begin(other)
        extraction, chosen = new.chosen(other)
        asked = planned(extraction, chosen, other)
        left_out = new.left_out(chosen)
        return PlannedRebuild(before, new.dataset, asked, least_loads(asked), left_out)


def _change_places(
    pipeline: dlt.Pipeline,
    new: Beside,
    other: dlt.Pipeline,
    chosen: Wanted,
    hooks: LoadHooks,
    *,
    allow_gaps: bool,
) -> Rebuilt:
    """Give the tables of the dataset what was loaded beside it, unless that is less."""
    wait = True  # nobody shall have to come back for it
    with ExitStack() as stack:
        alone_with_other = stack.enter_context(alone_everywhere(other, wait=wait))
        alone_with = stack.enter_context(alone_everywhere(pipeline, wait=wait))
        hooks.before_load()
        # old days that a killed sync left behind shall not come later
        finish_pending(pipeline, hooks)
        look_at_destination(pipeline)
        look_at_destination(other)
        learn(pipeline)
        had, has = answered(pipeline), answered(other)
        websites = {website_id for website_id, _ in (*had, *has)}
        alone_with_other(websites)
        alone_with(websites)
        if gone := _removed_since({id_ for id_, _ in had}, {id_ for id_, _ in has}, chosen):
            with opened(other, Part(gone, ())) as part:
                Removing(part).take_out()
            has = answered(other)
        before, less = new.other_zones(), tuple(lacking(had, has))
        load_id, kept = None, ""
        if before and not (allow_gaps or less):
            # coverage tells nothing of rows that somebody took away by hand
            with tables_of(other) as tables:
                found = [str(each) for each in miscounts(tables, told_by_coverage(tables))]
            refuse_other_rows(other.dataset_name, found)
        if before and (allow_gaps or not less):
            load_id, kept = take_the_place(pipeline, other, new.keep_as), new.keep_as
            other.drop()
            finish_tables(pipeline)
            hooks.after_load()
    return Rebuilt(new.zone, before, new.dataset, less, kept, load_id)


def _removed_since(had: Set[str], has: Set[str], chosen: Wanted) -> Sequence[str]:
    """The websites that were taken out of the dataset while it was loaded anew, and are not to be
    loaded.

    Args:
        had: websites of the dataset.
        has: websites of the one beside.
        chosen: what is loaded.
    """
    return sorted(has - had - {website_id for _, ids in chosen for website_id in ids})
