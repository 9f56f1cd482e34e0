"""`explain` shows what is sent, and no key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from databuddy_source.demo import DemoServer, Fault
from tests.cli.conftest import Outcome, Run

DAY = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()

PHONES = {
    "name": "phones",
    "query_type": "pages",
    "grain": "week",
    "filters": [{"field": "device_type", "op": "in", "value": ["mobile", "tablet"]}],
}


@pytest.fixture(autouse=True)
def _no_faults(server: DemoServer) -> Iterator[None]:
    yield
    server.faults.clear()


def shown(text: str) -> tuple[str, Any, str]:
    """The address, the body, and what comes after it."""
    line, rest = text.split("\n", 1)
    body, end = json.JSONDecoder().raw_decode(rest)
    return line, body, rest[end:].strip()


@pytest.mark.parametrize(
    ("report", "zone", "questions"),
    [
        ("pages", "UTC", 1),
        ("country", "America/New_York", 1),
        ("events_by_date", "Europe/Berlin", 1),
        ("events_by_date_hourly", "UTC", 1),
        ("summary_metrics_hourly", "UTC", 24),
        ("phones", "Asia/Kolkata", 1),
    ],
)
def test_the_request_is_the_one_that_a_sync_sends(
    report: str,
    zone: str,
    questions: int,
    run: Run,
    invoke: Callable[..., Outcome],
    server: DemoServer,
) -> None:
    shop = server.websites[0]
    settings = {
        "SOURCES__DATABUDDY__TIMEZONE": zone,
        "SOURCES__DATABUDDY__REPORTS": json.dumps([PHONES]),
    }
    told = invoke("explain", report, "--website", shop.domain, "--since", DAY, **settings)
    assert told.exit_code == 0, told.stderr
    line, body, sql = shown(told.stdout)
    before = len(server.log)
    done = run("--website", shop.id, "--report", report, "--since", DAY, "--until", DAY, **settings)
    assert done.returncode == 0, done.stderr
    (sent,) = [arrival for arrival in server.log[before:] if arrival.path == "/v1/query"]
    assert sent.body == body
    assert len(sent.asked) == questions
    query = "&".join(f"{name}={value}" for name, value in sent.query.items())
    address = line.removeprefix("POST ").replace("%2F", "/")
    assert address == f"{server.url}/query?{query}"
    assert "SELECT" in sql
    assert ("-- the first of 24 questions" in sql) == (questions == 24)
    assert server.api_key not in told.stdout + told.stderr


def test_the_sql_has_the_filters_and_the_window(
    invoke: Callable[..., Outcome], server: DemoServer
) -> None:
    told = invoke("explain", "phones", SOURCES__DATABUDDY__REPORTS=json.dumps([PHONES]))
    _, body, sql = shown(told.stdout)
    (compiled,) = [a for a in server.log[-1:] if a.path == "/v1/query/compile"]
    assert compiled.body["filters"] == body["filters"]
    asked = body["parameters"][0]
    assert (compiled.body["from"], compiled.body["to"]) == (asked["start_date"], asked["end_date"])
    assert '"mobile"' in sql
    assert compiled.website_id == server.websites[0].id


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (
            Fault(path="/v1/query/compile", status=404, body={"success": False}),
            "This server has no /v1/query/compile, so it does not tell its SQL.",
        ),
        (
            Fault(path="/v1/query/compile", status=400, body={"error": "no dates"}),
            "The server does not tell its SQL: The server refuses the request (HTTP 400): no dates",
        ),
    ],
)
def test_without_sql_the_request_is_shown_all_the_same(
    fault: Fault, sentence: str, invoke: Callable[..., Outcome], server: DemoServer
) -> None:
    server.faults.add(fault)
    told = invoke("explain", "pages")
    assert told.exit_code == 0, told.stderr
    line, body, rest = shown(told.stdout)
    assert line.startswith(f"POST {server.url}/query?website_id={server.websites[0].id}&")
    assert body["parameters"][0]["name"] == "top_pages"
    assert rest.startswith(sentence)


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        ("top_pagez", "Did you mean top_pages"),
        ("default", "Name one report"),
        ("link_clicks_by_day", "needs the id of a short link"),
    ],
)
def test_what_cannot_be_explained_is_said(
    report: str, sentence: str, invoke: Callable[..., Outcome], server: DemoServer
) -> None:
    told = invoke("explain", report)
    assert told.exit_code == 2
    assert sentence in told.stderr
    assert told.stdout == ""
