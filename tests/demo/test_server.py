"""Starting, stopping, the clock, and the log."""

from __future__ import annotations

import asyncio
import gc
import socket
import subprocess
import sys
import threading
import warnings
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import time_machine
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from databuddy_source.demo import DemoServer
from tests.demo.conftest import TODAY, YESTERDAY, Client
from tests.traffic import demo_server

BODY = {"parameters": ["os_name"], "startDate": str(YESTERDAY), "endDate": str(YESTERDAY)}


def test_nothing_is_left_when_it_stops() -> None:
    before = set(threading.enumerate())
    with demo_server(today=TODAY, days=1) as server:
        client = httpx.Client(trust_env=False)
        client.get(f"{server.url}/query/types")
        port = int(server.url.split(":")[2].split("/")[0])
    client.close()
    assert not {thread.name for thread in set(threading.enumerate()) - before}
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_it_takes_a_free_port_of_the_loopback(api: Client, old: Client) -> None:
    assert api.server.url.startswith("http://127.0.0.1:")
    assert api.server.url.endswith("/v1")
    assert api.server.url != old.server.url


def test_it_can_be_started_again() -> None:
    server = demo_server(today=TODAY, days=1)
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.url
    for _ in range(2):
        server.start()
        with pytest.raises(RuntimeError, match="running already"):
            server.start()
        assert httpx.get(f"{server.url}/query/types", trust_env=False).status_code == 200
        server.stop()
    server.close()


def test_a_connection_that_comes_while_it_stops_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It misses that connections are told to end."""
    monkeypatch.setattr(H11Protocol, "shutdown", lambda self: None)
    server = demo_server(today=TODAY, days=1).start()
    with warnings.catch_warnings(record=True) as heard, httpx.Client(trust_env=False) as client:
        warnings.simplefilter("always")
        client.get(f"{server.url}/query/types")
        server.close()
        del server
        gc.collect()
    assert [str(each.message) for each in heard] == []


def test_a_connection_that_was_just_accepted_when_it_stops_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """uvicorn does not know of it yet."""
    late: list[socket.socket] = []
    serve = uvicorn.Server.main_loop

    async def serve_and_accept(self: uvicorn.Server) -> None:
        await serve(self)
        late.append(socket.create_connection(self.servers[0].sockets[0].getsockname()))
        for _ in range(2):  # the loop sees that it waits, and accepts it
            await asyncio.sleep(0)

    monkeypatch.setattr(uvicorn.Server, "main_loop", serve_and_accept)
    server = demo_server(today=TODAY, days=1).start()
    httpx.get(f"{server.url}/query/types", trust_env=False)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        server.close()
        del server
        gc.collect()
    late.pop().close()
    assert [str(each.message) for each in heard] == []


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_it_is_a_plain_asgi_application_too(zone: str) -> None:
    async def ask(server: DemoServer) -> httpx.Response:
        transport = httpx.ASGITransport(server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://demo/v1") as client:
            return await client.post(
                "/query",
                params={"website_id": server.websites[0].id, "timezone": zone},
                headers={"x-api-key": server.api_key},
                json=BODY,
            )

    server = demo_server(today=TODAY, days=2)
    answer = asyncio.run(ask(server))
    server.close()
    assert answer.json()["data"][0]["data"]


def test_the_clock_stands_at_18_on_a_given_day_and_runs_otherwise() -> None:
    fixed = demo_server(today=TODAY, days=1)
    assert fixed.now == datetime(2026, 11, 22, 18, tzinfo=UTC)
    fixed.close()
    at = datetime(2027, 5, 6, 7, 8, tzinfo=UTC)
    with time_machine.travel(at, tick=False) as traveller:
        running = demo_server(days=1)
        assert (running.today, running.now) == (date(2027, 5, 6), at)
        traveller.shift(timedelta(hours=1))
        assert running.now == at + timedelta(hours=1)
    running.close()


def test_an_unknown_generation_is_refused() -> None:
    with pytest.raises(ValueError, match="2025, 2026-04, 2026-06, 2026-10"):
        DemoServer(generation="2024")  # type: ignore[arg-type]  # the wrong word


def test_the_log_says_what_arrived_without_secrets(fresh: Client) -> None:
    fresh.post([BODY, {**BODY, "parameters": ["os_name", "country"]}], timezone="UTC")
    (arrival,) = fresh.server.log
    assert (arrival.method, arrival.path, arrival.status) == ("POST", "/v1/query", 200)
    assert arrival.website_id == fresh.server.websites[0].id
    assert arrival.parameters == 3
    assert arrival.query_types == ["os_name", "os_name", "country"]
    assert arrival.body[0] == BODY
    assert arrival.query["timezone"] == "UTC"
    assert fresh.server.api_key not in repr(arrival)
    assert arrival.answered_at
    assert arrival.answered_at >= arrival.arrived_at


@pytest.mark.parametrize("content", [b"", b"{", b'{"parameters": 7}', b"[1]"])
def test_the_log_survives_any_body(api: Client, content: bytes) -> None:
    api.http.post(f"{api.server.url}/query", content=content)
    assert api.server.log[-1].parameters == 0


def test_many_clients_at_once_get_their_own_answers(api: Client) -> None:
    days = [YESTERDAY - timedelta(days=n) for n in range(8)]

    def ask(day: date) -> object:
        return api.rows("top_pages", start=day)

    expected = {day: ask(day) for day in days}
    found: dict[date, object] = {}
    threads = [
        threading.Thread(
            target=lambda day=day: found.update({day: api.rows("top_pages", start=day)})
        )
        for day in days
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected


PROJECT = Path(__file__).resolve().parents[2]


def test_it_runs_from_the_command_line() -> None:
    command = [sys.executable, "-m", "databuddy_source.demo", "--port", "0", "--days", "1"]
    with subprocess.Popen(
        [*command, "--generation", "2026-10"], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        url = process.stdout.readline().split()[-1]
        try:
            answer = httpx.get(f"{url}/query/types", trust_env=False)
        finally:
            process.terminate()
        assert "this_week" in answer.json()["presets"]
        assert "dbdy_demo" in process.stdout.read()
    assert process.returncode == 0
