"""Every failure that a person can meet: what happened, where, and what to do, in their words."""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from databuddy_source import errors
from databuddy_source.api.answers import CODES
from databuddy_source.api.budget import Budget
from databuddy_source.api.client import Client
from databuddy_source.api.credential import Credential
from databuddy_source.api.models import ParameterResult
from databuddy_source.api.server import first_contact
from databuddy_source.cli.failures import sentence_and_code
from databuddy_source.cli.program import Exit
from databuddy_source.errors import (
    AccessDenied,
    BadAnswer,
    BadConfiguration,
    BadSetting,
    DatabuddyError,
    Fatal,
    FileInUse,
    IncompleteLoad,
    InsecureAddress,
    KeyRejected,
    MissingScope,
    NoKey,
    NoSuchAddress,
    NothingLoaded,
    NotIncluded,
    NotInPlan,
    NotTheApi,
    NoWebsites,
    RateLimited,
    RequestRefused,
    Retriable,
    ServerFailed,
    Skippable,
    TimedOut,
    TooLarge,
    UnexpectedAnswer,
    UnknownQueryType,
    Unreachable,
    WebsiteNotAccessible,
    Where,
)
from tests.api.bodies import OnTheLine, a_body

Ask = Callable[..., Coroutine[Any, Any, dict[str, ParameterResult]]]
Outcome = httpx.Response | Exception

WEBSITES = "https://databuddy.test/v1/query/websites"
QUERY = "https://databuddy.test/v1/query, website web_1"
DAY = "2026-11-11"
HTML = "<!DOCTYPE html><html><body>Sorry</body></html>"

CHECK_THE_KEY = (
    "Check that the key is complete, not expired and has the scope read:data for the whole "
    "organisation: some servers let in no key of single websites."
)
CHECK_THE_ADDRESS = "Check sources.databuddy.base_url and the network."
CHECK_THE_WAY = "Check sources.databuddy.base_url, and any proxy on the way."
CHECK_THE_WEBSITE = "Check the id under sources.databuddy.websites and what the key may see."
LATER = "Try again later; the request id helps whoever runs the server."
BUSY = "The server may be busy: try again later."
VERSIONS = "If the configuration is right, the server and this version do not match."
REPORT = "The server may be of a version that is not known here; please report it."


def envelope(code: str, error: str, **more: object) -> dict[str, object]:
    return {"success": False, "error": error, "code": code, **more}


# name, what the server does, the class of the error, the whole message; {} is the place
MET: list[tuple[str, Outcome, type[DatabuddyError], str]] = [
    (
        "a rejected key",
        httpx.Response(401, json=envelope("AUTH_REQUIRED", "Authentication required")),
        KeyRejected,
        "The server rejects the key (HTTP 401, AUTH_REQUIRED): Authentication required ({}). "
        + CHECK_THE_KEY,
    ),
    (
        "a key without the scope",
        httpx.Response(403, json=envelope("INSUFFICIENT_SCOPE", "Missing scope read:data")),
        MissingScope,
        "The key may not do this (HTTP 403, INSUFFICIENT_SCOPE): Missing scope read:data ({}). "
        "Give the key the scope read:data in Databuddy's settings.",
    ),
    (
        "a website that the key may not see",
        httpx.Response(
            403,
            json=envelope("ACCESS_DENIED", "Access denied to this website", requestId="req_7"),
        ),
        WebsiteNotAccessible,
        "The website does not exist or the key may not see it (HTTP 403, ACCESS_DENIED): "
        "Access denied to this website ({}, request req_7). " + CHECK_THE_WEBSITE,
    ),
    (
        "an unknown query type, with the server's suggestion",
        httpx.Response(
            400,
            json=envelope(
                "INVALID_QUERY_TYPE",
                "Unknown query type: top_page",
                details=[
                    {
                        "field": "parameters[0]",
                        "message": "Unknown query type: top_page",
                        "suggestion": "Did you mean top_pages?",
                    }
                ],
            ),
        ),
        UnknownQueryType,
        "The server does not know a query type (HTTP 400, INVALID_QUERY_TYPE): Unknown query "
        "type: top_page; parameters[0], Unknown query type: top_page, Did you mean top_pages? "
        "({}). See `discover` for the names that this server has.",
    ),
    (
        "a request that is wrong, with the field and the suggestion",
        httpx.Response(
            400,
            json=envelope(
                "VALIDATION_ERROR",
                "Validation failed",
                requestId="req_8",
                details=[
                    {
                        "field": "startDate",
                        "message": "Invalid date format",
                        "suggestion": "Use YYYY-MM-DD format",
                    },
                    {"field": "limit", "message": "At most 10000"},
                ],
            ),
        ),
        RequestRefused,
        "The server refuses the request (HTTP 400, VALIDATION_ERROR): Validation failed; "
        "startDate, Invalid date format, Use YYYY-MM-DD format; limit, At most 10000 "
        "({}, request req_8). " + VERSIONS,
    ),
    (
        "500 for a wrong JSON type",
        httpx.Response(500, json={"error": "Expected number", "code": "VALIDATION"}),
        RequestRefused,
        "The server refuses the request (HTTP 500, VALIDATION): Expected number ({}). " + VERSIONS,
    ),
    (
        "422 of a 2025 server",
        httpx.Response(422, json={"type": "validation", "on": "body", "message": "Expected array"}),
        RequestRefused,
        "The server refuses the request (HTTP 422): Expected array ({}). " + VERSIONS,
    ),
    (
        "a server that fails",
        httpx.Response(
            500, json=envelope("INTERNAL_SERVER_ERROR", "Something broke", requestId="req_9")
        ),
        ServerFailed,
        "The server failed (HTTP 500, INTERNAL_SERVER_ERROR): Something broke ({}, request req_9). "
        + LATER,
    ),
    (
        "a server that fails without a word",
        httpx.Response(503),
        ServerFailed,
        "The server failed (HTTP 503) ({}). " + LATER,
    ),
    (
        "HTML 502 from a proxy",
        httpx.Response(502, html=HTML),
        ServerFailed,
        "The server failed (HTTP 502): an HTML page, so a proxy or a website answered instead of "
        "the API ({}). " + LATER,
    ),
    (
        "HTML 403 from a proxy",
        httpx.Response(403, html=HTML),
        NotTheApi,
        "There is no API at this address (HTTP 403): an HTML page, so a proxy or a website "
        "answered instead of the API ({}). " + CHECK_THE_WAY,
    ),
    (
        "HTML 200 from a proxy",
        httpx.Response(200, html="\n  <html lang='en'>"),
        NotTheApi,
        "The server sent an HTML page, so a proxy or a website answered instead of the API "
        "(HTTP 200) ({}). " + CHECK_THE_WAY,
    ),
    (
        "an address without an API",
        httpx.Response(404, text="Not Found"),
        NoSuchAddress,
        "There is no API at this address (HTTP 404) ({}). " + CHECK_THE_WAY,
    ),
    (
        "an empty body",
        httpx.Response(200),
        NotTheApi,
        "The server sent an empty answer (HTTP 200) ({}). " + CHECK_THE_WAY,
    ),
    (
        "a body of white space",
        httpx.Response(200, text=" \n"),
        NotTheApi,
        "The server sent an empty answer (HTTP 200) ({}). " + CHECK_THE_WAY,
    ),
    (
        "JSON that is cut off",
        httpx.Response(200, text='{"success": true, "data": [{"parameter": "c0", "da'),
        NotTheApi,
        "The server sent text that is not JSON, or JSON that is cut off (HTTP 200) ({}). "
        + CHECK_THE_WAY,
    ),
    (
        "JSON without a bottom",
        httpx.Response(200, text="[" * 100_000),
        TooLarge,  # what is asked for with it shall not fail, too
        "The server sent JSON that is nested too deeply ({}). "
        "Ask for less at once: another grain, or filters.",
    ),
    (
        "bytes that are no text",
        httpx.Response(200, content=b"\xff\xfe\x00\x01\x80"),
        NotTheApi,
        "The server sent text that is not JSON, or JSON that is cut off (HTTP 200) ({}). "
        + CHECK_THE_WAY,
    ),
    (
        "a redirect to another host",
        httpx.Response(302, headers={"location": "https://login.test/?next=/v1"}),
        NotTheApi,
        "The server redirects to login.test, which is not followed ({}). " + CHECK_THE_WAY,
    ),
    (
        "a redirect on the same host",
        httpx.Response(308, headers={"location": "/v2/query"}),
        NotTheApi,
        "The server redirects to another path, which is not followed ({}). " + CHECK_THE_WAY,
    ),
    (
        "a failure inside of a success",
        httpx.Response(200, json={"success": False, "error": "Database is away"}),
        UnexpectedAnswer,
        "The server reports a failure: Database is away ({}). " + REPORT,
    ),
    (
        "no connection",
        httpx.ConnectError("All connection attempts failed"),
        Unreachable,
        "The server cannot be reached: All connection attempts failed ({}). " + CHECK_THE_ADDRESS,
    ),
    (
        "https to a server of http",
        httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1016)"),
        Unreachable,
        "The server cannot be reached: it speaks http at this address, and not https ({}). "
        + CHECK_THE_ADDRESS,
    ),
    (
        "a connection that nobody accepts",
        httpx.ConnectTimeout(""),
        Unreachable,
        "No connection in 5 s ({}). " + CHECK_THE_ADDRESS,
    ),
    (
        "a connection that breaks without a word",
        httpx.ReadError(""),
        Unreachable,
        "The server cannot be reached: ReadError ({}). " + CHECK_THE_ADDRESS,
    ),
    (
        "a server that hangs up",
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        Unreachable,
        "The server cannot be reached: Server disconnected without sending a response ({}). "
        + CHECK_THE_ADDRESS,
    ),
    (
        "a proxy that refuses",
        httpx.ProxyError("407 Proxy Authentication Required"),
        Unreachable,
        "The server cannot be reached: 407 Proxy Authentication Required ({}). "
        + CHECK_THE_ADDRESS,
    ),
    (
        "a gateway that gives up",
        httpx.Response(408),
        TimedOut,
        "The server gave up waiting (HTTP 408) ({}). " + BUSY,
    ),
    (
        "a compressed answer that is broken",
        httpx.Response(200, headers={"content-encoding": "gzip"}, stream=OnTheLine(b"no gzip")),
        NotTheApi,
        "The server sent a compressed answer that is broken ({}). " + CHECK_THE_WAY,
    ),
]


@pytest.mark.parametrize(
    ("outcome", "kind", "message"), [pytest.param(o, k, m, id=name) for name, o, k, m in MET]
)
def test_a_failure_says_what_happened_where_and_what_to_do(
    server: respx.MockRouter,
    client: Client,
    one_question: Ask,
    outcome: Outcome,
    kind: type[DatabuddyError],
    message: str,
) -> None:
    for path, work, place in (
        ("/query/websites", client.websites, WEBSITES),
        ("/query", lambda: one_question(client), QUERY),
    ):
        route = server.route(url=path)
        if isinstance(outcome, Exception):
            route.mock(side_effect=outcome)
        else:
            route.mock(return_value=outcome)
        with pytest.raises(kind) as caught:
            asyncio.run(work())
        # the request id stands behind the place, inside of the brackets
        expected = message.replace("({}", f"({place}")
        assert str(caught.value) == expected
        assert type(caught.value) is kind


def test_a_timeout_says_how_long_was_waited(
    server: respx.MockRouter, client: Client, one_question: Ask
) -> None:
    server.route().mock(side_effect=httpx.ReadTimeout(""))
    with pytest.raises(TimedOut) as first:
        asyncio.run(client.websites())
    assert str(first.value) == f"No answer in 10 s ({WEBSITES}). {BUSY}"
    with pytest.raises(TimedOut) as later:
        asyncio.run(one_question(client))
    assert str(later.value) == f"No answer in 180 s ({QUERY}). {BUSY}"


def test_no_key_says_where_to_put_it(base_url: str, budget: Budget) -> None:
    with pytest.raises(NoKey) as caught:
        Client(base_url, Credential(), budget)
    assert str(caught.value) == (
        "No API key is configured. Run `init`, or set SOURCES__DATABUDDY__API_KEY, or api_key "
        "under [sources.databuddy] in .dlt/secrets.toml."
    )


def test_a_key_without_websites_is_told_before_anything_is_asked(
    server: respx.MockRouter, client: Client
) -> None:
    server.get("/query/websites").respond(json={"success": True, "websites": [], "total": 0})
    types = server.get("/query/types").respond(json={"types": []})
    with pytest.raises(NoWebsites) as caught:
        asyncio.run(first_contact(client))
    assert str(caught.value) == (
        "The server accepts the key, but the key sees no website. "
        "Give the key access to a website, or to all, in Databuddy's settings."
    )
    assert not types.called


Code = tuple[str, type[DatabuddyError], type[DatabuddyError]]
DOCUMENTED: list[Code] = [
    ("AUTH_REQUIRED", KeyRejected, AccessDenied),
    ("WEBSITE_NOT_FOUND", WebsiteNotAccessible, Skippable),
    ("INVALID_QUERY_TYPE", UnknownQueryType, BadConfiguration),
    ("VALIDATION_ERROR", RequestRefused, Skippable),
    ("RATE_LIMIT_EXCEEDED", RateLimited, Retriable),
    ("INTERNAL_SERVER_ERROR", ServerFailed, Retriable),
    ("CLIENT_ACCESS_DENIED", WebsiteNotAccessible, Skippable),
    ("INSUFFICIENT_SCOPE", MissingScope, AccessDenied),
    ("FORBIDDEN_OPERATION", MissingScope, AccessDenied),
]
SENT_BY_SERVERS: list[Code] = [
    ("ACCESS_DENIED", WebsiteNotAccessible, Skippable),
    ("RATE_LIMITED", RateLimited, Retriable),
    ("VALIDATION", RequestRefused, Skippable),
    ("FEATURE_UNAVAILABLE", NotInPlan, AccessDenied),
    ("PLAN_LIMIT_EXCEEDED", NotInPlan, AccessDenied),
]


@pytest.mark.parametrize("status", [400, 403, 500])
@pytest.mark.parametrize(("code", "kind", "consequence"), DOCUMENTED + SENT_BY_SERVERS)
def test_a_code_decides_whatever_the_status(
    server: respx.MockRouter,
    client: Client,
    code: str,
    kind: type[DatabuddyError],
    consequence: type[DatabuddyError],
    status: int,
) -> None:
    server.get("/query/websites").respond(
        status, json=envelope(code, "Its own words", requestId="req_1")
    )
    with pytest.raises(consequence) as caught:
        asyncio.run(client.websites())
    error = caught.value
    assert type(error) is kind
    assert error.code == code
    assert error.where == Where(url=WEBSITES, request_id="req_1")
    for words in ("Its own words", code, f"HTTP {status}", WEBSITES, "req_1", error.default_todo):
        assert words in str(error)


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({}, {"country"}),
        (
            {
                "details": [
                    {
                        "field": "batch[1].parameters[0]",
                        "message": "Unknown query type: slow_pages",
                    },
                    {"field": "batch[1].limit", "message": "Limit cannot exceed 10000"},
                ]
            },
            {"country", "slow_pages"},
        ),
    ],
)
def test_types_that_the_server_does_not_know_are_named(
    server: respx.MockRouter, client: Client, more: dict[str, Any], names: set[str]
) -> None:
    refused = envelope("VALIDATION_ERROR", "Unknown query type: country", **more)
    server.get("/query/websites").respond(400, json=refused)
    with pytest.raises(UnknownQueryType) as caught:
        asyncio.run(client.websites())
    assert caught.value.names == names


def test_a_key_that_may_not_list_websites_lacks_a_scope_and_no_website(
    server: respx.MockRouter, client: Client
) -> None:
    refusal = envelope("ACCESS_DENIED", "Access denied to this organization")
    server.get("/query/websites").respond(403, json=refusal)
    server.get("/query/types").respond(json={"success": True, "types": []})
    with pytest.raises(MissingScope, match="for the whole organisation") as caught:
        asyncio.run(first_contact(client))
    assert caught.value.what.startswith("The key may not list websites (HTTP 403, ACCESS_DENIED)")


def test_no_code_is_known_that_no_test_names() -> None:
    assert set(CODES) == {code for code, _, _ in DOCUMENTED + SENT_BY_SERVERS}


STATUSES = [
    (400, RequestRefused),
    (401, KeyRejected),
    (402, NotInPlan),
    (403, WebsiteNotAccessible),
    (404, NoSuchAddress),
    (405, RequestRefused),
    (408, TimedOut),
    (413, RequestRefused),
    (422, RequestRefused),
    (429, RateLimited),
    (500, ServerFailed),
    (502, ServerFailed),
    (503, ServerFailed),
    (504, ServerFailed),
    (520, ServerFailed),
]
BODIES = [
    pytest.param(b'{"error": "no"}', id="no code"),
    pytest.param(b'{"error": "no", "code": "NEW_IN_2027"}', id="an unknown code"),
    pytest.param(b'{"error": {"a": 1}, "code": 42, "requestId": 7}', id="a strange envelope"),
    pytest.param(b'["no"]', id="no envelope"),
    pytest.param(b'{"error": "n', id="cut off"),
]


@pytest.mark.parametrize(
    ("status", "kind"), [pytest.param(status, kind, id=str(status)) for status, kind in STATUSES]
)
def test_without_a_body_the_status_decides(
    server: respx.MockRouter, client: Client, status: int, kind: type[DatabuddyError]
) -> None:
    server.get("/query/websites").respond(status)
    with pytest.raises(kind, match=f"HTTP {status}") as caught:
        asyncio.run(client.websites())
    assert type(caught.value) is kind


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(("status", "kind"), [(401, KeyRejected), (500, ServerFailed)])
def test_without_a_known_code_the_status_decides(
    server: respx.MockRouter, client: Client, status: int, kind: type[DatabuddyError], body: bytes
) -> None:
    server.get("/query/websites").respond(status, content=body)
    with pytest.raises(kind, match=f"HTTP {status}") as caught:
        asyncio.run(client.websites())
    assert type(caught.value) is kind


@pytest.mark.parametrize("status", [401, 403, 400, 451])
def test_a_page_of_a_proxy_says_nothing_about_key_or_website(
    server: respx.MockRouter, client: Client, status: int
) -> None:
    server.get("/query/websites").respond(status, html=HTML)
    with pytest.raises(NotTheApi, match="an HTML page, so a proxy"):
        asyncio.run(client.websites())


def test_the_words_of_a_server_that_talks_too_much_are_cut(
    server: respx.MockRouter, client: Client
) -> None:
    server.get("/query/websites").respond(400, json={"error": "blah " * 10_000})
    with pytest.raises(RequestRefused) as caught:
        asyncio.run(client.websites())
    assert len(str(caught.value)) < 800


SHAPES: list[tuple[str, str, object, str]] = [
    ("an array", "/query/websites", [], "the answer: Input should be a valid dict"),
    ("a word", "/query/websites", "yes", "the answer: Input should be a valid dict"),
    ("null", "/query/websites", None, "the answer: Input should be a valid dict"),
    ("no list", "/query/websites", {"success": True}, "websites: Field required"),
    (
        "an object for a list",
        "/query/websites",
        {"websites": {}},
        "websites: Input should be a valid list",
    ),
    (
        "a website without an id",
        "/query/websites",
        {"websites": [{"name": "x"}]},
        "websites.0.id: Field required",
    ),
    (
        "an id that is no text",
        "/query/websites",
        {"websites": [{"id": 7}]},
        "websites.0.id: Input should be a valid string",
    ),
    ("no types", "/query/types", {"configs": {}}, "types: Field required"),
    (
        "a type that is no text",
        "/query/types",
        {"types": [{}]},
        "types.0: Input should be a valid string",
    ),
    ("no data", "/query", {"data": 5}, "data: Input should be a valid list"),
    ("a result without an id", "/query", {"data": [{}]}, "data.0.parameter: Field required"),
    (
        "a success that is no answer",
        "/query",
        {"data": [{"parameter": "c0", "success": "perhaps", "data": []}]},
        "data.0.success: Input should be a valid boolean",
    ),
    ("results of nothing", "/query", {"results": None}, "results: Input should be a valid list"),
    (
        "a result inside of an array",
        "/query",
        {"results": [{"data": []}, {"data": [{"parameter": None}]}]},
        "results.1.data.0.parameter.str: Input should be a valid string (and 1 more)",
    ),
    ("no SQL", "/query/compile", {"params": {}}, "sql: Field required"),
]


@pytest.mark.parametrize(
    ("path", "data", "words"), [pytest.param(p, d, w, id=f"{p}: {n}") for n, p, d, w in SHAPES]
)
def test_an_answer_of_another_shape_is_refused_with_the_field(
    server: respx.MockRouter,
    client: Client,
    one_question: Ask,
    path: str,
    data: object,
    words: str,
) -> None:
    work: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "/query/websites": client.websites,
        "/query/types": client.query_types,
        "/query": lambda: one_question(client),
        "/query/compile": lambda: client.compile("web_1", a_body(DAY), "UTC"),
    }
    route = server.route(url=path).respond(content=json.dumps(data))
    with pytest.raises(UnexpectedAnswer) as caught:
        asyncio.run(work[path]())
    message = str(caught.value)
    assert message.startswith(f"The server's answer is not what the API promises: {words}")
    assert f"https://databuddy.test/v1{path}" in message
    assert message.endswith(REPORT)
    assert route.call_count == 1


def test_more_than_one_wrong_field_is_counted(server: respx.MockRouter, client: Client) -> None:
    server.get("/query/websites").respond(json={"websites": [{}, {}, {}]})
    with pytest.raises(UnexpectedAnswer, match=r"websites\.0\.id: Field required \(and 2 more\)"):
        asyncio.run(client.websites())


def test_the_place_is_completed_by_those_who_know_it() -> None:
    error = ServerFailed("It failed", where=Where(url="https://databuddy.test", website="web_1"))
    same = error.at(website="web_2", report="top_pages", window="2026-11-11")
    assert same is error
    assert str(error) == (
        "It failed (https://databuddy.test, website web_1, report top_pages, window 2026-11-11). "
        + LATER
    )


def every_error() -> list[type[DatabuddyError]]:
    return [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, DatabuddyError)
    ]


@pytest.mark.parametrize("kind", every_error())
def test_each_error_says_what_to_do(kind: type[DatabuddyError]) -> None:
    """Those without a fixed sentence are consequences, or say what is allowed in their own."""
    consequences = {DatabuddyError, BadConfiguration, Fatal, AccessDenied, NotIncluded}
    consequences |= {Retriable, Skippable, BadAnswer}
    assert bool(kind.default_todo) is (kind not in consequences | {BadSetting})
    assert str(kind("Something happened.", "Do this.")) == "Something happened. Do this."


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn: dict[str, str] = {}
    above = ["DatabuddyError"]
    for line in (errors.__doc__ or "").splitlines():
        if "─ " in line:
            branch, words = line.split("─ ")
            depth = branch.removeprefix("    ").index("─") // 4
            name = words.split()[0]
            drawn[name] = above[depth]
            above[depth + 1 :] = [name]
    kinds = set(every_error()) - {DatabuddyError}
    assert drawn == {kind.__name__: kind.__base__.__name__ for kind in kinds if kind.__base__}


def test_all_errors_stand_in_the_tree() -> None:
    names = {each.__name__ for each in every_error()}
    package = Path(errors.__file__).parent
    strays = [
        f"{node.name} in {file.relative_to(package)}"
        for file in package.rglob("*.py")
        if file != Path(errors.__file__)
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        if {getattr(base, "attr", getattr(base, "id", "")) for base in node.bases} & names
    ]
    assert strays == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadSetting("A setting is wrong"), Exit.WRONG_USAGE),
        (UnknownQueryType("No such type"), Exit.WRONG_USAGE),
        (InsecureAddress("Unprotected"), Exit.WRONG_USAGE),
        (KeyRejected("Rejected"), Exit.FAILED),
        (Unreachable("Away"), Exit.FAILED),
        (NotTheApi("A page"), Exit.FAILED),
        (NothingLoaded("No tables"), Exit.WRONG_USAGE),
        (MissingScope("Not yours"), Exit.FAILED),
        (FileInUse("Open elsewhere"), Exit.FAILED),
        (IncompleteLoad("1 cell is not complete"), Exit.INCOMPLETE),
    ],
)
def test_the_sentence_is_found_below_what_others_wrapped_around_it(
    error: DatabuddyError, code: Exit
) -> None:
    def extract() -> None:
        try:
            raise error
        except DatabuddyError as cause:
            raise RuntimeError("extraction failed in pipe") from cause

    with pytest.raises(RuntimeError) as outer:
        extract()
    assert sentence_and_code(outer.value) == (str(error), code)
