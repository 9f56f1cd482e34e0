"""What there is, told before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from databuddy_source import Settings, reports, websites
from databuddy_source.demo import DemoServer
from databuddy_source.errors import BadSetting, KeyRejected, NoWebsites
from databuddy_source.model.query_types import load_catalog
from tests.stories.conftest import Make, Warehouse


def test_reports_are_told_without_a_server() -> None:
    settings = Settings.of(
        query_types=["top_pages", "events_by_date_hourly"],
        reports=[
            {
                "name": "phones",
                "query_type": "top_pages",
                "grain": "week",
                "websites": ["shop"],
                "filters": [{"field": "device_type", "op": "eq", "value": "mobile"}],
            }
        ],
        timezone="Europe/Berlin",
    )
    pages, hours, phones = reports(settings)
    assert (pages.name, pages.query_type, pages.grain) == ("top_pages", "top_pages", "day")
    assert (pages.key, pages.partition) == (("name",), ("website_id", "date"))
    columns = {each.name: each for each in pages.columns}
    assert list(columns)[:2] == ["website_id", "date"]
    assert (columns["pageviews"].data_type, columns["pageviews"].adds_up) == ("bigint", True)
    assert "must not be added up" in columns["visitors"].description
    assert columns["percentage"].data_type == "double"
    assert "tombstone" not in columns
    assert columns["_dlt_load_id"].data_type == "text"
    assert (hours.grain, hours.partition) == ("hour", ("website_id", "hour"))
    assert hours.time_zone == "Europe/Berlin"
    assert (phones.grain, phones.websites) == ("week", ("shop",))
    assert "mobile" in phones.description


def test_every_report_of_the_catalogue_is_told_with_columns_that_are_all_different() -> None:
    loadable = [each.name for each in load_catalog() if not each.why_not_loadable]
    found = reports(Settings.of(query_types=loadable))
    assert [each.name for each in found] == loadable
    for each in found:
        names = [column.name for column in each.columns]
        assert len(names) == len(set(names)) >= 2
        assert all(column.data_type for column in each.columns)


def test_the_columns_that_are_told_are_those_that_come(
    serve: Callable[..., DemoServer],
    warehouse: Make,
) -> None:
    held: Warehouse = warehouse(serve("2026-10"))
    chosen = ["top_pages", "events_by_date", "country", "summary_metrics"]
    held.sync(query_types=chosen)
    described = held.pipeline.default_schema.tables
    for each in reports(Settings.of(query_types=chosen)):
        come = described[each.name]["columns"]
        told = {column.name: column for column in each.columns}
        assert set(come) - set(told) == {"tombstone"}
        assert {name: come[name]["data_type"] for name in told} == {
            name: column.data_type for name, column in told.items()
        }


@pytest.fixture
def server(serve: Callable[..., DemoServer]) -> DemoServer:
    return serve()


def settings_of(server: DemoServer, **more: Any) -> Settings:
    return Settings.of(**{"api_key": server.api_key, "base_url": server.url, **more})


def test_websites_are_those_that_the_key_sees(server: DemoServer) -> None:
    found = websites(settings_of(server))
    assert [(each.id, each.domain) for each in found] == [
        (each.id, each.domain) for each in server.websites
    ]
    assert len(server.log) == 1


def test_or_those_that_are_chosen(server: DemoServer) -> None:
    shop, blog = server.websites[:2]
    found = websites(settings_of(server, websites=[blog.domain, shop.id]))
    assert [(each.id, each.domain) for each in found] == [
        (blog.id, blog.domain),
        (shop.id, shop.domain),
    ]
    with pytest.raises(BadSetting, match=r"elsewhere\.example"):
        websites(settings_of(server, websites=["elsewhere.example"]))
    with pytest.raises(KeyRejected):
        websites(settings_of(server, api_key="dbdy_wrong", websites=[shop.id]))


def test_a_key_that_lists_none_may_read_those_that_are_named(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def none(client: object) -> None:
        raise NoWebsites("none")

    monkeypatch.setattr("databuddy_source.answers.offer.websites_seen", none)
    (found,) = websites(settings_of(server, websites=["abc"]))
    assert (found.id, found.domain) == ("abc", None)
    with pytest.raises(NoWebsites):
        websites(settings_of(server))
