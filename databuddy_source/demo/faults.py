"""Scripted faults: what a test wants to go wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from threading import Lock

from databuddy_source.demo.silence import Added, Silence, Vanished

Row = dict[str, object]

_BAD_GATEWAY = """<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center></body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    It happens for the first `times` matches (None: for ever) after `skip` of them, and within
    `seconds` from when it was added (None: at any time). The fields come in three groups:

    - which requests match, all of them together. `query_type` matches a request that asks for it,
      `day` a cell whose window begins on that UTC day.
    - what happens to the request: an answer with `status`, `body` and `headers`; `delay` in
      seconds; `drop` closes the connection without a word; `truncate` cuts the true answer in half.
    - what happens to single cells: the parameter fails with a message, its rows are replaced ([]
      empties it), it is `left_out` of the answer, or its query `throws` and takes its body with it.
    """

    path: str | None = "/v1/query"
    website_id: str | None = None
    query_type: str | None = None
    day: date | None = None
    times: int | None = 1
    skip: int = 0
    seconds: float | None = None

    status: int | None = None
    body: str | Mapping[str, object] = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False
    truncate: bool = False

    parameter_error: str | None = None
    rows: Sequence[Row] | Callable[[list[Row]], list[Row]] | None = None
    left_out: bool = False
    throws: bool = False

    def __post_init__(self) -> None:
        if self.day is not None and not self.is_for_cells:
            raise ValueError(
                "`day` picks cells: use it with `parameter_error`, `rows`, `left_out` or `throws`"
            )

    @property
    def is_for_cells(self) -> bool:
        """Whether the fault happens to cells, not to whole requests."""
        told = self.parameter_error is not None or self.rows is not None
        return told or self.left_out or self.throws

    @classmethod
    def bad_gateway(cls, times: int | None = 1) -> Fault:
        """A proxy's HTML page with status 502."""
        return cls(
            times=times, status=502, body=_BAD_GATEWAY, headers={"content-type": "text/html"}
        )

    @classmethod
    def redirect(cls, location: str, times: int | None = 1) -> Fault:
        """A 307 to somewhere else, on any path."""
        return cls(path=None, times=times, status=307, headers={"location": location})

    @classmethod
    def rate_limited(
        cls, times: int | None = None, headers: Mapping[str, str] | None = None
    ) -> Fault:
        """429 whatever the client does; for ever unless `times` is given."""
        body = {"success": False, "error": "Rate limit exceeded", "code": "RATE_LIMITED"}
        return cls(times=times, status=429, body=body, headers=headers or {})

    @classmethod
    def unavailable(
        cls, times: int | None = 1, seconds: float | None = None, retry_after: int = 5
    ) -> Fault:
        """503 as a server says it whose limiter is down; `retry_after` is in seconds."""
        body = {
            "success": False,
            "error": "Service temporarily unavailable",
            "code": "SERVICE_UNAVAILABLE",
        }
        headers = {"retry-after": str(retry_after)}
        return cls(times=times, seconds=seconds, status=503, body=body, headers=headers)

    @classmethod
    def timeout(cls, query_type: str | None = None, times: int | None = 1) -> Fault:
        """A parameter that fails as it does on a busy server, inside a 200; asked again it is
        right."""
        return cls(query_type=query_type, times=times, parameter_error="Timeout error.")

    @classmethod
    def unrepeatable(cls, query_type: str, column: str = "median_session_duration") -> Fault:
        """A number that differs from answer to answer, as medians of thousands of sessions do on
        servers since June 2026: by a hundredth more each time."""
        answers = count(1)

        def shaken(rows: list[Row]) -> list[Row]:
            by = next(answers) / 100
            return [
                {**row, column: round(value + by, 2)} if isinstance(value, int | float) else row
                for row, value in ((row, row.get(column)) for row in rows)
            ]

        return cls(query_type=query_type, times=None, rows=shaken)

    def replaced(self, rows: list[Row]) -> list[Row]:
        """What is answered instead of `rows`."""
        if self.rows is None:
            return rows
        return self.rows(rows) if callable(self.rows) else list(self.rows)


@dataclass(slots=True)
class _Scripted:
    fault: Fault
    added: float
    matches: int = 0


@dataclass(slots=True)
class _Held:
    silence: Silence
    answers: int = 0


class Faults:
    """The script of a server: faults in the order they were added, silences, vanished types and
    added ones.

    The first fault that matches happens; all silences hold together. `clock` counts seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._script: list[_Scripted] = []
        self._silences: list[_Held] = []
        self._vanished: set[str] = set()
        self._types: dict[str, str] = {}
        self._lock = Lock()

    def add(self, *faults: Fault | Silence | Vanished | Added) -> None:
        """Let these go wrong from now on."""
        with self._lock:
            for fault in faults:
                if isinstance(fault, Silence):
                    self._silences.append(_Held(fault))
                elif isinstance(fault, Vanished):
                    self._vanished.add(fault.query_type)
                elif isinstance(fault, Added):
                    self._types[fault.query_type] = fault.like
                else:
                    self._script.append(_Scripted(fault, self._clock()))

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._script.clear()
            self._silences.clear()
            self._vanished.clear()
            self._types.clear()

    @property
    def vanished(self) -> frozenset[str]:
        """The query types that are known no more."""
        return frozenset(self._vanished)

    @property
    def types(self) -> Mapping[str, str]:
        """The query types that were added, and as which they answer."""
        return dict(self._types)

    def hidden(self, websites: Collection[str], query_type: str) -> tuple[str, ...]:
        """SQL conditions of the events that this answer must not count. Counts the answer."""
        found = []
        with self._lock:
            for held in self._silences:
                if held.silence.concerns(websites, query_type):
                    if held.answers % held.silence.every == 0:
                        found.append(held.silence.hidden)
                    held.answers += 1
        return tuple(found)

    def of_request(
        self, path: str, website_id: str | None, query_types: Sequence[str]
    ) -> Fault | None:
        """What happens to this request, if anything. Counts the match."""
        return self._next(
            lambda fault: (
                not fault.is_for_cells
                and fault.path in (None, path)
                and fault.website_id in (None, website_id)
                and (fault.query_type is None or fault.query_type in query_types)
            )
        )

    def of_cell(self, website_id: str | None, query_type: str, day: date | None) -> Fault | None:
        """What happens to this cell, if anything. Counts the match."""
        return self._next(
            lambda fault: (
                fault.is_for_cells
                and fault.website_id in (None, website_id)
                and fault.query_type in (None, query_type)
                and fault.day in (None, day)
            )
        )

    def _next(self, matches: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            for scripted in self._script:
                fault = scripted.fault
                if self._is_over(scripted) or not matches(fault):
                    continue
                seen = scripted.matches
                scripted.matches += 1
                if seen >= fault.skip and (fault.times is None or seen < fault.skip + fault.times):
                    return fault
            return None

    def _is_over(self, scripted: _Scripted) -> bool:
        seconds = scripted.fault.seconds
        return seconds is not None and self._clock() >= scripted.added + seconds
