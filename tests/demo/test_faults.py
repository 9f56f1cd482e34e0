"""What a test can let go wrong."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import httpx
import pytest

from databuddy_source.demo import GENERATIONS, Fault, Generation, Vanished
from databuddy_source.demo.faults import Faults
from tests.demo.conftest import TODAY, YESTERDAY, Client
from tests.traffic import demo_server

BODY = {"parameters": ["os_name"], "startDate": str(YESTERDAY), "endDate": str(YESTERDAY)}


@pytest.fixture(scope="module")
def small(http: httpx.Client) -> Iterator[Client]:
    with demo_server(today=TODAY, days=12) as server:
        yield Client(server, http)


@pytest.fixture
def faulty(small: Client) -> Iterator[Client]:
    yield small
    small.server.faults.clear()


def test_a_proxys_page_instead_of_an_answer(faulty: Client) -> None:
    faulty.server.faults.add(Fault.bad_gateway())
    answer = faulty.post(BODY)
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "text/html"
    assert faulty.post(BODY).status_code == 200


def test_an_empty_body(faulty: Client) -> None:
    faulty.server.faults.add(Fault(status=500))
    assert faulty.post(BODY).content == b""


def test_a_fault_skips_and_counts(faulty: Client) -> None:
    faulty.server.faults.add(Fault(status=503, skip=1, times=2))
    assert [faulty.post(BODY).status_code for _ in range(4)] == [200, 503, 503, 200]


def test_a_rate_limit_for_ever(faulty: Client) -> None:
    faulty.server.faults.add(Fault.rate_limited(headers={"retry-after": "7"}))
    answers = [faulty.post(BODY) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {429}
    assert answers[0].headers["retry-after"] == "7"


@pytest.mark.parametrize(
    ("fault", "body", "website", "happens"),
    [
        (Fault(status=500, query_type="os_name"), BODY, 0, True),
        (Fault(status=500, query_type="country"), BODY, 0, False),
        (Fault(status=500, path="/v1/query/types"), BODY, 0, False),
        (Fault(status=500, website_id="other"), BODY, 0, False),
        (Fault(status=500, path=None), BODY, 1, True),
    ],
)
def test_a_fault_happens_to_what_it_matches(
    faulty: Client, fault: Fault, body: object, website: int, happens: bool
) -> None:
    faulty.server.faults.add(fault)
    assert (faulty.post(body, website=website).status_code == 500) is happens


def test_a_slow_answer(faulty: Client) -> None:
    faulty.server.faults.add(Fault(delay=0.2))
    started = time.monotonic()
    assert faulty.post(BODY).status_code == 200
    assert time.monotonic() - started >= 0.2


def test_a_slow_answer_keeps_nobody_else_waiting(faulty: Client) -> None:
    faulty.server.faults.add(Fault(delay=0.7))
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(faulty.server.url + "/query", json=BODY, timeout=0.05, trust_env=False)
    started = time.monotonic()
    faulty.post(BODY)
    assert time.monotonic() - started < 0.6


def test_a_dropped_connection(faulty: Client) -> None:
    faulty.server.faults.add(Fault(drop=True))
    with pytest.raises(httpx.TransportError):
        faulty.post(BODY)
    assert faulty.server.log[-1].status is None
    assert faulty.post(BODY).status_code == 200


def test_a_dropped_connection_of_the_asgi_application() -> None:
    async def ask() -> None:
        transport = httpx.ASGITransport(server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://demo") as client:
            await client.post("/v1/query")

    server = demo_server(today=TODAY, days=1)
    server.faults.add(Fault(drop=True))
    with pytest.raises(ConnectionResetError):
        asyncio.run(ask())
    server.close()


def test_an_answer_cut_in_half(faulty: Client) -> None:
    faulty.server.faults.add(Fault(truncate=True))
    answer = faulty.post(BODY)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert faulty.post(BODY).content.startswith(answer.content[:20])


def test_a_redirect_to_another_host(faulty: Client) -> None:
    faulty.server.faults.add(Fault.redirect("https://elsewhere.example.org/"))
    answer = faulty.get("/query/websites")
    assert (answer.status_code, answer.headers["location"]) == (
        307,
        "https://elsewhere.example.org/",
    )


def test_a_parameter_that_fails(faulty: Client) -> None:
    faulty.server.faults.add(Fault(query_type="country", parameter_error="Query timed out"))
    data = faulty.ask("country", "os_name")
    assert [result["parameter"] for result in data] == ["os_name", "country"]
    assert data[1]["error"] == "Query timed out"
    assert faulty.rows("country")


def test_one_day_that_fails(faulty: Client) -> None:
    faulty.server.faults.add(Fault(day=YESTERDAY, parameter_error="no", times=None))
    assert faulty.error("country", start=YESTERDAY) == "no"
    assert faulty.rows("country", start="2026-11-18")


def test_a_parameter_that_is_suddenly_empty(faulty: Client) -> None:
    faulty.server.faults.add(Fault(query_type="country", rows=[]))
    assert faulty.rows("country") == []


def test_a_parameter_that_fails_once_and_is_right_when_asked_again(faulty: Client) -> None:
    faulty.server.faults.add(Fault.timeout("country"))
    assert faulty.error("country") == "Timeout error."
    assert faulty.rows("country")


def test_an_answer_that_lacks_some_parameters(faulty: Client) -> None:
    faulty.server.faults.add(Fault(query_type="country", left_out=True, times=1))
    cells = [{"name": "country", "id": "a"}, {"name": "country", "id": "b"}, "os_name"]
    answer = faulty.post(BODY | {"parameters": cells}).json()
    assert [result["parameter"] for result in answer["data"]] == ["b", "os_name"]
    assert answer["meta"]["total_parameters"] == 3


def test_a_query_that_throws_takes_its_body_with_it(http: httpx.Client) -> None:
    with demo_server(today=TODAY, days=12, generation="2026-06") as server:
        server.faults.add(Fault(query_type="country", throws=True, times=None))
        client = Client(server, http)
        asked = {"name": "country", "id": "a"}
        bodies = [BODY | {"id": "b", "parameters": [asked, "os_name"]}, BODY]
        thrown, answered = client.post(bodies).json()["results"]
        assert [(each["parameter"], each["success"]) for each in thrown["data"]] == [(asked, False)]
        assert answered["data"][0]["success"]
        assert client.post(bodies[0]).status_code == 500


def test_a_server_that_is_unavailable_for_some_requests(faulty: Client) -> None:
    faulty.server.faults.add(Fault.unavailable(times=2, retry_after=7))
    answers = [faulty.post(BODY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 503, 200]
    assert answers[0].headers["retry-after"] == "7"
    assert answers[0].json()["code"] == "SERVICE_UNAVAILABLE"


def test_a_fault_of_some_seconds_is_over_after_them() -> None:
    seconds = 1000.0
    faults = Faults(clock=lambda: seconds)
    faults.add(Fault.unavailable(times=None, seconds=30))

    def happens() -> bool:
        return faults.of_request("/v1/query", None, []) is not None

    seconds += 29
    assert happens()
    seconds += 1
    assert not happens()


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_type_that_vanishes_is_an_unknown_one(generation: Generation, http: httpx.Client) -> None:
    with demo_server(today=TODAY, days=2, generation=generation) as server:
        client, key = Client(server, http), {"x-api-key": server.api_key}
        day = str(YESTERDAY)
        assert "country" in client.get("/query/types", key).json()["types"]
        server.faults.add(Vanished("country"))
        assert "country" not in client.get("/query/types", key).json()["types"]
        body = BODY | {"parameters": ["os_name", "country"]}
        answer = client.post(body, start_date=day, end_date=day)
        if generation == "2025":
            assert answer.json()["data"][1]["error"] == "Unknown query type: country"
        else:
            assert answer.status_code == 400
            assert answer.json()["error"] == "Unknown query type: country"
        server.faults.clear()
        assert "country" in client.get("/query/types", key).json()["types"]


def test_rows_that_are_replaced(faulty: Client) -> None:
    faulty.server.faults.add(
        Fault(query_type="os_name", rows=[{"name": "BeOS"}]),
        Fault(query_type="os_name", skip=1, rows=lambda rows: [*rows, *rows]),
    )
    assert faulty.rows("os_name") == [{"name": "BeOS"}]
    faulty.server.faults.clear()
    plain = faulty.rows("os_name")
    faulty.server.faults.add(Fault(query_type="os_name", rows=lambda rows: [*rows, *rows]))
    assert faulty.rows("os_name") == plain + plain


def test_a_median_that_is_never_the_same_twice(faulty: Client) -> None:
    (before,) = faulty.rows("summary_metrics")
    faulty.server.faults.add(Fault.unrepeatable("summary_metrics"))
    (one,), (other,) = (faulty.rows("summary_metrics") for _ in range(2))
    assert {name for name in before if one[name] != other[name]} == {"median_session_duration"}
    assert one | {"median_session_duration": before["median_session_duration"]} == before
    assert faulty.rows("summary_metrics", website=2) == []


def test_a_day_without_a_cell_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="day"):
        Fault(status=500, day=YESTERDAY)
