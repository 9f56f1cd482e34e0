"""What a plan does not have, and what a server without billing does about it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from databuddy_source.demo import GENERATIONS, Billing
from tests.demo.conftest import TODAY, YESTERDAY, Client
from tests.traffic import demo_server

BODY = {
    "parameters": ["os_name", "error_types"],
    "startDate": str(YESTERDAY),
    "endDate": str(YESTERDAY),
}
GATED = ("2026-06", "2026-10")


@pytest.fixture(scope="module", params=GENERATIONS)
def running(request: pytest.FixtureRequest, http: httpx.Client) -> Iterator[Client]:
    with demo_server(today=TODAY, generation=request.param, days=3) as server:
        yield Client(server, http)


@pytest.fixture
def client(running: Client) -> Iterator[Client]:
    yield running
    running.server.account.billing = Billing.PAID


@pytest.mark.parametrize(
    ("billing", "status", "code"),
    [
        (Billing.PAID, 200, None),
        (Billing.FREE, 402, "FEATURE_UNAVAILABLE"),
        (Billing.UNCONFIGURED, 500, "INTERNAL_SERVER_ERROR"),
    ],
)
def test_one_type_that_the_plan_lacks_refuses_the_whole_request(
    client: Client, billing: Billing, status: int, code: str | None
) -> None:
    client.server.account.billing = billing
    day = str(YESTERDAY)
    without = BODY | {"parameters": ["os_name", "country"]}
    gated = client.server.generation in GATED
    for body in (BODY, [without, BODY]):
        answer = client.post(body, start_date=day, end_date=day)
        assert answer.status_code == (status if gated else 200)
        assert answer.json().get("code") == (code if gated else None)
    assert client.post(without, start_date=day, end_date=day).status_code == 200


@pytest.mark.parametrize("running", GATED, indirect=True)
def test_the_whole_organisation_is_asked_for_more_than_the_plan_has_until_october(
    client: Client,
) -> None:
    client.server.account.billing = Billing.FREE
    expected = 402 if client.server.generation == "2026-10" else 200
    assert client.post(BODY, website=None).status_code == expected


@pytest.mark.parametrize("running", ["2026-10"], indirect=True)
def test_what_october_adds_about_errors_is_not_in_the_free_plan_either(client: Client) -> None:
    client.server.account.billing = Billing.FREE
    assert client.post(BODY | {"parameters": ["error_fingerprints"]}).status_code == 402


def test_a_server_can_start_on_the_free_plan(http: httpx.Client) -> None:
    with demo_server(today=TODAY, days=2, generation="2026-06", billing=Billing.FREE) as server:
        assert Client(server, http).post(BODY).status_code == 402
