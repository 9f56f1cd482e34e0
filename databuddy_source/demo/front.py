"""What stands before the routes: the log, the limits and the scripted faults."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl

from databuddy_source.demo.access import SECRET_HEADERS, recognise
from databuddy_source.demo.arrivals import Arrival
from databuddy_source.demo.faults import Fault, Faults
from databuddy_source.demo.limits import RateLimiter
from databuddy_source.demo.store import Events

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


_TOO_MANY_AT_ONCE = {
    "success": False,
    "error": "Too many concurrent API key requests",
    "code": "TOO_MANY_REQUESTS",
}


class _Transport(Protocol):
    def abort(self) -> None: ...


class Front:
    """An ASGI application around another one."""

    def __init__(
        self,
        app: Application,
        events: Events,
        log: list[Arrival],
        limiter: RateLimiter,
        faults: Faults,
        in_flight: int | None,
        date: Callable[[], str | None],
    ) -> None:
        self._app = app
        self._date = date
        self._events = events
        self._most_in_flight = in_flight
        self._in_flight: Counter[str] = Counter()
        self._log = log
        self._limiter = limiter
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection event; only HTTP requests are looked at."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        content = await _read(receive)
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        arrival = _arrival(scope, headers, content)
        self._log.append(arrival)
        credential = recognise(headers, self._events.websites, website_scopes=True).credential
        if credential and self._in_flight[credential] == self._most_in_flight:
            # This refusal comes before the limits, so it costs nothing of them.
            busy = self._answer(arrival, send, {"Retry-After": "1"})
            await busy.give_json(429, _TOO_MANY_AT_ONCE)
            return
        self._in_flight[credential] += 1
        try:
            await self._admitted(scope, arrival, credential, content, send)
        finally:
            self._in_flight[credential] -= 1

    async def _admitted(
        self, scope: Scope, arrival: Arrival, credential: str, content: bytes, send: Send
    ) -> None:
        verdict = self._limiter.take(credential, arrival.method, arrival.path)
        answer = self._answer(arrival, send, verdict.headers)
        if verdict.refusal is not None:
            await answer.give_json(429, verdict.refusal)
            return
        fault = self._faults.of_request(arrival.path, arrival.website_id, arrival.query_types)
        if fault is None:
            await self._app(scope, _again(content), answer)
        else:
            await self._go_wrong(fault, scope, content, answer)

    def _answer(self, arrival: Arrival, send: Send, headers: Mapping[str, str]) -> _Answer:
        date = self._date()
        return _Answer(arrival, send, {**headers, "Date": date} if date else headers)

    async def _go_wrong(self, fault: Fault, scope: Scope, content: bytes, answer: _Answer) -> None:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.drop:
            answer.drop()
        elif fault.status is not None:
            body = fault.body if isinstance(fault.body, str) else json.dumps(fault.body)
            await answer.give(
                fault.status, body, {"content-type": "application/json", **fault.headers}
            )
        else:
            answer.truncated = fault.truncate
            await self._app(scope, _again(content), answer)


class _Answer:
    """The `send` of one request. It notes the status in the log and adds headers: the time and
    what the limiter says, unless a fault has said otherwise."""

    def __init__(self, arrival: Arrival, send: Send, headers: Mapping[str, str]) -> None:
        self.truncated = False
        self._arrival = arrival
        self._send = send
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._start: Message = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        body: bytes = message.get("body", b"")
        if self.truncated:
            body = body[: len(body) // 2]
        await self._finish(self._start["status"], self._start["headers"], body)

    async def give(self, status: int, text: str, headers: Mapping[str, str]) -> None:
        """Answer without asking the application."""
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._finish(status, named, text.encode())

    async def give_json(self, status: int, body: Mapping[str, object]) -> None:
        """The same, of a document."""
        await self.give(status, json.dumps(body), {"content-type": "application/json"})

    def drop(self) -> None:
        """Close the connection without a word.

        ASGI has no word for that; uvicorn's `send` is a method of the object that owns the
        transport. Elsewhere the application fails instead.
        """
        transport = getattr(getattr(self._send, "__self__", None), "transport", None)
        if transport is None:
            raise ConnectionResetError("dropped by a scripted fault")
        cast(_Transport, transport).abort()

    async def _finish(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> None:
        kept = [(name, value) for name, value in headers if name.lower() != b"content-length"]
        named = {name.lower() for name, _ in kept}
        added = [(name, value) for name, value in self._headers if name.lower() not in named]
        length = (b"content-length", str(len(body)).encode())
        self._arrival.status = status
        self._arrival.answered_at = time.monotonic()
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*kept, *added, length],
            }
        )
        await self._send({"type": "http.response.body", "body": body})


def _arrival(scope: Scope, headers: Mapping[str, str], content: bytes) -> Arrival:
    try:
        body = json.loads(content) if content else None
    except ValueError:
        body = None
    return Arrival(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers={name: value for name, value in headers.items() if name not in SECRET_HEADERS},
        body=body,
        arrived_at=time.monotonic(),
    )


async def _read(receive: Receive) -> bytes:
    content, more = b"", True
    while more:
        message = await receive()
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return content


def _again(content: bytes) -> Receive:
    """A `receive` that tells the body once more."""
    told = False

    async def receive() -> Message:
        nonlocal told
        if told:
            return {"type": "http.disconnect"}
        told = True
        return {"type": "http.request", "body": content, "more_body": False}

    return receive
