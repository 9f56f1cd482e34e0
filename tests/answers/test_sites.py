"""Days of several websites as one, and what is not known of them."""

from __future__ import annotations

from datetime import date, timedelta

from databuddy_source.answers.sites import Day, extent_of, filled, together

DAY = date(2026, 3, 1)
NEXT = DAY + timedelta(days=1)


def test_a_sum_needs_every_website() -> None:
    one = [Day(DAY, "final", {"pageviews": 5}), Day(NEXT, "failed", {"pageviews": None})]
    other = [Day(DAY, "may grow", {"pageviews": 2}), Day(NEXT, "final", {"pageviews": 3})]
    first, second = together([one, other], ["pageviews"])
    assert (first.numbers, first.state) == ({"pageviews": 7}, "may grow")
    assert (second.numbers, second.state) == ({"pageviews": None}, "failed")


def test_a_website_counts_from_its_first_day_on() -> None:
    old = [Day(DAY, "final", {"pageviews": 5}), Day(NEXT, "final", {"pageviews": 6})]
    new = [Day(NEXT, "final", {"pageviews": 1})]
    assert [day.numbers["pageviews"] for day in together([old, new, []], ["pageviews"])] == [5, 7]


def test_what_is_no_sum_is_not_added_up() -> None:
    one = [Day(DAY, "final", {"pageviews": 5, "visitors": 4})]
    (day,) = together([one, one], ["pageviews"])
    assert day.numbers == {"pageviews": 10}


def test_amounts_are_added_up_in_one_currency_only() -> None:
    euros = [Day(DAY, "final", {"revenue": 5, "pageviews": 1}, "EUR")]
    nothing = [Day(DAY, "final", {"revenue": 0, "pageviews": 1})]
    dollars = [Day(DAY, "final", {"revenue": 7, "pageviews": 1}, "USD")]
    (alike,) = together([euros, nothing], ["revenue", "pageviews"])
    assert (alike.numbers["revenue"], alike.currency) == (5, "EUR")
    (mixed,) = together([euros, dollars], ["revenue", "pageviews"])
    assert (mixed.numbers, mixed.currency) == ({"revenue": None, "pageviews": 2}, None)
    unknown = [Day(DAY, "final", {"revenue": 3, "pageviews": 1})]
    (mixed,) = together([euros, unknown], ["revenue", "pageviews"])
    assert (mixed.numbers, mixed.currency) == ({"revenue": None, "pageviews": 2}, None)
    (alike,) = together([unknown, unknown], ["revenue", "pageviews"])
    assert (alike.numbers["revenue"], alike.currency) == (6, None)


def test_days_after_the_newest_one_are_missing() -> None:
    days = filled([Day(DAY, "final", {"pageviews": 5})], NEXT)
    assert [(day.date, day.state, day.numbers["pageviews"]) for day in days] == [
        (DAY, "final", 5),
        (NEXT, "missing", None),
    ]
    assert filled([], NEXT) == []


def test_the_worst_state_of_several_websites_counts() -> None:
    found = extent_of("pages", [{DAY: "final", NEXT: "final"}, {DAY: "truncated"}], DAY, NEXT)
    assert found.states == {"truncated": [DAY], "missing": [NEXT]}
    assert not found.is_empty
    assert not found.is_comparable
    assert extent_of("pages", [{}], DAY, NEXT).is_empty
    assert extent_of("pages", [{DAY: "may grow", NEXT: "final"}], DAY, NEXT).is_comparable
