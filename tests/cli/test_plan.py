"""How a plan is told."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from databuddy_source import Plan
from databuddy_source.cli import summaries
from databuddy_source.cli.program import Exit
from databuddy_source.runs.plan import WebsitePlan
from tests.cells import DAY


@pytest.mark.parametrize(
    ("questions", "words", "minutes"),
    [
        (1_200, "1,200 cells in about 12 requests, less than a minute.", 0),
        (
            30_000,
            "30,000 cells in about 300 requests, at least 4 min at 60 requests a minute.",
            4.0,
        ),
    ],
)
def test_it_says_how_long_the_rate_limit_makes_a_run_take(
    monkeypatch: pytest.MonkeyPatch, questions: int, words: str, minutes: float
) -> None:
    told: dict[str, object] = {}

    def note(sentence: str, event: str, **given: object) -> None:
        told.update(given, sentence=sentence)

    monkeypatch.setattr(summaries, "note", note)
    website = WebsitePlan(100, 1, questions, Counter(common=questions))
    by_day: Counter[date] = Counter({DAY: questions})
    assert summaries.show_plan(Plan(60, {"shop": website}, by_day)) is Exit.COMPLETE
    assert told == {
        "sentence": words,
        "cells": questions,
        "requests": questions // 100,
        "at_least_minutes": minutes,
    }


def test_each_account_has_its_minutes() -> None:
    """Two keys send side by side, and two websites of one key one after the other."""
    one, two, three = (
        WebsitePlan(1, by_route=Counter(common=count), budget=name)
        for name, count in (("shop", 60), ("studio", 90), ("studio", 90))
    )
    assert Plan(60, {"1": one}).minutes == 0
    assert Plan(60, {"1": one, "2": two}).minutes == 0.5
    assert Plan(60, {"1": one, "2": two, "3": three}).minutes == 2
    assert Plan(60).minutes == 0
