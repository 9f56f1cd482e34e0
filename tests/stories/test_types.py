"""Values that change their minds: none blocks a later run, none is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from databuddy_source.demo import DemoServer, Fault
from tests.stories.conftest import TODAY, Warehouse

Serve = Callable[..., DemoServer]
Make = Callable[[DemoServer], Warehouse]

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


def test_a_whole_number_that_becomes_a_fraction_and_back(made: Warehouse) -> None:
    answers(made, NORMAL)
    answers(made, NORMAL | {"percentage": 33.3, "pageviews": 2.5})
    assert shown(made, "percentage") == [33.3]
    assert (shown(made, "pageviews"), shown(made, "pageviews__v_text")) == ([None], ["2.5"])
    answers(made, NORMAL)
    assert (shown(made, "pageviews"), shown(made, "pageviews__v_text")) == ([3], [None])


def test_a_number_that_becomes_text_and_text_that_becomes_a_number(made: Warehouse) -> None:
    answers(made, NORMAL)
    answers(made, NORMAL | {"visitors": "many", "name": 404})
    assert (shown(made, "visitors"), shown(made, "visitors__v_text")) == ([None], ["many"])
    assert shown(made, "name") == ["404"]


def test_a_new_column_keeps_the_type_that_it_first_had(made: Warehouse) -> None:
    # what the column has first, what it has then, and what becomes of that
    changes: dict[str, tuple[object, object, object, str | None]] = {
        "number": (1, "text", None, "text"),
        "text": ("text", 1, "1", None),
        "truth": (True, 0.5, None, "0.5"),
        "nothing": (None, 7, 7.0, None),
        "nested": ({"a": [1]}, {"a": [2]}, '{"a":[2]}', None),
        "large": (2**63, 2**53 + 1, None, "9007199254740993"),
    }
    answers(made, NORMAL)
    answers(made, NORMAL | {name: first for name, (first, *_) in changes.items()})
    answers(made, NORMAL | {name: then for name, (_, then, *_) in changes.items()})
    for name, (_, _, kept, leftover) in changes.items():
        assert shown(made, name) == [kept], name
        if leftover is not None:
            assert shown(made, name + "__v_text") == [leftover], name
    answers(made, NORMAL)  # the columns vanish
    assert [shown(made, name) for name in changes] == [[None]] * len(changes)


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
