"""The source behaves as a dlt user expects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from databuddy_source import (
    IncompleteLoad,
    configured,
    databuddy_source,
    raise_if_incomplete,
    status,
    verify,
)
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.errors import BadSetting, NoKey, UnknownQueryType
from databuddy_source.model.query_types import load_catalog
from tests.stories.conftest import TODAY, Make

Serve = Callable[..., DemoServer]

FIRST = TODAY - timedelta(days=3)


def test_building_it_with_ids_asks_nothing() -> None:
    source = databuddy_source(
        api_key="dbdy_test_key", base_url="http://127.0.0.1:9", websites=["a", "b"]
    )
    names = set(source.resources)
    assert {"websites", "query_types", "coverage", "top_pages__a", "top_pages__b"} <= names
    assert source.resources["top_pages__a"].table_name == "top_pages"


def test_building_it_without_ids_finds_the_websites(serve: Serve) -> None:
    server = serve()
    source = databuddy_source(api_key=server.api_key, base_url=server.url, query_types="pages")
    assert {f"top_pages__{website.id}" for website in server.websites} <= set(source.resources)
    assert [arrival.path for arrival in server.log] == ["/v1/query/websites", "/v1/query/types"]


def test_domains_find_their_websites(serve: Serve) -> None:
    server = serve()
    website = server.websites[1]
    given = {"api_key": server.api_key, "base_url": server.url, "query_types": "pages"}
    source = databuddy_source(websites=[website.domain], **given)
    assert f"top_pages__{website.id}" in source.resources
    with pytest.raises(BadSetting, match=r"no\.example.*does not see.*It sees"):
        databuddy_source(websites=["no.example"], **given)


def test_a_domain_that_two_websites_share_means_both(
    serve: Serve, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve()
    shop, blog, *_ = server.websites
    twin = replace(blog, domain=shop.domain)
    server.events.websites[1] = twin
    made = warehouse(server)
    chosen = {"websites": [shop.domain], "query_types": ["summary_metrics"]}
    made.sync(start_date=TODAY, **chosen)
    assert set(made.query("SELECT website_id FROM coverage")) == {(shop.id,), (twin.id,)}
    assert f"{shop.domain} is the domain of {shop.id} and {twin.id}" in caplog.text
    settings = configured(api_key=server.api_key, base_url=server.url, **chosen)
    with time_machine.travel(server.now, tick=True):
        found = status(made.pipeline, settings)
        checked = verify(made.pipeline, settings, websites=[str(shop.domain)])
    assert {each.website_id for each in found.reports} == {shop.id, twin.id}
    assert {each.cell.website_id for each in checked} == {shop.id, twin.id}


def test_it_is_built_inside_a_running_event_loop(serve: Serve) -> None:
    server = serve()

    async def notebook() -> int:
        source = databuddy_source(api_key=server.api_key, base_url=server.url)
        return len(source.resources)

    assert asyncio.run(notebook()) > 25


def test_configuration_comes_from_the_environment(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    monkeypatch.setenv("SOURCES__DATABUDDY__API_KEY", server.api_key)
    monkeypatch.setenv("SOURCES__DATABUDDY__BASE_URL", server.url.removesuffix("/v1") + "/")
    monkeypatch.setenv("SOURCES__DATABUDDY__WEBSITES", f'["{server.websites[0].id}"]')
    monkeypatch.setenv("SOURCES__DATABUDDY__QUERY_TYPES", "countries, pages")
    names = set(databuddy_source().resources)
    shop = server.websites[0].id
    assert names == {
        "websites",
        "query_types",
        "coverage",
        "country",
        "top_pages",
        f"country__{shop}",
        f"top_pages__{shop}",
    }


def test_without_a_key_it_says_how_to_set_one() -> None:
    with pytest.raises(NoKey, match="SOURCES__DATABUDDY__API_KEY"):
        databuddy_source(websites=["a"])


def test_selected_resources_bring_their_coverage(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server)
    shop = server.websites[0].id
    made.sync(resources=[f"top_pages__{shop}"], start_date=FIRST)
    assert set(made.tables()) == {"top_pages", "coverage"}
    assert made.query("SELECT DISTINCT report, website_id FROM coverage") == [("top_pages", shop)]


def test_a_limit_loses_no_day_for_later_runs(
    serve: Serve, warehouse: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "databuddy_source.extract.batches.ROWS_PER_TABLE", 1
    )  # a table for each day
    server = serve()
    made = warehouse(server)
    given = {"query_types": ["top_pages"], "websites": [server.websites[0].id]}
    made.sync(limit=1, start_date=FIRST, **given)
    assert made.query("SELECT DISTINCT date FROM top_pages") == [(FIRST,)]
    assert made.query("SELECT date, rows > 0 FROM coverage") == [(FIRST, True)]
    made.sync(start_date=FIRST, **given)
    days = made.query("SELECT DISTINCT date FROM top_pages ORDER BY date")
    assert days == [(FIRST + timedelta(days=number),) for number in range(4)]


def test_tables_are_the_same_whatever_dlt_extracts_side_by_side(
    serve: Serve, warehouse: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    made, other = warehouse(server), warehouse(server)
    ten = load_catalog().selection("default")[:11]  # of two websites: more than dlt's 20 slots
    made.sync(start_date=FIRST, query_types=ten)
    packs = sum(arrival.path == "/v1/query" for arrival in server.log)
    monkeypatch.setenv("EXTRACT__MAX_PARALLEL_ITEMS", "1")
    monkeypatch.setenv("SOURCES__DATABUDDY__EXTRACT__NEXT_ITEM_MODE", "round_robin")
    other.sync(start_date=FIRST, query_types=ten)
    assert other.tables() == made.tables()
    assert sum(arrival.path == "/v1/query" for arrival in server.log) == 2 * packs


@pytest.mark.parametrize("is_loaded", [False, True])
def test_a_resource_is_read_without_a_pipeline(
    serve: Serve, warehouse: Make, is_loaded: bool
) -> None:
    """Whole, also where a pipeline is active that has all of it."""
    server = serve()
    if is_loaded:
        warehouse(server).sync(query_types="pages", start_date=FIRST)
    shop = server.websites[0].id
    with time_machine.travel(server.now, tick=True):
        source = databuddy_source(
            api_key=server.api_key,
            base_url=server.url,
            websites=[shop],
            query_types="pages",
            start_date=FIRST,
        )
        (table,) = list(source.resources[f"top_pages__{shop}"])[:1]
    assert table.num_rows > 10
    assert "name" in table.column_names


def test_the_same_source_runs_twice(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server)
    with time_machine.travel(server.now, tick=True):
        source = databuddy_source(
            api_key=server.api_key, base_url=server.url, query_types="pages", start_date=FIRST
        )
        made.pipeline.run(source)
        before = made.tables()
        made.pipeline.run(source)
    assert before["top_pages"]
    assert made.tables() == before


def test_an_unknown_name_is_refused_before_the_first_query(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server)
    with pytest.raises(UnknownQueryType) as caught:
        made.sync(query_types=["summary_metrics", "top_pagez"])
    assert "'top_pagez'" in str(caught.value)
    assert "Did you mean top_pages" in str(caught.value)
    assert not [arrival for arrival in server.log if arrival.path == "/v1/query"]


def test_a_type_that_only_the_server_knows_loads(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server)
    server.faults.add(
        Fault(
            path="/v1/query/types",
            times=None,
            status=200,
            body={"success": True, "types": ["brand_new"], "configs": {}, "presets": {}},
        ),
        Fault(
            times=None,
            status=200,
            body={
                "success": True,
                "data": [
                    {
                        "parameter": f"c{n}",
                        "success": True,
                        "data": [{"name": "x", "n": n, "b": True}],
                    }
                    for n in range(4)
                ],
            },
        ),
    )
    made.sync(query_types=["brand_new"], websites=[server.websites[0].id], start_date=FIRST)
    assert made.query("SELECT name, n, b FROM brand_new ORDER BY date") == [
        ("x", float(n), True) for n in range(4)
    ]


def test_wrappers_see_red_when_a_cell_is_missing(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server)
    server.faults.add(Fault(query_type="top_pages", parameter_error="boom", times=None))
    with time_machine.travel(server.now, tick=True):
        info = made.pipeline.run(
            databuddy_source(api_key=server.api_key, base_url=server.url, query_types="pages")
        )
    with pytest.raises(IncompleteLoad, match=r"cells are not complete: top_pages of .* boom"):
        raise_if_incomplete(made.pipeline, info.loads_ids)


def test_nothing_of_a_finished_load_stays_behind(serve: Serve, warehouse: Make) -> None:
    server = serve()
    made = warehouse(server)
    made.sync(query_types="pages", start_date=FIRST)
    left = list(Path(made.pipeline.working_dir).rglob("*.parquet"))
    assert left == []
    staged = made.query("SELECT count(*) FROM databuddy_staging_databuddy_0.top_pages")
    assert staged == [(0,)]


def test_the_key_is_in_no_file_and_no_log(
    serve: Serve, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    server = serve()
    made = warehouse(server)
    made.sync(query_types="pages", start_date=FIRST)
    key = server.api_key
    assert key not in caplog.text
    folder = Path(made.pipeline.pipelines_dir)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if key.encode() in path.read_bytes()]
