"""When a query type counts as unavailable, and how long failed cells wait for that."""

from __future__ import annotations

from datetime import timedelta

import pytest

from databuddy_source.fetch.failures import ENOUGH, Failures
from databuddy_source.model.reports import Cell
from tests.cells import DAY, a_report, cells_of

REPORT = a_report("top_pages")
SERIES = ("shop", REPORT)
CELLS = cells_of(REPORT, DAY, DAY + timedelta(days=9))


@pytest.fixture
def failures() -> Failures:
    """Ten cells are expected."""
    found = Failures()
    found.expect(SERIES, len(CELLS))
    return found


def fail_all(failures: Failures, cells: list[Cell], reason: str) -> dict[Cell, str]:
    settled: dict[Cell, str] = {}
    for cell in cells:
        settled |= failures.failure([cell], reason)
    return settled


def test_a_type_that_fails_the_same_way_in_three_windows_is_given_up(failures: Failures) -> None:
    assert fail_all(failures, CELLS[: ENOUGH - 1], "no such column") == {}
    assert not failures.given_up(SERIES)
    settled = failures.failure([CELLS[ENOUGH - 1]], "no such column")
    assert failures.given_up(SERIES)
    assert settled == dict.fromkeys(CELLS[:ENOUGH], "no such column")


def test_messages_that_differ_in_dates_and_numbers_are_the_same(failures: Failures) -> None:
    for number in range(ENOUGH):
        failures.failure([CELLS[number]], f"no rows for 2026-03-0{number + 1} after {number} s")
    assert failures.given_up(SERIES)


def test_a_type_that_fails_in_different_ways_is_not_given_up(failures: Failures) -> None:
    for cell, reason in zip(CELLS, ["no column", "out of memory", "cut off"], strict=False):
        failures.failure([cell], reason)
    assert not failures.given_up(SERIES)
    assert failures.decided(SERIES)


def test_a_type_that_has_answered_is_never_given_up(failures: Failures) -> None:
    failures.success(SERIES)
    fail_all(failures, CELLS[1:8], "no such column")
    assert not failures.given_up(SERIES)


def test_a_type_that_answers_after_all_is_asked_again(failures: Failures) -> None:
    fail_all(failures, CELLS[:3], "no such column")
    failures.success(SERIES)
    assert not failures.given_up(SERIES)


def test_failed_cells_are_held_back_until_the_type_answers(failures: Failures) -> None:
    assert fail_all(failures, CELLS[:2], "no such column") == {}
    assert failures.success(SERIES) == dict.fromkeys(CELLS[:2], "no such column")
    assert failures.success(SERIES) == {}, "each cell once"


def test_failed_cells_are_settled_when_nothing_more_is_expected() -> None:
    failures = Failures()
    failures.expect(SERIES, 2)
    assert failures.failure([CELLS[0]], "no such column") == {}
    assert failures.failure([CELLS[1]], "too big") == {
        CELLS[0]: "no such column",
        CELLS[1]: "too big",
    }


def test_cells_that_get_no_answer_for_another_reason_are_not_waited_for() -> None:
    failures = Failures()
    failures.expect(SERIES, 5)
    failures.failure([CELLS[0]], "no such column")
    assert failures.forget(SERIES, 3) == {}
    assert failures.forget(SERIES, 1) == {CELLS[0]: "no such column"}
    assert not failures.given_up(SERIES)


def test_reports_are_counted_apart(failures: Failures) -> None:
    other = a_report("country")
    failures.expect(("shop", other), 10)
    fail_all(failures, CELLS[:2], "broken")
    fail_all(failures, cells_of(other), "broken")
    assert not failures.given_up(SERIES)
    assert not failures.given_up(("shop", other))
    failures.failure([CELLS[2]], "broken")
    assert failures.given_up(SERIES)
    assert not failures.given_up(("shop", other))


def test_many_cells_that_fail_in_one_question_count_as_one_window(failures: Failures) -> None:
    failures.failure(CELLS[:4], "too big")
    assert not failures.given_up(SERIES)
