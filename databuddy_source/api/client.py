"""A small typed client for the Databuddy query API.

It knows addresses, credentials and envelopes. It does not know what a report is.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypeVar

import httpx
import orjson
from pydantic import BaseModel, ValidationError

from databuddy_source.api.answers import by_id, check, read_json
from databuddy_source.api.budget import Budget, Clock, Slot
from databuddy_source.api.connection import http_client
from databuddy_source.api.credential import Credential
from databuddy_source.api.limits import allowance, server_time
from databuddy_source.api.models import (
    BatchAnswer,
    CompileAnswer,
    ExportBody,
    ExportFormat,
    ParameterResult,
    QueryAnswer,
    QueryBody,
    TypesAnswer,
    Website,
    WebsitesAnswer,
)
from databuddy_source.api.requests import Request, compile_request, query_request
from databuddy_source.api.retry import FIRST_CONTACT, SETTLED, Patience, retrying
from databuddy_source.api.traffic import (
    ACCEPTED,
    CONNECT_SECONDS,
    Traffic,
    exchange,
    failures,
    opened,
    read,
    unpacked,
)
from databuddy_source.errors import DatabuddyError, KeyRejected, UnexpectedAnswer, Where

Model = TypeVar("Model", bound=BaseModel)

_JSON = {"content-type": "application/json"}

logger = logging.getLogger("databuddy_source")


class Client:
    """Asks one server with one credential. Use it as an async context manager; it belongs to
    the event loop it was entered in.

    Args:
        base_url: the address up to and including `/v1`, without a slash at the end.
        credential: sent with each request, and to no other host: redirects are refused. None to
            ask only what a server tells anybody.
        budget: shared by all clients of this key; counts `POST` requests, others are not limited.
        clock: the time; tests pass another one.

    Raises:
        BadEnvironment: the environment's proxy or certificates cannot be used.

    Attributes:
        clock_ahead: seconds by which the server's clock was ahead of ours at its last answer, to
            the second; None before, or when it never told.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential | None,
        budget: Budget,
        clock: Clock | None = None,
    ) -> None:
        self._base_url = base_url
        self._origin = credential.origin if credential else ""
        self._budget = budget
        self._clock = clock or Clock()
        self.clock_ahead: float | None = None
        headers = ACCEPTED | (credential.headers() if credential else {})
        self._http = http_client(base_url, headers, SETTLED.answer)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def websites(self, patience: Patience = FIRST_CONTACT) -> list[Website]:
        """All websites that the credential sees. The only call that proves a key: a public
        website answers anybody, and the list of types needs none."""
        data = await self._get("/query/websites", patience)
        return _parse(WebsitesAnswer, data, self._where("/query/websites")).websites

    async def query_types(self, patience: Patience = FIRST_CONTACT) -> TypesAnswer:
        """The query types of this server, with what it says of them."""
        data = await self._get("/query/types", patience, include_meta="true")
        return _parse(TypesAnswer, data, self._where("/query/types"))

    async def query(
        self,
        website_id: str,
        bodies: Sequence[QueryBody],
        timezone: str,
        patience: Patience = SETTLED,
        traffic: Traffic | None = None,
    ) -> dict[str, ParameterResult]:
        """Send all bodies in one request. Returns the answers by the ids of their parameters,
        which must differ over all bodies; an id that the server left out is missing. `traffic`
        takes down what the last try took, also when it failed."""
        where = Where(url=f"{self._base_url}/query", website=website_id)
        asked = query_request(website_id, bodies, timezone)
        data = await self._post(asked, patience, traffic)
        if isinstance(data, dict) and "results" in data:
            answers = _parse(BatchAnswer, data, where).results
        else:
            answers = [_parse(QueryAnswer, data, where)]
        return by_id(bodies, answers)

    async def compile(self, website_id: str, body: QueryBody, timezone: str) -> CompileAnswer:
        """The SQL that the server would run for the first question of a body."""
        data = await self._post(compile_request(website_id, body, timezone), SETTLED)
        return _parse(CompileAnswer, data, self._where("/query/compile"))

    async def export(self, asked: ExportBody) -> AsyncIterator[bytes]:
        """The file that the server makes, piece by piece. Only servers of 2025 have exports, and
        only for the session of a dashboard.

        Raises:
            NoSuchAddress: the server has no exports.
            KeyRejected: it has, and not for this credential.
            Unreachable: the file broke off.
        """
        where = Where(url=f"{self._base_url}/export", website=asked.websiteId)
        request = Request("/export", {}, asked.model_dump(mode="json"))
        answer = await retrying(
            lambda slot: self._open(request, where, slot),
            self._clock,
            SETTLED,
            admit=self._budget.slot,
        )
        try:
            with failures(where, SETTLED.answer):
                kind = answer.headers.get("content-type", "")
                if "html" in kind or ("json" in kind and asked.format is not ExportFormat.JSON):
                    read_json(await read(answer, where, Traffic()), where)
                    raise UnexpectedAnswer(f"The server sent {kind}, not a file", where=where)
                async with aclosing(unpacked(answer, where)) as pieces:
                    async for piece in pieces:
                        yield piece
        finally:
            await answer.aclose()

    async def health(self) -> bool | None:
        """What `/health` at the server's root says: True, False, or None where there is none.
        A hint only: 2026 servers answer `{"status": "ok"}`, the documentation promises more."""
        url = self._base_url.removesuffix("/v1") + "/health"
        try:
            async with self._http.stream("GET", url, timeout=FIRST_CONTACT.answer) as answer:
                pass  # its words do not matter
        except httpx.HTTPError:
            return None
        return None if answer.status_code == httpx.codes.NOT_FOUND else answer.is_success

    def _where(self, path: str) -> Where:
        return Where(url=self._base_url + path)

    async def _get(self, path: str, patience: Patience, **params: str) -> object:
        return await retrying(
            lambda _: self._send("GET", path, params, None, patience.answer), self._clock, patience
        )

    async def _post(
        self, asked: Request, patience: Patience, traffic: Traffic | None = None
    ) -> object:
        content = orjson.dumps(asked.body)
        return await retrying(
            lambda slot: self._send(
                "POST", asked.path, asked.params, content, patience.answer, slot, traffic
            ),
            self._clock,
            patience,
            admit=self._budget.slot,
        )

    async def _send(
        self,
        method: str,
        path: str,
        params: dict[str, str],
        content: bytes | None,
        seconds: float,
        slot: Slot | None = None,
        traffic: Traffic | None = None,
    ) -> object:
        where = Where(url=self._base_url + path, website=params.get("website_id", ""))
        request = self._http.build_request(
            method,
            self._base_url + path,
            params=params,
            content=content,
            headers=_JSON if content else None,
            timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
        )
        traffic = traffic or Traffic()
        answer = await exchange(self._http, request, seconds, self._clock, where, traffic)
        logger.info(
            "%s %s %s: HTTP %s, %s bytes",
            method,
            where.url,
            where.website,
            answer.status_code,
            traffic.size,
        )
        self._judge(answer, where, slot)
        return read_json(answer, where)

    async def _open(self, asked: Request, where: Where, slot: Slot | None) -> httpx.Response:
        """A successful answer, whose body is still to be read."""
        request = self._http.build_request(
            "POST",
            asked.url(self._base_url),
            content=orjson.dumps(asked.body),
            headers=_JSON,
            timeout=httpx.Timeout(SETTLED.answer, connect=CONNECT_SECONDS),
        )
        answer = await opened(self._http, request, SETTLED.answer, where)
        logger.info("POST %s %s: HTTP %s", where.url, where.website, answer.status_code)
        self._judge(answer, where, slot)
        return answer

    def _judge(self, answer: httpx.Response, where: Where, slot: Slot | None) -> None:
        """Learn what an answer says of the limit, and raise what it stands for."""
        if (told := server_time(answer.headers)) is not None:
            self.clock_ahead = told - self._clock.wall()
        if slot:
            slot.allowance = allowance(answer.headers, self._clock.wall())
        try:
            check(answer, where, self._clock.wall())
        except DatabuddyError as error:
            if (silence := getattr(error, "retry_after", None)) is not None:
                self._budget.stay_silent(silence)
            if isinstance(error, KeyRejected) and self._origin:
                error.todo = f"It came from {self._origin}. {error.todo}"
            raise


def _parse(model: type[Model], data: object, where: Where) -> Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"]) or "the answer"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise UnexpectedAnswer(
            f"The server's answer is not what the API promises: {path}: {first['msg']}{more}",
            where=where,
        ) from None
