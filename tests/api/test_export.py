"""An export comes piece by piece, and is a file or an error."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import httpx
import pytest
import respx

from databuddy_source import Settings
from databuddy_source.answers.export import export
from databuddy_source.api.budget import Budget
from databuddy_source.api.client import Client
from databuddy_source.api.models import ExportBody, ExportFormat
from databuddy_source.errors import (
    DatabuddyError,
    KeyRejected,
    NoSuchAddress,
    NotTheApi,
    RequestRefused,
    UnexpectedAnswer,
    Unreachable,
)

DAY = date(2026, 11, 11)
CSV = {"content-type": "text/csv"}
BODY = ExportBody(
    websiteId="web_1",
    type="summary",
    format=ExportFormat.CSV,
    startDate="2026-11-01",
    endDate="2026-11-11",
    timezone="UTC",
)


class Pieces(httpx.AsyncByteStream):
    """A body that comes slowly, and may break off."""

    def __init__(self, *pieces: bytes, breaks: bool = False) -> None:
        self.left = list(pieces)
        self.breaks = breaks
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.left:
            yield self.left.pop(0)
        if self.breaks:
            raise httpx.RemoteProtocolError("peer closed connection")

    async def aclose(self) -> None:
        self.closed = True


def exported(client: Client, body: ExportBody = BODY) -> list[bytes]:
    async def collect() -> list[bytes]:
        return [piece async for piece in client.export(body)]

    return asyncio.run(collect())


def test_the_documented_request_is_sent_and_counts(
    server: respx.MockRouter, client: Client, budget: Budget, key: str
) -> None:
    route = server.post("/export").respond(content=b"name,pageviews\n/,3\n", headers=CSV)
    assert b"".join(exported(client)) == b"name,pageviews\n/,3\n"
    request = route.calls.last.request
    assert json.loads(request.content) == {
        "websiteId": "web_1",
        "type": "summary",
        "format": "csv",
        "startDate": "2026-11-01",
        "endDate": "2026-11-11",
        "timezone": "UTC",
    }
    assert request.headers["x-api-key"] == key
    assert request.headers["content-type"] == "application/json"
    assert budget.spent == 1


def test_pieces_are_handed_on_before_the_rest_is_there(
    server: respx.MockRouter, client: Client
) -> None:
    body = Pieces(b"a" * 10, b"b" * 10)
    server.post("/export").mock(return_value=httpx.Response(200, headers=CSV, stream=body))

    async def look() -> None:
        pieces = client.export(BODY)
        assert await anext(pieces) == b"a" * 10
        assert body.left == [b"b" * 10]
        assert await anext(pieces) == b"b" * 10
        with pytest.raises(StopAsyncIteration):
            await anext(pieces)

    asyncio.run(look())
    assert body.closed


def test_a_file_that_breaks_off_is_an_error(server: respx.MockRouter, client: Client) -> None:
    body = Pieces(b"half", breaks=True)
    server.post("/export").mock(return_value=httpx.Response(200, headers=CSV, stream=body))
    with pytest.raises(Unreachable, match="peer closed connection"):
        exported(client)
    assert body.closed


def test_a_server_that_is_busy_is_asked_again(
    server: respx.MockRouter, client: Client, budget: Budget
) -> None:
    answers = [httpx.Response(503), httpx.Response(429), httpx.Response(200, headers=CSV)]
    server.post("/export").mock(side_effect=answers)
    assert exported(client) == []
    assert budget.spent == 3


def test_a_file_that_breaks_off_leaves_the_one_before(
    server: respx.MockRouter, base_url: str, key: str, tmp_path: Path
) -> None:
    websites = [{"id": "web_1", "name": None, "domain": "example.com"}]
    server.get("/query/websites").respond(json={"websites": websites})
    server.get("/query/types").respond(json={"types": ["top_pages"], "configs": {}})
    body = Pieces(b"half", breaks=True)
    server.post("/export").mock(return_value=httpx.Response(200, headers=CSV, stream=body))
    file = tmp_path / "pages.csv"
    file.write_text("whole")
    account = {"api_key": key, "base_url": base_url, "query_types": ["pages"]}
    with pytest.raises(Unreachable):
        export(file, DAY, DAY, Settings.of(**account))
    assert [path.name for path in tmp_path.iterdir()] == ["pages.csv"]
    assert file.read_text() == "whole"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (httpx.Response(404, json={"error": "Not found"}), NoSuchAddress, "HTTP 404"),
        (httpx.Response(401, json={"code": "AUTH_REQUIRED"}), KeyRejected, "rejects the key"),
        (httpx.Response(400, json={"error": "no such type"}), RequestRefused, "no such type"),
        (httpx.Response(200, html="<html>Log in</html>"), NotTheApi, "an HTML page"),
        (
            httpx.Response(200, json={"success": False, "error": "too long"}),
            UnexpectedAnswer,
            "too long",
        ),
        (httpx.Response(200, json=[{"name": "/"}]), UnexpectedAnswer, "not a file"),
    ],
)
def test_what_is_no_file_is_an_error(
    answer: httpx.Response,
    kind: type[DatabuddyError],
    words: str,
    server: respx.MockRouter,
    client: Client,
    key: str,
) -> None:
    server.post("/export").mock(return_value=answer)
    with pytest.raises(kind, match=words) as caught:
        exported(client)
    assert type(caught.value) is kind
    assert "https://databuddy.test/v1/export, website web_1" in str(caught.value)
    assert key not in str(caught.value)


def test_json_is_a_file_where_it_was_asked_for(server: respx.MockRouter, client: Client) -> None:
    server.post("/export").respond(json=[{"name": "/"}])
    body = BODY.model_copy(update={"format": ExportFormat.JSON})
    assert json.loads(b"".join(exported(client, body))) == [{"name": "/"}]
