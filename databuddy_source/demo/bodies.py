"""What `POST /v1/query` was sent, read the way each generation reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from databuddy_source.demo.filters import Filter, operators, read_filter
from databuddy_source.demo.queries import Generation, queries
from databuddy_source.demo.windows import is_readable

DEFAULT_LIMIT = 100
MAX_LIMIT: Mapping[Generation, int] = {"2026": 10_000, "2025": 1_000}


class RefusedError(Exception):
    """The request as a whole is answered with an error. `details` are (field, message) pairs."""

    def __init__(
        self, status: int, code: str, message: str, details: Sequence[tuple[str, str]] = ()
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One thing asked for.

    Dates are text as it came; None means the body's or the query string's.
    """

    name: str
    id: str
    start: str | None
    end: str | None
    granularity: str


@dataclass(frozen=True, slots=True)
class Body:
    """One query. `raw_parameters` goes back to the client unchanged."""

    id: str
    parameters: tuple[Parameter, ...]
    start: str | None
    end: str | None
    limit: int
    page: int
    filters: tuple[Filter, ...]
    raw_parameters: Sequence[object]


def read_bodies(
    document: object, query_string: Mapping[str, str], generation: Generation
) -> tuple[tuple[Body, ...], bool]:
    """The queries of a request, and whether they came as an array.

    Raises RefusedError when any of them is invalid: one bad body spoils the whole array.
    """
    if isinstance(document, list):
        read = tuple(
            _read(body, query_string, generation, prefix=f"batch[{i}].")
            for i, body in enumerate(document)
        )
        return read, True
    return (_read(document, query_string, generation, prefix=""),), False


def _read(
    document: object, query_string: Mapping[str, str], generation: Generation, prefix: str
) -> Body:
    body = _of_right_types(document, generation)
    parameters = tuple(
        _parameter(item, body.get("granularity") or "daily") for item in body["parameters"]
    )
    if generation == "2026":
        # The body's dates count; the query string's are ignored.
        start, end = body.get("startDate"), body.get("endDate")
        problems = _problems_2026(body, parameters, start, end)
    else:
        start = query_string.get("start_date") or query_string.get("startDate")
        end = query_string.get("end_date") or query_string.get("endDate")
        problems = _problems_2025(body)
    problems += [
        (f"filters[{i}].op", f"Unknown filter operator: {given['op']}")
        for i, given in enumerate(body.get("filters") or [])
        if given["op"] not in operators(generation)
    ]
    if problems:
        details = [(prefix + field, message) for field, message in problems]
        raise RefusedError(
            400 if generation == "2026" else 422, "VALIDATION_ERROR", details[0][1], details
        )
    return Body(
        id=body.get("id") or "",
        parameters=parameters,
        start=start,
        end=end,
        limit=body.get("limit") or DEFAULT_LIMIT,
        page=body.get("page") or 1,
        filters=tuple(
            read_filter(f["field"], f["op"], f.get("value")) for f in body.get("filters") or []
        ),
        raw_parameters=body["parameters"],
    )


def _of_right_types(document: object, generation: Generation) -> dict[str, Any]:
    """The body, when every value has the JSON type the server's schema wants."""
    body = document if isinstance(document, dict) else {}
    texts = all(
        isinstance(body.get(name), str | None)
        for name in ("id", "startDate", "endDate", "granularity", "timeZone")
    )
    numbers = all(isinstance(body.get(name), int | None) for name in ("limit", "page")) and not any(
        isinstance(body.get(name), bool) for name in ("limit", "page")
    )
    parameters = body.get("parameters")
    listed = isinstance(parameters, list) and all(_is_parameter(item) for item in parameters)
    filters = body.get("filters")
    filtered = filters is None or (
        isinstance(filters, list) and all(_is_filter(item) for item in filters)
    )
    if isinstance(document, dict) and texts and numbers and listed and filtered:
        return document
    if generation == "2026":
        raise RefusedError(500, "VALIDATION", "Expected union value")
    raise RefusedError(422, "VALIDATION_ERROR", "Expected union value")


def _is_parameter(item: object) -> bool:
    if isinstance(item, dict):
        optional = (item.get(name) for name in ("id", "start_date", "end_date", "granularity"))
        return isinstance(item.get("name"), str) and all(
            isinstance(value, str | None) for value in optional
        )
    return isinstance(item, str)


def _is_filter(item: object) -> bool:
    return (
        isinstance(item, dict)
        and isinstance(item.get("field"), str)
        and isinstance(item.get("op"), str)
    )


def _parameter(item: Any, granularity: str) -> Parameter:
    if isinstance(item, str):
        return Parameter(item, item, None, None, granularity)
    name: str = item["name"]
    return Parameter(
        name,
        item.get("id") or name,
        item.get("start_date") or None,
        item.get("end_date") or None,
        item.get("granularity") or granularity,
    )


def _problems_2026(
    body: Mapping[str, Any], parameters: Sequence[Parameter], start: str | None, end: str | None
) -> list[tuple[str, str]]:
    problems = [] if parameters else [("parameters", "At least one parameter is required")]
    known = queries("2026")
    problems += [
        (f"parameters[{i}]", f"Unknown query type: {parameter.name}")
        for i, parameter in enumerate(parameters)
        if parameter.name not in known
    ]
    for field, text in (("startDate", start), ("endDate", end)):
        if not text:
            problems.append((field, f"{field} is required"))
        elif not is_readable(text):
            problems.append((field, f"Invalid date: {text}. Could not parse as a valid date"))
    for i, parameter in enumerate(parameters):
        for field, text in (("start_date", parameter.start), ("end_date", parameter.end)):
            if text and not is_readable(text):
                problems.append(
                    (
                        f"parameters[{i}].{field}",
                        f"Invalid date: {text}. Could not parse as a valid date",
                    )
                )
    limit, page = body.get("limit"), body.get("page")
    if limit is not None and limit < 1:
        problems.append(("limit", "Limit must be at least 1"))
    if limit is not None and limit > MAX_LIMIT["2026"]:
        problems.append(("limit", f"Limit cannot exceed {MAX_LIMIT['2026']}"))
    if page is not None and page < 1:
        problems.append(("page", "Page must be at least 1"))
    return problems


def _problems_2025(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    # A limit over 1,000 is not refused here: it fails each parameter.
    return [
        (field, f"Expected number to be greater or equal to 1: {field}")
        for field in ("limit", "page")
        if body.get(field) is not None and body[field] < 1
    ]
