"""What many ask for at the same time, found out once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class Once:
    """Finds each thing out once, however many ask for it, side by side."""

    def __init__(self) -> None:
        self._locks: dict[object, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._found: dict[object, object] = {}

    async def __call__(self, what: object, find: Callable[[], Awaitable[T]]) -> T:
        """What `find` gives for the first who asks."""
        async with self._locks[what]:
            if what not in self._found:
                self._found[what] = await find()
        found: T = self._found[what]  # type: ignore[assignment]  # of that name, of that type
        return found
