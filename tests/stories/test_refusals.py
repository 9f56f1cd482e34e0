"""A sync from a server that refuses something: what it costs in requests, and that it costs no
report that the server has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from databuddy_source.api.client import Client
from databuddy_source.api.retry import DIVIDED
from databuddy_source.api.server import Server
from databuddy_source.config import connect
from databuddy_source.demo import DemoServer, Fault, Vanished
from databuddy_source.demo.account import Billing
from databuddy_source.fetch import search
from tests.stories.conftest import TODAY, Make, Warehouse

Serve = Callable[..., DemoServer]

ERRORS = {"error_types", "errors_by_page", "error_summary"}
FIRST = TODAY - timedelta(days=3)


@pytest.fixture
def sync(serve: Serve, warehouse: Make) -> Callable[..., tuple[Warehouse, int, int]]:
    """Syncs four days of the shop and says how many queries were sent, and how many were not
    answered with 200."""

    def run(server: DemoServer, **given: Any) -> tuple[Warehouse, int, int]:
        made = warehouse(server)
        made.sync(start_date=FIRST, websites=[server.websites[0].id], **given)
        sent = [each for each in server.log if each.path == "/v1/query"]
        return made, len(sent), sum(each.status != 200 for each in sent)

    return run


def statuses(made: Warehouse) -> dict[str, set[str]]:
    """The reports that are not complete, by status."""
    found: dict[str, set[str]] = {}
    for status, report in made.query("SELECT DISTINCT status, report FROM coverage"):
        found.setdefault(status, set()).add(report)
    found.pop("complete")
    return found


Sync = Callable[..., tuple[Warehouse, int, int]]


@pytest.mark.parametrize("generation", ["2026-06", "2026-10"])
def test_a_plan_without_errors_costs_one_request(serve: Serve, sync: Sync, generation: str) -> None:
    server = serve(generation, billing=Billing.FREE)
    made, _, refused = sync(server)
    assert refused == 1
    assert statuses(made) == {"unavailable": ERRORS}
    (reason,) = made.query("SELECT DISTINCT reason FROM coverage WHERE status <> 'complete'")
    assert "Error tracking is not available on the free plan" in reason[0]


def test_a_server_without_billing_costs_three_requests(serve: Serve, sync: Sync) -> None:
    server = serve("2026-06", billing=Billing.UNCONFIGURED)
    made, _, refused = sync(server)
    assert refused == 3
    assert statuses(made) == {"unavailable": ERRORS}


@pytest.mark.parametrize(
    ("billing", "more", "status"),
    [(Billing.FREE, 2, "unavailable"), (Billing.UNCONFIGURED, 4, "failed")],
)
def test_a_part_that_closes_after_it_was_loaded_costs_a_few_requests(
    serve: Serve, sync: Sync, billing: Billing, more: int, status: str
) -> None:
    """What a plan lacks is said so by the server; what only fails was there, and is missed."""
    server = serve("2026-06")
    made, sent, _ = sync(server)
    server.account.billing = billing
    made.sync(start_date=FIRST, websites=[server.websites[0].id])
    again = [each.status for each in server.log if each.path == "/v1/query"][sent:]
    assert sum(each != 200 for each in again) == more
    assert statuses(made) == {status: ERRORS}


@pytest.mark.parametrize("generation", ["2026-04", "2026-10"])
def test_a_type_that_vanishes_costs_one_request(
    serve: Serve, sync: Sync, generation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(generation)
    listing = connect.first_contact

    async def then_vanish(client: Client, **given: Any) -> Server:
        found = await listing(client, **given)
        server.faults.add(Vanished("country"))
        return found

    monkeypatch.setattr(connect, "first_contact", then_vanish)
    made, _, refused = sync(server)
    assert refused == 1
    assert statuses(made) == {"unavailable": {"country"}}


@pytest.mark.parametrize(
    "fault",
    [
        Fault.timeout("country"),
        Fault(query_type="country", left_out=True, times=2),
        Fault.unavailable(times=1, retry_after=1),
    ],
)
def test_what_passes_when_it_is_asked_again_costs_no_cell(
    serve: Serve, sync: Sync, fault: Fault
) -> None:
    server = serve("2026-06")
    server.faults.add(fault)
    made, sent, _ = sync(server, query_types=["country", "top_pages"])
    assert statuses(made) == {}
    assert sent == 2


def failing(query_type: str | None, status: int, code: str, words: str) -> Fault:
    """A fault of all requests with a query type."""
    body = {"success": False, "error": words, "code": code}
    return Fault(query_type=query_type, status=status, body=body, times=None)


@pytest.mark.parametrize("generation", ["2026-04", "2026-06"])
@pytest.mark.parametrize(
    ("fault", "most"),
    [
        (failing("country", 500, "INTERNAL_SERVER_ERROR", "boom"), 9),
        (failing("country", 422, "UNPROCESSABLE", "parameters.3: no such type"), 8),
        (failing("country", 404, "NOT_FOUND", "type not found"), 8),
        (failing("country", 400, "VALIDATION_ERROR", 'Unknown query type "country"'), 1),
        (failing("country", 400, "INVALID_QUERY_TYPE", "'country' is not supported"), 1),
    ],
)
def test_a_type_for_which_each_request_fails_costs_a_few_requests(
    serve: Serve, sync: Sync, generation: str, fault: Fault, most: int
) -> None:
    server = serve(generation)
    server.faults.add(fault)
    made, _, refused = sync(server)
    assert refused <= most
    assert statuses(made) == {"unavailable": {"country"}}


def test_a_server_that_fails_for_everything_is_asked_ten_times_at_most(
    serve: Serve, sync: Sync, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "UNHEARD", DIVIDED)  # four tries in half a minute
    server = serve("2026-10")
    server.faults.add(failing(None, 500, "INTERNAL_SERVER_ERROR", "x"))
    made, sent, refused = sync(server)
    assert sent == refused <= 10 - 3
    assert made.query("SELECT DISTINCT status FROM coverage") == [("failed",)]
