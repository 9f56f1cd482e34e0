"""What a digest of rows tells apart, and what not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.model.digests import digest_of, says_the_same
from databuddy_source.model.query_types import QueryType, load_catalog
from databuddy_source.model.results import HeldCell
from databuddy_source.model.statuses import Status
from tests.any_json import json_values
from tests.cells import FETCHED, a_report, a_result, cells_of

PAGES = load_catalog().get("top_pages")
VITALS = load_catalog().get("web_vitals_by_page")

rows = st.lists(st.dictionaries(st.text("abc", max_size=2), json_values, max_size=3), max_size=4)


@given(rows, st.randoms())
def test_the_order_of_rows_and_of_columns_means_nothing(
    given: list[dict[str, Any]], luck: Any
) -> None:
    again = [dict(luck.sample(list(row.items()), len(row))) for row in given]
    luck.shuffle(again)
    assert digest_of(again, PAGES) == digest_of(given, PAGES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([], [{}]),
        ([{"a": 1}], [{"a": "1"}]),
        ([{"a": 1}], [{"b": 1}]),
        ([{"a": ""}], [{}]),
        ([{"a": "\n"}], [{"a": "\\n"}]),
        ([{"a": True}], [{"a": 1}]),
        ([{"a": 1}], [{"a": 1}, {"a": 1}]),
        ([{"a": 1, "b": 2}], [{"a": 1}, {"b": 2}]),
        ([{"a": 2**70}], [{"a": 2**70 + 1}]),
        ([{"a": 0.1}], [{"a": 0.1 + 1e-16}]),
        ([{"a": "\ud83e"}], [{"a": "\ud83f"}]),
    ],
)
def test_what_differs_has_another_digest(one: list[Any], other: list[Any]) -> None:
    assert digest_of(one, PAGES) != digest_of(other, PAGES)


@pytest.mark.parametrize(
    ("query_type", "column", "one", "other", "same"),
    [
        (VITALS, "avg_lcp", 1234.5678901234, 1234.5678901239, True),
        (VITALS, "avg_lcp", 1234.5, 1235.5, False),
        (VITALS, "avg_lcp", None, 1235.5, False),
        (VITALS, "measurements", 5, 6, False),
        (load_catalog().get("session_list"), "country", "DE", "FR", False),
        (load_catalog().get("summary_metrics"), "median_session_duration", 7.27, 7.35, False),
        (load_catalog().get("summary_metrics"), "bounce_rate", 7.27, 7.35, False),
    ],
)
def test_the_last_digits_of_unstable_numbers_do_not_count_and_all_else_does(
    query_type: QueryType, column: str, one: object, other: object, same: bool
) -> None:
    left, right = ([{"name": "/", column: value}] for value in (one, other))
    assert (digest_of(left, query_type) == digest_of(right, query_type)) is same


DAY = {"date": "2026-03-02", "pageviews": 9, "visitors": 5, "sessions": 6}
DAY |= {"bounce_rate": 50.0, "pages_per_session": 1.5}


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({}, True),
        ({"sessions": 7, "bounce_rate": 42.9, "pages_per_session": 1.29}, True),
        ({"sessions": 5, "bounce_rate": 60.0}, True),
        ({"sessions": 8, "bounce_rate": 42.9}, False),
        ({"sessions": 7, "pageviews": 10}, False),
        ({"sessions": 7, "visitors": 6}, False),
        ({"bounce_rate": 42.9}, False),
        ({"sessions": "7"}, False),
    ],
)
def test_a_count_may_differ_by_one_with_its_averages_where_all_else_is_the_same(
    changed: dict[str, Any], same: bool
) -> None:
    series = load_catalog().get("events_by_date")
    one, other = digest_of([DAY], series), digest_of([{**DAY, **changed}], series)
    assert says_the_same(one, other) is says_the_same(other, one) is same
    assert (one == other) is (changed == {}), "what is not final is written anew"
    before = ":".join(one.split(":")[:2])  # as earlier versions made it
    assert says_the_same(before, one)
    assert says_the_same(before, other) is (changed == {})


def test_an_answer_that_the_warehouse_has_brings_no_rows() -> None:
    (cell,) = cells_of(a_report())
    answer = a_result(cell, [{"name": "/", "pageviews": 3}])
    digest = digest_of(answer.rows, PAGES)
    held = HeldCell(1, final=False, digest=digest, fetched_at=FETCHED)
    for known in (None, HeldCell(1, final=False), HeldCell(1, final=False, digest="2:other")):
        new = answer.with_digest(known)
        assert (new.rows, new.digest, new.same, new.is_new) == (answer.rows, digest, None, True)
    same = answer.with_digest(held)
    assert (same.rows, same.digest, same.same, same.is_new) == ((), digest, held, False)
    failed = a_result(cell, status=Status.FAILED)
    assert failed.with_digest(held) == failed
    assert not failed.is_new


def test_a_count_in_a_digest_that_is_none_is_like_no_other() -> None:
    digest = digest_of([DAY], load_catalog().get("events_by_date"))
    other = digest.replace(digest.split(":")[1], "other")
    assert not says_the_same(digest, f"{other}x")
    assert not says_the_same(f"{other}x", digest)
