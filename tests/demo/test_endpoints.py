"""The other addresses: types, compile, health, export."""

from __future__ import annotations

from typing import Any

import pytest

from databuddy_source.demo import GENERATIONS, Generation, queries
from tests.demo.conftest import YESTERDAY, Client, Of

WITH_TIMES: tuple[Generation, ...] = ("2026-04", "2026-06", "2026-10")
DATES = {"from": "2026-11-20", "to": "2026-11-20"}


def test_the_types_tell_2025_and_2026_apart(api: Client, old: Client) -> None:
    newer, older = (
        client.get("/query/types", {"x-api-key": client.server.api_key}).json()
        for client in (api, old)
    )
    assert set(newer) - set(older) == {"presets", "requestId"}
    assert newer["types"] == list(queries("2026-04")) == list(newer["configs"])
    assert older["types"] == list(queries("2025"))


def test_the_types_are_no_secret_but_2025_wants_a_key_all_the_same(of: Of) -> None:
    without = {generation: of(generation).get("/query/types") for generation in GENERATIONS}
    assert {generation for generation, answer in without.items() if answer.status_code != 200} == {
        "2025"
    }
    assert without["2025"].status_code == 401


def test_meta_comes_when_asked_for_and_for_about_half_of_the_types(api: Client) -> None:
    plain = api.get("/query/types").json()["configs"]
    rich = api.get("/query/types", include_meta="true").json()["configs"]
    assert not any("meta" in config for config in plain.values())
    described = [config["meta"] for config in rich.values() if "meta" in config]
    assert 0.3 < len(described) / len(rich) < 0.7
    assert {field["name"] for field in rich["top_pages"]["meta"]["output_fields"]} == {
        "name", "pageviews", "visitors", "percentage",
    }  # fmt: skip
    assert {"path", "country"} <= set(rich["top_pages"]["allowedFilters"])


def test_default_limits_are_what_real_servers_say(api: Client, old: Client) -> None:
    newer, older = (
        c.get("/query/types", {"x-api-key": c.server.api_key}).json()["configs"] for c in (api, old)
    )
    assert (newer["device_types"]["defaultLimit"], older["device_types"]["defaultLimit"]) == (
        20,
        100,
    )
    assert "defaultLimit" not in newer["events_by_date"]


def test_compile_gives_sql_that_would_give_the_rows(api: Client) -> None:
    answer = api.post({"type": "top_pages", **DATES, "limit": 5}, path="/query/compile").json()
    assert answer["success"]
    with api.server.events.connection() as cursor:
        rows = cursor.execute(answer["sql"], answer["params"]).fetchall()
    assert [row[0] for row in rows] == [
        row["name"] for row in api.rows("top_pages", start="2026-11-20", limit=5)
    ]


def test_compile_works_in_2025_and_takes_the_website_from_the_body(old: Client) -> None:
    body = {"projectId": old.id(0), "type": "os_name", **DATES}
    answer = old.post(body, path="/query/compile", website=None).json()
    assert answer["params"]["website_id"] == old.id(0)


def compiled(client: Client, name: str, **more: object) -> dict[str, Any]:
    body = {"type": name, **DATES, **more}
    answer = client.post(body, path="/query/compile", timezone="Pacific/Auckland")
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


@pytest.mark.parametrize("generation", WITH_TIMES)
def test_compile_names_the_zone_beside_the_dates_where_windows_are_local(
    of: Of, generation: Generation
) -> None:
    answer = compiled(of(generation), "top_pages")
    local = generation == "2026-10"
    assert ("$timezone" in answer["sql"]) is ("timezone" in answer["params"]) is local
    assert answer["params"]["first"] == "2026-11-20 00:00:00"
    assert answer["params"]["last"] == "2026-11-20 23:59:59"


def test_compiled_sql_of_october_gives_the_rows_of_the_local_day(october: Client) -> None:
    answer = compiled(october, "top_pages", limit=1000)
    with october.server.events.connection() as cursor:
        rows = cursor.execute(answer["sql"], answer["params"]).fetchall()
    local = october.rows("top_pages", start="2026-11-20", limit=1000, timezone="Pacific/Auckland")
    assert {row[0] for row in rows} == {row["name"] for row in local}
    assert local != october.rows("top_pages", start="2026-11-20", limit=1000)


@pytest.mark.parametrize("generation", WITH_TIMES)
def test_the_params_of_summary_metrics_hold_the_zone_everywhere(
    of: Of, generation: Generation
) -> None:
    assert compiled(of(generation), "summary_metrics")["params"]["timezone"] == "Pacific/Auckland"


@pytest.mark.parametrize("generation", WITH_TIMES)
def test_compile_takes_a_thousand_rows_and_fails_beyond(of: Of, generation: Generation) -> None:
    body = {"type": "os_name", **DATES}
    statuses = [
        of(generation).post({**body, "limit": limit}, path="/query/compile").status_code
        for limit in (1_000, 1_001)
    ]
    assert statuses == [200, 500]


def test_compile_of_an_unknown_type_or_a_foreign_website(api: Client) -> None:
    unknown = api.post({"type": "nothing", **DATES}, path="/query/compile")
    assert (unknown.status_code, unknown.json()["code"]) == (400, "INVALID_QUERY_TYPE")
    foreign = api.post({"type": "os_name", **DATES}, path="/query/compile", website="foreign")
    assert foreign.status_code == 403


def test_health_is_at_the_root_and_says_less_than_documented_in_2026(
    api: Client, old: Client
) -> None:
    newer, older = (
        c.http.get(c.server.url.removesuffix("/v1") + "/health").json() for c in (api, old)
    )
    assert newer == {"status": "ok"}
    assert older["success"]
    assert older["clickhouse"]
    assert api.get("/health").status_code == 404


@pytest.mark.parametrize("file_format", ["csv", "json"])
def test_export_is_gone_in_2026_and_for_the_dashboard_in_2025(
    api: Client, old: Client, file_format: str
) -> None:
    day = str(YESTERDAY)
    body = {"websiteId": old.id(0), "type": "os_name", "startDate": day, "endDate": day}
    body["format"] = file_format
    assert api.post(body, path="/export").status_code == 404
    assert old.post(body, path="/export").status_code == 401
    cookie = {"cookie": old.server.session_cookie}
    answer = old.post(body, path="/export", headers=cookie)
    names = [row["name"] for row in old.rows("os_name")]
    assert all(name in answer.text for name in names)
    assert f"os_name.{file_format}" in answer.headers["content-disposition"]


def test_an_address_that_does_not_exist(api: Client) -> None:
    assert api.get("/query/nothing").json()["code"] == "NOT_FOUND"
