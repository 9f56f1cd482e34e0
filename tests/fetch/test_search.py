"""Which report of a pack a server fails for is found with a few requests, and whether it is the
server that fails: what it would have answered is had all the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from databuddy_source.errors import (
    DatabuddyError,
    RequestRefused,
    ServerFailed,
    TimedOut,
)
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Cell
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from tests.cells import DAY, a_report
from tests.fetch.fake_client import (
    BREAKDOWNS,
    FakeClient,
    Question,
    every,
    fetch,
    month,
    of,
    of_types,
    refusing,
    requests_with,
    statuses,
)

GONE = "country"
OTHERS = [name for name in BREAKDOWNS if name != GONE][:12]
LAST = DAY + 29 * ONE_DAY


@pytest.mark.parametrize(
    "error",
    [
        lambda: RequestRefused("The server refuses it (HTTP 422): parameters.3: no such type"),
        lambda: RequestRefused("The server refuses it (HTTP 404): type not found"),
        lambda: RequestRefused("The server refuses it (HTTP 400): country is closed"),
        lambda: ServerFailed("The server failed (HTTP 500): boom", code="INTERNAL_SERVER_ERROR"),
        lambda: ServerFailed("The server failed (HTTP 502): an HTML page"),
    ],
)
@pytest.mark.parametrize("generation", [Generation.G2026_04, Generation.G2026_06])
@pytest.mark.parametrize("days", [3, 40])
def test_a_type_for_which_each_request_fails_is_found_once_for_all_websites(
    error: Callable[[], DatabuddyError], generation: Generation, days: int
) -> None:
    client = refusing(error, GONE)
    websites = ("a", "b", "c")
    failing = [month(GONE, days, each) for each in websites]
    well = [lot for each in websites for lot in of_types(*OTHERS, days=days, website=each)]
    results = fetch(client, *failing, *well, generation=generation)
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 3 * days * len(OTHERS)}
    assert statuses(of(results, every(failing))) == {Status.UNAVAILABLE: 3 * days}
    # a pack, perhaps its bodies apart, its halves, the type, its first and its last window; then
    # a pack of each other website that was on its way, and the type alone
    assert requests_with(client, GONE) <= 14


def test_a_series_for_which_each_request_fails_is_found_with_a_few_requests() -> None:
    error = ServerFailed("The server failed (HTTP 500)", code="INTERNAL_SERVER_ERROR")
    client = refusing(error, "sessions_time_series")
    series = month("sessions_time_series", 400)
    results = fetch(client, series, *of_types(*OTHERS))
    assert statuses(of(results, series)) == {Status.UNAVAILABLE: 400}
    assert requests_with(client, "sessions_time_series") <= 9


def test_grains_of_a_type_that_fails_are_found_as_reports_of_their_own() -> None:
    def refuse(questions: list[Question]) -> None:
        if any(each.name == GONE and each.start == each.end for each in questions):
            raise ServerFailed("The server failed (HTTP 500)")

    client = FakeClient(refuse=refuse)
    report = replace(a_report(GONE), name="weekly", grain=Grain.WEEK)
    weekly = [Cell("shop", report, window) for window in tile(DAY, LAST, "UTC", Grain.WEEK)]
    daily = month(GONE)
    results = fetch(client, daily, weekly, *of_types(*OTHERS))
    assert statuses(of(results, daily)) == {Status.UNAVAILABLE: 30}
    assert statuses(of(results, weekly)) == {Status.COMPLETE: len(weekly)}


@pytest.mark.parametrize("answered", [2, 3])
def test_a_server_that_goes_down_is_not_taken_for_a_type_that_fails(answered: int) -> None:
    client = FakeClient()

    def refuse(questions: list[Question]) -> None:
        if len(client.requests) > answered:
            raise ServerFailed("It is down (HTTP 502)")

    client.refuse = refuse
    results = fetch(client, *(month(name) for name in BREAKDOWNS[:20]))
    assert set(statuses(results.values())) == {Status.COMPLETE, Status.FAILED}
    assert all(each.outage for each in results.values() if each.status is Status.FAILED)
    assert len(client.requests) <= 12


# -- a server that answers nothing


@pytest.mark.parametrize("generation", [Generation.G2026_04, Generation.G2026_06])
@pytest.mark.parametrize("days", [1, 8, 120])
@pytest.mark.parametrize(
    "error",
    [
        ServerFailed("The server failed (HTTP 500): x", code="INTERNAL_SERVER_ERROR"),
        ServerFailed("Bad gateway (HTTP 502)"),
        RequestRefused("The server refuses it (HTTP 400): limit must be at most 1000"),
    ],
)
def test_a_server_that_answers_nothing_ends_the_run_soon(
    generation: Generation, days: int, error: DatabuddyError
) -> None:
    def refuse(questions: list[Question]) -> None:
        raise error.at(website=questions[0].website)

    client = FakeClient(refuse=refuse)
    lots = [
        month(name, days, website)
        for website in ("a", "b")
        for name in (*OTHERS, "error_types", "sessions_time_series")
    ]
    results = fetch(client, *lots, generation=generation)
    assert statuses(results.values()) == {Status.FAILED: len(results)}
    assert all(each.outage for each in results.values())
    # it is said of all websites, and so of none
    assert {each.reason for each in results.values()} == {f"{error.what}. {error.todo}".strip()}
    assert len(client.requests) <= 6
    assert sum(each.failing > 2 for each in client.patience) <= 1, "it is waited for once"


def test_a_website_that_answers_nothing_costs_no_other_though_it_comes_first() -> None:
    def refuse(questions: list[Question]) -> None:
        if questions[0].website == "ill":
            raise ServerFailed("It failed (HTTP 500)")

    client = FakeClient(refuse=refuse)
    ill = [month(name, 60, "ill") for name in BREAKDOWNS[:10]]
    well = [month(name, 10, "well") for name in BREAKDOWNS[:10]]
    results = fetch(client, *ill, *well)
    assert client.requests[0][0].website == "ill"
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 100}
    assert all(each.outage for each in of(results, every(ill)))


def test_types_that_fail_first_of_all_cost_no_other() -> None:
    client = refusing(ServerFailed("It failed (HTTP 500)"), *BREAKDOWNS[:2])
    failing, well = of_types(*BREAKDOWNS[:2]), of_types(*BREAKDOWNS[2:10])
    results = fetch(client, *failing, *well)
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 240}
    assert statuses(of(results, every(failing))) == {Status.UNAVAILABLE: 60}


# -- the server, or the question?


def test_what_has_answered_decides_whether_a_failing_question_is_alone() -> None:
    client = refusing(ServerFailed("It failed (HTTP 500)"), *BREAKDOWNS[:5])
    failing, well = of_types(*BREAKDOWNS[:5], days=2), of_types(*BREAKDOWNS[5:20], days=10)
    results = fetch(client, *well, *failing)
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 150}
    assert statuses(of(results, every(failing))) == {Status.FAILED: 10}
    assert not any(each.outage for each in results.values())


def test_a_website_for_which_everything_fails_costs_no_other_website() -> None:
    def refuse(questions: list[Question]) -> None:
        if questions[0].website == "ill":
            raise ServerFailed("It failed (HTTP 500)")

    # so slow that its requests come one after the other
    client = FakeClient(refuse=refuse, work=lambda question: 0.3)
    ill = [month(name, 10, "ill") for name in BREAKDOWNS[:10]]
    well = [month(name, 60, "shop") for name in BREAKDOWNS[:20]]
    results = fetch(client, *ill, *well)
    assert statuses(of(results, every(well))) == {Status.COMPLETE: 1_200}
    assert not any(each.status.brings_rows for each in of(results, every(ill)))
    assert all("It failed (HTTP 500)" in each.reason for each in of(results, every(ill)))


def test_failures_of_several_reports_with_answers_between_are_those_of_the_questions() -> None:
    ill = {name: DAY + number * ONE_DAY for number, name in enumerate(BREAKDOWNS[:9:2])}

    def refuse(questions: list[Question]) -> None:
        if any(ill.get(each.name) == each.start for each in questions):
            raise TimedOut("No answer in 180 s")

    wanted = [month(name, 10) for name in BREAKDOWNS[:9]]
    results = fetch(FakeClient(refuse=refuse), *wanted)
    failed = {
        cell.report.name: cell.window.date
        for cell, result in results.items()
        if result.status is not Status.COMPLETE
    }
    assert failed == ill
    assert not any(each.outage for each in results.values())
