"""Values that change their minds: none blocks a later run, none is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from databuddy_source.demo import DemoServer, Fault
from databuddy_source.extract import batches
from databuddy_source.model.reports import Report
from databuddy_source.model.results import Result
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY
from databuddy_source.tables.layout import Layout
from tests.stories.conftest import TODAY, Make, Warehouse

Serve = Callable[..., DemoServer]

NORMAL = {"name": "/", "pageviews": 3, "visitors": 2, "percentage": 50}


def answers(made: Warehouse, *rows: dict[str, Any]) -> None:
    """Sync today's cell of one website, to which the server answers these rows."""
    made.server.faults.clear()
    made.server.faults.add(Fault(query_type="top_pages", times=None, rows=list(rows)))
    given = {"websites": [made.server.websites[0].id], "query_types": ["top_pages"]}
    assert made.sync(start_date=TODAY, lookback_days=0, **given) == []


def shown(made: Warehouse, column: str) -> list[Any]:
    return [value for (value,) in made.query(f'SELECT "{column}" FROM top_pages ORDER BY name')]


@pytest.fixture
def made(serve: Serve, warehouse: Make) -> Warehouse:
    return warehouse(serve(days=2))


@pytest.fixture
def normal(serve: Serve, warehouse: Make) -> Warehouse:
    """One that has had the usual answer."""
    return warehouse(serve(days=2), as_usual)


def as_usual(made: Warehouse) -> None:
    answers(made, NORMAL)
    made.server.faults.clear()


def test_a_whole_number_that_becomes_a_fraction_and_back(normal: Warehouse) -> None:
    answers(normal, NORMAL | {"percentage": 33.3, "pageviews": 2.5})
    assert shown(normal, "percentage") == [33.3]
    assert (shown(normal, "pageviews"), shown(normal, "pageviews__v_text")) == ([None], ["2.5"])
    answers(normal, NORMAL)
    assert (shown(normal, "pageviews"), shown(normal, "pageviews__v_text")) == ([3], [None])


def test_a_number_that_becomes_text_and_text_that_becomes_a_number(normal: Warehouse) -> None:
    answers(normal, NORMAL | {"visitors": "many", "name": 404})
    assert (shown(normal, "visitors"), shown(normal, "visitors__v_text")) == ([None], ["many"])
    assert shown(normal, "name") == ["404"]


def test_a_new_column_keeps_the_type_that_it_first_had(normal: Warehouse) -> None:
    # what the column has first, what it has then, and what becomes of that
    changes: dict[str, tuple[object, object, object, str | None]] = {
        "number": (1, "text", None, "text"),
        "text": ("text", 1, "1", None),
        "truth": (True, 0.5, None, "0.5"),
        "nothing": (None, 7, 7.0, None),
        "nested": ({"a": [1]}, {"a": [2]}, '{"a":[2]}', None),
        "large": (2**63, 2**53 + 1, None, "9007199254740993"),
    }
    answers(normal, NORMAL | {name: first for name, (first, *_) in changes.items()})
    answers(normal, NORMAL | {name: then for name, (_, then, *_) in changes.items()})
    for name, (_, _, kept, leftover) in changes.items():
        assert shown(normal, name) == [kept], name
        if leftover is not None:
            assert shown(normal, name + "__v_text") == [leftover], name
    answers(normal, NORMAL)  # the columns vanish
    assert [shown(normal, name) for name in changes] == [[None]] * len(changes)


def test_names_of_any_kind(made: Warehouse) -> None:
    names = ["", "a\x00b", "🦆", 'it\'s "quoted" \\n', "x" * 2000, "NaN", "تونس"]
    answers(made, *[NORMAL | {"name": name} for name in names], NORMAL | {"name": None})
    kept = [name.replace("\x00", "\ufffd") for name in names]
    assert set(shown(made, "name")) == {*kept, None}


def test_columns_with_our_names_step_aside(made: Warehouse) -> None:
    answers(made, NORMAL | {"date": "today", "website_id": 5, "tombstone": True})
    assert shown(made, "date_value") == ["today"]
    assert shown(made, "website_id_value") == [5.0]
    assert shown(made, "tombstone_value") == [True]
    assert made.query("SELECT date FROM top_pages") == [(TODAY,)]


def of_two(made: Warehouse, first: dict[str, Any], second: dict[str, Any]) -> None:
    """Sync today's cells of two websites, to each of which the server answers one row, twice."""
    made.server.faults.clear()
    for website, row in zip(made.server.websites, (first, second), strict=False):
        rows = [NORMAL | {"name": website.id} | row]
        made.server.faults.add(
            Fault(query_type="top_pages", website_id=website.id, times=None, rows=rows)
        )
    for _ in range(2):
        assert made.sync(start_date=TODAY, lookback_days=0, query_types=["top_pages"]) == []


def test_a_column_that_is_of_another_kind_in_another_website(made: Warehouse) -> None:
    # whichever comes first decides: what each column and the one beside it have then
    kinds: dict[str, tuple[tuple[object, object], set[object], set[object]]] = {
        "text": ((1, "x"), {(1.0, None), (None, "x")}, {("1", None), ("x", None)}),
        "truth": ((1, True), {(1.0, None), (None, "true")}, {(True, None), (None, "1")}),
        "nested": ((1, [2]), {(1.0, None), (None, "[2]")}, {("1", None), ("[2]", None)}),
        "other": ((True, "x"), {(True, None), (None, "x")}, {("true", None), ("x", None)}),
        "texts": (("x", [1]), {("x", None), ("[1]", None)}, set()),
    }  # fmt: skip
    of_two(made, *({name: pair[at] for name, (pair, *_) in kinds.items()} for at in (0, 1)))
    columns = {name for (name,) in made.query("SELECT column_name FROM information_schema.columns")}
    for name, (_, *possible) in kinds.items():
        beside = f'"{name}__v_text"' if name + "__v_text" in columns else "NULL"
        assert set(made.query(f'SELECT "{name}", {beside} FROM top_pages')) in possible, name


def test_names_that_a_warehouse_cannot_tell_apart_or_does_not_take(made: Warehouse) -> None:
    ours = ["website_id", "websiteId", "Website_Id", "Date", "date", "date_value", "Tombstone"]
    dlts = ["_dlt_load_id", "_dltLoadId", "_dlt_id", "_dlt_root_id"]
    odd = ["", " ", "\t", "__", "日本", "語", "a b", "a-b", "a__b", "a___b", "1", "x" * 400, "\x00"]
    theirs = ["xmin", "ctid", "rowid", "_partitiontime", "_table_", "more_columns", "select"]
    alike = [
        "fooBar",
        "foo_bar",
        "FooBar",
        "pageViews",
        "page_views",
        "PageViews",
        "pageviews__v_text",
    ]
    names = [*ours, *dlts, *odd, *theirs, *alike]
    rows = [{name: f"{at} {name}" for name in names} | {"pageviews": "odd"} for at in (1, 2)]
    of_two(made, rows[0], dict(reversed(rows[1].items())))
    found = made.query("SELECT * EXCLUDE (website_id, date, _dlt_load_id) FROM top_pages")
    texts = [{value for value in row if isinstance(value, str)} for row in found]
    for at, row in enumerate(rows, 1):
        (own,) = [each for each in texts if f"{at} fooBar" in each]
        assert {value.replace("\x00", "\ufffd") for value in row.values()} <= own
    assert made.query("SELECT DISTINCT date FROM top_pages") == [(TODAY,)]
    # each name has a column of its own, and its schema says whose it is
    held = made.pipeline.default_schema.tables["top_pages"]["columns"]
    columns = {str(hints.get("x-api-name")): name for name, hints in held.items()}
    for name in names:
        values = {*shown(made, columns[name.replace("\x00", "\ufffd")])}
        assert values == {row[name].replace("\x00", "\ufffd") for row in rows}, name
    assert (columns["foo_bar"], columns["page_views"]) == ("foo_bar", "page_views")
    assert columns["date_value"] == "date_value"
    assert set(shown(made, "pageviews__v_text")) == {"odd"}


def test_a_name_keeps_its_column_when_one_that_is_spelled_alike_comes_later(
    made: Warehouse,
) -> None:
    answers(made, NORMAL | {"fooBar": 1})
    answers(made, NORMAL | {"foo_bar": "x", "fooBar": 2})
    assert (shown(made, "foo_bar"), shown(made, "foo_bar_2")) == ([2.0], ["x"])
    answers(made, NORMAL | {"foo_bar": "y"})
    assert (shown(made, "foo_bar"), shown(made, "foo_bar_2")) == ([None], ["y"])


def test_more_columns_than_a_table_has_room_for(made: Warehouse) -> None:
    many = {f"c{number}": number for number in range(2000)}
    answers(made, NORMAL | many)
    ((more,),) = made.query("SELECT more_columns FROM top_pages")
    found = json.loads(more)
    for name, value in many.items():
        assert found[name] == value if name in found else shown(made, name) == [value], name
    assert len(found) == 1800


def test_odd_rows_of_each_type_end_no_run(serve: Serve, warehouse: Make) -> None:
    made = warehouse(serve("2026-06", days=2))
    deep: list[object] = []
    for _ in range(700):
        deep = [deep]
    values = [5, None, "soon", [1], {"a": "\ud800"}, True, 1.5, 10**30, deep, "\0"]

    def odd(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        names = [*(rows or [{"name": ""}])[0], "fooBar", "date"]
        turned = [values[at:] + values[:at] for at in range(len(values))]
        return [{}, *(dict(zip(names, each * 9, strict=False)) for each in turned)]

    made.server.faults.add(Fault(times=None, rows=odd))
    types = ["default", "recent_errors", "custom_events_recent"]
    gaps = made.sync(start_date=TODAY, lookback_days=0, query_types=types)
    # these tell by their date what a row is about
    series = {"events_by_date", "sessions_time_series"}
    assert {(gap.report, gap.status) for gap in gaps} == {
        (name, Status.UNAVAILABLE) for name in series
    }
    loaded = dict(made.query("SELECT report, sum(rows) FROM coverage GROUP BY ALL"))
    assert len(loaded) > 20
    for report in loaded.keys() - series:
        assert made.query(f"SELECT count(*) FROM {report}") == [(2 * (1 + len(values)),)], report


def test_rows_that_cannot_be_loaded_fail_alone(
    made: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"start_date": TODAY - ONE_DAY, "lookback_days": 1, "query_types": ["top_pages"]}
    assert made.sync(**given) == []
    shop, blog = made.server.websites[:2]
    of_shop = f"FROM top_pages WHERE date = '{TODAY}' AND website_id = '{shop.id}'"
    before = made.query(f"SELECT * {of_shop} ORDER BY ALL")
    table_of = batches.rows_table

    def refusing(report: Report, results: Sequence[Result], layout: Layout) -> pa.Table:
        if any(row["name"] == "poison" for result in results for row in result.rows):
            raise RecursionError("nested too deep")
        return table_of(report, results, layout)

    monkeypatch.setattr(batches, "rows_table", refusing)
    yesterday = TODAY - ONE_DAY
    for website, day, name in (
        (shop, TODAY, "poison"),
        (shop, yesterday, "fine"),
        (blog, TODAY, "fine"),
    ):
        rows = [NORMAL | {"name": name}]
        made.server.faults.add(
            Fault(query_type="top_pages", website_id=website.id, day=day, times=None, rows=rows)
        )
    (gap,) = made.sync(**given)
    assert (gap.website_id, gap.report, gap.date) == (shop.id, "top_pages", TODAY)
    assert gap.status is Status.FAILED
    assert gap.reason == "its rows cannot be loaded: RecursionError: nested too deep"
    # the day keeps what it had, and says so; the same website's other day is the new one
    assert made.query(f"SELECT * {of_shop} ORDER BY ALL") == before
    (rows,) = made.query(f"SELECT rows {of_shop.replace('top_pages', 'coverage')}")
    assert rows == (len(before),)
    new = made.query("SELECT website_id, date FROM top_pages WHERE name = 'fine'")
    assert set(new) == {(shop.id, yesterday), (blog.id, TODAY)}
    made.server.faults.clear()
    monkeypatch.undo()
    assert made.sync(**given) == []
