"""One run in Airflow: a data interval and groups of websites become cells."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
)

from databuddy_source import (
    AlreadyRunning,
    Cells,
    LoadHooks,
    NothingLoaded,
    Remedy,
    ReportTable,
    Settings,
    Website,
    configured,
    known_cells,
    load_cells,
    loaded_cells,
    reports,
    websites,
)
from databuddy_source.clock import now, today
from databuddy_source.orchestrators.lacking import (
    Lack,
    doubted,
    ids_of,
    lacking,
    lacking_before,
    remedy_for,
    shown,
    told_of,
)
from databuddy_source.warehouse.choice import STATE_VARIABLE
from databuddy_source.warehouse.lock import alone
from databuddy_source.warehouse.place import WRAPPER_STATE_OF_0_1
from databuddy_source.warehouse.target import Warehouse

logger = logging.getLogger("airflow.task")

T = TypeVar("T")

ONE_DAY = timedelta(days=1)

HAND_BACK = timedelta(minutes=1)
"""After which a task is begun again that found another sync at work. Meanwhile it has no worker."""


@dataclass(frozen=True)
class Run:
    """What one run of the DAG loads.

    Attributes:
        first, last: days, in the reporting time zone, both included.
        only: these days and no others, as in a backfill; else the lookback and what is lacking come
            along, and what is final is compared with the server.
        refetch, allow_empty: see `load_cells`.
    """

    first: date
    last: date
    only: bool
    refetch: bool
    allow_empty: bool

    @classmethod
    def of(cls, context: Mapping[str, Any], settings: Settings) -> Run:
        """The run that a task belongs to.

        Args:
            context: of the task.
            settings: whose time zone cuts its days.
        """
        zone = ZoneInfo(settings.timezone)
        params = context["params"]
        start, end = context.get("data_interval_start"), context.get("data_interval_end")
        if start and end:
            first = start.astimezone(zone).date()
            last = max(first, end.astimezone(zone).date() - ONE_DAY)
        else:  # somebody pressed the button
            first = last = today(settings.timezone) - ONE_DAY
        only = context["dag_run"].run_type == "backfill"
        return cls(first, last, only, params["refetch"], params["allow_empty"])

    @property
    def days(self) -> str:
        """Its days, in words."""
        return f"{self.first}" if self.first == self.last else f"{self.first} to {self.last}"

    def cells(
        self, settings: Settings, tables: Sequence[ReportTable], group: Sequence[str]
    ) -> list[Cells]:
        """The cells of some websites on the days of the run; of one that looks back, from
        `start_date` on at most."""
        first = self.first
        if not self.only:
            first -= timedelta(days=settings.lookback_days)
            first = max(first, min(settings.start_date or first, self.first))
        by_names = ids_of(tables, settings)
        return [
            Cells(table.name, website_id, first, self.last)
            for table in tables
            for website_id in group
            if not (ids := by_names[table.websites]) or website_id in ids
        ]


@dataclass(frozen=True)
class Setup:
    """Settings and warehouse of the DAG. What is None is as configured for dlt where a task runs.

    Attributes:
        settings: what lasts.
        destination, dataset, state_dir: of the warehouse.
    """

    settings: Settings | None = None
    destination: str | None = None
    dataset: str | None = None
    state_dir: Path | None = None

    def resolved(self) -> Settings:
        """The settings."""
        return self.settings or configured()

    def warehouse(self) -> Warehouse:
        """Where the tables are."""
        before = Path(os.environ.get(STATE_VARIABLE, WRAPPER_STATE_OF_0_1))
        place = self.destination, self.dataset, self.state_dir
        return Warehouse.of(False, *place, states=[before], say=logger.info)


def groups(setup: Setup, size: int) -> list[dict[str, Any]]:
    """The websites, in groups: one mapped task each.

    Args:
        setup: whose websites.
        size: how many websites a group has.

    Returns:
        For each group its `label`, its `websites`, and when the run `began`.

    Raises:
        AirflowFailException: a person has to change something.
        AirflowException: another try may help.
    """
    began = now().isoformat()
    seen = _as_told(lambda: websites(setup.resolved()))
    parts = [seen[at : at + size] for at in range(0, len(seen), size)]
    return [
        {"label": _label(part), "websites": [each.id for each in part], "began": began}
        for part in parts
    ]


def _label(part: Sequence[Website]) -> str:
    first = part[0].domain or part[0].id
    return first if len(part) == 1 else f"{first} and {len(part) - 1} more"


def load_group(setup: Setup, group: Mapping[str, Any], context: MutableMapping[str, Any]) -> int:
    """Load the websites of a group.

    Args:
        setup: settings and warehouse.
        group: see `groups`.
        context: of the task, which gets the `label` that Airflow shows: websites and days.

    Returns:
        How many rows the cells have that were wanted.

    Raises:
        AirflowRescheduleException: another sync is at work.
        AirflowFailException: a person has to change something.
        AirflowException: something is lacking, or another try may help.
    """
    lacks, rows = _as_told(lambda: _loaded(setup, group, context))
    if lacks:
        final = _as_told(lambda: remedy_for(lacks, setup.resolved())) is Remedy.CHANGE
        raise (AirflowFailException if final else AirflowException)(shown(lacks))
    return rows


def _loaded(
    setup: Setup, group: Mapping[str, Any], context: MutableMapping[str, Any]
) -> tuple[list[Lack], int]:
    settings, warehouse = setup.resolved(), setup.warehouse()
    run, ids = Run.of(context, settings), list(group["websites"])
    context["label"] = f"{group['label']}, {run.days}"
    logger.info("The run is for %s in %s.", run.days, settings.timezone)
    with alone(warehouse.pipeline):
        warehouse.wait()
        cells = run.cells(settings, reports(settings), ids)
        if not run.only:
            until = run.first - timedelta(days=settings.lookback_days) - ONE_DAY
            cells += lacking_before(warehouse, settings, reports(settings), ids, until)
        loads = load_cells(
            warehouse.pipeline,
            cells,
            settings,
            began=datetime.fromisoformat(group["began"]),
            refetch=run.refetch,
            allow_empty=run.allow_empty,
            scrub=not run.only,
            hooks=LoadHooks(before_load=warehouse.wait),
        )
        warehouse.wait()
        known = known_cells(warehouse.pipeline, cells, settings)
        loaded = loaded_cells(warehouse.pipeline, loads)
        lacks = lacking(known, loaded) + ([] if run.only else doubted(known, loaded))
        return lacks, sum(each.rows for each in known)


def complete_tables(
    setup: Setup, parts: Iterable[Mapping[str, Any]], context: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The tables that have all of what a run is about, of all websites.

    Args:
        setup: settings and warehouse.
        parts: see `groups`.
        context: of the task.

    Returns:
        The first and last day and the rows in between, by table.

    Raises:
        AirflowFailException: a person has to change something.
        AirflowException: another try may help.
    """
    ids = [website_id for part in parts for website_id in part["websites"]]
    return _as_told(lambda: _complete(setup, ids, context))


def _complete(
    setup: Setup, ids: Sequence[str], context: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    settings, warehouse = setup.resolved(), setup.warehouse()
    run, found = Run.of(context, settings), dict[str, dict[str, Any]]()
    try:
        warehouse.open()
    except NothingLoaded:
        return found
    cells = run.cells(settings, reports(settings), ids)
    for name, group in groupby(cells, key=lambda each: each.report):
        own = list(group)
        known = known_cells(warehouse.pipeline, own, settings)
        if all(each.is_there for each in known):
            days = {"first": f"{own[0].first}", "last": f"{own[0].last}"}
            found[name] = {**days, "rows": sum(each.rows for each in known)}
    return found


def _as_told(work: Callable[[], T]) -> T:
    """What Airflow is told of errors: to try again, or not to."""
    try:
        return work()
    except AlreadyRunning as error:
        logger.info("%s Tried again in %s.", error, HAND_BACK)
        failure: Exception = AirflowRescheduleException(now() + HAND_BACK)  # type: ignore[no-untyped-call]
    except Exception as error:
        what, remedy = told_of(error)
        final = remedy is Remedy.CHANGE
        failure = (AirflowFailException if final else AirflowException)(what)
    raise failure  # here, without a cause, whose words may hold a secret of the destination
