"""Names of the API to columns: each its own, none of ours, the same whenever it comes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.model.query_types import Kind, QueryType
from databuddy_source.model.windows import Grain
from databuddy_source.tables.layout import (
    API_NAME,
    LEFTOVER,
    MORE,
    MOST_COLUMNS,
    Layout,
    our_columns,
)
from tests.cells import a_report

REPORT = a_report(QueryType(name="brand_new", known=False, columns={"views": Kind.COUNT}))
LONGEST = 63


def spelled(name: str) -> str:
    """Like a warehouse: lower case, words with one line between them."""
    if not name.strip():
        raise ValueError(name)
    parted = re.sub("([a-z])([A-Z])", r"\1_\2", name.strip())
    return re.sub("[^a-z0-9_]", "_", parted.lower())[:LONGEST]


def columns_of(names: list[str], held: dict[str, Any] | None = None) -> list[str | None]:
    """The columns of names, in the order in which they come."""
    layout = Layout(REPORT, held, spelled, LONGEST)
    return [layout.column(name) for name in names]


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["fooBar", "foo_bar", "FooBar"], ["foo_bar", "foo_bar_2", "foo_bar_3"]),
        (["foo_bar_2", "fooBar", "foo_bar"], ["foo_bar_2", "foo_bar", "foo_bar_3"]),
        (["date_value", "date", "Date"], ["date_value", "date_value_2", "date_value_3"]),
        (["websiteId", "Tombstone"], ["website_id_value", "tombstone_value"]),
        (["_dlt_id", "_dlt_load_id"], ["_dlt_id_value", "_dlt_load_id_value"]),
        (["views__v_text", "views"], ["views__v_text_value", "views"]),
        (["Views", "views"], ["views_2", "views"]),  # the catalogue's comes first
        (["", " ", "unnamed"], ["unnamed", "unnamed_2", "unnamed_3"]),
        (["xmin", "_table_x", MORE], ["xmin_value", "api_table_x", "more_columns_value"]),
        (["hour"], ["hour"]),  # is ours in hourly tables only
    ],
)
def test_each_name_has_a_column_of_its_own(names: list[str], columns: list[str]) -> None:
    assert columns_of(names) == columns


def test_a_column_without_a_name_in_the_schema_is_whoever_comes_first() -> None:
    # of a table that an earlier version made
    assert columns_of(["fooBar", "foo_bar"], {"foo_bar": {}}) == ["foo_bar", "foo_bar_2"]


def test_names_that_need_no_other_spelling_go_first() -> None:
    layout = Layout(REPORT, None, spelled, LONGEST)
    assert layout.in_order(["fooBar", "x", "foo_bar"]) == ["views", "x", "foo_bar", "fooBar"]


def test_long_names_that_differ_at_their_end_have_room_for_what_stands_beside() -> None:
    columns = columns_of(["x" * 100 + end for end in "ab"])
    assert len({*columns}) == 2
    assert all(len(f"{column}_200{LEFTOVER}") <= LONGEST for column in columns)


def test_a_table_has_room_for_so_many_columns() -> None:
    names = [f"c{number}" for number in range(MOST_COLUMNS + 1)]
    assert columns_of([*names, "views"]) == [*names[:-1], None, "views"]


names = st.sampled_from(
    ["fooBar", "foo_bar", "date", "date_value", "views", "Views", "views__v_text", "", "x" * 70]
) | st.text(max_size=6)


@given(first=st.lists(names), then=st.lists(names))
def test_whatever_names_come_each_keeps_its_column(first: list[str], then: list[str]) -> None:
    before = Layout(REPORT, None, spelled, LONGEST)
    columns = {name: before.column(name) for name in first}
    held = {own: {API_NAME: name} for own, name in before.names.items() if name != "views"}
    after = Layout(REPORT, held, spelled, LONGEST)
    assert {name: after.column(name) for name in [*then, *first] if name in columns} == columns
    later = {name: after.column(name) for name in [*then, *first]}
    taken = [column.lower() for column in later.values() if column is not None]
    assert len({*taken}) == len(taken)
    assert not {*taken} & our_columns(Grain.DAY)
    assert not any(column.endswith(LEFTOVER) for column in taken)
