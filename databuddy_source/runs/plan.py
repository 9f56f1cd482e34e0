"""What a run would ask for, before anything is asked."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

import dlt

from databuddy_source.config.connect import budget_of, warn_of_refused
from databuddy_source.config.resolve import configured, scoped
from databuddy_source.config.scope import Scope
from databuddy_source.config.selection import websites_of_reports
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.parts import Part, parts_of_tables
from databuddy_source.coverage.resources import resource_name
from databuddy_source.dlt_seam import last_value, resource_states
from databuddy_source.extract.cursor import Progress
from databuddy_source.extract.definitions import refuse_a_mixture
from databuddy_source.extract.session import Extraction
from databuddy_source.model.reports import Report


@dataclass
class WebsitePlan:
    """What is to be asked of one website.

    Attributes:
        pack_size: questions in a request.
        reports: with at least one cell.
        cells: website, report and window.
        by_route: parameters of requests, by which requests they may travel in; a series needs one
            for many cells.
        budget: that its requests take from; those of other websites may take from the same.
    """

    pack_size: int
    reports: int = 0
    cells: int = 0
    by_route: Counter[Hashable] = field(default_factory=Counter)
    budget: Hashable = None

    @property
    def questions(self) -> int:
        return self.by_route.total()

    @property
    def requests(self) -> int:
        """At least so many, when nothing has to be asked twice."""
        return sum(math.ceil(count / self.pack_size) for count in self.by_route.values())


@dataclass
class Plan:
    """What a run would ask for.

    Attributes:
        by_website: by id.
        by_day: questions by the first day of their window that was chosen.
        per_minute: requests that may leave in a minute with each key.
    """

    per_minute: int
    by_website: dict[str, WebsitePlan] = field(default_factory=dict)
    by_day: Counter[date] = field(default_factory=Counter)

    @property
    def cells(self) -> int:
        return sum(each.cells for each in self.by_website.values())

    @property
    def questions(self) -> int:
        return sum(each.questions for each in self.by_website.values())

    @property
    def requests(self) -> int:
        return sum(each.requests for each in self.by_website.values())

    @property
    def minutes(self) -> float:
        """How long the rate limit makes the run take; the server's own time comes on top."""
        spent = Counter[Hashable]()
        for each in self.by_website.values():
            spent[each.budget] += each.requests
        most = max(spent.values(), default=0)
        return max(0, most - self.per_minute) / self.per_minute


@dataclass
class _Cursor:
    """dlt's cursor as the last run left it."""

    last_value: date | None

    def advance(self, value: date | None) -> None:
        self.last_value = value


def plan(
    pipeline: dlt.Pipeline, settings: Settings | None = None, scope: Scope | None = None
) -> Plan:
    """What a run would ask for. Costs two requests that no rate limit counts.

    Args:
        pipeline: where to.
        settings: what lasts. Default: as configured.
        scope: what is of this run. Default: as configured.

    Raises:
        OtherDays, OtherReport: the warehouse holds rows that do not go with those of this run.
        DatabuddyError: the server cannot be reached, rejects the key, or lacks what was named.
    """
    settings, scope = settings or configured(), scope or scoped()
    extraction = Extraction(settings, scope, pipeline)
    warn_of_refused(extraction.server)
    return planned(extraction, wanted(extraction), pipeline)


Wanted: TypeAlias = Sequence[tuple[Report, Sequence[str]]]
"""Reports as the server gives them, each with the ids of its websites."""


def wanted(extraction: Extraction) -> Wanted:
    """What is chosen and the server has; the warehouse is not looked at.

    Raises:
        BadConfiguration: the server lacks what was named.
    """
    settings, server = extraction.settings, extraction.server
    return [
        (report, website_ids)
        for chosen, website_ids in websites_of_reports(settings, lambda: server.websites)
        if (report := extraction.report(chosen))
    ]


def planned(extraction: Extraction, wanted: Wanted, pipeline: dlt.Pipeline) -> Plan:
    """What a run would ask for, by what the warehouse has.

    Raises:
        OtherDays, OtherReport: it holds rows that do not go with those of this run.
    """
    settings, scope = extraction.settings, extraction.scope
    # where nothing was ever loaded, asking a DuckDB file would make it
    held: list[Part] = parts_of_tables(pipeline) if pipeline.default_schema_name else []
    states = resource_states(pipeline, "databuddy")
    budgets = {name: budget_of(own) for name, own in settings.by_account().items()}
    found = Plan(settings.requests_per_minute)
    for report, website_ids in wanted:
        for website_id in website_ids:
            state: dict[str, Any] = dict(states.get(resource_name(report.name, website_id), {}))
            cursor = None if scope.bounded else _Cursor(last_value(state, "date"))
            progress = Progress(settings, scope, cursor, state)
            cells = progress.cells(extraction, report, website_id)
            if not cells:
                continue
            refuse_a_mixture(cells, held)
            questions = extraction.questions(cells, proven=progress.proven)
            budget = budgets[settings.account_of(website_id)]
            website = found.by_website.setdefault(
                website_id, WebsitePlan(settings.pack_size, budget=budget)
            )
            website.reports += 1
            website.cells += len(cells)
            website.by_route.update(route for _, route in questions)
            found.by_day.update(max(first.date, progress.first_day) for first, _ in questions)
    return found
