"""The server's log: what arrived, for tests that count requests and look at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Arrival:
    """One request. It is in the log from the moment it has arrived; `status` and `answered_at`
    follow later.

    `status` is None while the request is being answered, and stays None when the connection was
    dropped. `arrived_at` and `answered_at` are `time.monotonic()` seconds. `headers` have lower-
    case names and no secrets.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    arrived_at: float
    status: int | None = None
    answered_at: float | None = None

    @property
    def website_id(self) -> str | None:
        """What the query string names."""
        return self.query.get("website_id")

    @property
    def asked(self) -> list[str | dict[str, Any]]:
        """What `parameters` holds, over all queries of the request."""
        bodies = self.body if isinstance(self.body, list) else [self.body]
        several = (body.get("parameters") for body in bodies if isinstance(body, dict))
        return [item for items in several if isinstance(items, list) for item in items]

    @property
    def parameters(self) -> int:
        """How many cells were asked for."""
        return len(self.asked)

    @property
    def query_types(self) -> list[str]:
        """The query types asked for, in order, with repeats."""
        names = (item.get("name") if isinstance(item, dict) else item for item in self.asked)
        return [name for name in names if isinstance(name, str)]
