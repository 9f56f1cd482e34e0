"""Cells that are chosen one by one."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.config.cells import Cells, narrowed, scope_of
from databuddy_source.config.settings import Settings
from databuddy_source.errors import BadSetting

FIRST = date(2026, 3, 1)
RANGES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 9)).map(
        lambda pair: (FIRST + timedelta(pair[0]), FIRST + timedelta(sum(pair)))
    ),
    min_size=1,
)


def days(ranges: list[tuple[date, date]]) -> list[date]:
    return [
        first + timedelta(number)
        for first, last in ranges
        for number in range((last - first).days + 1)
    ]


@given(RANGES, st.integers(0, 49))
def test_each_day_is_in_one_range_also_in_the_loads_of_a_series(
    ranges: list[tuple[date, date]], cut: int
) -> None:
    scope = scope_of(Cells("top_pages", "shop", *each) for each in ranges)
    wanted = sorted(set(days(ranges)))
    assert days(scope.days_of("top_pages", "shop")) == wanted
    assert (scope.since, scope.until) == (wanted[0], wanted[-1])
    assert scope.days_of("top_pages", "blog") == scope.days_of("country", "shop") == []
    at = FIRST + timedelta(cut)
    before = scope.model_copy(update={"until": at})
    after = scope.model_copy(update={"since": at + timedelta(1)})
    parts = before.days_of("top_pages", "shop") + after.days_of("top_pages", "shop")
    assert days(parts) == wanted


def test_what_is_not_among_the_cells_is_left_out_of_the_settings() -> None:
    report = {"name": "phones", "query_type": "top_pages", "grain": "week"}
    settings = Settings.of(api_key="k", query_types=["default"], reports=[report])
    cells = [
        Cells("phones", "blog", FIRST, FIRST),
        Cells("country", "shop", FIRST, FIRST),
        Cells("country", "blog", FIRST, FIRST),
        Cells("country", "shop", FIRST, FIRST),
    ]
    found = narrowed(settings, cells).chosen_reports()
    assert [(each.name, each.websites, each.named) for each in found] == [
        ("country", ("shop", "blog"), False),
        ("phones", ("blog",), True),
    ]


def test_a_website_is_named_by_its_id() -> None:
    with pytest.raises(BadSetting, match=r"'shop\.example\.com' is a domain"):
        narrowed(Settings.of(api_key="k"), [Cells("country", "shop.example.com", FIRST, FIRST)])


def test_what_may_change_with_a_day_stays_in_the_settings() -> None:
    """Of the websites of the cells, and of what is chosen for them."""
    reports = [
        {"name": "weeks", "query_type": "summary_metrics", "grain": "week"},
        {"name": "of_blog", "query_type": "top_pages", "grain": "week", "websites": ["blog"]},
        {"name": "of_a_domain", "query_type": "country", "grain": "week", "websites": ["a.com"]},
    ]
    settings = Settings.of(api_key="k", query_types=["country"], reports=reports)
    cells = [Cells("country", "shop", FIRST, FIRST)]
    found = narrowed(settings, cells, scrub=True).chosen_reports()
    assert [(each.name, each.websites) for each in found] == [
        ("country", ("shop",)),
        ("weeks", ("shop",)),
    ]
    assert scope_of(cells, scrub=True).proves
    assert not scope_of(cells).proves
    assert not scope_of(cells, scrub=True, only_gaps=True).proves
