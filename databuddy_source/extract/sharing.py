"""Who joins a run's extraction, and who closes it.

Resources stay independent of each other: each joins when dlt starts it and leaves when it is
done. The first to join opens an extraction, and the last to leave ends it, so the same source can
run again, in another event loop.
"""

from __future__ import annotations

import logging
from weakref import WeakKeyDictionary, WeakSet

import dlt

from databuddy_source.api.models import NAMES_SHOWN
from databuddy_source.clock import in_words, now
from databuddy_source.config.connect import refuse_another_server, warn_of_refused
from databuddy_source.config.scope import Scope
from databuddy_source.config.selection import names_of, shared_domains
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.reading import tables_of
from databuddy_source.coverage.resources import parts_of_resource
from databuddy_source.dlt_seam import (
    NULL_COLLECTOR,
    active_pipeline,
    load_id_of_extraction,
    resource_states,
    resources_of_run,
)
from databuddy_source.errors import listed
from databuddy_source.extract.owned import refuse_foreign_hints
from databuddy_source.extract.session import Extraction
from databuddy_source.warehouse import dlt_defaults
from databuddy_source.warehouse.fitness import refuse_ambiguous_name, refuse_unfit
from databuddy_source.warehouse.lost import mend

logger = logging.getLogger("databuddy_source")


class SharedExtraction:
    """Gives the resources of a source the extraction that they share.

    Args:
        settings: what lasts.
        scope: what is of this run.
        proves: whether a run that is to compare old days does so.
    """

    def __init__(self, settings: Settings, scope: Scope, *, proves: bool = True) -> None:
        self.settings = settings
        self.scope = scope
        self._proves = proves
        self._current: Extraction | None = None

    def join(self, resource: str) -> Extraction:
        """The extraction that is going on; a new one for the first resource of a run."""
        # a resource that joins twice belongs to a new run: the old one was cut off
        if self._current is None or resource in self._current.members:
            refuse_foreign_hints()
            pipeline = active_pipeline()
            if pipeline:
                if pipeline.destination:
                    refuse_unfit(pipeline.destination)
                refuse_ambiguous_name(pipeline)
                dlt_defaults.for_extraction(pipeline)
            progress = pipeline.collector if pipeline else NULL_COLLECTOR
            # what somebody only reads is there whole, what waits to be loaded will change tables,
            # and what a step of the user's makes of rows nobody knows
            waits = pipeline is not None and pipeline.has_pending_data
            is_load = load_id_of_extraction() is not None and not waits
            steady = {each.name for each in resources_of_run() if is_load and not each.has_steps}
            self._current = Extraction(
                self.settings,
                self.scope,
                progress=progress,
                steady=steady,
                proves=self._proves,
            )
            if pipeline:
                reports = [each.name for each in self.settings.chosen_reports()]
                # one clock alone is no reason to take anything away: either may be wrong
                told = self._current.server.clock_ahead is not None
                mend(pipeline, reports, max(self._current.now, now()) if told else None)
            if pipeline not in _told:
                _tell(self._current)
            if pipeline:
                _told.add(pipeline)
                _tell_of_unlisted(self._current, pipeline)
        self._current.members.add(resource)
        self._current.joined += 1
        return self._current

    def prove(self, resource: str, extraction: Extraction) -> None:
        """Called by a resource that has all its answers, before it leaves. For the last one of a
        run the server has to be the one that it was at first.

        Raises:
            ServerChanged: it was upgraded meanwhile.
        """
        if extraction.members == {resource} and extraction.fetcher.has_answers:
            refuse_another_server(self.settings, extraction.server)

    def leave(self, resource: str, extraction: Extraction) -> None:
        """Called by a resource that is done, or was stopped early. After the last one, the next
        run opens an extraction of its own; the connections close with the event loop."""
        extraction.members.discard(resource)
        if not extraction.members and self._current is extraction:
            self._current = None


CLOCKS_APART = 180.0
"""Seconds that this machine's clock and the server's may differ without a word."""

_told: WeakSet[dlt.Pipeline] = WeakSet()
"""Pipelines whose log has what this server cannot do: a series of loads shall say it once."""

_unlisted: WeakKeyDictionary[dlt.Pipeline, set[str]] = WeakKeyDictionary()
"""Websites of which their logs say that the key no longer sees them."""


def _tell(extraction: Extraction) -> None:
    settings, server = extraction.settings, extraction.server
    warn_of_refused(server)
    ahead = server.clock_ahead or 0.0
    if abs(ahead) > CLOCKS_APART:
        logger.warning(
            "This machine's clock is %s %s the server's. Days are those of the server's clock.",
            in_words(abs(ahead)),
            "behind" if ahead > 0 else "ahead of",
        )
    if server.generation.zone(settings.timezone) != settings.timezone:
        logger.warning(
            "This server knows UTC days only, so days are UTC days and not those of %s.",
            settings.timezone,
        )
    for domain, ids in shared_domains(settings, server.websites).items():
        logger.warning("%s is the domain of %s: all are meant.", domain, " and ".join(ids))
    if server.newer:
        logger.info(
            "This server is newer than any that this version knows, since it has %s: it is taken "
            "for one of %s.",
            ", ".join(server.newer[:NAMES_SHOWN]),
            server.generation.called,
        )
    lacking = [
        chosen.name
        for chosen in settings.chosen_reports()
        if server.spelling(chosen.query_type) is None and not chosen.named
    ]
    if lacking:
        logger.warning("Skipped, since this server lacks them: %s.", ", ".join(lacking))


def _tell_of_unlisted(extraction: Extraction, pipeline: dlt.Pipeline) -> None:
    """Which websites this pipeline has loaded that the key does not list any more, where none is
    named. The warehouse is asked for their names alone."""
    settings, server = extraction.settings, extraction.server
    of_all = {each.name for each in settings.chosen_reports() if not names_of(settings, each)}
    if server.refused or not of_all:
        return
    cursors = map(parts_of_resource, resource_states(pipeline, "databuddy"))
    loaded = {website_id for report, website_id in cursors if website_id and report in of_all}
    unlisted = loaded - server.websites.keys()
    if unlisted == _unlisted.get(pipeline, set()):
        return
    _unlisted[pipeline] = unlisted
    if not unlisted:
        return
    with tables_of(pipeline) as tables:
        rows = tables.rows("websites", "SELECT id, domain FROM {table}")
    domains: dict[str, str | None] = {row[0]: row[1] for row in rows}
    logger.warning(
        "The key no longer sees %s, so no more days of it are loaded; its rows stay. Let the key "
        "see it again, or take them out with remove --website ID.",
        listed(f"{each} ({domains.get(each) or 'without a domain'})" for each in unlisted),
    )
