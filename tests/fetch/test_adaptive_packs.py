"""Full packs on a fast server, small ones on a slow one, and every cell arrives."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import ceil, log2

import pytest

from databuddy_source.api.retry import SETTLED
from databuddy_source.api.traffic import LARGEST_ANSWER
from databuddy_source.errors import DatabuddyError, RequestRefused, ServerFailed, TimedOut
from databuddy_source.fetch.pace import AIM_BYTES, MOST_IN_FLIGHT, Pace
from databuddy_source.model.reports import Cell, Condition
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY
from tests.cells import DAY, a_report, cells_of
from tests.fetch.fake_client import (
    BREAKDOWNS,
    PACK_SIZE,
    Answer,
    FakeClient,
    Question,
    fetched,
    month,
    of,
    statuses,
    two_rows,
)
from tests.timeless import in_simulated_time

MB = 1024**2


def filtered(number: int, days: int, website: str = "shop") -> list[Cell]:
    """The cells of one of many reports, each with filters of its own."""
    condition = Condition(field="country", op="eq", value=f"{number}")
    report = replace(a_report("top_pages"), name=f"pages_{number}", filters=(condition,))
    return cells_of(report, DAY, DAY + (days - 1) * ONE_DAY, website=website)


def most_requests(cells: int, pack_size: int = PACK_SIZE) -> float:
    """What a website may cost on a fast server."""
    return 1.1 * ceil(cells / pack_size) + 3


# -- a fast server


@pytest.mark.parametrize("pack_size", [1, 7, 100, 400])
def test_a_daily_run_of_300_resources_leaves_in_full_packs(pack_size: int) -> None:
    client = FakeClient(work=lambda question: 0.015)
    wanted = [filtered(n, 4, website) for n in range(300) for website in ("shop", "blog")]
    results = in_simulated_time(fetched(client, *wanted, pace=Pace(pack_size)))
    assert statuses(results.values()) == {Status.COMPLETE: 2_400}
    requests = Counter(request[0].website for request in client.requests)
    assert set(requests) == {"shop", "blog"}
    assert max(requests.values()) <= most_requests(1_200, pack_size)
    assert max(len(request) for request in client.requests) == pack_size


def test_pages_filters_limits_and_grains_travel_in_the_same_requests() -> None:
    def answer(question: Question) -> Answer:
        if question.name == "events_by_date":
            return [{"date": day.isoformat(), "pageviews": 7} for day in question.days]
        if question.name == "entry_pages":
            rows = 10_000 if question.page == 1 else 3
            return [{"name": f"{question.page}-{n}", "pageviews": 1} for n in range(rows)]
        return two_rows(question)

    client = FakeClient(answer)
    wanted = [month(name) for name in ("entry_pages", "events_by_date", "country", "language")]
    wanted += [filtered(n, 10) for n in range(20)]
    results = in_simulated_time(fetched(client, *wanted))
    assert statuses(results.values()) == {Status.COMPLETE: 320}
    questions = 30 + 30 + 1 + 30 + 30 + 200  # the pages of one type, and one question for a range
    assert len(client.questions) == questions
    assert len(client.requests) <= most_requests(questions)


def test_several_requests_are_under_way_once_one_was_answered() -> None:
    client = FakeClient(work=lambda question: 0.001)
    in_simulated_time(fetched(client, *(month(name, 50) for name in BREAKDOWNS[:20])))
    assert client.most_at_once == MOST_IN_FLIGHT


# -- a slow server


@pytest.mark.parametrize(
    ("each", "stubborn"), [(0.2, True), (1.5, True), (2.5, True), (20.0, False), (150.0, False)]
)
def test_a_slow_server_ends_slowly_and_not_with_errors(each: float, stubborn: bool) -> None:
    client = FakeClient(work=lambda question: each, stubborn=stubborn)
    wanted = [month(name, 30) for name in BREAKDOWNS[:10]]
    results = in_simulated_time(fetched(client, *wanted))
    assert statuses(results.values()) == {Status.COMPLETE: 300}
    late = client.seconds[len(client.seconds) // 2 :]
    # four packs that are too slow by themselves wait for each other
    assert max(late) <= max(4 * 10.0, 2 * each) * 1.5


def test_one_dear_type_shrinks_no_packs_of_the_others() -> None:
    client = FakeClient(work=lambda q: 2.0 if q.name == BREAKDOWNS[0] else 0.001)
    wanted = [month(name, 300) for name in BREAKDOWNS[:10]]
    results = in_simulated_time(fetched(client, *wanted))
    assert statuses(results.values()) == {Status.COMPLETE: 3_000}
    cheap = [r for r in client.requests if all(q.name != BREAKDOWNS[0] for q in r)]
    assert len(cheap) <= most_requests(2_700) + 3, "small until the first of them were quick"


def test_a_server_that_was_slow_for_a_while_gets_full_packs_again() -> None:
    client = FakeClient()
    client.work = lambda question: 1.0 if len(client.requests) < 5 else 0.001
    results = in_simulated_time(fetched(client, month(days=3_000)))
    assert statuses(results.values()) == {Status.COMPLETE: 3_000}
    assert len(client.requests) <= 30 + 5 + 4
    assert [len(request) for request in client.requests[-5:-1]] == [100] * 4


# -- large answers


def test_answers_become_smaller_after_one_that_was_too_large() -> None:
    client = FakeClient(size=lambda question: MB // 2)
    results = in_simulated_time(fetched(client, month(days=200), month("country", 200)))
    assert statuses(results.values()) == {Status.COMPLETE: 400}
    assert sum(size > LARGEST_ANSWER for size in client.sizes) == 1, "of one type, not of both"
    assert max(client.sizes[len(client.sizes) // 2 :]) <= AIM_BYTES


# -- what fails alone


@pytest.mark.parametrize(
    "error", [ServerFailed("It failed (HTTP 500)"), RequestRefused("No such type (HTTP 400)")]
)
@pytest.mark.parametrize("place", [0, 37, 99])
def test_a_poisonous_cell_is_isolated_with_few_requests(error: DatabuddyError, place: int) -> None:
    cells = month(days=1_000)
    poison = cells[500 + place]

    def refuse(questions: list[Question]) -> None:
        if any(question.start == poison.window.date for question in questions):
            raise error

    client = FakeClient(refuse=refuse, work=lambda question: 0.01)
    results = in_simulated_time(fetched(client, cells))
    assert statuses(results.values()) == {Status.COMPLETE: 999, Status.FAILED: 1}
    assert results[poison].status is Status.FAILED
    # one more asks what has answered, to tell whether the server is well
    assert len(client.requests) <= 10 + 2 * ceil(log2(PACK_SIZE)) + 1


def test_an_unknown_type_costs_no_other_type() -> None:
    def refuse(questions: list[Question]) -> None:
        if any(question.name == "country" for question in questions):
            raise RequestRefused("Unknown query type: country (HTTP 400)")

    client = FakeClient(refuse=refuse)
    wanted = [month(name, 4) for name in ("top_pages", "country", "language", *BREAKDOWNS[:40])]
    wanted = [*{cells[0].report.name: cells for cells in wanted}.values()]
    results = in_simulated_time(fetched(client, *wanted))
    lost = month("country", 4)
    assert {result.status for result in of(results, lost)} == {Status.UNAVAILABLE}
    assert statuses(results.values())[Status.COMPLETE] == len(results) - len(lost)
    assert len(client.requests) <= ceil(len(results) / PACK_SIZE) + 4 * ceil(log2(PACK_SIZE))


def test_a_cell_that_takes_for_ever_fails_alone() -> None:
    cells = month(days=100)
    endless = cells[37]

    def refuse(questions: list[Question]) -> None:
        if any(question.start == endless.window.date for question in questions):
            raise TimedOut("No answer in 180 s")

    client = FakeClient(refuse=refuse, stubborn=False)
    client.work = lambda q: SETTLED.answer if q.start == endless.window.date else 0.01
    results = in_simulated_time(fetched(client, cells))
    assert statuses(results.values()) == {Status.COMPLETE: 99, Status.FAILED: 1}
    assert results[endless].status is Status.FAILED
    assert "No answer" in results[endless].reason
    assert len(client.requests) <= 40


def test_a_cell_that_is_too_large_fails_alone() -> None:
    cells = month(days=100)
    huge = cells[37]
    client = FakeClient(size=lambda q: 10**9 if q.start == huge.window.date else 1_000)
    results = in_simulated_time(fetched(client, cells))
    assert statuses(results.values()) == {Status.COMPLETE: 99, Status.FAILED: 1}
    assert "too large" in results[huge].reason
    assert len(client.requests) <= 40
