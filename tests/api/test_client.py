"""What the client sends, and what it makes of what comes back."""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import warnings
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx

from databuddy_source.api.budget import Budget, Clock
from databuddy_source.api.client import Client
from databuddy_source.api.credential import Credential
from databuddy_source.api.models import (
    Filter,
    Parameter,
    ParameterResult,
    QueryBody,
    Thrown,
    TypeConfig,
    Website,
)
from databuddy_source.api.server import first_contact, run_alone
from databuddy_source.errors import NotInPlan
from databuddy_source.model.generations import Generation
from tests.api.bodies import a_body

Ask = Callable[..., Coroutine[Any, Any, dict[str, ParameterResult]]]

ROWS = [{"name": "/", "pageviews": 12, "visitors": 7}]


def result(id_: str, rows: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"parameter": id_, "success": True, "data": ROWS if rows is None else rows}


def failed(id_: str, error: str) -> dict[str, Any]:
    return {"parameter": id_, "success": False, "error": error, "data": []}


def body(id_: str, parameters: dict[str, tuple[str, str]], **more: Any) -> QueryBody:
    """A body that asks for a type in windows, given by the ids of their parameters."""
    asked = [
        Parameter(name="top_pages", id=name, start_date=start, end_date=end)
        for name, (start, end) in parameters.items()
    ]
    return QueryBody(
        id=id_,
        parameters=asked,
        startDate=min(each.start_date for each in asked),
        endDate=max(each.end_date for each in asked),
        limit=10_000,
        **more,
    )


ONE = body("b0", {"c0": ("2026-11-11", "2026-11-11")})
TWO_PAGES = [
    body("b0", {"c0": ("2026-11-10", "2026-11-10"), "c1": ("2026-11-11", "2026-11-11")}),
    body("b1", {"c2": ("2026-11-09", "2026-11-09")}, page=2),
]


def sent(route: respx.Route) -> Any:
    return json.loads(route.calls.last.request.content)


# -- what is sent


def test_the_key_travels_in_its_own_header(
    server: respx.MockRouter, client: Client, key: str, one_question: Ask
) -> None:
    server.get("/query/websites").respond(json={"websites": []})
    server.get("/query/types").respond(json={"types": []})
    server.post("/query").respond(json={"data": [result("c0")]})
    server.post("/query/compile").respond(json={"sql": "SELECT 1"})

    async def everything() -> None:
        await client.websites()
        await client.query_types()
        await one_question(client)
        await client.compile("web_1", a_body("2026-11-11"), "UTC")

    asyncio.run(everything())
    assert len(server.calls) == 4
    for call in server.calls:
        assert call.request.headers["x-api-key"] == key
        assert "cookie" not in call.request.headers
        assert "authorization" not in call.request.headers
        assert key not in str(call.request.url)


def test_a_session_cookie_travels_as_a_cookie(
    server: respx.MockRouter, base_url: str, budget: Budget, clock: Clock
) -> None:
    client = Client(base_url, Credential(session_cookie="session=fake; v=1"), budget, clock)
    route = server.get("/query/websites").respond(json={"websites": []})
    asyncio.run(client.websites())
    assert route.calls.last.request.headers["cookie"] == "session=fake; v=1"
    assert "x-api-key" not in route.calls.last.request.headers


def test_a_key_is_preferred_to_a_cookie() -> None:
    assert Credential("dbdy_test_1", "session=fake").headers() == {"x-api-key": "dbdy_test_1"}


def test_dates_are_sent_where_each_generation_reads_them(
    server: respx.MockRouter, client: Client
) -> None:
    """2025 reads the query string, 2026 the body, and both the parameter's own."""
    route = server.post("/query").respond(json={"data": []})
    asyncio.run(client.query("web_1", [ONE], "UTC"))
    assert dict(route.calls.last.request.url.params) == {
        "website_id": "web_1",
        "timezone": "UTC",
        "start_date": "2026-11-11",
        "end_date": "2026-11-11",
    }
    assert sent(route) == {
        "id": "b0",
        "parameters": [
            {
                "name": "top_pages",
                "id": "c0",
                "start_date": "2026-11-11",
                "end_date": "2026-11-11",
            }
        ],
        "startDate": "2026-11-11",
        "endDate": "2026-11-11",
        "limit": 10_000,
        "page": 1,
        "filters": [],
    }
    assert route.calls.last.request.headers["content-type"] == "application/json"


def test_windows_with_an_offset_keep_it_in_the_body(
    server: respx.MockRouter, client: Client
) -> None:
    route = server.post("/query").respond(json={"data": []})
    window = ("2026-11-11T00:00:00-05:00", "2026-11-11T23:59:59-05:00")
    asyncio.run(client.query("web_1", [body("b0", {"c0": window})], "America/New_York"))
    parameter = sent(route)["parameters"][0]
    assert (parameter["start_date"], parameter["end_date"]) == window
    assert (sent(route)["startDate"], sent(route)["endDate"]) == window
    params = route.calls.last.request.url.params
    assert (params["start_date"], params["end_date"]) == ("2026-11-11", "2026-11-11")
    assert params["timezone"] == "America/New_York"


def test_the_query_string_covers_all_bodies(server: respx.MockRouter, client: Client) -> None:
    route = server.post("/query").respond(json={"results": []})
    asyncio.run(client.query("web_1", TWO_PAGES, "UTC"))
    params = route.calls.last.request.url.params
    assert (params["start_date"], params["end_date"]) == ("2026-11-09", "2026-11-11")


def test_one_body_is_sent_alone_and_more_as_an_array(
    server: respx.MockRouter, client: Client
) -> None:
    route = server.post("/query").respond(json={"data": []})
    asyncio.run(client.query("web_1", [ONE], "UTC"))
    assert isinstance(sent(route), dict)
    asyncio.run(client.query("web_1", TWO_PAGES, "UTC"))
    assert [(each["id"], each["page"]) for each in sent(route)] == [("b0", 1), ("b1", 2)]
    assert route.call_count == 2


def test_filters_and_granularity_are_sent_when_they_are_given(
    server: respx.MockRouter, client: Client
) -> None:
    route = server.post("/query").respond(json={"data": []})
    hourly = Parameter(
        name="events_by_date",
        id="c0",
        start_date="2026-11-11",
        end_date="2026-11-11",
        granularity="hourly",
    )
    only_us = Filter(field="country", op="in", value=["US", "CA"])
    asked = ONE.model_copy(update={"parameters": [hourly], "filters": [only_us]})
    asyncio.run(client.query("web_1", [asked], "UTC"))
    assert sent(route)["parameters"][0]["granularity"] == "hourly"
    assert sent(route)["filters"] == [{"field": "country", "op": "in", "value": ["US", "CA"]}]


def test_names_travel_whole_whatever_they_hold(server: respx.MockRouter, client: Client) -> None:
    route = server.post("/query").respond(json={"data": []})
    asyncio.run(client.query("web 1&timezone=x/ü", [ONE], "UTC"))
    params = route.calls.last.request.url.params
    assert params.get_list("website_id") == ["web 1&timezone=x/ü"]
    assert params.get_list("timezone") == ["UTC"]


# -- what comes back


@pytest.mark.parametrize("order", list(itertools.permutations(["c0", "c1", "c2"])))
def test_answers_are_matched_by_id_whatever_their_order(
    server: respx.MockRouter, client: Client, order: tuple[str, ...]
) -> None:
    data = [result(id_, [{"name": id_}]) for id_ in order]
    server.post("/query").respond(json={"data": data})
    windows = dict.fromkeys(("c0", "c1", "c2"), ("2026-11-11", "2026-11-11"))
    answers = asyncio.run(client.query("web_1", [body("b0", windows)], "UTC"))
    assert {id_: answer.data for id_, answer in answers.items()} == {
        id_: [{"name": id_}] for id_ in ("c0", "c1", "c2")
    }


def test_a_failed_question_costs_no_other_one(server: respx.MockRouter, client: Client) -> None:
    """The server moves those that fail to the end."""
    answer = {"data": [result("c1"), failed("c0", "Invalid date")], "success": True}
    server.post("/query").respond(json=answer)
    answers = asyncio.run(client.query("web_1", [TWO_PAGES[0]], "UTC"))
    assert answers["c1"].success
    assert answers["c1"].data == ROWS
    assert not answers["c0"].success
    assert answers["c0"].error == "Invalid date"


@pytest.mark.parametrize(
    "told",
    [
        {"success": True},
        {"error": "Query execution failed"},
        {"error": "Timeout error.", "data": []},
        {"success": True, "error": "Timeout error.", "data": []},
    ],
)
def test_an_empty_list_is_believed_only_without_an_error_beside_it(
    server: respx.MockRouter, client: Client, told: dict[str, Any]
) -> None:
    answer = {"success": True, "data": [result("c1", []), {"parameter": "c0", **told}]}
    server.post("/query").respond(json=answer)
    answers = asyncio.run(client.query("web_1", [TWO_PAGES[0]], "UTC"))
    assert answers["c1"].success
    assert not answers["c0"].success
    assert answers["c0"].error == told.get("error", "")


@pytest.mark.parametrize(
    "answer",
    [
        {"success": False, "error": "the store is down", "data": [result("c0", []), result("c1")]},
        {"success": True, "data": [result("c1"), result("c0"), result("c0", []), result("c1", [])]},
    ],
    ids=["a failure on top", "each twice"],
)
def test_an_answer_that_contradicts_itself_is_none(
    server: respx.MockRouter, client: Client, answer: dict[str, Any]
) -> None:
    server.post("/query").respond(json=answer)
    answers = asyncio.run(client.query("web_1", [TWO_PAGES[0]], "UTC"))
    assert {id_: each.success for id_, each in answers.items()} == {"c0": False, "c1": False}


@pytest.mark.parametrize("turned", [False, True])
def test_bodies_of_an_array_are_matched_by_id_too(
    server: respx.MockRouter, client: Client, turned: bool
) -> None:
    results = [
        {"success": True, "queryId": "b0", "data": [result("c1"), result("c0")]},
        {"success": True, "queryId": "b1", "data": [result("c2", [{"name": "page 2"}])]},
    ]
    results = results[::-1] if turned else results
    server.post("/query").respond(json={"success": True, "batch": True, "results": results})
    answers = asyncio.run(client.query("web_1", TWO_PAGES, "UTC"))
    assert set(answers) == {"c0", "c1", "c2"}
    assert answers["c2"].data == [{"name": "page 2"}]


@pytest.mark.parametrize(
    ("meta", "most"),
    [
        ({"meta": {"limit": 500}}, 500),
        ({"meta": {"limit": 10_000}}, None),
        ({"meta": {"limit": 0}}, None),
        ({"meta": {"limit": "500"}}, None),
        ({"meta": []}, None),
        ({}, None),
    ],
)
def test_a_limit_below_the_one_that_was_sent_is_told(
    server: respx.MockRouter, client: Client, meta: dict[str, Any], most: int | None
) -> None:
    body = TWO_PAGES[0].model_copy(update={"limit": 10_000})
    server.post("/query").respond(
        json={"success": True, "data": [result("c0"), result("c1")], **meta}
    )
    answers = asyncio.run(client.query("web_1", [body], "UTC"))
    assert {each.most for each in answers.values()} == {most}


@pytest.mark.parametrize("more", [{}, {"data": []}])
@pytest.mark.parametrize(
    ("error", "words"), [("Too many parameters", "Too many parameters"), (None, "refused")]
)
def test_a_refused_body_fails_its_questions_and_no_others(
    server: respx.MockRouter, client: Client, more: dict[str, Any], error: str | None, words: str
) -> None:
    refused = {"success": False, "queryId": "b0", "error": error, **more}
    passed = {"success": True, "queryId": "b1", "data": [result("c2")]}
    server.post("/query").respond(json={"success": True, "results": [refused, passed]})
    answers = asyncio.run(client.query("web_1", TWO_PAGES, "UTC"))
    assert answers["c2"].success
    for id_ in ("c0", "c1"):
        assert not answers[id_].success
        assert answers[id_].error == words


@pytest.mark.parametrize("query_id", [{"queryId": "b0"}, {}, {"queryId": None}])
def test_a_body_that_threw_fails_its_questions_and_no_others(
    server: respx.MockRouter, client: Client, query_id: dict[str, Any]
) -> None:
    as_sent = TWO_PAGES[0].parameters[0].model_dump()
    entry = {"parameter": as_sent, "success": False, "error": "Query execution failed", "data": []}
    passed = {"success": True, "queryId": "b1", "data": [result("c2")]}
    thrown = {"success": True, **query_id, "data": [entry]}
    server.post("/query").respond(json={"success": True, "results": [thrown, passed]})
    answers = asyncio.run(client.query("web_1", TWO_PAGES, "UTC"))
    assert {id_: isinstance(each, Thrown) for id_, each in answers.items()} == {
        "c0": True,
        "c1": True,
        "c2": False,
    }
    assert answers["c1"].error == "Query execution failed"


def test_a_question_that_the_server_leaves_out_is_missing(
    server: respx.MockRouter, client: Client
) -> None:
    server.post("/query").respond(json={"data": [result("c1")]})
    answers = asyncio.run(client.query("web_1", [TWO_PAGES[0]], "UTC"))
    assert set(answers) == {"c1"}


def test_a_reason_of_a_strange_shape_costs_no_other_question(
    server: respx.MockRouter, client: Client
) -> None:
    strange = {**failed("c0", ""), "error": {"message": "no"}}
    server.post("/query").respond(json={"data": [strange, result("c1")]})
    answers = asyncio.run(client.query("web_1", [TWO_PAGES[0]], "UTC"))
    assert "no" in answers["c0"].error
    assert answers["c1"].success


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(rb'"\u0001\"\\ \ud83d\ude00"', '\1"\\ \N{GRINNING FACE}', id="any Unicode"),
        pytest.param(rb'"\\u0000"', r"\u0000", id="what looks like a zero byte"),
        pytest.param(b"NaN", "NaN", id="not a number"),
        pytest.param(b"100", 100, id="whole value of a float column"),
        pytest.param(b"null", None, id="null"),
        pytest.param(b"[[1, 2]]", [[1, 2]], id="nested"),
        pytest.param(b'"' + b"x" * 2000 + b'"', "x" * 2000, id="long name"),
    ],
)
def test_values_arrive_as_they_were_sent(
    server: respx.MockRouter, client: Client, one_question: Ask, text: bytes, value: object
) -> None:
    content = b'{"data": [{"parameter": "c0", "data": [{"name": ' + text + b"}]}]}"
    server.post("/query").respond(content=content)
    assert asyncio.run(one_question(client))["c0"].data == [{"name": value}]


@pytest.mark.parametrize("code", [rb"\u0000", rb"\ud83d", rb"\udc00"])
def test_what_no_warehouse_takes_is_replaced_in_values_and_names(
    server: respx.MockRouter, client: Client, one_question: Ask, code: bytes
) -> None:
    rows = b'{"name": ["a%b", {"k%": 1, "k\xef\xbf\xbd": 2}], "k%": "%"}'.replace(b"%", code)
    server.post("/query").respond(
        content=b'{"data": [{"parameter": "c0", "data": [' + rows + b"]}]}"
    )
    nested = {"k\ufffd\ufffd": 1, "k\ufffd": 2}
    found = asyncio.run(one_question(client))["c0"].data
    assert found == [{"name": ["a\ufffdb", nested], "k\ufffd": "\ufffd"}]


def test_a_reason_with_what_no_warehouse_takes(
    server: respx.MockRouter, client: Client, one_question: Ask
) -> None:
    told = rb'{"success": false, "error": "a\u0000b\ud83d", "code": "PLAN_LIMIT_EXCEEDED"}'
    server.post("/query").respond(400, content=told)
    with pytest.raises(NotInPlan, match="a\ufffdb\ufffd"):
        asyncio.run(one_question(client))


def test_fields_that_make_no_sense_count_as_not_sent_and_are_said_once(
    server: respx.MockRouter, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    odd = {"name": 5, "domain": [], "isPublic": "perhaps"}
    times = ["soon", "0001-01-01T00:00:00+14:00", {}]
    listed = [{"id": f"web_{at}", "createdAt": time, **odd} for at, time in enumerate(times)]
    good = {"id": "good", "createdAt": "2026-03-02T10:00:00+02:00"}
    server.get("/query/websites").respond(json={"websites": [*listed, {"id": 70}, "x", good]})
    for _ in range(2):
        *others, last = asyncio.run(client.websites())
    assert [each.id for each in others] == ["web_0", "web_1", "web_2"]
    for each in others:
        assert (each.name, each.domain, each.isPublic, each.createdAt) == (None,) * 4
    assert last.createdAt == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert caplog.text.count("Website web_0: createdAt 'soon'") == 1
    assert caplog.text.count("{'id': 70}") == 1
    meta = {"title": 1, "output_fields": [{"name": "a", "unit": 2, "label": "A"}, {}]}
    configs = {"a": {"allowedFilters": 1, "defaultLimit": "many", "meta": meta}, "b": 5}
    server.get("/query/types").respond(json={"types": ["a", 5, "b"], "configs": configs})
    told = asyncio.run(client.query_types())
    assert told.types == ["a", "b"]
    assert told.configs["b"] == TypeConfig()
    assert told.configs["a"].meta is not None
    assert told.configs["a"].defaultLimit is None
    (field,) = told.configs["a"].meta.output_fields
    assert (told.configs["a"].meta.title, field.unit, field.label) == (None, None, "A")


def test_unknown_fields_are_accepted_everywhere(
    server: respx.MockRouter, client: Client, one_question: Ask
) -> None:
    new = {"new": {"in": [2027]}}
    website = {"id": "web_1", "name": None, "domain": "example.com", **new}
    config = {"allowedFilters": [], "meta": {"title": "Pages", "output_fields": [], **new}, **new}
    server.get("/query/websites").respond(json={"websites": [website], "total": 1, **new})
    server.get("/query/types").respond(
        json={"types": ["top_pages"], "configs": {"top_pages": config}, **new}
    )
    answer = {"data": [{**result("c0"), **new}], "meta": {}, **new}
    server.post("/query").respond(json=answer)
    assert asyncio.run(client.websites())[0].id == "web_1"
    assert asyncio.run(client.query_types()).configs["top_pages"].meta is not None
    assert asyncio.run(one_question(client))["c0"].data == ROWS


def test_websites_are_read_as_both_generations_send_them(
    server: respx.MockRouter, client: Client
) -> None:
    server.get("/query/websites").respond(
        json={
            "success": True,
            "websites": [
                {
                    "id": "web_1",
                    "name": None,
                    "domain": "example.com",
                    "isPublic": False,
                    "createdAt": "2026-10-08T00:00:00.000Z",
                },
                {"id": "web_2"},
            ],
            "total": 2,
            "requestId": "req_1",
        }
    )
    first, second = asyncio.run(client.websites())
    assert (first.id, first.name, first.domain, first.isPublic) == (
        "web_1",
        None,
        "example.com",
        False,
    )
    assert first.createdAt == datetime(2026, 10, 8, tzinfo=UTC)
    assert first.createdAt.tzinfo is UTC
    assert (second.id, second.createdAt) == ("web_2", None)


@pytest.mark.parametrize(
    ("sent", "instant"),
    [
        ("2026-10-08T02:00:00+02:00", datetime(2026, 10, 8, tzinfo=UTC)),
        ("2026-10-08T00:00:00", datetime(2026, 10, 8, tzinfo=UTC)),
        ("2026-10-08", datetime(2026, 10, 8, tzinfo=UTC)),
        (1_791_417_600, datetime(2026, 10, 8, tzinfo=UTC)),
    ],
)
def test_an_instant_is_in_pythons_own_utc_however_it_is_sent(
    sent: object, instant: datetime
) -> None:
    read = Website.model_validate({"id": "web_1", "createdAt": sent}).createdAt
    assert read == instant
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    ("more", "generation"),
    [
        ({}, Generation.G2025),
        ({"presets": {}, "requestId": "req_1"}, Generation.G2026_04),
        ({"presets": []}, Generation.G2026_04),
        ({"requestId": None}, Generation.G2026_04),
        (
            {"presets": {}, "configs": {"country": {"publicAccess": True}}},
            Generation.G2026_06,
        ),
        ({"presets": {}, "types": ["country", "traffic_segments"]}, Generation.G2026_10),
    ],
)
def test_the_list_of_types_tells_the_generation(
    server: respx.MockRouter, client: Client, more: dict[str, Any], generation: Generation
) -> None:
    route = server.get("/query/types").respond(json={"success": True, "types": ["country"], **more})
    answer = asyncio.run(client.query_types())
    assert answer.generation is generation
    assert route.calls.last.request.url.params["include_meta"] == "true"


@pytest.mark.parametrize(
    ("generation", "limit", "offsets"),
    [(Generation.G2025, 1_000, False), (Generation.G2026_04, 10_000, True)],
)
def test_a_generation_knows_its_limits(generation: Generation, limit: int, offsets: bool) -> None:
    assert generation.max_limit == limit
    assert generation.takes_offsets is offsets


def test_a_first_contact_learns_websites_and_types(
    server: respx.MockRouter, client: Client
) -> None:
    server.get("/query/websites").respond(json={"websites": [{"id": "web_1"}, {"id": "web_2"}]})
    server.get("/query/types").respond(
        json={
            "types": ["country", "top_pages"],
            "configs": {"country": {"defaultLimit": 50}},
            "presets": {},
        }
    )
    found = asyncio.run(first_contact(client))
    assert set(found.websites) == {"web_1", "web_2"}
    assert found.generation is Generation.G2026_04
    assert {name: config.defaultLimit for name, config in found.types.items()} == {
        "country": 50,
        "top_pages": None,
    }


@pytest.mark.parametrize("parameters", ["params", "parameters"])
def test_compile_asks_for_one_window_and_returns_the_sql(
    server: respx.MockRouter, client: Client, budget: Budget, parameters: str
) -> None:
    """Servers send `params`, the documentation promises `parameters`."""
    route = server.post("/query/compile").respond(
        json={"success": True, "sql": "SELECT 1", parameters: {"from": "2026-11-11"}}
    )
    body = a_body("2026-11-11", "2026-11-12", limit=5)
    answer = asyncio.run(client.compile("web_1", body, "Europe/Berlin"))
    assert (answer.sql, answer.params) == ("SELECT 1", {"from": "2026-11-11"})
    assert dict(route.calls.last.request.url.params) == {
        "website_id": "web_1",
        "timezone": "Europe/Berlin",
    }
    assert sent(route) == {
        "projectId": "web_1",
        "type": "top_pages",
        "from": "2026-11-11",
        "to": "2026-11-12",
        "limit": 5,
    }
    assert budget.spent == 1


def test_compile_repeats_the_hours_and_the_filters_of_the_query(
    server: respx.MockRouter, client: Client
) -> None:
    route = server.post("/query/compile").respond(json={"sql": "SELECT 1"})
    condition = Filter(field="country", op="in", value=["US", "CA"])
    body = a_body("2026-11-11", granularity="hourly", filters=[condition])
    asyncio.run(client.compile("web_1", body, "UTC"))
    assert sent(route)["timeUnit"] == "hour"
    assert sent(route)["filters"] == [{"field": "country", "op": "in", "value": ["US", "CA"]}]


@pytest.mark.parametrize(
    ("outcome", "healthy"),
    [
        pytest.param(httpx.Response(200, json={"status": "ok"}), True, id="2026"),
        pytest.param(
            httpx.Response(200, json={"clickhouse": True, "success": True}), True, id="documented"
        ),
        pytest.param(httpx.Response(503), False, id="failing"),
        pytest.param(httpx.Response(302, headers={"location": "/login"}), False, id="redirect"),
        pytest.param(httpx.Response(404), None, id="no such address"),
        pytest.param(httpx.ConnectError("refused"), None, id="out of reach"),
        pytest.param(httpx.ReadTimeout("slow"), None, id="timeout"),
    ],
)
def test_health_is_a_hint(
    server: respx.MockRouter,
    client: Client,
    budget: Budget,
    outcome: httpx.Response | Exception,
    healthy: bool | None,
) -> None:
    route = server.get("https://databuddy.test/health")
    if isinstance(outcome, Exception):
        route.mock(side_effect=outcome)
    else:
        route.mock(return_value=outcome)
    assert asyncio.run(client.health()) is healthy
    assert route.call_count == 1
    assert budget.spent == 0


# -- real connections

LISTED = b'{"websites": [{"id": "web_1"}]}'
OK = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(LISTED), LISTED)


def test_it_works_twice_in_one_process_and_leaves_nothing_open(
    loopback: Callable[[bytes], str], key: str
) -> None:
    """Each run has an event loop and a client of its own; budget and server stay."""
    base_url, budget = loopback(OK), Budget(10)

    async def run() -> list[str]:
        async with Client(base_url, Credential(key), budget) as client:
            seen = [*await client.websites(), *await client.websites()]
            return [website.id for website in seen]

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert asyncio.run(run()) == asyncio.run(run()) == ["web_1", "web_1"]
        assert run_alone(run) == ["web_1", "web_1"]
        gc.collect()
    assert [str(each.message) for each in heard] == []


def test_a_failed_run_leaves_nothing_open_either(
    loopback: Callable[[bytes], str], key: str
) -> None:
    base_url, budget = (
        loopback(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"),
        Budget(9),
    )

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with pytest.raises(Exception, match="rejects the key"):
            run_alone(lambda: first_contact(Client(base_url, Credential(key), budget)))
        gc.collect()
    assert [str(each.message) for each in heard] == []


def test_it_runs_inside_of_a_loop_that_is_running(
    loopback: Callable[[bytes], str], key: str
) -> None:
    """As in a notebook."""
    base_url = loopback(OK)

    async def ask() -> int:
        async with Client(base_url, Credential(key), Budget(10)) as client:
            return len(await client.websites())

    async def notebook() -> int:
        return run_alone(ask)

    assert asyncio.run(notebook()) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(b"", "disconnected without sending", id="hung up"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
            "without sending complete message body",
            id="cut off body",
        ),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "illegal status line", id="another protocol"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
            "compressed answer that is broken",
            id="broken compression",
        ),
    ],
)
def test_what_is_wrong_on_the_line_is_told_in_a_sentence(
    loopback: Callable[[bytes], str],
    clock: Clock,
    key: str,
    answer: bytes,
    words: str,
) -> None:
    base_url = loopback(answer)

    async def ask() -> None:
        async with Client(base_url, Credential(key), Budget(10), clock) as client:
            await client.websites()

    with pytest.raises(Exception, match=words) as caught:
        asyncio.run(ask())
    assert type(caught.value).__name__ in {"Unreachable", "NotTheApi"}
    assert f"({base_url}/query/websites)" in str(caught.value)
