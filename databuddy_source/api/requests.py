"""What is sent by POST, as values: built here for whoever sends it, and for whoever only looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from databuddy_source.api.models import QueryBody


@dataclass(frozen=True, slots=True)
class Request:
    """A `POST` without its credential.

    Attributes:
        path: below `/v1`.
        params: of the query string.
        body: to be sent as JSON.
    """

    path: str
    params: dict[str, str]
    body: object

    def url(self, base_url: str) -> str:
        """The whole address on a server."""
        return str(httpx.URL(base_url + self.path, params=self.params))


def query_request(website_id: str, bodies: Sequence[QueryBody], timezone: str) -> Request:
    """All bodies in one request. Dates are sent in the query string, where 2025 servers read them,
    and in the bodies, where 2026 servers do."""
    sent = [body.model_dump(exclude_none=True) for body in bodies]
    params = {
        "website_id": website_id,
        "timezone": timezone,
        "start_date": min(body.startDate for body in bodies)[:10],
        "end_date": max(body.endDate for body in bodies)[:10],
    }
    return Request("/query", params, sent[0] if len(sent) == 1 else sent)


COMPILE_LIMIT = 1_000
"""A larger limit is an error where a server compiles, though not where it answers."""


def compile_request(website_id: str, body: QueryBody, timezone: str) -> Request:
    """The SQL of the first question of a body. It is spelled differently from the query itself."""
    question = body.parameters[0]
    sent: dict[str, Any] = {
        "projectId": website_id,
        "type": question.name,
        "from": question.start_date,
        "to": question.end_date,
        "limit": min(body.limit, COMPILE_LIMIT),
    }
    if question.granularity:
        sent["timeUnit"] = question.granularity.removesuffix("ly")
    if body.filters:
        sent["filters"] = [each.model_dump() for each in body.filters]
    return Request("/query/compile", {"website_id": website_id, "timezone": timezone}, sent)
