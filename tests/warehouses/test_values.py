"""Values arrive in each warehouse as the API sent them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from databuddy_source.demo import DemoServer, Fault
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import Synced

NORMAL: dict[str, Any] = {"name": "/", "pageviews": 3, "visitors": 2, "percentage": 50.5}

NAMES = [
    "",
    " ",
    "NULL",
    "\\N",
    "NaN",
    "🦆 تونس Größe",
    'it\'s "quoted", `so` $$too$$',
    "line\nline\r\nline\ttab",
    "back\\slash \\n \\\\",
    "%s {name} ; --",
    "x" * 2000,
]


@pytest.fixture
def made(serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]) -> Synced:
    return synced(serve(days=2))


def answers(made: Synced, query_type: str, *rows: dict[str, Any]) -> None:
    """Sync today's cell of one website, to which the server answers these rows."""
    made.server.faults.clear()
    made.server.faults.add(Fault(query_type=query_type, times=None, rows=list(rows)))
    websites = [made.server.websites[0].id]
    given = {"websites": websites, "query_types": [query_type], "start_date": TODAY}
    assert made.sync(lookback_days=0, **given) == []


def test_texts_of_any_kind(made: Synced) -> None:
    answers(
        made, "top_pages", *[NORMAL | {"name": name} for name in NAMES], NORMAL | {"name": None}
    )
    found = [name for (name,) in made.rows("top_pages", "name")]
    assert set(found) == {*NAMES, None}
    assert len(found) == len(NAMES) + 1


def test_numbers_days_and_instants(made: Synced) -> None:
    numbers = [0, -1, 2**53 + 1, 2**63 - 1, -(2**63)]
    shares = [0.1, 1e-300, 1.7976931348623157e308, -0.5, 100]
    answers(
        made,
        "top_pages",
        *[
            NORMAL | {"name": str(at), "pageviews": number, "percentage": share}
            for at, (number, share) in enumerate(zip(numbers, shares, strict=True))
        ],
    )
    assert made.rows("top_pages", "name", "pageviews", "percentage", "date") == [
        (str(at), number, share, TODAY)
        for at, (number, share) in enumerate(zip(numbers, shares, strict=True))
    ]


@pytest.mark.emulated_once
def test_instants_to_the_microsecond(made: Synced) -> None:
    seen = "2026-03-20 11:22:33.123456"
    answers(made, "custom_events_recent", {"event_name": "a", "timestamp": seen, "properties": {}})
    ((found,),) = made.rows("custom_events_recent", "timestamp")
    assert found == datetime(2026, 3, 20, 11, 22, 33, 123456, UTC)


@pytest.mark.emulated_once
def test_columns_with_names_that_sql_reserves_and_columns_that_appear_later(made: Synced) -> None:
    answers(made, "top_pages", NORMAL)
    reserved = {"order": "first", "user": "", "select": True, "group": 0.5, "rows": "r", "end": "e"}
    answers(made, "top_pages", NORMAL | reserved)
    assert made.rows("top_pages", "name", *reserved) == [("/", *reserved.values())]
    answers(made, "top_pages", NORMAL)
    assert made.rows("top_pages", *reserved) == [(None,) * len(reserved)]


@pytest.mark.emulated_once
def test_a_value_that_changes_its_type_stands_beside(made: Synced) -> None:
    answers(made, "top_pages", NORMAL)
    answers(made, "top_pages", NORMAL | {"pageviews": 2.5, "visitors": ""})
    columns = ("pageviews", "pageviews__v_text", "visitors", "visitors__v_text")
    assert made.rows("top_pages", *columns) == [(None, "2.5", None, "")]


@pytest.mark.emulated_once
def test_what_no_warehouse_takes_in_names_of_websites_and_in_reasons(made: Synced) -> None:
    (shop,) = made.server.websites[:1]
    listed = {"websites": [{"id": shop.id, "name": "a\0b\ud83d", "createdAt": "soon"}]}
    made.server.faults.add(
        Fault(path="/v1/query/websites", times=None, status=200, body=listed),
        Fault(query_type="top_pages", times=None, parameter_error="no\0 \udc00"),
    )
    given: dict[str, Any] = {"websites": [shop.id], "query_types": ["top_pages", "country"]}
    (gap,) = made.sync(start_date=TODAY, lookback_days=0, **given)
    assert (gap.report, gap.reason) == ("top_pages", "no\ufffd \ufffd")
    # in SQL, since fakesnow's answers show a null moment as 1970
    assert made.rows("websites", "name", where="created_at IS NULL") == [("a\ufffdb\ufffd",)]
    reasons = made.rows("coverage", "report", "reason")
    assert reasons == [("country", None), ("top_pages", "no\ufffd \ufffd")]
    assert made.rows("country", "date")


@pytest.mark.emulated_once
def test_a_row_as_wide_as_a_table_has_room_for(made: Synced) -> None:
    numbers = {f"c{number}": number for number in range(300)}
    answers(made, "top_pages", NORMAL | numbers)
    texts = {name: f"{value} " + "x" * 30 for name, value in numbers.items()}
    answers(made, "top_pages", NORMAL | {"name": "/texts"} | texts, NORMAL | numbers)
    assert set(made.rows("top_pages", "c7", "c7__v_text")) == {(7, None), (None, texts["c7"])}
    assert len(made.rows("top_pages", "more_columns")) == 2


def test_types_are_the_same(made: Synced) -> None:
    """As dlt reads them back from the warehouse's own catalogue."""
    answers(made, "top_pages", NORMAL | {"flag": True, "nested": {"a": [1]}})
    with made.pipeline.destination_client() as client:
        stored = dict(client.get_storage_tables(["top_pages", "coverage"]))  # type: ignore[attr-defined]
    types = {name.lower(): column["data_type"] for name, column in stored["top_pages"].items()}
    assert {
        "website_id": "text",
        "date": "date",
        "name": "text",
        "pageviews": "bigint",
        "percentage": "double",
        "flag": "bool",
        "nested": "text",
    }.items() <= types.items()
    times = {name.lower(): column["data_type"] for name, column in stored["coverage"].items()}
    assert times["window_start"] == "timestamp"
