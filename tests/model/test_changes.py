"""What changes in a query type between two generations of servers."""

from __future__ import annotations

import pytest

from databuddy_source.model.changes import change_between
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog

OLDEST, APRIL, JUNE, OCTOBER = Generation


def test_a_type_that_means_the_same_has_not_changed() -> None:
    assert change_between("error_types", OLDEST, OCTOBER) is None
    assert change_between("outbound_links", JUNE, OCTOBER) is None
    assert change_between("a_type_of_next_year", OLDEST, OCTOBER) is None
    assert change_between("page_performance", APRIL, OCTOBER) is None, "it failed until June"
    for each in load_catalog():
        assert all(change_between(each.name, on, on) is None for on in Generation)


@pytest.mark.parametrize(
    "name",
    [
        *("outbound_links", "page_scroll_performance", "traffic_sources", "top_referrers"),
        *("profile_list", "summary_metrics", "events_by_date"),
    ],
)
def test_what_june_defines_anew_is_told_with_its_month(name: str) -> None:
    change = change_between(name, APRIL, JUNE)
    assert change is not None
    assert list(change.meanings) == [JUNE]
    assert str(change).startswith("since June 2026 ")


@pytest.mark.parametrize(
    ("name", "before", "now", "words"),
    [
        ("errors_by_page", OLDEST, APRIL, "called by its path"),
        ("events_by_date", OLDEST, APRIL, "bounce_rate is another measure"),
        ("performance_by_browser", OLDEST, APRIL, "without its version"),
        ("web_vitals_by_browser", OLDEST, APRIL, "without its version"),
        ("web_vitals_time_series", OLDEST, APRIL, "measurements counts single values"),
        ("screen_resolution", JUNE, OCTOBER, "that of the viewport"),
        ("screen_resolutions", JUNE, OCTOBER, "that of the viewport"),
    ],
)
def test_what_rows_mean_from_then_on_is_told(
    name: str, before: Generation, now: Generation, words: str
) -> None:
    change = change_between(name, before, now)
    assert change is not None
    assert words in change.meanings[now]


def test_columns_come_and_go() -> None:
    change = change_between("sessions_time_series", APRIL, OCTOBER)
    assert change is not None
    assert (change.meanings, change.came, change.gone) == ({}, (), ("avg_session_duration",))
    assert str(change) == "without the column avg_session_duration"
    change = change_between("web_vitals_by_os", JUNE, OCTOBER)
    assert change is not None
    assert str(change) == "new columns p75_lcp, p75_inp"


def test_changes_of_generations_between_add_up() -> None:
    change = change_between("summary_metrics", OLDEST, OCTOBER)
    assert change is not None
    assert list(change.meanings) == [APRIL, JUNE]
    assert change.came == ("median_session_duration",)
    assert change.gone == ("avg_session_duration",)


def test_a_server_that_was_set_back_changes_the_same_the_other_way_round() -> None:
    there, back = (
        change_between("traffic_sources", *way) for way in ((APRIL, JUNE), (JUNE, APRIL))
    )
    assert there is not None
    assert back is not None
    assert there.meanings == back.meanings
    assert (there.came, there.gone) == (back.gone, back.came) != ((), ())


def test_several_changes_are_told_after_each_other() -> None:
    change = change_between("top_pages", Generation.G2025, Generation.G2026_06)
    assert change is not None
    first, second = change.meanings.values()
    assert str(change).startswith(f"since April 2026 {first}; since June 2026 {second}")
