"""Rows of cells to Arrow tables: types hold, nothing is lost, partitions are emptied."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from databuddy_source.model.query_types import Kind, QueryType, Shape, load_catalog
from databuddy_source.model.reports import Report
from databuddy_source.model.results import Row
from databuddy_source.model.windows import ONE_DAY
from databuddy_source.tables.columns import Columns
from databuddy_source.tables.layout import LEFTOVER, TOMBSTONE, Layout
from databuddy_source.tables.rows import rows_table
from tests.any_json import is_held, is_text_of, json_values
from tests.cells import DAY, a_report, a_result, cells_of

KNOWN = QueryType(
    name="top_pages",
    columns={
        "name": Kind.TEXT,
        "views": Kind.COUNT,
        "share": Kind.NUMBER,
        "seen": Kind.TIME,
        "nested": Kind.JSON,
    },
)
UNKNOWN = QueryType(name="brand_new", known=False)
TYPES = {
    "text": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "bool": pa.bool_(),
}


def table_of(
    rows: list[Row], query_type: QueryType = KNOWN, existing: Mapping[str, str] | None = None
) -> pa.Table:
    """The table of one cell."""
    (cell,) = cells_of(a_report(query_type))
    return rows_table(cell.report, [a_result(cell, rows)], holding(cell.report, existing or {}))


def holding(report: Report, types: Mapping[str, str]) -> Layout:
    """The columns of a table that holds some of these types, by dlt's names."""
    return Layout(report, {name: {"data_type": type_} for name, type_ in types.items()})


def column(table: pa.Table, name: str) -> list[Any]:
    found: list[Any] = table[name].to_pylist()
    return found


def in_column(
    name: str, values: list[object], existing: str | None = None, query_type: QueryType = KNOWN
) -> tuple[pa.DataType, list[Any], list[Any] | None]:
    """Type and values of one column, and what is in its sibling, if there is one."""
    known = {name: existing} if existing else {}
    table = table_of([{name: value} for value in values], query_type, known)
    leftover = column(table, name + LEFTOVER) if name + LEFTOVER in table.column_names else None
    return table[name].type, column(table, name), leftover


# -- the whole table


def test_each_row_says_whose_it_is_and_of_which_day() -> None:
    shop, blog = (cells_of(a_report(KNOWN), website=name)[0] for name in ("shop", "blog"))
    later = cells_of(a_report(KNOWN), DAY + ONE_DAY)[0]
    results = [
        a_result(shop, [{"name": "a"}, {"name": "b"}]),
        a_result(later, [{"name": "c"}]),
        a_result(blog, [{"name": "d"}]),
    ]
    table = rows_table(a_report(KNOWN), results)
    assert column(table, "name") == ["a", "b", "c", "d"]
    assert column(table, "website_id") == ["shop", "shop", "shop", "blog"]
    assert column(table, "date") == [DAY, DAY, DAY + ONE_DAY, DAY]
    assert column(table, TOMBSTONE) == [None] * 4


def test_a_cell_without_rows_gives_one_tombstone() -> None:
    first, second, third = cells_of(a_report(KNOWN), DAY, DAY + 2 * ONE_DAY)
    results = [a_result(first), a_result(second, [{"name": "a", "views": 1}]), a_result(third)]
    table = rows_table(a_report(KNOWN), results)
    found = {row["date"]: (row["tombstone"], row["name"]) for row in table.to_pylist()}
    assert found == {
        DAY: (True, None),
        DAY + ONE_DAY: (None, "a"),
        DAY + 2 * ONE_DAY: (True, None),
    }
    assert len(table) == 3


def test_a_table_of_tombstones_alone_has_all_known_columns() -> None:
    table = rows_table(a_report(KNOWN), [a_result(cells_of(a_report(KNOWN))[0])])
    assert table.column_names == ["website_id", "date", *KNOWN.columns, TOMBSTONE]
    assert column(table, TOMBSTONE) == [True]


def test_only_the_partition_is_required() -> None:
    schema = table_of([{"name": "a", "new": 1.5}]).schema
    required = {field.name for field in schema if not field.nullable}
    assert required == {"website_id", "date"}


@pytest.mark.parametrize("query_type", [t for t in load_catalog() if t.columns][::8])
def test_columns_have_the_catalogues_types_and_order(query_type: QueryType) -> None:
    table = table_of([], query_type)
    own = [name for name in query_type.columns if name != "date"]
    assert table.column_names == ["website_id", "date", *own, TOMBSTONE]
    types = {
        "text": pa.string(),
        "time": TYPES["timestamp"],
        "amount": pa.float64(),
        "number": pa.float64(),
        "json": pa.string(),
    }
    for name in own:
        assert table[name].type == types.get(query_type.columns[name].value, pa.int64())


def test_the_date_of_a_series_is_the_cells() -> None:
    series = QueryType(name="s", shape=Shape.TIME_SERIES, columns={"date": Kind.DATE})
    table = table_of([{"date": str(DAY), "n": 1}], series)
    assert table.column_names == ["website_id", "date", "n", TOMBSTONE]
    assert column(table, "date") == [DAY]


@pytest.mark.parametrize("name", ["website_id", "date", "tombstone", "_dlt_load_id"])
def test_a_column_with_a_name_of_ours_steps_aside(name: str) -> None:
    table = table_of([{name: "theirs"}])
    assert column(table, name + "_value") == ["theirs"]
    assert column(table, "website_id") == ["shop"]
    assert column(table, TOMBSTONE) == [None]


def test_a_column_of_ours_that_stepped_aside_keeps_its_type() -> None:
    table = table_of([{"date": 3}], UNKNOWN, {"date_value": "bigint", "date": "date"})
    assert table["date_value"].type == pa.int64()


def test_new_columns_come_behind_the_known_ones_and_vanished_ones_stay_empty() -> None:
    table = table_of([{"new": "x", "name": "a"}, {"name": "b", "newer": True}])
    own = ["name", "views", "share", "seen", "nested", "new", "newer"]
    assert table.column_names == ["website_id", "date", *own, TOMBSTONE]
    assert column(table, "new") == ["x", None]
    assert column(table, "newer") == [None, True]
    assert column(table, "views") == [None, None]
    assert table["views"].type == pa.int64()


def test_a_column_of_nulls_that_nobody_knows_waits_for_a_value() -> None:
    assert "new" not in table_of([{"new": None}]).column_names
    assert table_of([{"new": None}], existing={"new": "double"})["new"].type == pa.float64()


# -- values

MOMENT = datetime(2026, 3, 2, 21, 14, 40, 303000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "values", "held", "leftover"),
    [
        ("views", [1, None, -3], [1, None, -3], None),
        ("views", [1, 2.0], [1, 2], None),
        ("views", [1, 2.5], [1, None], [None, "2.5"]),
        ("views", [1, "many"], [1, None], [None, "many"]),
        ("views", [1, "7"], [1, None], [None, "7"]),
        ("views", [1, True], [1, None], [None, "true"]),
        ("views", [True, False], [None, None], ["true", "false"]),
        ("views", [1, {"a": 1}], [1, None], [None, '{"a":1}']),
        ("views", [[1], [2]], [None, None], ["[1]", "[2]"]),
        ("views", [2**63 - 1, -(2**63)], [2**63 - 1, -(2**63)], None),
        ("views", [1, 2**63], [1, None], [None, "9223372036854775808"]),
        ("views", [1, 10**400], [1, None], [None, "1" + "0" * 400]),
        ("views", [2**53 + 1, 1.0], [2**53 + 1, 1], None),
        ("views", [1, "NaN"], [1, None], [None, "NaN"]),
        ("views", [1, math.nan], [1, None], [None, "nan"]),
        ("views", [1, math.inf], [1, None], [None, "inf"]),
        ("views", ["\ud800"], [None], ["\ufffd"]),
        ("share", [14.07, 100, None], [14.07, 100.0, None], None),
        ("share", [100, 50], [100.0, 50.0], None),
        ("share", [2**53, 1.5], [float(2**53), 1.5], None),
        ("share", [2**53 + 1, 1.5], [None, 1.5], ["9007199254740993", None]),
        ("share", [10**400, 1.5], [None, 1.5], ["1" + "0" * 400, None]),
        ("share", [2**63, 0.5], [2.0**63, 0.5], None),
        ("share", [1.0, True], [1.0, None], [None, "true"]),
        ("share", [1.5, "NaN"], [1.5, None], [None, "NaN"]),
        ("share", [1.5, -math.inf, "n/a"], [1.5, -math.inf, None], [None, None, "n/a"]),
        ("name", ["/", "", None], ["/", "", None], None),
        ("name", ["/", 404], ["/", "404"], None),
        ("name", ["/", True, 1.5], ["/", "true", "1.5"], None),
        ("name", ["/", ["a", 1]], ["/", '["a",1]'], None),
        ("name", ["🦆 Ä \\ \"q\" '"], ["🦆 Ä \\ \"q\" '"], None),
        ("name", ["a\x00b"], ["a\ufffdb"], None),
        ("name", ["a\ud83dz", "\udc00"], ["a\ufffdz", "\ufffd"], None),
        ("name", ["\ud83e\udd86"], ["🦆"], None),
        ("name", ["x" * 100_000], ["x" * 100_000], None),
        ("nested", [{"b": [1, None]}, None], ['{"b":[1,null]}', None], None),
        ("nested", ["text", 5], ['"text"', "5"], None),
        ("nested", [{"big": 10**30}], ['{"big":' + str(10**30) + "}"], None),
        ("nested", [{"half": "\ud800"}], ['{"half":"\ufffd"}'], None),
        ("nested", [[["id", "2026-03-02 10:00:00.000", None]]],
         ['[["id","2026-03-02 10:00:00.000",null]]'], None),
        ("seen", ["2026-03-02 21:14:40.303", None], [MOMENT, None], None),
        ("seen", ["2026-03-02T21:14:40.303Z"], [MOMENT], None),
        ("seen", ["2026-03-02T22:14:40.303+01:00"], [MOMENT], None),
        ("seen", ["2026-03-02"], [datetime(2026, 3, 2, tzinfo=UTC)], None),
        ("seen", ["2026-03-02 21:14:40.303", "soon"], [MOMENT, None], [None, "soon"]),
        ("seen", ["", "2026-02-30"], [None, None], ["", "2026-02-30"]),
        ("seen", ["2026-03-02 21:14:60"], [None], ["2026-03-02 21:14:60"]),
        ("seen", [1772486080], [None], ["1772486080"]),
        ("seen", [True, {"a": 1}], [None, None], ["true", '{"a":1}']),
        ("seen", ["0001-01-01T00:00:00+14:00"], [None], ["0001-01-01T00:00:00+14:00"]),
        ("seen", ["9999-12-31T23:00:00-05:00"], [None], ["9999-12-31T23:00:00-05:00"]),
        ("seen", ["\ud800"], [None], ["\ufffd"]),
    ],
)  # fmt: skip
def test_a_known_column_keeps_its_type_and_loses_nothing(
    name: str, values: list[object], held: list[Any], leftover: list[str | None] | None
) -> None:
    wanted = table_of([])[name].type
    assert in_column(name, values) == (wanted, held, leftover)


@pytest.mark.parametrize(
    ("values", "type_name", "held", "leftover"),
    [
        # whole today is not whole tomorrow
        ([1, 2], "double", [1.0, 2.0], None),
        ([1, 2.5], "double", [1.0, 2.5], None),
        ([2**53 + 1], "double", [None], ["9007199254740993"]),
        ([True, None], "bool", [True, None], None),
        ([True, 1], "text", ["true", "1"], None),
        (["a", None], "text", ["a", None], None),
        (["a", 1, {"b": []}], "text", ["a", "1", '{"b":[]}'], None),
        ([{"a": 1}, {"a": "x"}], "text", ['{"a":1}', '{"a":"x"}'], None),
        (["2026-03-02 10:00:00"], "text", ["2026-03-02 10:00:00"], None),
    ],
)
def test_a_column_that_nobody_described_gets_a_type_that_holds(
    values: list[object], type_name: str, held: list[Any], leftover: list[str | None] | None
) -> None:
    assert in_column("new", values) == (TYPES[type_name], held, leftover)


@pytest.mark.parametrize(
    ("name", "existing", "values", "held", "leftover"),
    [
        ("views", "text", [7], ["7"], None),
        ("views", "double", [7], [7.0], None),
        ("share", "bigint", [7, 1.5], [7, None], [None, "1.5"]),
        ("new", "bigint", [7, "x"], [7, None], [None, "x"]),
        ("new", "bool", [True, 1, 0], [True, None, None], [None, "1", "0"]),
        ("new", "timestamp", ["2026-03-02 21:14:40.303"], [MOMENT], None),
        ("new", "text", [1.5], ["1.5"], None),
        ("new", "bool", ["yes"], [None], ["yes"]),
    ],
)
def test_the_type_that_the_destination_has_wins(
    name: str, existing: str, values: list[object], held: list[Any], leftover: list[Any] | None
) -> None:
    assert in_column(name, values, existing) == (TYPES[existing], held, leftover)


def test_a_type_that_nobody_knows_loads_too() -> None:
    table = table_of([{"a": 1, "b": "x", "c": [1], "d": None}], UNKNOWN)
    (row,) = table.to_pylist()
    own = {"a": 1.0, "b": "x", "c": "[1]"}
    assert row == {"website_id": "shop", "date": DAY, **own, TOMBSTONE: None}


# -- the law

names = st.sampled_from(
    ["name", "views", "share", "seen", "nested", "new", "website_id", "date", "tombstone", "ä b"]
)
json_rows = st.lists(st.dictionaries(names, json_values, max_size=5), max_size=6)


@given(
    query_type=st.sampled_from([KNOWN, UNKNOWN]),
    cells=st.lists(json_rows, min_size=1, max_size=4),
    existing=st.dictionaries(
        st.sampled_from([*KNOWN.columns, "new", "date_value", "ä b"]), st.sampled_from(list(TYPES))
    ),
)
def test_whatever_rows_come_no_value_is_lost(
    query_type: QueryType, cells: list[list[Row]], existing: dict[str, str]
) -> None:
    asked = cells_of(a_report(query_type), DAY, DAY + (len(cells) - 1) * ONE_DAY)
    results = [a_result(cell, rows) for cell, rows in zip(asked, cells, strict=True)]
    report = a_report(query_type)
    table = rows_table(report, results, holding(report, existing))
    table.validate(full=True)
    sent = [
        (cell.window.date, row) for cell, rows in zip(asked, cells, strict=True) for row in rows
    ]
    empty = sum(not rows for rows in cells)
    assert column(table, TOMBSTONE) == [None] * len(sent) + [True] * empty
    for (day, row), got in zip(sent, table.to_pylist(), strict=False):
        assert (got["website_id"], got["date"]) == ("shop", day)
        for name, value in row.items():
            own = name + "_value" if name in {"website_id", "date", "tombstone"} else name
            held, leftover = got.get(own), got.get(own + LEFTOVER)
            assert held is None or leftover is None
            if value is None:
                assert (held, leftover) == (None, None)
            else:
                assert is_held(held, value) or is_text_of(leftover, value), (name, value, got)
    for name, wanted in existing.items():
        if name in table.column_names:
            assert table[name].type == TYPES[wanted]


one_kind = st.sampled_from(
    [
        st.integers(0, 3),
        st.integers(-(2**63), 2**63 - 1),
        st.integers(2**52, 2**65),
        st.floats(),
        st.sampled_from([0.5, True]),  # which Arrow mixes without a word
        st.sampled_from([0.0, 1.0, True, False, 1, None]),
        st.booleans(),
        st.none(),
        st.integers(0, 3) | st.floats(0, 3),
        st.text(st.characters(codec=None), max_size=4),
        st.datetimes().map(str),
        st.lists(st.integers(0, 3), max_size=2),
        json_values,
    ]
)


@st.composite
def rows_of_columns(draw: st.DrawFn) -> list[Row]:
    """Rows whose columns have a kind of their own each, as servers send them; some values are
    missing."""
    kinds = {name: draw(one_kind) for name in draw(st.lists(names, max_size=4, unique=True))}
    if draw(st.booleans()):
        return draw(st.lists(st.fixed_dictionaries(kinds), max_size=5))
    return draw(st.lists(st.fixed_dictionaries({}, optional=kinds), max_size=5))


@example(KNOWN, [{"share": 0.5}, {"share": True}], {})
@example(UNKNOWN, [{"new": 0.5}, {"new": False}], {})
@example(KNOWN, [{"views": 1}, {"views": 2.0}, {"views": 1.5}], {})
@given(
    query_type=st.sampled_from([KNOWN, UNKNOWN]),
    rows=rows_of_columns(),
    existing=st.dictionaries(
        st.sampled_from([*KNOWN.columns, "new", "date_value", "ä b"]), st.sampled_from(list(TYPES))
    ),
)
def test_columns_read_at_once_are_those_read_value_by_value(
    query_type: QueryType, rows: list[Row], existing: dict[str, str]
) -> None:
    table = table_of(rows, query_type, existing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Columns, "_at_once", lambda self, name: None)
        patch.setattr(Columns, "_whole", None)
        careful = table_of(rows, query_type, existing)
    assert table.schema == careful.schema
    assert repr(table.to_pylist()) == repr(careful.to_pylist())  # NaN is not equal to itself


def test_a_plain_day_of_dates_is_of_the_right_type() -> None:
    assert table_of([{"name": "a"}])["date"].type == pa.date32()
    assert isinstance(column(table_of([{"name": "a"}]), "date")[0], date)
