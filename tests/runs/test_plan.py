"""What a plan adds up to."""

from __future__ import annotations

from collections import Counter

import pytest

from databuddy_source.runs.plan import Plan, WebsitePlan


@pytest.mark.parametrize(
    ("questions", "minutes"),
    [([], 0), ([6_000], 0), ([6_001], 1 / 60), ([9_000, 3_001], 61 / 60), ([1] * 90, 0.5)],
)
def test_minutes_are_those_of_the_requests_beyond_the_first_minutes(
    questions: list[int], minutes: float
) -> None:
    plan = Plan(
        60,
        {
            str(n): WebsitePlan(100, by_route=Counter(common=each))
            for n, each in enumerate(questions)
        },
    )
    assert plan.minutes == pytest.approx(minutes)
    assert plan.questions == sum(questions)
    assert plan.requests == sum(-(-each // 100) for each in questions)
