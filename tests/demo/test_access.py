"""Who gets in, and what those who do not are told."""

from __future__ import annotations

import pytest

from databuddy_source.demo import DemoServer
from tests.demo.conftest import YESTERDAY, Client

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
