"""What is known of a cell has one meaning, wherever it is shown or decided by."""

from __future__ import annotations

import pytest

from databuddy_source.model.statuses import MARKS, Mark, Status


def test_each_mark_has_a_meaning_and_a_status_has_the_mark_of_its_name() -> None:
    assert list(MARKS) == list(Mark)
    assert {Mark.of(each, final=True, silent=False) for each in Status} == {
        Mark(each.value) for each in Status
    }


def test_no_gap_is_better_than_what_is_no_gap() -> None:
    by_badness = sorted(Mark, key=lambda mark: mark.badness)
    gaps = [mark.is_gap for mark in by_badness]
    assert gaps == sorted(gaps)


@pytest.mark.parametrize("status", Status)
def test_a_status_that_brings_all_rows_is_no_gap(status: Status) -> None:
    gaps = {Status.TRUNCATED, Status.SUSPECT, Status.FAILED}
    assert status.is_gap is (status in gaps)


def test_what_no_sync_ever_asked_for_is_missing_or_due() -> None:
    assert {mark for mark in Mark if not mark.is_asked} == {Mark.MISSING, Mark.DUE}
    assert [mark.is_gap for mark in (Mark.MISSING, Mark.DUE)] == [True, False]
