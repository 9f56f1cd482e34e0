"""Which loads a run becomes, and when a series ends. No server and no warehouse: what loads bring
is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import dlt
import pytest
import time_machine

from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.queries import Loaded
from databuddy_source.model.windows import ONE_DAY
from databuddy_source.runs import series
from databuddy_source.runs.load import LoadHooks
from databuddy_source.runs.plan import Plan, WebsitePlan
from databuddy_source.runs.series import Step, backfill, least_loads, sync

FIRST = date(2026, 3, 1)
NOW = datetime(2026, 3, 20, 3, tzinfo=UTC)
"""Still the day before in New York."""

NEW_YORK = Settings.of(api_key="k", timezone="America/New_York", lookback_days=3)


def brought(rows: int = 1, *, failed: int = 0, cells: int = 2, report: str = "top_pages") -> Loaded:
    return Loaded(report, rows, cells, failed, FIRST, FIRST, "UTC")


PIPELINE = cast(dlt.Pipeline, MagicMock())
HOOKS = LoadHooks()
CHOSEN = [("top_pages", ["shop"])]
"""What the server has of what was chosen."""


@dataclass
class Loads:
    """What is missing, and what each load brings; `scopes` has those that were loaded."""

    questions: dict[date, int] = field(default_factory=dict)
    brings: Callable[[Scope], Sequence[Loaded]] = lambda scope: [brought()]
    scopes: list[Scope] = field(default_factory=list)
    proves: list[bool] = field(default_factory=list)
    waits: bool | None = None
    looked_at: list[dlt.Pipeline] = field(default_factory=list)
    leased: set[str] = field(default_factory=set)

    @contextmanager
    def alone(self, pipeline: dlt.Pipeline, *, wait: bool) -> Iterator[Callable[[Any], None]]:
        assert pipeline is PIPELINE
        self.waits = wait
        yield self.leased.update

    def finish_pending(self, pipeline: dlt.Pipeline, hooks: LoadHooks) -> list[str]:
        assert (pipeline, hooks) == (PIPELINE, HOOKS)
        return ["pending"]

    def extraction(self, settings: Settings, scope: Scope, pipeline: dlt.Pipeline) -> object:
        assert (settings, pipeline) == (NEW_YORK, PIPELINE)
        return SimpleNamespace(now=NOW, scope=scope)

    def planned(self, extraction: Any, chosen: object, pipeline: dlt.Pipeline) -> Plan:
        assert (chosen, pipeline) == (CHOSEN, PIPELINE)
        assert self.leased == {"shop"}  # before anything is looked at
        assert isinstance(extraction.scope, Scope)
        website = WebsitePlan(100, by_route=Counter(common=sum(self.questions.values())))
        return Plan(60, {"shop": website}, Counter(self.questions))

    def source_of(self, settings: Settings, scope: Scope, *, proves: bool = True) -> Scope:
        assert settings == NEW_YORK
        assert scope.bounded or proves is not bool(self.scopes), "right after they were loaded"
        self.proves.append(proves)
        return scope

    def load_once(self, pipeline: dlt.Pipeline, scope: Scope, hooks: LoadHooks) -> list[str]:
        assert (pipeline, hooks) == (PIPELINE, HOOKS)
        self.scopes.append(scope)
        return [str(len(self.scopes))]

    def loaded_reports(self, pipeline: dlt.Pipeline, ids: Sequence[str]) -> Sequence[Loaded]:
        assert (pipeline, ids) == (PIPELINE, [str(len(self.scopes))])
        return self.brings(self.scopes[-1])

    @property
    def days(self) -> list[tuple[date | None, date | None]]:
        return [(each.since, each.until) for each in self.scopes]


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> Loads:
    found = Loads()
    for name, value in {
        "dlt_defaults": MagicMock(),
        "alone_everywhere": found.alone,
        "finish_pending": found.finish_pending,
        "Extraction": found.extraction,
        "wanted": lambda extraction: CHOSEN,
        "look_at_destination": found.looked_at.append,
        "planned": found.planned,
        "source_of": found.source_of,
        "load_once": found.load_once,
        "loaded_reports": found.loaded_reports,
    }.items():
        monkeypatch.setattr(series, name, value)
    return found


def of_days(count: int, questions: int) -> dict[date, int]:
    return {FIRST + number * ONE_DAY: questions for number in range(count)}


EVERYTHING = Scope()


def ran(given: Scope = EVERYTHING, here: datetime = NOW) -> tuple[list[Step], list[str]]:
    """What a run tells and returns, by the clock of this machine; the server's shows `NOW`."""
    steps: list[Step] = []
    with time_machine.travel(here, tick=False):
        return steps, sync(PIPELINE, NEW_YORK, given, hooks=HOOKS, tell=steps.append)


def bounded(days: int, **given: Any) -> Scope:
    return Scope(since=FIRST, until=FIRST + (days - 1) * ONE_DAY, **given)


def test_what_an_earlier_run_left_comes_first_and_the_daily_load_last(loads: Loads) -> None:
    loads.questions = of_days(5, 10)
    assert ran() == ([], ["pending", "1"])
    assert loads.looked_at == [PIPELINE]
    assert loads.scopes == [EVERYTHING]


@pytest.mark.parametrize("ahead", [0, 2])
def test_a_first_sync_of_many_days_is_a_series_up_to_what_is_settled_at_the_server(
    loads: Loads, ahead: int
) -> None:
    loads.questions = of_days(20, 600)
    steps, ids = ran(here=NOW + ahead * ONE_DAY)
    # it is the 19th in New York, and three days before it are asked for again
    assert steps[-1].last == date(2026, 3, 15)
    assert [step.done for step in steps][-1] == steps[-1].total == 15 * 600
    assert loads.scopes[-1] == EVERYTHING
    assert ids == ["pending", *(str(number + 1) for number in range(len(steps) + 1))]


def test_a_bounded_run_moves_no_cursor_and_leaves_no_day_out(loads: Loads) -> None:
    loads.questions = {FIRST + ONE_DAY: 600, FIRST + 4 * ONE_DAY: 600, FIRST + 6 * ONE_DAY: 900}
    steps, _ = ran(bounded(9, refetch=True))
    assert loads.days == [
        (FIRST + ONE_DAY, FIRST + 3 * ONE_DAY),
        (FIRST + 4 * ONE_DAY, FIRST + 8 * ONE_DAY),
    ]
    assert [(step.first, step.last) for step in steps] == loads.days
    assert [(step.done, step.total) for step in steps] == [(600, 2100), (2100, 2100)]
    assert all(each.refetch for each in loads.scopes)
    # where old days are compared, the last load does: what came with the others needs no proof
    assert loads.proves == [False, True]


def test_the_first_load_is_small_and_the_next_as_large_as_it_was_light(loads: Loads) -> None:
    loads.questions = of_days(12, 500)
    loads.brings = lambda scope: [brought(series.ROWS_PER_LOAD // 2), brought(1, report="country")]
    ran(bounded(12))
    sizes = [((until or FIRST) - (since or FIRST)).days + 1 for since, until in loads.days]
    assert sizes == [2, 3, 5, 2]  # twice as many fit less one, for the other report's row


def test_a_load_that_was_slow_makes_the_next_one_smaller(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.questions = of_days(8, 250)
    clock = iter(range(0, 10**6, 2 * series.SECONDS_PER_LOAD))
    monkeypatch.setattr(series, "time", MagicMock(monotonic=lambda: next(clock)))
    ran(bounded(8))
    assert [((until or FIRST) - (since or FIRST)).days for since, until in loads.days] == [
        *(3, 1),
        *(0, 0),
    ]


def test_a_report_that_fails_wholly_ends_no_series(loads: Loads) -> None:
    loads.questions = of_days(6, 900)
    loads.brings = lambda scope: [brought(0, failed=2, report="country"), brought()]
    steps, _ = ran(bounded(6))
    assert steps[-1].done == steps[-1].total


@pytest.mark.parametrize(("only_gaps", "count"), [(False, 1), (True, 2)])
def test_a_load_in_which_everything_fails_is_the_last_unless_gaps_alone_are_asked_for(
    loads: Loads, only_gaps: bool, count: int
) -> None:
    loads.questions = of_days(6, 900)
    loads.brings = lambda scope: [
        brought(0, failed=2),
        brought(0, failed=2, report="country"),
    ]
    assert len(ran(bounded(6, only_gaps=only_gaps))[0]) == count


@pytest.mark.parametrize("wait", [False, True])
def test_a_backfill_ends_with_the_reporting_zones_today(loads: Loads, wait: bool) -> None:
    loads.questions = of_days(3, 10)
    steps: list[Step] = []
    with time_machine.travel(NOW, tick=False):
        ids = backfill(
            PIPELINE,
            FIRST,
            settings=NEW_YORK,
            refetch=True,
            hooks=HOOKS,
            tell=steps.append,
            wait=wait,
        )
    assert loads.scopes == [Scope(since=FIRST, until=date(2026, 3, 19), refetch=True)]
    assert (ids, [step.load_ids for step in steps]) == (["pending", "1"], [["1"]])
    assert loads.waits is wait


def test_a_backfill_leaves_final_days_alone_and_waits_for_nobody_unless_it_is_told_to(
    loads: Loads,
) -> None:
    loads.questions = of_days(3, 10)
    backfill(PIPELINE, FIRST, FIRST + 2 * ONE_DAY, NEW_YORK, hooks=HOOKS)
    assert loads.scopes == [Scope(since=FIRST, until=FIRST + 2 * ONE_DAY)]
    assert loads.waits is False


def test_a_load_has_one_day_where_each_brings_more_than_a_load_may(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series, "FIRST_QUESTIONS", 1)
    loads.questions = of_days(4, 1)
    loads.brings = lambda scope: [brought(3 * series.ROWS_PER_LOAD)]
    ran(bounded(4))
    assert loads.days == [(day, day) for day in loads.questions]


def test_the_warehouse_is_waited_for_before_each_look_at_it(
    loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads.questions = of_days(6, 900)
    waited, steps = MagicMock(), list[Step]()
    monkeypatch.setattr(series, "load_once", lambda pipeline, scope, hooks: ["1"])
    monkeypatch.setattr(series, "loaded_reports", lambda pipeline, ids: [brought()])
    monkeypatch.setattr(series, "finish_pending", lambda pipeline, hooks: [])
    with time_machine.travel(NOW, tick=False):
        hooks = LoadHooks(before_load=waited)
        sync(PIPELINE, NEW_YORK, bounded(6), hooks=hooks, tell=steps.append)
    assert waited.call_count == 1 + len(steps) == 3, "at first, and for what each load brought"


@pytest.mark.parametrize(("days", "daily"), [(3, 100), (20, 500), (20, 501), (19, 2_500)])
def test_a_first_sync_takes_no_fewer_loads_than_were_told(
    loads: Loads, days: int, daily: int
) -> None:
    loads.questions = of_days(days, daily)
    route = Counter[Hashable]({"any": days * daily})
    told = least_loads(Plan(100, {"shop": WebsitePlan(100, by_route=route)}))
    ran(Scope(since=FIRST))
    assert told <= len(loads.scopes) <= told + 2
    assert (told == 1) is (days * daily <= series.QUESTIONS_PER_LOAD)
