"""What `POST /v1/query` was sent, read the way each generation reads it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from databuddy_source.demo.filters import Filter, read_filter
from databuddy_source.demo.generations import Behaviour
from databuddy_source.demo.windows import is_readable

DEFAULT_LIMIT = 100


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
    document: object,
    query_string: Mapping[str, str],
    of: Behaviour,
    known: Collection[str],
) -> tuple[tuple[Body, ...], bool]:
    """The queries of a request, and whether they came as an array. `known` are the query types.

    Raises RefusedError when any of them is invalid: one bad body spoils the whole array.
    """
    if isinstance(document, list):
        read = tuple(
            _read(body, query_string, of, known, prefix=f"batch[{i}].")
            for i, body in enumerate(document)
        )
        return read, True
    return (_read(document, query_string, of, known, prefix=""),), False


def _read(
    document: object,
    query_string: Mapping[str, str],
    of: Behaviour,
    known: Collection[str],
    prefix: str,
) -> Body:
    body = _of_right_types(document, of)
    parameters = tuple(
        _parameter(item, body.get("granularity") or "daily") for item in body["parameters"]
    )
    problems: list[tuple[str, str]] = []
    if of.refuses_in_advance:
        problems += _unknown_types(parameters, known)
    if of.dates_in_body:
        start, end = body.get("startDate"), body.get("endDate")
        problems += _unreadable_dates(start, end, parameters if of.own_date_refuses else ())
    else:
        start = query_string.get("start_date") or query_string.get("startDate")
        end = query_string.get("end_date") or query_string.get("endDate")
    problems += _out_of_range(body, of)
    problems += [
        (f"filters[{i}].op", f"Unknown filter operator: {given['op']}")
        for i, given in enumerate(body.get("filters") or [])
        if given["op"] not in of.operators
    ]
    if problems:
        details = [(prefix + field, message) for field, message in problems]
        raise RefusedError(of.invalid_status, "VALIDATION_ERROR", details[0][1], details)
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


def _of_right_types(document: object, of: Behaviour) -> dict[str, Any]:
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
    raise RefusedError(*of.wrong_type, "Expected union value")


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


def _unknown_types(
    parameters: Sequence[Parameter], known: Collection[str]
) -> list[tuple[str, str]]:
    problems = [] if parameters else [("parameters", "At least one parameter is required")]
    return problems + [
        (f"parameters[{i}]", f"Unknown query type: {parameter.name}")
        for i, parameter in enumerate(parameters)
        if parameter.name not in known
    ]


def _unreadable_dates(
    start: str | None, end: str | None, parameters: Sequence[Parameter]
) -> list[tuple[str, str]]:
    problems = []
    given: list[tuple[str, str | None]] = [("startDate", start), ("endDate", end)]
    problems += [(field, f"{field} is required") for field, text in given if not text]
    for i, parameter in enumerate(parameters):
        given.append((f"parameters[{i}].start_date", parameter.start))
        given.append((f"parameters[{i}].end_date", parameter.end))
    return problems + [
        (field, f"Invalid date: {text}. Could not parse as a valid date")
        for field, text in given
        if text and not is_readable(text)
    ]


def _out_of_range(body: Mapping[str, Any], of: Behaviour) -> list[tuple[str, str]]:
    problems = [
        (field, of.too_small.format(field=field, label=field.capitalize()))
        for field in ("limit", "page")
        if body.get(field) is not None and body[field] < 1
    ]
    # Where limits are not refused in advance, they fail each parameter.
    if of.refuses_in_advance and (body.get("limit") or 0) > of.max_limit:
        problems.append(("limit", f"Limit cannot exceed {of.max_limit}"))
    return problems
