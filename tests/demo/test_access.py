"""Who gets in, and what those who do not are told."""

from __future__ import annotations

import httpx
import pytest

from databuddy_source.demo import GENERATIONS, DemoServer, Generation
from tests.demo.conftest import TODAY, YESTERDAY, Client, Of
from tests.traffic import demo_server

BODY = {"parameters": ["top_pages"], "startDate": str(YESTERDAY), "endDate": str(YESTERDAY)}


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": DemoServer.api_key},
        {"Authorization": f"Bearer {DemoServer.api_key}"},
        {"Cookie": f"theme=dark; {DemoServer.session_cookie}"},
    ],
    ids=["key", "bearer", "cookie"],
)
def test_a_key_a_bearer_token_and_a_session_cookie_open_all_websites(
    api: Client, headers: dict[str, str]
) -> None:
    listed = api.get("/query/websites", headers).json()
    assert [website["id"] for website in listed["websites"]] == [w.id for w in api.server.websites]
    assert listed["total"] == 3
    assert api.post(BODY, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"x-api-key": "wrong"}, {"x-api-key": DemoServer.api_key_without_scope}],
    ids=["none", "wrong", "without scope"],
)
def test_no_key_a_wrong_key_and_one_without_scope_look_alike(
    api: Client, headers: dict[str, str]
) -> None:
    for answer in (api.get("/query/websites", headers), api.post(BODY, headers=headers)):
        assert answer.status_code == 401
        assert answer.json()["code"] == "AUTH_REQUIRED"


@pytest.mark.parametrize("website", ["does-not-exist", "n5FvO_xA8kwI1tTq9BhZy"])
def test_a_foreign_and_a_missing_website_look_alike(api: Client, website: str) -> None:
    answer = api.post(BODY, website=website)
    assert (answer.status_code, answer.json()["code"]) == (403, "ACCESS_DENIED")


def test_another_organisations_key_sees_its_own_website_only(api: Client) -> None:
    key = {"x-api-key": api.server.api_key_of_another_organisation}
    (listed,) = api.get("/query/websites", key).json()["websites"]
    assert listed["domain"] == "elsewhere.example.org"
    assert api.post(BODY, website=listed["id"], headers=key).status_code == 200
    assert api.post(BODY, headers=key).status_code == 403


def test_a_key_without_resources_gets_an_empty_list(api: Client) -> None:
    key = {"x-api-key": api.server.api_key_without_resources}
    assert api.get("/query/websites", key).json()["websites"] == []
    assert api.post(BODY, headers=key).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}], ids=["none", "wrong"])
def test_a_public_website_answers_anybody(api: Client, headers: dict[str, str]) -> None:
    assert api.server.websites[1].is_public
    assert api.post(BODY, website=1, headers=headers).json()["data"][0]["data"]


def test_a_missing_website_id_is_no_error_and_no_data_in_2026(api: Client) -> None:
    answer = api.post(BODY, website=None).json()
    assert answer["success"]
    assert answer["data"] == [{"parameter": "top_pages", "success": True, "data": []}]


WITH_ORGANISATION: tuple[Generation, ...] = ("2026-06", "2026-10")
QUIET = 2


def status(client: Client, key: str, website: int | None = 0, **body: object) -> int:
    day = str(YESTERDAY)
    return client.post(
        BODY | body, website=website, headers={"x-api-key": key}, start_date=day, end_date=day
    ).status_code


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_key_of_one_website_reads_it_and_no_other(of: Of, generation: Generation) -> None:
    client = of(generation)
    key = client.server.api_key_of_one_website
    listed = client.get("/query/websites", {"x-api-key": key}).json()["websites"]
    assert [website["id"] for website in listed] == [client.id(0)]
    # 2025 has no events of a foreign website and says so
    assert [status(client, key), status(client, key, QUIET)] == [
        200,
        200 if generation == "2025" else 403,
    ]


@pytest.mark.parametrize("generation", WITH_ORGANISATION)
def test_a_key_of_one_website_is_not_the_organisations(of: Of, generation: Generation) -> None:
    client = of(generation)
    assert status(client, client.server.api_key_of_one_website, None) == 403
    assert status(client, client.server.api_key, None) == 200


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_key_with_no_scope_but_a_websites_is_let_in_since_october(
    of: Of, generation: Generation
) -> None:
    client = of(generation)
    key = client.server.api_key_with_website_scope
    expected = [200, 403] if generation == "2026-10" else [401, 401]
    assert [status(client, key), status(client, key, QUIET)] == expected


def test_such_a_key_was_refused_up_front_for_a_while_in_autumn(http: httpx.Client) -> None:
    with demo_server(today=TODAY, days=3, generation="2026-10") as server:
        client = Client(server, http)
        server.account.website_scopes = False
        assert status(client, server.api_key_with_website_scope) == 401
        assert status(client, server.api_key_of_one_website) == 200
        server.account.website_scopes = True
        assert status(client, server.api_key_with_website_scope) == 200


FILTER = {"field": "path", "op": "eq", "value": "/"}


@pytest.mark.parametrize("generation", ["2026-06", "2026-10"])
@pytest.mark.parametrize(
    ("headers", "refusal"),
    [
        ({}, 401),
        ({"x-api-key": DemoServer.api_key_of_another_organisation}, 403),
        ({"x-api-key": DemoServer.api_key}, 200),
    ],
    ids=["nobody", "foreign key", "own key"],
)
def test_a_public_website_tells_strangers_the_overview_only_since_october(
    of: Of, generation: Generation, headers: dict[str, str], refusal: int
) -> None:
    client = of(generation)
    expected = refusal if generation == "2026-10" else 200

    def asked(**body: object) -> int:
        return client.post(BODY | body, website=1, headers=headers).status_code

    assert asked() == 200
    assert asked(parameters=["top_pages", "recent_errors"]) == expected
    assert asked(filters=[FILTER]) == expected


def test_unknown_and_foreign_websites_are_empty_in_2025(old: Client) -> None:
    assert old.rows("top_pages", website="does-not-exist") == []
    day, key = str(YESTERDAY), {"x-api-key": old.server.api_key_of_another_organisation}
    answer = old.post(BODY, headers=key, start_date=day, end_date=day)
    assert answer.json()["data"] == [{"parameter": "top_pages", "success": True, "data": []}]


def test_a_missing_website_id_is_refused_in_2025(old: Client) -> None:
    assert old.post(BODY, website=None).status_code == 400


def test_a_removed_website_is_listed_no_more(fresh: Client) -> None:
    shop = fresh.server.websites[0].id
    fresh.server.events.remove_website(shop)
    key = {"x-api-key": fresh.server.api_key}
    listed = fresh.get("/query/websites", key).json()["websites"]
    assert shop not in [website["id"] for website in listed]
    assert fresh.post(BODY, website=shop).status_code == 403


def test_one_website_has_no_name_and_ids_are_safe_in_a_query_string(api: Client) -> None:
    websites = api.get("/query/websites", {"x-api-key": api.server.api_key}).json()["websites"]
    assert [website["name"] is None for website in websites] == [False, False, True]
    assert all(website["id"].replace("-", "").replace("_", "").isalnum() for website in websites)
    assert {len(website["id"]) for website in websites} == {21}
