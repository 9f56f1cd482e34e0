"""Takes websites and reports out of a dataset."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import dlt

from databuddy_source.answers.holdings import holdings
from databuddy_source.config.resolve import configured
from databuddy_source.config.settings import Settings
from databuddy_source.config.still_chosen import StillChosen, still_chosen
from databuddy_source.coverage.reading import newest_listing, tables_of
from databuddy_source.runs.load import (
    LoadHooks,
    alone_everywhere,
    finish_pending,
    look_at_destination,
)
from databuddy_source.warehouse import dlt_defaults
from databuddy_source.warehouse.comments import finish_tables
from databuddy_source.warehouse.dataset import reports_of, schema_of
from databuddy_source.warehouse.learnt import learn
from databuddy_source.warehouse.part import Part, RemovedRows, opened
from databuddy_source.warehouse.removal import Removing
from databuddy_source.warehouse.trial import own_errors

logger = logging.getLogger("databuddy_source")


@dataclass(frozen=True, slots=True)
class Removal:
    """What was taken out of a dataset, or would be.

    Attributes:
        tables: those that lose rows, or of which coverage forgets cells, in alphabetical order.
        resources: `<report>__<website id>` of each cursor that is forgotten.
        still_chosen: what the next sync would load again.
        load_id: as which it is noted in `_dlt_loads`; None where nothing was taken out.
    """

    tables: Sequence[RemovedRows]
    resources: Sequence[str]
    still_chosen: Sequence[StillChosen]
    load_id: str | None

    @property
    def rows(self) -> int:
        """How many rows go, without those of coverage."""
        return sum(each.rows for each in self.tables)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to be taken out."""
        return not self.tables and not self.resources


def remove(
    pipeline: dlt.Pipeline,
    *,
    websites: Sequence[str] = (),
    reports: Sequence[str] = (),
    settings: Settings | None = None,
    dry_run: bool = False,
    hooks: LoadHooks = LoadHooks(),
    wait: bool = False,
) -> Removal:
    """Take websites or reports out of a dataset: rows, coverage and state, all or none. What an
    earlier run left behind is loaded first. A report of which nothing is left loses its table.
    Asks nothing of the API.

    Args:
        pipeline: whose dataset it is.
        websites: ids or domains. With `reports`, only these reports of them go.
        reports: names of tables or of query types; of all websites, if none is named.
        settings: by which a next sync would load. Default: as configured.
        dry_run: change nothing, and only tell what would go.
        hooks: called before the warehouse is needed, and after something was taken out.
        wait: for a sync of this pipeline to be done; else it is an error.

    Returns:
        What went, or would go.

    Raises:
        AlreadyRunning: another process syncs with this pipeline, or one of these websites.
        BadSetting: nothing is named, or something that the dataset does not have.
        NothingLoaded: nothing was ever loaded.
        DestinationFails: the warehouse refuses it; nothing has changed where loads happen whole.
    """
    settings = settings or configured()
    dlt_defaults.for_pipeline(pipeline)
    with ExitStack() as stack:
        stack.enter_context(own_errors())
        if not dry_run:
            alone_with = stack.enter_context(alone_everywhere(pipeline, wait=wait))
        hooks.before_load()
        if not dry_run:
            finish_pending(pipeline, hooks)
            look_at_destination(pipeline)
        learn(pipeline)
        known = reports_of(schema_of(pipeline))
        with tables_of(pipeline) as tables:
            has = holdings(tables, known)
            seen = {id_ for (id_,) in newest_listing(tables, "websites", "id")}
        part = Part(has.ids_of(websites), has.reports_of(reports))
        if not dry_run:
            alone_with(part.websites or has.websites)
        with opened(pipeline, part) as found:
            removing = Removing(found)
            gone, resources = found.tables, sorted(removing.resources)
            load_id = None if dry_run else removing.take_out()
        if load_id:
            finish_tables(pipeline)
            hooks.after_load()
    kept = still_chosen(settings, part.websites, part.reports, has.websites, seen)
    return Removal(gone, resources, kept, load_id)
