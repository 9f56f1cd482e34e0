"""Days of several websites as one, and what is not known of them."""

from __future__ import annotations

import math
from datetime import date, timedelta
from decimal import Decimal

import pytest

from databuddy_source.answers.sites import (
    RANKED,
    Day,
    Ranking,
    extent_of,
    filled,
    number_of,
    together,
)

DAY = date(2026, 3, 1)
NEXT = DAY + timedelta(days=1)


def test_a_sum_needs_every_website() -> None:
    one = [Day(DAY, "final", {"pageviews": 5}), Day(NEXT, "failed", {"pageviews": None})]
    other = [Day(DAY, "may grow", {"pageviews": 2}), Day(NEXT, "final", {"pageviews": 3})]
    both = ["one", "other"]
    first, second = together({"one": one, "other": other}, {"pageviews": both}, both)
    assert (first.numbers, first.state) == ({"pageviews": 7}, "may grow")
    assert (second.numbers, second.state) == ({"pageviews": None}, "failed")


def test_before_the_first_day_of_a_website_a_sum_is_not_known() -> None:
    old = [Day(DAY, "final", {"pageviews": 5}), Day(NEXT, "final", {"pageviews": 6})]
    new = filled([Day(NEXT, "final", {"pageviews": 1})], DAY, NEXT)
    both = ["old", "new"]
    days = together({"old": old, "new": new}, {"pageviews": both}, both)
    assert [(day.state, day.numbers["pageviews"]) for day in days] == [
        ("missing", None),
        ("final", 7),
    ]


def test_a_website_without_a_report_does_not_count_in_its_sum() -> None:
    one = [Day(DAY, "final", {"pageviews": 5, "errors": 2})]
    other = [Day(DAY, "final", {"pageviews": 1, "errors": None})]
    adding = {"pageviews": ["one", "other"], "errors": ["one"]}
    (day,) = together({"one": one, "other": other}, adding, ["one", "other"])
    assert day.numbers == {"pageviews": 6, "errors": 2}


def test_what_is_no_sum_is_not_added_up() -> None:
    one = [Day(DAY, "final", {"pageviews": 5, "visitors": 4})]
    both = ["one", "other"]
    (day,) = together({"one": one, "other": one}, {"pageviews": both}, both)
    assert day.numbers == {"pageviews": 10}


def test_amounts_are_added_up_in_one_currency_only() -> None:
    euros = [Day(DAY, "final", {"revenue": 5, "pageviews": 1}, "EUR")]
    nothing = [Day(DAY, "final", {"revenue": 0, "pageviews": 1})]
    dollars = [Day(DAY, "final", {"revenue": 7, "pageviews": 1}, "USD")]
    adding = {"revenue": ["one", "other"], "pageviews": ["one", "other"]}
    (alike,) = together({"one": euros, "other": nothing}, adding, ["one", "other"])
    assert (alike.numbers["revenue"], alike.currency) == (5, "EUR")
    (mixed,) = together({"one": euros, "other": dollars}, adding, ["one", "other"])
    assert (mixed.numbers, mixed.currency) == ({"revenue": None, "pageviews": 2}, None)
    unknown = [Day(DAY, "final", {"revenue": 3, "pageviews": 1})]
    (mixed,) = together({"one": euros, "other": unknown}, adding, ["one", "other"])
    assert (mixed.numbers, mixed.currency) == ({"revenue": None, "pageviews": 2}, None)
    (alike,) = together({"one": unknown, "other": unknown}, adding, ["one", "other"])
    assert (alike.numbers["revenue"], alike.currency) == (6, None)


def test_days_that_are_not_there_are_missing() -> None:
    days = filled([Day(DAY, "final", {"pageviews": 5})], DAY - timedelta(days=1), NEXT)
    assert [(day.date, day.state, day.numbers["pageviews"]) for day in days] == [
        (DAY - timedelta(days=1), "missing", None),
        (DAY, "final", 5),
        (NEXT, "missing", None),
    ]
    assert filled([], NEXT, NEXT) == [Day(NEXT, "missing", {})]


def test_the_worst_state_of_several_websites_counts() -> None:
    found = extent_of("pages", [{DAY: "final", NEXT: "final"}, {DAY: "truncated"}], DAY, NEXT)
    assert found.states == {"truncated": [DAY], "missing": [NEXT]}
    assert not found.is_empty
    assert not found.is_comparable
    assert extent_of("pages", [{}], DAY, NEXT).is_empty
    assert extent_of("pages", [{DAY: "may grow", NEXT: "final"}], DAY, NEXT).is_comparable


def test_days_of_some_websites_are_no_less_for_another_one_that_has_none() -> None:
    found = extent_of("pages", [{DAY: "final"}], DAY, DAY, ["new.example.com"])
    assert (found.states, found.is_empty) == ({}, False)
    # against days of other websites they are not compared
    assert Ranking(RANKED[0], found, found, []).is_compared
    assert not Ranking(
        RANKED[0], found, extent_of("pages", [{DAY: "final"}], DAY, DAY), []
    ).is_compared


@pytest.mark.parametrize("value", [5, 0, -2.5, Decimal("1.5"), 10**30])
def test_a_number_is_a_number(value: object) -> None:
    assert number_of(value) == value


@pytest.mark.parametrize(
    "value", [None, "1k+", "5", True, math.nan, math.inf, -math.inf, Decimal("NaN"), b"5", DAY]
)
def test_what_is_no_number_is_not_known(value: object) -> None:
    assert number_of(value) is None
