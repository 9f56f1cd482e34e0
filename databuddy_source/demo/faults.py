"""Scripted faults: what a test wants to go wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from threading import Lock

Row = dict[str, object]

_BAD_GATEWAY = """<html>
<head><title>502 Bad Gateway</title></head>
<body><center><h1>502 Bad Gateway</h1></center></body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    It happens for the first `times` matches (None: for ever) after `skip` of them. The fields come
    in three groups:

    - which requests match, all of them together. `query_type` matches a request that asks for it,
      `day` a cell whose window begins on that UTC day.
    - what happens to the request: an answer with `status`, `body` and `headers`; `delay` in
      seconds; `drop` closes the connection without a word; `truncate` cuts the true answer in half.
    - what happens to single cells: the parameter fails with a message, or its rows are replaced
      ([] empties it).
    """

    path: str | None = "/v1/query"
    website_id: str | None = None
    query_type: str | None = None
    day: date | None = None
    times: int | None = 1
    skip: int = 0

    status: int | None = None
    body: str | Mapping[str, object] = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: bool = False
    truncate: bool = False

    parameter_error: str | None = None
    rows: Sequence[Row] | Callable[[list[Row]], list[Row]] | None = None

    def __post_init__(self) -> None:
        if self.day is not None and not self.is_for_cells:
            raise ValueError("`day` picks cells: use it with `parameter_error` or `rows`")

    @property
    def is_for_cells(self) -> bool:
        """Whether the fault happens to cells, not to whole requests."""
        return self.parameter_error is not None or self.rows is not None

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

    def replaced(self, rows: list[Row]) -> list[Row]:
        """What is answered instead of `rows`."""
        if self.rows is None:
            return rows
        return self.rows(rows) if callable(self.rows) else list(self.rows)


class Faults:
    """The script of a server: faults in the order they were added.

    The first that matches happens.
    """

    def __init__(self) -> None:
        self._script: list[Fault] = []
        self._matches: list[int] = []
        self._lock = Lock()

    def add(self, *faults: Fault) -> None:
        """Let these go wrong from now on."""
        with self._lock:
            self._script.extend(faults)
            self._matches.extend(0 for _ in faults)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        with self._lock:
            self._script.clear()
            self._matches.clear()

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
            for i, fault in enumerate(self._script):
                if not matches(fault):
                    continue
                seen = self._matches[i]
                self._matches[i] += 1
                if seen >= fault.skip and (fault.times is None or seen < fault.skip + fault.times):
                    return fault
            return None
