"""Parameters, bodies, filters: how a request is read and how its answer is put together."""

from __future__ import annotations

from typing import Any

import pytest

from tests.demo.conftest import YESTERDAY, Client

DATES = {"startDate": str(YESTERDAY), "endDate": str(YESTERDAY)}


def cell(name: str, id: str = "", day: str = "", **more: str) -> dict[str, str]:
    dates = {"start_date": day, "end_date": day} if day else {}
    return {"name": name, **({"id": id} if id else {}), **dates, **more}


def test_the_envelope_of_one_query(api: Client) -> None:
    answer = api.post({"id": "mine", "parameters": ["os_name"], "limit": 3, **DATES}).json()
    assert {"success", "requestId", "queryId", "data", "meta"} == set(answer)
    assert answer["queryId"] == "mine"
    assert answer["meta"] == {
        "parameters": ["os_name"],
        "total_parameters": 1,
        "page": 1,
        "limit": 3,
        "filters_applied": 0,
    }


def test_2025_sends_no_request_id(old: Client) -> None:
    body = {"parameters": ["os_name"]}
    day = str(YESTERDAY)
    assert "requestId" not in old.post(body, start_date=day, end_date=day).json()


def test_an_array_of_bodies_is_answered_in_order_each_with_its_own_limit(api: Client) -> None:
    bodies = [{"id": f"q{n}", "parameters": ["top_pages"], "limit": n, **DATES} for n in (2, 5)]
    answer = api.post(bodies).json()
    assert answer["batch"] is True
    assert [result["queryId"] for result in answer["results"]] == ["q2", "q5"]
    assert [len(result["data"][0]["data"]) for result in answer["results"]] == [2, 5]


def test_one_invalid_body_spoils_the_array(api: Client) -> None:
    good = {"parameters": ["top_pages"], **DATES}
    answer = api.post([good, {"parameters": ["no_such_type"], **DATES}])
    assert answer.status_code == 400
    assert answer.json()["details"][0]["field"] == "batch[1].parameters[0]"


def test_many_parameters_fit_in_one_request(api: Client) -> None:
    asked = [cell("os_name", f"c{n}", f"2026-11-{1 + n % 20:02}") for n in range(200)]
    data = api.ask(*asked)
    assert [result["parameter"] for result in data] == [f"c{n}" for n in range(200)]
    assert data[0]["data"] == data[20]["data"] != data[1]["data"]


@pytest.mark.parametrize("id", ["", "same"], ids=["without ids", "equal ids"])
def test_parameters_that_share_an_id_all_get_the_last_ones_rows(api: Client, id: str) -> None:
    data = api.ask(cell("os_name", id, "2026-11-10"), cell("os_name", id, "2026-11-11"))
    alone = api.rows(cell("os_name", "x", "2026-11-11"))
    assert [result["data"] for result in data] == [alone, alone]


def test_failures_move_to_the_end(api: Client) -> None:
    data = api.ask("page_performance", "os_name", cell("top_pages", "bad", "2026-02-30"), "country")
    assert [result["parameter"] for result in data] == [
        "os_name", "country", "page_performance", "bad",
    ]  # fmt: skip
    assert [result["success"] for result in data] == [True, True, False, False]
    assert data[-1]["data"] == []


def test_an_unknown_type_refuses_everything_in_2026(api: Client) -> None:
    answer = api.post({"parameters": ["os_name", "no_such_type"], **DATES})
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")
    assert "no_such_type" in answer.json()["error"]


def test_an_unknown_type_fails_alone_in_2025(old: Client) -> None:
    data = old.ask("no_such_type", "os_name")
    assert [result["success"] for result in data] == [True, False]


@pytest.mark.parametrize("body", [7, "text", {}, {"parameters": "os_name"}])
def test_wrong_json_types_are_a_bare_500_in_2026_and_a_422_in_2025(
    api: Client, old: Client, body: object
) -> None:
    answer = api.post(body)
    assert (answer.status_code, answer.json()["code"]) == (500, "VALIDATION")
    assert old.post(body).status_code == 422


def test_text_that_is_no_json_is_a_400(api: Client) -> None:
    answer = api.http.post(
        f"{api.server.url}/query",
        params={"website_id": api.server.websites[0].id},
        headers={"x-api-key": api.server.api_key},
        content=b"{",
    )
    assert answer.status_code == 400


def test_no_parameters_are_a_400(api: Client) -> None:
    assert api.post({"parameters": [], **DATES}).status_code == 400


Filter = dict[str, Any]
FILTERS_2026: list[tuple[Filter, str]] = [
    ({"field": "country", "op": "eq", "value": "Germany"}, "country = 'Germany'"),
    ({"field": "country", "op": "ne", "value": "Germany"}, "country <> 'Germany'"),
    ({"field": "path", "op": "contains", "value": "sku"}, "path LIKE '%sku%'"),
    ({"field": "path", "op": "not_contains", "value": "sku"}, "path NOT LIKE '%sku%'"),
    ({"field": "path", "op": "starts_with", "value": "/p/"}, "path LIKE '/p/%'"),
    ({"field": "country", "op": "in", "value": ["US", "DE"]}, "country IN ('US', 'DE')"),
    ({"field": "country", "op": "not_in", "value": ["US", "DE"]}, "country NOT IN ('US', 'DE')"),
    ({"field": "path", "op": "eq", "value": "' OR 1=1 --"}, "false"),
]
FILTERS_2025: list[tuple[Filter, str]] = [
    ({"field": "path", "op": "like", "value": "SKU"}, "path LIKE '%sku%'"),
    ({"field": "country", "op": "gt", "value": "M"}, "country > 'M'"),
    ({"field": "country", "op": "lt", "value": "M"}, "country < 'M'"),
    ({"field": "country", "op": "notIn", "value": ["US"]}, "country NOT IN ('US')"),
]


@pytest.mark.parametrize(
    ("generation", "given", "condition"),
    [("api", *case) for case in FILTERS_2026] + [("old", *case) for case in FILTERS_2025],
)
def test_filters_keep_the_events_that_match(
    request: pytest.FixtureRequest, generation: str, given: Filter, condition: str
) -> None:
    client: Client = request.getfixturevalue(generation)
    rows = client.rows("top_pages", filters=[given], limit=1000)
    expected = client.truth(
        "SELECT count(*) FROM events WHERE kind = 'screen_view' AND website_id = ? "
        "AND CAST(time AS DATE) = ? AND CAST(time AS TIME) <= TIME '23:59:59' "
        f"AND received_at <= TIMESTAMP '2026-11-22 18:00:00' AND {condition}",
        [client.id(0), YESTERDAY],
    )
    assert sum(row["pageviews"] for row in rows) == expected[0][0]


def test_each_generation_has_its_own_operators(api: Client, old: Client) -> None:
    like = {"field": "path", "op": "like", "value": "x"}
    contains = {"field": "path", "op": "contains", "value": "x"}
    assert api.post({"parameters": ["top_pages"], "filters": [like], **DATES}).status_code == 400
    assert old.post({"parameters": ["top_pages"], "filters": [contains]}).status_code == 422


def test_a_field_that_the_type_does_not_allow_fails_its_parameter(api: Client) -> None:
    filters = [{"field": "path", "op": "eq", "value": "/"}]
    data = api.ask("active_stats", "top_pages", filters=filters)
    assert [result["success"] for result in data] == [True, False]
    assert "'path'" in data[1]["error"]


def test_profile_detail_needs_a_visitor(api: Client) -> None:
    assert "anonymous_id filter is required" in api.error("profile_detail")
    visitor = api.rows("profile_list", limit=1)[0]["visitor_id"]
    filters = [{"field": "anonymous_id", "op": "eq", "value": visitor}]
    (detail,) = api.rows("profile_detail", filters=filters)
    assert detail["visitor_id"] == visitor


def test_page_performance_fails_on_every_call(api: Client, old: Client) -> None:
    for client in (api, old):
        assert "not under aggregate function" in client.error("page_performance")
