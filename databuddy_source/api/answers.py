"""HTTP answers to values or errors: statuses, codes and envelopes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import httpx
import msgspec

from databuddy_source.api.limits import seconds_to_wait
from databuddy_source.api.models import (
    ErrorAnswer,
    ParameterResult,
    QueryAnswer,
    QueryBody,
    Thrown,
)
from databuddy_source.errors import (
    AccessDenied,
    DatabuddyError,
    KeyRejected,
    MissingScope,
    NoSuchAddress,
    NotInPlan,
    NotTheApi,
    RateLimited,
    RequestRefused,
    ServerFailed,
    ServiceUnavailable,
    Skippable,
    TimedOut,
    TooLarge,
    UnexpectedAnswer,
    UnknownQueryType,
    WebsiteNotAccessible,
    Where,
)

CODES: dict[str, type[DatabuddyError]] = {
    # documented
    "AUTH_REQUIRED": KeyRejected,
    "WEBSITE_NOT_FOUND": WebsiteNotAccessible,
    "INVALID_QUERY_TYPE": UnknownQueryType,
    "VALIDATION_ERROR": RequestRefused,
    "RATE_LIMIT_EXCEEDED": RateLimited,
    "INTERNAL_SERVER_ERROR": ServerFailed,
    "CLIENT_ACCESS_DENIED": WebsiteNotAccessible,
    "INSUFFICIENT_SCOPE": MissingScope,
    "FORBIDDEN_OPERATION": MissingScope,
    # met
    "ACCESS_DENIED": WebsiteNotAccessible,
    "RATE_LIMITED": RateLimited,
    "VALIDATION": RequestRefused,
    "FEATURE_UNAVAILABLE": NotInPlan,
    "PLAN_LIMIT_EXCEEDED": NotInPlan,
}
"""The API's codes and what they ask of the caller."""

_STATUSES: dict[int, type[DatabuddyError]] = {
    401: KeyRejected,
    402: NotInPlan,
    403: WebsiteNotAccessible,
    404: NoSuchAddress,
    408: TimedOut,
    429: RateLimited,
}

SENTENCES: dict[type[DatabuddyError], str] = {
    KeyRejected: "The server rejects the key",
    MissingScope: "The key may not do this",
    NotInPlan: "The plan does not include this",
    WebsiteNotAccessible: "The website does not exist or the key may not see it",
    UnknownQueryType: "The server does not know a query type",
    RequestRefused: "The server refuses the request",
    RateLimited: "The server limits the rate of requests",
    ServerFailed: "The server failed",
    ServiceUnavailable: "The server is closed for a while",
    TimedOut: "The server gave up waiting",
    NotTheApi: "There is no API at this address",
    NoSuchAddress: "There is no API at this address",
}


_REPLACEMENT = "\ufffd"

LARGEST_DECODED = 400 * 1024**2
"""Bytes that the values of an answer may take, by `decoded_size`. All of a run beside them stays
below 800 MB."""

LARGEST_ERROR = 1024**2
"""Bytes of an answer in which a code of an error is looked for."""

SIZES = {b"{": 200, b"[": 88, b",": 40, b'"': 36}
"""Bytes that a value takes in Python at most, by the character that gives it away: an object with
its table, a list, a number with its place, half of a short text."""

_UNKNOWN = re.compile(r"[Uu]nknown query type:? ['\"]?([\w.-]+)")
"""How servers since 2026 name a type for which they refuse a whole request."""


def check(answer: httpx.Response, where: Where, wall: float) -> None:
    """Raise the error that an HTTP answer stands for, if it is one.

    Args:
        answer: read to its end.
        where: the place, completed with the answer's request id.
        wall: our clock, seconds since 1970, for absolute times in rate limits.

    Raises:
        DatabuddyError: of the class that the code, else the status, asks for.
    """
    status = answer.status_code
    if status < 300:
        return
    if status < 400:
        target = httpx.URL(answer.headers.get("location", "")).host or "another path"
        raise NotTheApi(f"The server redirects to {target}, which is not followed", where=where)
    told = _envelope(answer)
    where = Where(where.url, where.website, where.report, where.window, told.requestId)
    fallback = ServerFailed if status >= 500 else RequestRefused
    kind = CODES.get(told.code) or _STATUSES.get(status, fallback)
    says_when = "retry-after" in answer.headers or told.retryAfter is not None
    if status == 503 and says_when:
        kind = ServiceUnavailable
    page = _page(answer)
    if page and issubclass(kind, AccessDenied | Skippable):
        kind = NotTheApi  # a proxy's no says nothing about the key or the website
    what = SENTENCES[kind] + f" (HTTP {status}" + (f", {told.code})" if told.code else ")")
    detail = _without_secret(_detail(told), answer)[:500] or page
    what = f"{what}: {detail}" if detail else what
    if issubclass(kind, RateLimited | ServiceUnavailable):
        later = kind(what, where=where, code=told.code)
        later.retry_after = seconds_to_wait(answer.headers, told.retryAfter, wall)
        raise later
    refused = issubclass(kind, RequestRefused | UnknownQueryType)
    if refused and (unknown := _UNKNOWN.findall(_detail(told))):
        gone = UnknownQueryType(what, where=where, code=told.code)
        gone.names = frozenset(unknown)
        raise gone
    raise kind(what, where=where, code=told.code)


def read_json(answer: httpx.Response, where: Where) -> object:
    """The JSON of a successful answer.

    Raises:
        NotTheApi: an empty body, or text that is not JSON.
        TooLarge: its values would take more than `LARGEST_DECODED`, or are nested about a thousand
            times.
        UnexpectedAnswer: JSON that says `success: false`.
    """
    if not answer.content or answer.content.isspace():
        raise NotTheApi(f"The server sent an empty answer (HTTP {answer.status_code})", where=where)
    if decoded_size(answer.content) > LARGEST_DECODED:
        megabytes = LARGEST_DECODED // 1024**2
        raise TooLarge(f"The answer would take more than {megabytes} MB of memory", where=where)
    try:
        data = _decode(answer.content)
    except RecursionError:
        raise TooLarge("The server sent JSON that is nested too deeply", where=where) from None
    except ValueError:
        page = _page(answer) or "text that is not JSON, or JSON that is cut off"
        raise NotTheApi(
            f"The server sent {page} (HTTP {answer.status_code})", where=where
        ) from None
    if isinstance(data, dict) and data.get("success") is False and "data" not in data:
        reason = _without_secret(str(data.get("error")), answer)
        raise UnexpectedAnswer(f"The server reports a failure: {reason}", where=where)
    return data


def by_id(
    bodies: Sequence[QueryBody], answers: Sequence[QueryAnswer]
) -> dict[str, ParameterResult]:
    """The answers to the parameters of a request, by their ids; one that the server left out is
    missing.

    Args:
        bodies: that were sent; ids differ over all of them.
        answers: one for each body, in any order.
    """
    results: dict[str, ParameterResult] = {}
    limits = {parameter.id: body.limit for body in bodies for parameter in body.parameters}
    # why a body has no answer, by its id or, where that is missing, its first question's
    reasons: dict[str, str] = {}
    for answer in answers:
        if not answer.success:
            reasons[answer.queryId] = answer.error or "refused"
        told = answer.limit
        for result in answer.data:
            if isinstance(result.parameter, str):
                id_ = result.parameter
                if told and told < limits.get(id_, 0):
                    result = result.within(told)
                if not answer.success:
                    result = Thrown(parameter=id_, error=result.error or reasons[answer.queryId])
                elif results.get(id_, result) != result:
                    result = ParameterResult(parameter=id_, error="the server gives two answers")
                results[id_] = result
            else:
                named = answer.queryId or str(result.parameter.get("id"))
                reasons[named] = result.error or "the server gives no reason"
    for body in bodies:
        reason = reasons.get(body.id) or reasons.get(body.parameters[0].id)
        if reason:
            for id_ in (parameter.id for parameter in body.parameters):
                results.setdefault(id_, Thrown(parameter=id_, error=reason))
    return results


def decoded_size(content: bytes) -> int:
    """Bytes that the values of a JSON text take at most, where they take much more than the text:
    a bound for whatever a server sends, and up to twice of what rows of a report take. Counting
    takes a fraction of the time of decoding.

    Args:
        content: that need not be JSON.
    """
    return len(content) + sum(size * content.count(sign) for sign, size in SIZES.items())


def _decode(content: bytes) -> object:
    try:
        # the fastest way to rows (docs/performance.md), and numbers beyond 64 bits stay whole
        data: object = msgspec.json.decode(content)
    except (ValueError, msgspec.DecodeError):  # which older ones do not derive from the other
        # it is strict; names with half a surrogate pair and NaN are met all the same
        return _storable(json.loads(content, parse_constant=str))
    return _storable(data) if b"\\u0000" in content else data


def _storable(data: object) -> object:
    """JSON whose texts each warehouse, file and terminal takes: U+FFFD stands where a zero byte or
    half of a surrogate pair was. Changed in place, step by step, since it may be nested deeply."""
    whole = [data]
    left: list[object] = [whole]
    while left:
        part = left.pop()
        if isinstance(part, list):
            part[:] = [_whole(each) if isinstance(each, str) else each for each in part]
            left += [each for each in part if isinstance(each, list | dict)]
        elif isinstance(part, dict):
            before = dict(part)
            part.clear()
            for key, value in before.items():
                name = _whole(key)
                while name in part or (name != key and name in before):  # none shall hide another
                    name += _REPLACEMENT
                part[name] = _whole(value) if isinstance(value, str) else value
            left += [each for each in part.values() if isinstance(each, list | dict)]
    return whole[0]


def _whole(text: str) -> str:
    paired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return paired.replace("\0", _REPLACEMENT)


def _envelope(answer: httpx.Response) -> ErrorAnswer:
    try:
        data = _decode(answer.content) if len(answer.content) <= LARGEST_ERROR else None
        return ErrorAnswer.model_validate(data if isinstance(data, dict) else {})
    except (ValueError, RecursionError):  # no JSON, or not of this form
        return ErrorAnswer()


def _detail(told: ErrorAnswer) -> str:
    """The server's own words, with its suggestions."""
    words = [str(text) for text in (told.error or told.message,) if text]
    if isinstance(told.details, list):
        for item in told.details:
            if isinstance(item, dict):
                parts = [str(item.get(k)) for k in ("field", "message", "suggestion")]
                words.append(", ".join(part for part in parts if part != "None"))
    return "; ".join(words)


def _without_secret(text: str, answer: httpx.Response) -> str:
    """Servers repeat what they refuse: "Invalid key: ..."."""
    for name in ("x-api-key", "cookie"):
        if secret := answer.request.headers.get(name):
            text = text.replace(secret, "***")
    return text


def _page(answer: httpx.Response) -> str:
    head = answer.content[:200].lstrip().lower()
    if head.startswith((b"<!doctype", b"<html")):
        return "an HTML page, so a proxy or a website answered instead of the API"
    return ""
