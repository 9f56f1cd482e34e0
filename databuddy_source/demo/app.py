"""The routes of the demo server, as an ASGI application."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from databuddy_source.demo.access import Caller, recognise
from databuddy_source.demo.answers import Answers, CellError
from databuddy_source.demo.bodies import RefusedError, read_bodies
from databuddy_source.demo.queries import Generation, Query, queries
from databuddy_source.demo.store import Events

_PRESETS = (
    "today",
    "yesterday",
    "last_7d",
    "last_14d",
    "last_30d",
    "last_90d",
    "this_month",
    "last_month",
)


class Api:
    """What each address answers. `clock` gives the server's now, aware, in UTC."""

    def __init__(
        self,
        generation: Generation,
        events: Events,
        answers: Answers,
        clock: Callable[[], datetime],
    ) -> None:
        self.generation = generation
        self._events = events
        self._answers = answers
        self._clock = clock
        self._numbers = count(1)
        self.app = Starlette(
            routes=[
                Route("/health", self.health),
                Route("/v1/query/websites", self.websites),
                Route("/v1/query/types", self.types),
                Route("/v1/query", self.query, methods=["POST"]),
                Route("/v1/query/compile", self.compile, methods=["POST"]),
                Route("/v1/export", self.export, methods=["POST"]),
            ],
            exception_handlers={RefusedError: self._refused, HTTPException: self._not_found},
        )

    async def health(self, request: Request) -> Response:
        """At the server's root, not under /v1."""
        if self.generation == "2026":
            return JSONResponse({"status": "ok"})
        now = self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        checks = {"clickhouse": True, "database": True, "redis": True}
        return JSONResponse({**checks, "success": True, "version": "1.0.0", "timestamp": now})

    async def websites(self, request: Request) -> Response:
        """The websites of a key or session. It alone proves a key."""
        caller = self._caller(request)
        if caller.listed is None:
            raise RefusedError(401, "AUTH_REQUIRED", "Authentication required")
        listed = [
            {
                "id": website.id,
                "name": website.name,
                "domain": website.domain,
                "isPublic": website.is_public,
                "createdAt": website.created_at,
            }
            for website in caller.listed
        ]
        return self._success({"websites": listed, "total": len(listed)})

    async def types(self, request: Request) -> Response:
        """The query types; anybody may ask."""
        with_meta = request.query_params.get("include_meta") == "true"
        known = queries(self.generation)
        configs = {name: self._config(query, with_meta) for name, query in known.items()}
        answer: dict[str, object] = {"types": list(known), "configs": configs}
        if self.generation == "2026":
            answer["presets"] = list(_PRESETS)
        return self._success(answer)

    async def query(self, request: Request) -> Response:
        """Runs one query, or an array of them."""
        website_id = self._readable(request, request.query_params.get("website_id"))
        bodies, batch = read_bodies(await _document(request), request.query_params, self.generation)
        timezone = _timezone(request.query_params.get("timezone"))
        now = self._now()

        def answer_all() -> list[dict[str, object]]:
            return [
                {"success": True, **self._answers.answer(body, website_id, timezone, now)}
                for body in bodies
            ]

        results = await run_in_threadpool(answer_all)
        return self._success({"batch": True, "results": results} if batch else results[0])

    async def compile(self, request: Request) -> Response:
        """The SQL of a query, not run."""
        document = await _object(request)
        asked = request.query_params.get("website_id") or str(document.get("projectId") or "")
        website_id = self._readable(request, asked) or ""
        name = str(document.get("type"))
        if name not in queries(self.generation):
            raise RefusedError(400, "INVALID_QUERY_TYPE", f"Unknown query type: {name}")
        limit = document.get("limit")
        body, start, end = self._single(document, name, "from", "to", limit)
        bodies, _ = read_bodies(body, {"start_date": start, "end_date": end}, self.generation)
        timezone, now = _timezone(request.query_params.get("timezone")), self._now()
        try:
            cell = self._answers.prepare(bodies[0], website_id, timezone, now)
        except CellError as error:
            raise RefusedError(400, "VALIDATION_ERROR", str(error)) from error
        sql, values = self._answers.compiled(cell, bodies[0], now)
        return self._success({"sql": sql, "params": values})

    async def export(self, request: Request) -> Response:
        """A file. Gone in 2026; before, only for people in the dashboard."""
        if self.generation == "2026":
            raise HTTPException(404)
        if not self._caller(request).dashboard:
            raise RefusedError(401, "AUTH_REQUIRED", "Authentication required")
        document = await _object(request)
        website_id = str(document.get("websiteId") or "")
        name = str(document.get("type"))
        body, start, end = self._single(document, name, "startDate", "endDate", 1000)
        bodies, _ = read_bodies(body, {"start_date": start, "end_date": end}, self.generation)
        now = self._now()

        def exported() -> list[dict[str, object]]:
            cell = self._answers.prepare(
                bodies[0], website_id, _timezone(document.get("timezone")), now
            )
            return self._answers.rows(cell, bodies[0], now)

        try:
            rows = await run_in_threadpool(exported)
        except CellError as error:
            raise RefusedError(400, "VALIDATION_ERROR", str(error)) from error
        if document.get("format") == "json":
            return _file(json.dumps(rows, ensure_ascii=False), "application/json", f"{name}.json")
        return _file(_csv(rows), "text/csv", f"{name}.csv")

    def _caller(self, request: Request) -> Caller:
        return recognise(request.headers, self._events.websites)

    def _readable(self, request: Request, website_id: str | None) -> str | None:
        """The website whose events the caller may read.

        In 2026 a missing id is no error; it is None. In 2025 a foreign website is none either; it
        is "", the website without events.
        """
        caller = self._caller(request)
        if website_id and caller.may_read(website_id, self._events.websites):
            return website_id
        if not caller.authenticated:
            raise RefusedError(401, "AUTH_REQUIRED", "Authentication required")
        if self.generation == "2025":
            if not website_id:
                raise RefusedError(400, "VALIDATION_ERROR", "website_id is required")
            return ""
        if website_id:
            raise RefusedError(403, "ACCESS_DENIED", "Access denied to this website")
        return None

    def _single(
        self, document: Mapping[str, object], name: str, start: str, end: str, limit: object
    ) -> tuple[dict[str, object], str, str]:
        dates = str(document.get(start) or ""), str(document.get(end) or "")
        body = {"parameters": [name], "startDate": dates[0], "endDate": dates[1], "limit": limit}
        body |= {"filters": document.get("filters"), "granularity": document.get("timeUnit")}
        return body, *dates

    def _config(self, query: Query, with_meta: bool) -> dict[str, object]:
        config: dict[str, object] = {
            "allowedFilters": list(query.allowed_filters),
            "customizable": True,
        }
        if query.default_limit is not None:
            config["defaultLimit"] = query.default_limit
        if with_meta and query.meta:
            config["meta"] = {
                "title": query.meta.title,
                "description": query.meta.description,
                "category": query.meta.category,
                "tags": list(query.meta.tags),
                "output_fields": self._output_fields[query.name],
                "default_visualization": "timeseries" if "date" in query.key else "table",
                "supports_granularity": list(query.granularity),
                "version": "1.0",
            }
        return config

    @cached_property
    def _output_fields(self) -> Mapping[str, list[dict[str, str]]]:
        described = {}
        for name, query in queries(self.generation).items():
            if query.meta:
                described[name] = [
                    {
                        "name": column,
                        "type": kind,
                        "label": column.replace("_", " ").capitalize(),
                        "description": f"{column.replace('_', ' ').capitalize()} of the row",
                    }
                    for column, kind in self._answers.scopes.columns(query.full_sql)
                ]
        return described

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None)

    def _success(self, answer: Mapping[str, object]) -> Response:
        if self.generation == "2025":
            return JSONResponse({"success": True, **answer})
        request_id = self._request_id()
        headers = {"X-Request-ID": request_id}
        return JSONResponse({"success": True, "requestId": request_id, **answer}, headers=headers)

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        if error.code == "VALIDATION":
            # What the framework itself says of wrong JSON types; it knows no envelope.
            return JSONResponse({"error": error.message, "code": error.code}, error.status)
        answer: dict[str, object] = {"success": False, "error": error.message, "code": error.code}
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
        if self.generation == "2026":
            answer["requestId"] = headers["X-Request-ID"] = self._request_id()
        if error.details:
            answer["details"] = [
                {"field": field, "message": message} for field, message in error.details
            ]
        return JSONResponse(answer, error.status, headers)

    async def _not_found(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        answer = {"success": False, "error": "Not found", "code": "NOT_FOUND"}
        return JSONResponse(answer, error.status_code)

    def _request_id(self) -> str:
        return f"req_demo_{next(self._numbers):08d}"


async def _document(request: Request) -> object:
    try:
        document: object = json.loads(await request.body())
    except ValueError as error:
        raise RefusedError(400, "PARSE", "Bad Request") from error
    return document


async def _object(request: Request) -> Mapping[str, object]:
    document = await _document(request)
    if not isinstance(document, dict):
        raise RefusedError(400, "VALIDATION_ERROR", "Expected an object")
    return document


def _timezone(name: object) -> str:
    """An unknown zone counts as UTC."""
    try:
        return ZoneInfo(str(name)).key if name else "UTC"
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def _file(text: str, media_type: str, name: str) -> Response:
    return Response(
        text,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _csv(rows: list[dict[str, object]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
