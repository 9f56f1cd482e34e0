"""The routes of the demo server, as an ASGI application."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from databuddy_source.demo.access import Caller, recognise
from databuddy_source.demo.account import Account
from databuddy_source.demo.answers import Answers, CellError, ThrownError
from databuddy_source.demo.bodies import Body, RefusedError, read_bodies
from databuddy_source.demo.generations import Behaviour
from databuddy_source.demo.listing import Listing
from databuddy_source.demo.store import Events


class Api:
    """What each address answers. `clock` gives the server's now, aware, in UTC."""

    def __init__(
        self,
        of: Behaviour,
        events: Events,
        answers: Answers,
        account: Account,
        clock: Callable[[], datetime],
    ) -> None:
        self.of = of
        self._events = events
        self._answers = answers
        self._account = account
        self._listing = Listing(of, answers.scopes)
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
        if not self.of.health:
            return JSONResponse({"status": "ok"})
        now = self._clock().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        checks = {"clickhouse": True, "database": True, "redis": True}
        return JSONResponse({**checks, "success": True, "version": "1.0.0", "timestamp": now})

    async def websites(self, request: Request) -> Response:
        """The websites of a key or session. It alone proves a key."""
        caller = self._caller(request)
        if caller.listed is None:
            raise _unauthorised()
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
        """The query types. They are no secret, but 2025 wants a key all the same."""
        if not (self.of.open_types or self._caller(request).authenticated):
            raise _unauthorised()
        with_meta = request.query_params.get("include_meta") == "true"
        return self._success(self._listing.answer(self._answers.known, with_meta=with_meta))

    async def query(self, request: Request) -> Response:
        """Runs one query, or an array of them."""
        website_id = request.query_params.get("website_id")
        websites = self._readable(request, website_id)
        bodies, batch = self._bodies(await _document(request), request.query_params)
        self._check_public(request, website_id, bodies)
        self._account.check(self.of, bodies, organisation=not website_id)
        timezone = _timezone(request.query_params.get("timezone"))
        now = self._now()

        def answer(body: Body) -> dict[str, object]:
            try:
                answered = self._answers.answer(body, websites, timezone, now)
            except ThrownError:
                if not (batch and self.of.throws_alone):
                    raise
                answered = self._answers.thrown(body, self.of.query_error)
            return {"success": True, **answered}

        results = await run_in_threadpool(lambda: [answer(body) for body in bodies])
        return self._success({"batch": True, "results": results} if batch else results[0])

    async def compile(self, request: Request) -> Response:
        """The SQL of a query, not run."""
        document = await _object(request)
        asked = request.query_params.get("website_id") or str(document.get("projectId") or "")
        websites = self._readable(request, asked) or ("",)
        name = str(document.get("type"))
        if name not in self._answers.known:
            raise RefusedError(400, "INVALID_QUERY_TYPE", f"Unknown query type: {name}")
        limit, most = document.get("limit"), self.of.compile_max_limit
        if most is not None and isinstance(limit, int) and limit > most:
            raise RefusedError(500, "VALIDATION", f"Expected number to be less or equal to {most}")
        body, start, end = self._single(document, name, "from", "to", limit)
        bodies, _ = self._bodies(body, {"start_date": start, "end_date": end})
        timezone, now = _timezone(request.query_params.get("timezone")), self._now()
        try:
            cell = self._answers.prepare(bodies[0], websites, timezone, now)
        except CellError as error:
            raise RefusedError(400, "VALIDATION_ERROR", str(error)) from error
        sql, values = self._answers.compiled(cell, bodies[0], now)
        return self._success({"sql": sql, "params": values})

    async def export(self, request: Request) -> Response:
        """A file. Gone in 2026; before, only for people in the dashboard."""
        if not self.of.exports:
            raise HTTPException(404)
        if not self._caller(request).dashboard:
            raise _unauthorised()
        document = await _object(request)
        website_id = str(document.get("websiteId") or "")
        name = str(document.get("type"))
        body, start, end = self._single(document, name, "startDate", "endDate", 1000)
        bodies, _ = self._bodies(body, {"start_date": start, "end_date": end})
        now = self._now()

        def exported() -> list[dict[str, object]]:
            cell = self._answers.prepare(
                bodies[0], (website_id,), _timezone(document.get("timezone")), now
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
        return recognise(
            request.headers,
            self._events.websites,
            website_scopes=self._account.website_scopes,
        )

    def _bodies(
        self, document: object, query_string: Mapping[str, str]
    ) -> tuple[tuple[Body, ...], bool]:
        return read_bodies(document, query_string, self.of, self._answers.known)

    def _readable(self, request: Request, website_id: str | None) -> tuple[str, ...]:
        """The websites whose events the caller may read.

        None of them means an empty answer. A foreign one may be "", the website without events.
        """
        caller = self._caller(request)
        if website_id and caller.may_read(website_id, self._events.websites):
            return (website_id,)
        if not caller.authenticated:
            raise _unauthorised()
        if website_id:
            if self.of.foreign_is_empty:
                return ("",)
            raise RefusedError(403, "ACCESS_DENIED", "Access denied to this website")
        if self.of.without_website == "refused":
            raise RefusedError(400, "VALIDATION_ERROR", "website_id is required")
        if self.of.without_website == "empty":
            return ()
        if not caller.is_global:
            raise RefusedError(403, "ACCESS_DENIED", "Access denied to this organization")
        return tuple(website.id for website in caller.listed or ())

    def _check_public(
        self, request: Request, website_id: str | None, bodies: Sequence[Body]
    ) -> None:
        """Strangers may not ask a public website everything, since October 2026."""
        caller, public = self._caller(request), self.of.public_types
        if public is None or not website_id or caller.owns(website_id):
            return
        asked = {parameter.name for body in bodies for parameter in body.parameters}
        if asked <= public and not any(body.filters for body in bodies):
            return
        if caller.authenticated:
            raise RefusedError(403, "ACCESS_DENIED", "Access denied to this website")
        raise _unauthorised()

    def _single(
        self, document: Mapping[str, object], name: str, start: str, end: str, limit: object
    ) -> tuple[dict[str, object], str, str]:
        dates = str(document.get(start) or ""), str(document.get(end) or "")
        body = {"parameters": [name], "startDate": dates[0], "endDate": dates[1], "limit": limit}
        body |= {"filters": document.get("filters"), "granularity": document.get("timeUnit")}
        return body, *dates

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None)

    def _success(self, answer: Mapping[str, object]) -> Response:
        if not self.of.request_ids:
            return _Answer({"success": True, **answer})
        request_id = self._request_id()
        headers = {"X-Request-ID": request_id}
        return _Answer({"success": True, "requestId": request_id, **answer}, headers=headers)

    async def _refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RefusedError)
        if error.code == "VALIDATION":
            # What the framework itself says of wrong JSON types; it knows no envelope.
            return JSONResponse({"error": error.message, "code": error.code}, error.status)
        answer: dict[str, object] = {"success": False, "error": error.message, "code": error.code}
        headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
        if self.of.request_ids:
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


class _Answer(JSONResponse):
    """Half a surrogate pair goes as an escape, as servers send it: UTF-8 has no bytes for it."""

    def render(self, content: object) -> bytes:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")


def _unauthorised() -> RefusedError:
    return RefusedError(401, "AUTH_REQUIRED", "Authentication required")


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
