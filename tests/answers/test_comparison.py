"""Rows of the warehouse and of the API say the same, or it is told what differs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from databuddy_source.answers.comparison import Tolerance, differences
from databuddy_source.model.query_types import load_catalog

KEYED = Tolerance(key=("name",))


def tolerance_of(query_type: str) -> Tolerance:
    return Tolerance.of(load_catalog().get(query_type))


def test_order_means_nothing() -> None:
    rows = [{"name": "a", "n": 1}, {"name": "b", "n": 2}]
    assert differences(rows, rows[::-1], KEYED) == []
    assert differences(rows, rows[::-1], Tolerance()) == []


def test_rows_without_a_key_are_counted() -> None:
    row = {"name": "a", "n": 1}
    assert differences([row, row], [row], Tolerance()) == [
        "{'n': 1, 'name': 'a'}: 2 rows here, 1 at the server"
    ]


def test_the_only_row_of_a_window_needs_no_name() -> None:
    assert differences([{"n": 1}], [{"n": 2}], Tolerance()) == [
        "the row: n is 1 here and 2 at the server"
    ]


def test_a_missing_column_is_a_null() -> None:
    assert differences([{"name": "a", "n": None}], [{"name": "a"}], KEYED) == []
    assert differences([{"name": "a", "n": 0}], [{"name": "a"}], KEYED) == [
        "name 'a': n is 0 here and None at the server"
    ]
    assert differences([{"n": None}] * 2, [{}] * 2, Tolerance()) == []


def test_an_instant_is_the_same_in_any_zone_and_nan_equals_itself() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    there = noon.astimezone(timezone(timedelta(hours=5.5)))
    assert (
        differences([{"t": noon, "x": float("nan")}], [{"t": there, "x": float("nan")}], KEYED)
        == []
    )
    assert differences([{"t": noon}], [{"t": noon + timedelta(microseconds=1)}], KEYED)


@pytest.mark.parametrize("copies", [1, 2])
def test_last_digits_of_an_unstable_average_may_differ(copies: int) -> None:
    vitals = tolerance_of("web_vitals_by_page")  # has no key
    held = [{"name": "/", "samples": 3, "avg_lcp": 1234.5678901}] * copies
    near = [{"name": "/", "samples": 3, "avg_lcp": 1234.5678902}] * copies
    assert differences(held, near, vitals) == []
    assert differences(held, near, KEYED)  # but only of a column that is marked so
    assert differences(held, [{**each, "avg_lcp": 1235.0} for each in held], vitals)
    assert differences(held, [{**each, "avg_lcp": None} for each in held], vitals)
    assert differences(held, [{**each, "samples": 4} for each in held], vitals)


def test_a_column_of_any_value_is_left_out() -> None:
    sessions = tolerance_of("session_list")
    held = [{"session_id": "s", "country": "DE", "page_views": 3}]
    assert differences(held, [{**held[0], "country": "FR"}], sessions) == []
    assert differences(held, [{**held[0], "page_views": 4}], sessions) == [
        "session_id 's': page_views is 3 here and 4 at the server"
    ]
    assert sessions.left_out >= {"country", "referrer"}
    assert not sessions.nearly


@pytest.mark.parametrize(
    ("here", "there", "sentence"),
    [
        ([{"name": "a"}], [], "name 'a' is here, but not at the server"),
        ([], [{"name": "a"}], "name 'a' is at the server, but not here"),
        ([{"name": "a", "n": 1}], [{"name": "a"}], "name 'a': n is 1 here and None at the server"),
        ([{"name": "a"}], [{"name": "a", "n": 1}], "name 'a': n is None here and 1 at the server"),
    ],
)
def test_what_only_one_side_has_is_told(
    here: list[dict[str, object]], there: list[dict[str, object]], sentence: str
) -> None:
    same = [{"name": "b", "n": 2}]
    assert differences([*here, *same], [*same, *there], KEYED) == [sentence]


def test_rows_without_a_key_that_only_one_side_has_are_told() -> None:
    row, other = {"name": "a"}, {"name": "b"}
    assert differences([row, row], [row, other], Tolerance()) == [
        "{'name': 'a'}: 2 rows here, 1 at the server",
        "{'name': 'b'}: 0 rows here, 1 at the server",
    ]


def test_rows_are_named_by_all_columns_of_their_key_also_where_one_is_lacking() -> None:
    here: list[dict[str, object]] = [{"name": "a", "kind": None}, {"name": "a", "kind": "x"}]
    assert differences(here, [], Tolerance(key=("name", "kind"))) == [
        "name 'a', kind 'x' is here, but not at the server",
        "name 'a', kind None is here, but not at the server",
    ]


def test_the_date_of_a_series_is_the_windows_and_names_no_row() -> None:
    assert "date" in load_catalog().get("events_by_date").key
    assert tolerance_of("events_by_date").key == ()


def test_a_count_may_differ_by_one_and_then_its_averages_may_too() -> None:
    series = tolerance_of("events_by_date")
    held = {"pageviews": 9, "sessions": 6, "bounce_rate": 50.0}
    assert differences([held], [{**held, "sessions": 7, "bounce_rate": 42.9}], series) == []
    assert len(differences([held], [{**held, "sessions": 8, "bounce_rate": 42.9}], series)) == 2
    assert len(differences([held], [{**held, "bounce_rate": 42.9}], series)) == 1
    assert len(differences([held], [{**held, "sessions": 7, "pageviews": 8}], series)) == 1
