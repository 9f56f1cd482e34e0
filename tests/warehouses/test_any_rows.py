"""Rows of any JSON: each load ends well, and each value can be read back."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databuddy_source.demo import Added, DemoServer, Fault
from tests.any_json import is_held, is_text_of, json_values, sent_text
from tests.campaign import times
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import Synced
from tests.warehouses.warehouse import Warehouse

Row = dict[str, Any]

KNOWN = {"name", "pageviews", "visitors", "percentage"}
"""Of `top_pages`."""

NAMES = [
    *sorted(KNOWN),
    *("pageViews", "page_views", "pageviews__v_text", "pageviews_2", "fooBar", "foo_bar", "FooBar"),
    *("website_id", "websiteId", "Website_Id", "date", "Date", "date_value", "tombstone", "hour"),
    *("_dlt_load_id", "_dltLoadId", "_dlt_id", "_dlt_parent_id", "", " ", "_", "__", "a__b", "a b"),
    *("xmin", "ctid", "order", "more_columns", "語", "日", "1", "x" * 80, "x" * 60, "\0", "\ud83d"),
]
names = st.sampled_from(NAMES) | st.text(st.characters(codec=None), max_size=8)


def is_sendable(value: object) -> bool:
    """JSON has no word for some numbers."""
    match value:
        case float():
            return math.isfinite(value)
        case list():
            return all(map(is_sendable, value))
        case dict():
            return all(map(is_sendable, value.values()))
    return True


def is_not_ambiguous(row: Row) -> bool:
    """Two names that differ by what is replaced are told apart, but not by this test."""
    return len({*map(sent_text, row)}) == len(row) and "n" not in row


rows = st.lists(
    st.dictionaries(names, json_values.filter(is_sendable), min_size=3, max_size=10).filter(
        is_not_ambiguous
    ),
    min_size=1,
    max_size=3,
)
answers = st.fixed_dictionaries(
    {("top_pages", 0): rows, ("top_pages", 1): rows, ("brand_new", 0): rows, ("brand_new", 1): rows}
)
numbers = count()


# fakesnow takes a dollar sign within a text for a variable of its session
@pytest.mark.only("duckdb", "postgres")
@settings(
    max_examples=times(3),
    # each example has a dataset of its own on the one server
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(loads=st.lists(answers, min_size=2, max_size=2))
def test_each_value_of_any_rows_can_be_read_back(
    warehouse: Warehouse,
    serve: Callable[..., DemoServer],
    tmp_path: Path,
    loads: list[dict[tuple[str, int], list[Row]]],
) -> None:
    synced = Synced(a_server(serve), warehouse, tmp_path, f"web{next(numbers)}")
    server = synced.server
    for answered in loads:
        server.faults.clear()
        server.faults.add(Added("brand_new", like="top_pages"))
        sent = {}
        for (report, at), own in answered.items():
            website = server.websites[at].id
            numbered = [row | {"n": number} for number, row in enumerate(own)]
            server.faults.add(
                Fault(query_type=report, website_id=website, times=None, rows=numbered)
            )
            sent |= {(report, website, row["n"]): row for row in numbered}
        gaps = synced.sync(
            websites=[website.id for website in server.websites[:2]],
            query_types=["top_pages", "brand_new"],
            start_date=TODAY,
            lookback_days=0,
            allow_empty=True,
        )
        # names of pages may come twice, which is loaded and told
        assert all("have the key of another one" in gap.reason for gap in gaps)
        for report in ("top_pages", "brand_new"):
            wanted = {key[1:]: row for key, row in sent.items() if key[0] == report}
            assert_held(synced, report, wanted)


servers: dict[Any, DemoServer] = {}


def a_server(serve: Callable[..., DemoServer]) -> DemoServer:
    """The same for all examples of a test."""
    if serve not in servers:
        servers.clear()
        servers[serve] = serve(days=1)
    return servers[serve]


def assert_held(synced: Synced, report: str, sent: dict[tuple[str, int], Row]) -> None:
    """Each value of the rows, by website and number, stands in its name's column or beside it, and
    nothing else does."""
    held = synced.pipeline.default_schema.tables[report]["columns"]
    owned = {str(hints["x-api-name"]): own for own, hints in held.items() if "x-api-name" in hints}
    owned |= {name: name for name in KNOWN if report == "top_pages"}
    assert len({*owned.values()}) == len(owned)
    found = [dict(zip(held, row, strict=True)) for row in synced.rows(report, *held)]
    assert len(found) == len(sent)
    for got in found:
        assert (got["date"], got["tombstone"]) == (TODAY, None)
        row = sent[got["website_id"], int(got[owned["n"]])]
        theirs = {k: v for k, v in got.items() if k not in OURS and v is not None}
        assert len(theirs) == sum(value is not None for value in row.values()), (row, theirs)
        for name, value in row.items():
            if value is None:
                continue
            own = owned[sent_text(name)]
            assert (own in theirs) != (own + "__v_text" in theirs), name
            beside = theirs.get(own + "__v_text")
            assert is_held(theirs.get(own), value) or is_text_of(beside, value), (name, value, got)


OURS = {"website_id", "date", "tombstone", "_dlt_load_id"}
