"""The key is in no message, no log and no repr, and goes to no other host."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import httpx
import pytest
import respx
from dlt.common.configuration import is_secret_hint

from databuddy_source.api.budget import Budget, Clock
from databuddy_source.api.client import Client
from databuddy_source.api.credential import Credential
from databuddy_source.api.models import ParameterResult
from databuddy_source.api.server import run_alone
from databuddy_source.cli.failures import sentence_and_code
from databuddy_source.config.keys import HIDDEN
from databuddy_source.config.resolve import configured
from databuddy_source.config.settings import Settings
from databuddy_source.config.spec import SPEC
from databuddy_source.errors import BadSetting, DatabuddyError, NotTheApi
from tests.api.bodies import OnTheLine

Ask = Callable[..., Coroutine[Any, Any, dict[str, ParameterResult]]]
Outcome = httpx.Response | Exception


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error with all that it came from, also what a traceback leaves out."""
    yield error
    for earlier in (error.__cause__, error.__context__):
        if earlier is not None:
            yield from chain(earlier)


def told(error: BaseException) -> str:
    """Everything that an error may say to a screen or a log."""
    words = ["".join(traceback.format_exception(error)), *sentence_and_code(error)[:1]]
    for each in chain(error):
        words += [str(each), repr(each), repr(each.args), *getattr(each, "__notes__", [])]
        if isinstance(each, DatabuddyError):
            words.append(repr(vars(each)))
    return "\n".join(words)


FAILURES = [
    pytest.param(httpx.Response(401, json={"code": "AUTH_REQUIRED"}), id="rejected"),
    pytest.param(httpx.Response(403, json={"code": "ACCESS_DENIED"}), id="no access"),
    pytest.param(httpx.Response(400, json={"code": "VALIDATION_ERROR"}), id="refused"),
    pytest.param(httpx.Response(429), id="limited"),
    pytest.param(httpx.Response(500), id="failing"),
    pytest.param(httpx.Response(502, html="<html>"), id="proxy"),
    pytest.param(httpx.Response(200, text="{"), id="cut off"),
    pytest.param(httpx.Response(200, json={"websites": [{}], "data": [{}]}), id="another shape"),
    pytest.param(httpx.Response(302, headers={"location": "https://else.test"}), id="redirect"),
    pytest.param(httpx.ConnectError("refused"), id="no connection"),
    pytest.param(httpx.ReadTimeout("slow"), id="timeout"),
    pytest.param(httpx.RemoteProtocolError("hung up"), id="hung up"),
    pytest.param(
        httpx.Response(200, headers={"content-encoding": "gzip"}, stream=OnTheLine(b"no gzip")),
        id="broken compression",
    ),
    pytest.param(ValueError("a mistake in this code"), id="a mistake"),
]


@pytest.mark.parametrize("outcome", FAILURES)
def test_no_failure_tells_the_key(
    server: respx.MockRouter,
    client: Client,
    key: str,
    one_question: Ask,
    caplog: pytest.LogCaptureFixture,
    outcome: Outcome,
) -> None:
    caplog.set_level(logging.DEBUG)
    if isinstance(outcome, Exception):
        server.route().mock(side_effect=outcome)
    else:
        server.route().mock(return_value=outcome)
    for work in (client.websites, lambda: one_question(client)):
        with pytest.raises((DatabuddyError, ValueError)) as caught:
            asyncio.run(work())
        words = told(caught.value)
        assert type(caught.value).__name__ in words
        assert key not in words
    assert key not in caplog.text


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"error": "Invalid API key: {}", "code": "AUTH_REQUIRED"}),
        (400, {"error": "x" * 490 + " {}"}),
        (400, {"error": "no", "details": [{"field": "x-api-key", "message": "{} is wrong"}]}),
        (500, {"message": "no user for {}"}),
        (200, {"success": False, "error": "Invalid API key: {}"}),
    ],
)
def test_a_server_that_repeats_the_key_is_not_quoted(
    server: respx.MockRouter, client: Client, key: str, status: int, body: dict[str, Any]
) -> None:
    content = httpx.Response(200, json=body).text.replace("{}", key)
    server.get("/query/websites").respond(status, content=content)
    with pytest.raises(DatabuddyError) as caught:
        asyncio.run(client.websites())
    words = told(caught.value)
    assert not [length for length in range(16, len(key)) if key[:length] in words]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target", ["https://evil.test/v1/query", "http://databuddy.test/v1/query", "//evil.test/"]
)
def test_the_key_is_never_sent_on_to_where_a_server_redirects(
    server: respx.MockRouter,
    client: Client,
    one_question: Ask,
    status: int,
    target: str,
) -> None:
    server.route(url="/query/websites").respond(status, headers={"location": target})
    server.route(url="/query").respond(status, headers={"location": target})
    for work in (client.websites, lambda: one_question(client)):
        with pytest.raises(NotTheApi, match="which is not followed"):
            asyncio.run(work())
    assert [call.request.url.host for call in server.calls] == ["databuddy.test"] * 2
    assert {call.request.url.scheme for call in server.calls} == {"https"}


def test_no_repr_shows_the_key(key: str, client: Client, budget: Budget) -> None:
    credential = Credential(key, f"session={key}")
    settings = Settings.of(api_key=key, session_cookie=f"session={key}")
    for each in (credential, settings, settings.credential, client, budget):
        assert key not in repr(each)
        assert key not in str(each)
        assert key not in f"{each}"


@pytest.mark.parametrize("around", ['"{}"', "'{}'", "Bearer {}", "{}`", "key {}"])
def test_a_key_with_something_around_it_is_refused_without_showing_it(
    base_url: str, key: str, budget: Budget, around: str
) -> None:
    with pytest.raises(BadSetting, match="quotes, or a word such as Bearer") as caught:
        Client(base_url, Credential(around.format(key)), budget)
    assert key not in str(caught.value)


SPOILED = ["{}\n", " {}", "{}\t", "{}\nsecond line", "{}\r\nx-other: 1", "{}\u00e9", "\ufeff{}"]


@pytest.mark.parametrize("spoiled", SPOILED)
@pytest.mark.parametrize("setting", ["api_key", "session_cookie"])
def test_a_key_that_cannot_be_sent_is_refused_without_showing_it(
    base_url: str, key: str, budget: Budget, setting: str, spoiled: str
) -> None:
    with pytest.raises(BadSetting, match=f"{setting} is wrong: it has a line break") as caught:
        Client(base_url, Credential(**{setting: spoiled.format(key)}), budget)
    assert key not in told(caught.value)


WRONG = [
    {"timezone": "Mars"},
    {"websites": 5},
    {"base_url": "http://databuddy.test"},
    {"until": "2026-10-08"},
    {"requests_per_minute": "many"},
    {"time_zone": "UTC"},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_wrong_setting_does_not_bring_the_key_into_the_message(
    key: str, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(DatabuddyError) as caught:
        Settings.of(api_key=key, session_cookie=f"session={key}", **wrong)
    assert key not in told(caught.value)
    assert key not in caplog.text


@pytest.mark.parametrize("address", ["https://me:{}@host", "https://{}@host", "https://host?k={}"])
def test_a_key_in_the_address_is_not_shown_either(key: str, address: str) -> None:
    with pytest.raises(BadSetting, match="must be an address alone") as caught:
        Settings.of(base_url=address.format(key))
    assert key not in told(caught.value)


def test_a_key_under_a_misspelled_name_is_not_shown(key: str) -> None:
    with pytest.raises(BadSetting, match="apikey is not a setting") as caught:
        Settings.of(apikey=key)
    assert key not in told(caught.value)


def test_a_key_in_the_place_of_a_credential_is_not_shown(key: str) -> None:
    wrong: Any = key
    with pytest.raises(BadSetting, match="credential") as caught:
        Settings(credential=wrong)
    assert key not in told(caught.value)


def test_a_wrong_setting_found_by_dlt_does_not_show_the_key(
    key: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SOURCES__DATABUDDY__API_KEY", key)
    monkeypatch.setenv("SOURCES__DATABUDDY__TIMEZONE", "Mars")
    with pytest.raises(BadSetting) as caught:
        configured()
    assert key not in told(caught.value)
    assert key not in caplog.text


@pytest.mark.parametrize("wrong", [{"timezone": "Mars"}, {"shared_budget_workers": 0}], ids=str)
def test_the_address_of_a_shared_budget_is_not_shown(
    key: str, wrong: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"redis://:{key}@host"
    with pytest.raises(BadSetting) as caught:
        Settings.of(shared_budget=address, **wrong)
    assert key not in told(caught.value)
    monkeypatch.setenv("SOURCES__DATABUDDY__SHARED_BUDGET", f"other{address}")
    with pytest.raises(BadSetting, match=r"shared_budget = \*\*\* is wrong: must begin") as caught:
        configured()
    assert key not in told(caught.value)


def test_dlt_keeps_no_secret_in_a_trace() -> None:
    hints = SPEC.get_resolvable_fields()
    assert {name for name, hint in hints.items() if is_secret_hint(hint)} == set(HIDDEN)


def test_no_logger_writes_the_key_down_even_at_its_chattiest(
    loopback: Callable[[bytes], str], key: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A real connection, so that httpx and httpcore log all they have."""
    for name in (None, "httpx", "httpcore"):  # Airflow, once imported, quietens them
        caplog.set_level(logging.DEBUG, name)
    base_url = loopback(b'HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{"websites": []}')

    async def ask() -> None:
        async with Client(base_url, Credential(key), Budget(10), clock) as client:
            await client.websites()
            await client.health()

    run_alone(ask)
    logged = {record.name.split(".")[0] for record in caplog.records}
    assert {"httpx", "httpcore"} <= logged
    for record in caplog.records:
        assert key not in record.getMessage()
        assert key not in repr(record.args)
