"""What each generation does with a request that another one treats otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from databuddy_source.demo import GENERATIONS, DemoServer, Generation, queries
from databuddy_source.demo.generations import behaviour
from tests.demo.conftest import BUSY, TODAY, YESTERDAY, Client, Of

DATES = {"startDate": str(YESTERDAY), "endDate": str(YESTERDAY)}
NEWER: tuple[Generation, ...] = ("2026-06", "2026-10")
each = pytest.mark.parametrize("generation", GENERATIONS)
newer = pytest.mark.parametrize("generation", NEWER)


@each
def test_a_server_answers_the_types_that_it_lists(of: Of, generation: Generation) -> None:
    client = of(generation)
    listed = client.get("/query/types", {"x-api-key": client.server.api_key}).json()["types"]
    assert listed == list(queries(generation))
    failed = [name for name in listed if not client.ask(name)[0]["success"]]
    never = {"profile_detail"} | ({"page_performance"} if generation != "2026-10" else set())
    assert set(failed) == never


def test_types_come_and_go() -> None:
    known = {generation: set(queries(generation)) for generation in GENERATIONS}
    assert known["2026-06"] - known["2026-04"] == {
        "session_pages", "interesting_sessions", "web_vitals_by_device",
    }  # fmt: skip
    assert known["2026-04"] - known["2026-06"] == {
        "slow_pages", "performance_by_country", "performance_time_series", "retention_rate",
    }  # fmt: skip
    assert known["2026-10"] - known["2026-06"] >= {
        "traffic_segments", "error_fingerprints", "engagement_quality_by_page", "mcp_summary",
        "ai_visitor_outcomes", "revenue_by_ai_product",
    }  # fmt: skip
    assert known["2026-06"] - known["2026-10"] == set()


def test_the_spelling_2026_still_means_april() -> None:
    assert behaviour("2026") is behaviour("2026-04")
    assert queries("2026") is queries("2026-04")
    server = DemoServer(today=TODAY, days=1, generation="2026")  # type: ignore[arg-type]  # the wrong word
    server.close()


@pytest.mark.parametrize(
    ("generation", "status", "body"),
    [
        ("2025", 422, {"success": False, "code": "VALIDATION_ERROR"}),
        ("2026-04", 500, {"code": "VALIDATION"}),
        ("2026-06", 422, {"code": "VALIDATION"}),
        ("2026-10", 422, {"code": "VALIDATION"}),
    ],
)
def test_wrong_json_types(
    of: Of, generation: Generation, status: int, body: dict[str, object]
) -> None:
    answer = of(generation).post({"parameters": ["os_name"], "limit": "x", **DATES})
    said = answer.json()
    assert answer.status_code == status
    assert "requestId" not in said
    assert {name: value for name, value in said.items() if name != "error"} == body


@each
def test_a_field_that_the_type_does_not_allow(of: Of, generation: Generation) -> None:
    """Fails its parameter, until June 2026: from then on the rows come unfiltered."""
    client = of(generation)
    (result,) = client.ask("os_name", filters=[{"field": "href", "op": "eq", "value": "/nowhere"}])
    assert result["success"] is (generation in NEWER)
    if result["success"]:
        assert result["data"] == client.rows("os_name") != []
    else:
        assert "'href' is not permitted" in result["error"]


@each
def test_filters_that_all_types_have_in_common(of: Of, generation: Generation) -> None:
    client = of(generation)
    listed = client.get("/query/types", {"x-api-key": client.server.api_key}).json()["configs"]
    common = {"path", "country", "utm_source"} <= set(listed["error_types"]["allowedFilters"])
    assert common is (generation in NEWER)
    assert "utm_source" not in listed["active_stats"]["allowedFilters"]


@pytest.mark.parametrize("name", ["revenue_overview", "vitals_time_series", "custom_events"])
def test_in_october_even_a_path_does_nothing_for_some_types(of: Of, name: str) -> None:
    given: dict[str, Any] = {"filters": [{"field": "path", "op": "eq", "value": "/nowhere"}]}
    assert of("2026-10").rows(name, **given) == of("2026-10").rows(name)
    assert of("2026-06").rows(name, **given) != of("2026-06").rows(name)


@each
def test_a_failing_query_says_the_databases_words_until_june_2026(
    of: Of, generation: Generation
) -> None:
    if generation == "2026-10":
        assert of(generation).rows("page_performance")
        return
    said = of(generation).error("page_performance")
    assert (said == "Query execution failed") is (generation == "2026-06")
    assert ("aggregate function" in said) is (generation != "2026-06")


LONG = {"startDate": "2026-09-01", "endDate": str(YESTERDAY), "granularity": "hourly"}


@newer
def test_a_body_that_throws_takes_one_place_in_an_array(of: Of, generation: Generation) -> None:
    thrown = {"name": "events_by_date", "id": "mine"}
    good = {"parameters": ["os_name"], **DATES}
    answer = of(generation).post([{"parameters": [thrown, "country"], **LONG}, good])
    assert answer.status_code == 200
    first, second = answer.json()["results"]
    assert first["data"] == [
        {"parameter": thrown, "success": False, "error": "Query execution failed", "data": []}
    ]
    assert second["data"][0]["success"]


@newer
def test_a_body_that_throws_alone_is_a_500(of: Of, generation: Generation) -> None:
    assert of(generation).post({"parameters": ["events_by_date"], **LONG}).status_code == 500


def test_a_body_that_throws_in_april_takes_the_array_with_it(api: Client) -> None:
    good = {"parameters": ["os_name"], **DATES}
    answer = api.post([{"parameters": ["events_by_date"], **LONG}, good])
    assert answer.status_code == 500


@newer
def test_without_a_website_the_whole_organisation_answers(of: Of, generation: Generation) -> None:
    client = of(generation)
    of_all = client.rows("summary_metrics", website=None)[0]["pageviews"]
    own = [client.rows("summary_metrics", website=n)[0]["pageviews"] for n in range(3)]
    assert of_all == sum(own)
    assert min(own[:2]) > 0


@newer
def test_a_key_without_websites_has_an_empty_organisation(of: Of, generation: Generation) -> None:
    client = of(generation)
    key = {"x-api-key": client.server.api_key_without_resources}
    answer = client.post({"parameters": ["top_pages"], **DATES}, website=None, headers=key)
    assert answer.json()["data"] == [{"parameter": "top_pages", "success": True, "data": []}]


@each
def test_what_the_types_say_of_public_access(of: Of, generation: Generation) -> None:
    client = of(generation)
    listed = client.get("/query/types", {"x-api-key": client.server.api_key}).json()["configs"]
    public = [listed[name].get("publicAccess") for name in ("top_pages", "recent_errors")]
    expected = {"2026-06": [True, True], "2026-10": [True, False]}
    assert public == expected.get(generation, [None, None])


def test_presets_of_october(api: Client, october: Client) -> None:
    older, newer = (client.get("/query/types").json()["presets"] for client in (api, october))
    assert set(newer) - set(older) == {"this_week", "last_week", "this_year"}
    assert set(older) <= set(newer)


def test_the_meta_data_of_october_leave_out_what_is_added_to_rows(october: Client) -> None:
    configs = october.get("/query/types", include_meta="true").json()["configs"]
    fields = [field["name"] for field in configs["country"]["meta"]["output_fields"]]
    (row, *_) = october.rows("country")
    assert set(row) - set(fields) == {"country_code", "country_name"}


@pytest.mark.parametrize(
    ("generation", "status"), [("2026-04", 400), ("2026-06", 400), ("2026-10", 200)]
)
def test_an_unreadable_date_of_a_parameters_own(
    of: Of, generation: Generation, status: int
) -> None:
    own = {"name": "os_name", "id": "a", "start_date": "soon", "end_date": "2026-11-20"}
    answer = of(generation).post({"parameters": [own, "country"], **DATES})
    assert answer.status_code == status
    if status == 200:
        good, bad = answer.json()["data"]
        assert good["success"]
        assert (bad["parameter"], bad["error"]) == ("a", "Invalid parameter date range")


@pytest.mark.parametrize(
    ("generation", "limit"), [("2025", 1_000), ("2026-04", 10_000), ("2026-10", 10_000)]
)
def test_the_largest_limit(of: Of, generation: Generation, limit: int) -> None:
    client = of(generation)
    assert len(client.rows("top_pages", start=BUSY, limit=limit)) >= 1_000
    over = client.post(
        {"parameters": ["top_pages"], "limit": limit + 1, **DATES},
        start_date=str(YESTERDAY),
        end_date=str(YESTERDAY),
    )
    assert over.status_code == (200 if generation == "2025" else 400)
    assert '"success":false' in over.text
