"""Demo servers that the tests of this folder share, and a small client for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from databuddy_source.demo import DemoServer, Generation
from tests.traffic import demo_server

TODAY = date(2026, 11, 22)
YESTERDAY = TODAY - timedelta(days=1)
# The shop's day with more than 1,500 paths.
BUSY = TODAY - timedelta(days=10)


@dataclass(frozen=True)
class Client:
    """Asks a server; `website` is an index into its websites (shop, blog, quiet) or an id."""

    server: DemoServer
    http: httpx.Client

    def id(self, website: int | str | None) -> str | None:
        return self.server.websites[website].id if isinstance(website, int) else website

    def post(
        self,
        body: object,
        *,
        website: int | str | None = 0,
        headers: dict[str, str] | None = None,
        path: str = "/query",
        **query: str,
    ) -> httpx.Response:
        known = self.id(website)
        return self.http.post(
            self.server.url + path,
            params=query | ({"website_id": known} if known else {}),
            headers={"x-api-key": self.server.api_key} if headers is None else headers,
            json=body,
        )

    def ask(
        self,
        *parameters: str | dict[str, str],
        start: date | str = YESTERDAY,
        end: date | str | None = None,
        website: int | str | None = 0,
        timezone: str = "UTC",
        **body: Any,
    ) -> list[dict[str, Any]]:
        """`data` of one query; the dates go where either generation reads them."""
        first, last = str(start), str(end or start)
        answer = self.post(
            {"parameters": list(parameters), "startDate": first, "endDate": last, **body},
            website=website,
            start_date=first,
            end_date=last,
            timezone=timezone,
        )
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    def rows(self, parameter: str | dict[str, str], **given: Any) -> list[dict[str, Any]]:
        """The rows of one parameter, which must not fail."""
        (result,) = self.ask(parameter, **given)
        assert result["success"], result
        rows: list[dict[str, Any]] = result["data"]
        return rows

    def error(self, parameter: str | dict[str, str], **given: Any) -> str:
        """The message of one parameter, which must fail inside a successful answer."""
        (result,) = self.ask(parameter, **given)
        assert not result["success"]
        assert result["data"] == []
        return str(result["error"])

    def get(self, path: str, headers: dict[str, str] | None = None, **query: str) -> httpx.Response:
        return self.http.get(self.server.url + path, params=query, headers=headers or {})

    def truth(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """SQL over the store itself."""
        with self.server.events.connection() as cursor:
            return cursor.execute(sql, values).fetchall()


@pytest.fixture(scope="session")
def http() -> Iterator[httpx.Client]:
    # only what hangs takes so long, also on a machine that is busy
    with httpx.Client(timeout=300, trust_env=False) as client:
        yield client


Of = Callable[[Generation], Client]


@pytest.fixture(scope="session")
def of(http: httpx.Client) -> Iterator[Of]:
    """A server of each generation that nobody changes; that of April has 90 days."""
    clients: dict[Generation, Client] = {}

    def serving(generation: Generation) -> Client:
        if generation not in clients:
            days = 90 if generation == "2026-04" else 40
            server = demo_server(today=TODAY, generation=generation, days=days)
            clients[generation] = Client(server.start(), http)
        return clients[generation]

    yield serving
    for client in clients.values():
        client.server.close()


@pytest.fixture(scope="session")
def api(of: Of) -> Client:
    """The server of April 2026."""
    return of("2026-04")


@pytest.fixture(scope="session")
def old(of: Of) -> Client:
    """The server of 2025."""
    return of("2025")


@pytest.fixture(scope="session")
def october(of: Of) -> Client:
    """The newest server."""
    return of("2026-10")


@pytest.fixture
def fresh(http: httpx.Client) -> Iterator[Client]:
    """A small server of April 2026 to be changed."""
    with demo_server(today=TODAY, days=12) as server:
        yield Client(server, http)
