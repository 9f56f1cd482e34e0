"""What a plan adds up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast
from unittest.mock import MagicMock

import dlt
import pytest

from databuddy_source.api.models import Website
from databuddy_source.config.resolve import checked
from databuddy_source.config.scope import Scope
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.parts import Definition, Part
from databuddy_source.errors import OtherDays
from databuddy_source.extract.session import Extraction
from databuddy_source.model.reports import Report
from databuddy_source.model.windows import ONE_DAY
from databuddy_source.runs import plan as planning
from databuddy_source.runs.plan import Plan, WebsitePlan, plan, planned, wanted
from tests.cells import a_report, cells_of

TODAY = date(2026, 3, 20)
REPORT = a_report("top_pages")
PIPELINE = cast(dlt.Pipeline, MagicMock(default_schema_name="databuddy"))


@pytest.mark.parametrize(
    ("questions", "minutes"),
    [([], 0), ([6_000], 0), ([6_001], 1 / 60), ([9_000, 3_001], 61 / 60), ([1] * 90, 0.5)],
)
def test_minutes_are_those_of_the_requests_beyond_the_first_minutes(
    questions: list[int], minutes: float
) -> None:
    websites = [WebsitePlan(100, by_route=Counter(common=each)) for each in questions]
    plan = Plan(60, {str(number): each for number, each in enumerate(websites)})
    assert plan.minutes == pytest.approx(minutes)
    assert plan.questions == sum(questions)
    assert plan.requests == sum(-(-each // 100) for each in questions)


Planned = Callable[..., Plan]


@pytest.fixture
def plan_of(monkeypatch: pytest.MonkeyPatch) -> Planned:
    """A plan for the shop, whose last sync was yesterday's, and for the blog, which is new."""

    def find(
        *parts: Part,
        final: tuple[date, ...] = (),
        final_of: Mapping[str, date] = MappingProxyType({}),
        **given: Any,
    ) -> Plan:
        settings, scope = checked(api_key="k", start_date=TODAY - 9 * ONE_DAY, **given)

        def left_alone(report: Report, website_id: str) -> set[datetime]:
            own = [final_of[website_id]] if website_id in final_of else []
            return {cell.window.start for day in (*final, *own) for cell in cells_of(REPORT, day)}

        extraction = SimpleNamespace(
            settings=settings,
            scope=scope,
            now=datetime(2026, 3, 20, 12, tzinfo=UTC),
            today=lambda report: TODAY,
            zone=lambda report: "UTC",
            covered=None,
            final_windows=left_alone,
            questions=lambda cells, proven: [(cell.window, proven) for cell in cells],
        )
        held = {"top_pages__shop": {"last": TODAY - ONE_DAY, "first": str(TODAY - 9 * ONE_DAY)}}
        monkeypatch.setattr(planning, "parts_of_tables", lambda pipeline: list(parts))
        states = {(PIPELINE, "databuddy"): held}
        monkeypatch.setattr(planning, "resource_states", lambda *given: states[given])
        monkeypatch.setattr(planning, "last_value", lambda state, column: state.get("last"))
        return planned(cast(Extraction, extraction), [(REPORT, ["shop", "blog"])], PIPELINE)

    return find


def test_a_daily_run_goes_on_where_each_website_was_left(plan_of: Planned) -> None:
    plan = plan_of(lookback_days=3, pack_size=4)
    shop, blog = plan.by_website["shop"], plan.by_website["blog"]
    assert (shop.reports, shop.cells, shop.questions, shop.requests) == (1, 5, 5, 2)
    assert (blog.reports, blog.cells, blog.questions, blog.requests) == (1, 10, 10, 3)
    assert (plan.cells, plan.requests) == (15, 5)
    assert plan.by_day[TODAY] == 2
    assert plan.by_day[TODAY - 9 * ONE_DAY] == 1


def test_a_bounded_run_asks_for_its_days_that_are_not_final_whatever_was_synced(
    plan_of: Planned,
) -> None:
    first = TODAY - 7 * ONE_DAY
    plan = plan_of(final=(first, first + ONE_DAY), since=first, until=first + 3 * ONE_DAY)
    assert {name: each.cells for name, each in plan.by_website.items()} == {"shop": 2, "blog": 2}
    assert plan.by_day == {first + 2 * ONE_DAY: 2, first + 3 * ONE_DAY: 2}
    assert plan_of(final=(first,), since=first, until=first).by_website == {}


def test_a_website_of_which_nothing_is_asked_costs_no_other_its_plan(plan_of: Planned) -> None:
    """The shop's only day is final, and it comes first."""
    day = TODAY - ONE_DAY
    plan = plan_of(final_of={"shop": day}, since=day, until=day)
    assert {name: each.cells for name, each in plan.by_website.items()} == {"blog": 1}


def test_what_a_run_proves_is_told_to_its_questions(plan_of: Planned) -> None:
    plan = plan_of(lookback_days=3)
    assert set(plan.by_website["shop"].by_route) == {True}, "an earlier run had answers"
    assert set(plan.by_website["blog"].by_route) == {False}


def test_a_run_that_would_mix_days_of_two_zones_is_refused_before_it_begins(
    plan_of: Planned,
) -> None:
    definition = Definition("America/New_York", "day", "top_pages", None, None)
    with pytest.raises(OtherDays):
        plan_of(Part("top_pages", definition, None, TODAY, TODAY, "1", True))


def test_reports_that_the_server_lacks_are_not_wanted() -> None:
    settings = Settings.of(api_key="k", query_types=["country", "top_pages"], websites=["shop"])
    extraction = SimpleNamespace(
        settings=settings,
        server=SimpleNamespace(websites={"shop": Website(id="shop"), "blog": Website(id="blog")}),
        report=lambda chosen: REPORT if chosen.name == "top_pages" else None,
    )
    assert wanted(cast(Extraction, extraction)) == [(REPORT, ["shop"])]


@pytest.mark.parametrize("configured", [False, True])
def test_a_plan_is_made_of_what_is_given_or_else_configured(
    monkeypatch: pytest.MonkeyPatch, configured: bool
) -> None:
    settings, scope = Settings.of(api_key="k"), Scope(since=TODAY, until=TODAY)
    given = {} if configured else {"settings": settings, "scope": scope}
    monkeypatch.setattr(planning, "configured", lambda: settings)
    monkeypatch.setattr(planning, "scoped", lambda: scope)
    extraction = MagicMock()
    monkeypatch.setattr(planning, "Extraction", extraction)
    monkeypatch.setattr(planning, "warn_of_refused", lambda server: None)
    monkeypatch.setattr(planning, "wanted", lambda extraction: ["wanted", extraction])
    monkeypatch.setattr(planning, "planned", lambda *given: given)
    made = extraction.return_value
    assert plan(PIPELINE, **given) == (made, ["wanted", made], PIPELINE)
    extraction.assert_called_once_with(settings, scope, PIPELINE)
