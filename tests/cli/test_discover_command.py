"""`python pipelines/sync.py discover`: what the server has, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from databuddy_source.demo import DemoServer, Fault
from databuddy_source.model.query_types import load_catalog
from tests.cli.conftest import Outcome

Invoke = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _no_faults(server: DemoServer) -> Iterator[None]:
    yield
    server.faults.clear()


def test_websites_and_query_types_by_category(invoke: Invoke, server: DemoServer) -> None:
    done = invoke("discover", COLUMNS="100")
    assert done.exit_code == 0, done.stderr
    for website in server.websites:
        assert website.id in done.stdout
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines.index("Geography") < lines.index("Pages") < lines.index("Other")
    assert "top_pages Top pages breakdown h d w m 12 yes" in lines
    assert "session_list log h d w m 8 when named" in lines
    assert "link_total_clicks summary 0 cannot be" in lines


def test_json_has_each_type_with_what_becomes_of_it(invoke: Invoke, server: DemoServer) -> None:
    done = invoke("discover", "--json")
    found = json.loads(done.stdout)
    assert [each["id"] for each in found["websites"]] == [each.id for each in server.websites]
    loaded = {table for each in found["query_types"] for table in each["tables"]}
    assert loaded == set(load_catalog().selection("default"))


def test_one_type_by_its_documented_name(invoke: Invoke) -> None:
    done = invoke("discover", "--type", "pages")
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0] == "top_pages Top pages"
    assert "documented as pages" in lines
    assert "pageviews bigint yes Page views: How often a page was viewed." in lines
    assert any(line.startswith("visitors bigint no Visitors: Different visitors") for line in lines)
    assert any(line.startswith("filters browser_name, city") for line in lines)


def test_json_of_one_type_says_what_its_columns_mean(invoke: Invoke) -> None:
    columns = {
        each["name"]: each
        for each in json.loads(invoke("discover", "--type", "slow_pages", "--json").stdout)[
            "columns"
        ]
    }
    load_time = columns["avg_load_time"]
    assert (load_time["label"], load_time["unit"]) == ("Average load time", "milliseconds")
    assert load_time["weight"] == "pageviews"
    assert columns["visitors"]["instead"][0] == "slow_pages_weekly.visitors"
    assert all(each["description"] for each in columns.values())


def test_a_type_that_is_not_there_is_said_with_those_alike(invoke: Invoke) -> None:
    done = invoke("discover", "--type", "top_pagez")
    assert done.exit_code == 2
    assert "no query type 'top_pagez'. Did you mean top_pages" in done.stderr


def test_what_the_catalogue_lacks_is_named(invoke: Invoke, server: DemoServer) -> None:
    types = {"types": ["top_pages", "moon_phases"], "presets": [], "configs": {}}
    server.faults.add(Fault(path="/v1/query/types", status=200, body=types, times=None))
    done = invoke("discover")
    assert "Not in the catalogue, so loaded only when named: moon_phases." in done.stdout
    one = json.loads(invoke("discover", "--type", "moon_phases", "--json").stdout)
    assert one["known"] is False
    assert one["filters"] is None
