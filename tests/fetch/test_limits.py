"""A limit of the server's that is lower than the one it was asked with cuts nothing in silence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from databuddy_source.model.generations import Generation
from databuddy_source.model.results import Row
from databuddy_source.model.statuses import Status
from tests.cells import DAY, a_report, cells_of
from tests.fetch.fake_client import FakeClient, Question, a_row_a_day, fetch, month, statuses

FULL = 1_040
"""Rows of a busy day."""


def cut_at(most: int, rows: int = FULL) -> Callable[[Question], list[Row]]:
    """A server that goes by a limit of its own, where it is lower than the one it is sent."""

    def answer(question: Question) -> list[Row]:
        limit = min(question.limit, most)
        first = (question.page - 1) * question.limit
        last = min(first + limit, rows)
        return [{"name": f"/{n}", "pageviews": rows - n} for n in range(first, last)]

    return answer


@pytest.mark.parametrize("generation", [Generation.G2025, Generation.G2026_10])
@pytest.mark.parametrize(("most", "tells"), [(500, None), (500, 500), (37, 37), (100, None)])
def test_what_a_lower_limit_cuts_is_asked_for(
    most: int, tells: int | None, generation: Generation
) -> None:
    client = FakeClient(cut_at(most), tells=tells)
    (result,) = fetch(client, month("entry_pages", days=1), generation=generation).values()
    assert (result.status, len(result.rows)) == (Status.COMPLETE, FULL)
    assert len(client.questions) == FULL // most + 1


def test_a_quiet_month_is_asked_for_once() -> None:
    client = FakeClient(cut_at(10_000, rows=37))
    assert statuses(fetch(client, month()).values()) == {Status.COMPLETE: 30}
    assert len(client.questions) == 30


def test_a_day_that_has_as_many_rows_as_a_limit_costs_one_question() -> None:
    client = FakeClient(cut_at(10_000, rows=500))
    (result,) = fetch(client, month(days=1)).values()
    assert (result.status, len(result.rows)) == (Status.COMPLETE, 500)
    assert [question.page for question in client.questions] == [1, 2]


def test_a_number_that_another_answer_goes_beyond_is_no_limit() -> None:
    def answer(question: Question) -> list[Row]:
        return cut_at(10_000, rows=501 if question.start == DAY else 500)(question)

    client = FakeClient(answer)
    assert statuses(fetch(client, month()).values()) == {Status.COMPLETE: 30}
    assert len(client.questions) == 30


def test_a_limit_that_the_answer_goes_beyond_is_none() -> None:
    client = FakeClient(cut_at(10_000), tells=100)
    assert statuses(fetch(client, month(days=3)).values()) == {Status.COMPLETE: 3}
    assert len(client.questions) == 3


def test_where_no_question_could_tell_the_server_is_taken_at_its_word() -> None:
    cells = cells_of(a_report("outbound_links"), DAY, DAY)
    (result,) = fetch(FakeClient(cut_at(100)), cells).values()
    assert result.status is Status.COMPLETE
    (result,) = fetch(FakeClient(cut_at(100), tells=100), cells).values()
    assert result.status is Status.TRUNCATED


@pytest.mark.parametrize("name", ["sessions_time_series", "custom_events_trends"])
def test_a_range_of_which_days_were_cut_is_asked_for_in_halves(name: str) -> None:
    def answer(question: Question) -> list[Row]:
        rows = a_row_a_day(question)
        assert isinstance(rows, list)
        first = (question.page - 1) * question.limit
        return rows[first : first + min(question.limit, 100)]

    client = FakeClient(answer)
    results = fetch(client, month(name, days=130)).values()
    assert statuses(results) == {Status.COMPLETE: 130}
    assert all(len(result.rows) == 1 for result in results)


def test_a_series_of_a_hundred_days_is_asked_for_once() -> None:
    client = FakeClient(a_row_a_day)
    assert statuses(fetch(client, month("sessions_time_series", days=100)).values()) == {
        Status.COMPLETE: 100
    }
    assert len(client.questions) == 1
