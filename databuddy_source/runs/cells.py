"""Loads any set of cells, for those who know which: an orchestrator's partitions, or gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import dlt

from databuddy_source.config.cells import Cells, narrowed, scope_of
from databuddy_source.config.resolve import configured
from databuddy_source.config.settings import Settings
from databuddy_source.runs.load import LoadHooks
from databuddy_source.runs.series import Step, sync


def load_cells(
    pipeline: dlt.Pipeline,
    cells: Iterable[Cells],
    settings: Settings | None = None,
    *,
    began: datetime | None = None,
    only_gaps: bool = False,
    refetch: bool = False,
    allow_empty: bool = False,
    scrub: bool = False,
    hooks: LoadHooks = LoadHooks(),
    tell: Callable[[Step], None] = lambda _: None,
    wait: bool = False,
) -> list[str]:
    """Load chosen cells, as far as they are not final, and move no cursor. Whatever days of
    whatever reports they are of, those of one website travel together, in as few requests as they
    fit into.

    Args:
        pipeline: where to.
        cells: of chosen reports; websites by id. None of them: nothing is sent.
        settings: what lasts. Default: as configured.
        began: when the run began of which this is another try: what was answered completely since
            then is not asked for again, so that a retry heals.
        only_gaps: ask only for those that failed, are truncated, suspect or missing.
        refetch: ask again for those that are final, too.
        allow_empty: believe a day that had data and is now empty.
        scrub: compare what is final with the server, too, in the requests that leave anyway, as a
            daily `sync` does; an old day that differs is loaded in all chosen reports of these
            websites. For one run a day, so that history which changed is found.
        hooks, tell, wait: see `sync`.

    Returns:
        The ids of all loads, for `loaded_cells` and `raise_if_incomplete`.

    Raises:
        BadSetting: a report is not chosen.
        AlreadyRunning: another process syncs with this pipeline.
        DatabuddyError: see `sync`.
    """
    chosen = list(cells)
    if not chosen:
        return []
    narrow = narrowed(settings or configured(), chosen, scrub=scrub)
    mode = {"refetch": refetch, "allow_empty": allow_empty, "scrub": scrub}
    scope = scope_of(chosen, began, only_gaps=only_gaps, **mode)
    return sync(pipeline, narrow, scope, hooks=hooks, tell=tell, wait=wait)
