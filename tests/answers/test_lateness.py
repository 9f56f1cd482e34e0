"""How late numbers still change, and when a longer lookback is proposed."""

from __future__ import annotations

import pytest

from databuddy_source.answers.lateness import Lateness, proposed_lookback


def test_changes_are_told_by_how_late_they_came() -> None:
    found = Lateness("top_pages", 100, [1, 2, 5, 30])
    assert [found.by(part) for part in (0, 0.5, 0.75, 1)] == [1, 2, 5, 30]
    assert [found.after(days) for days in (0, 2, 29, 30)] == [4, 2, 1, 0]
    assert Lateness("country", 100, []).by(1) == 0


@pytest.mark.parametrize(
    ("cells", "days", "longer"),
    [
        (1_000, [], None),
        (1_000, [1, 2, 3], None),  # within the lookback
        (1_000, [9], None),  # one in a thousand
        (1_000, [9, 20], 9),
        (999, [9], 9),
        (3_000, [4, 5, 6, 7, 8, 300], 6),
    ],
)
def test_a_longer_lookback_is_proposed_where_one_in_a_thousand_is_missed(
    cells: int, days: list[int], longer: int | None
) -> None:
    found = [Lateness("top_pages", cells, days), Lateness("country", 0, [])]
    assert proposed_lookback(found, 3) == longer
