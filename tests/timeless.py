"""Simulated time: an event loop that waits for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _TimelessLoop(asyncio.SelectorEventLoop):
    """An event loop that jumps to the next timer instead of waiting for it. Many tasks can sleep
    side by side; nothing in it may wait for the outside."""

    def __init__(self) -> None:
        super().__init__()
        self._passed = 0.0
        self._jumps = 0
        selector: Any = self._selector  # type: ignore[attr-defined]  # asyncio has no public name
        look = selector.select

        def jump(timeout: float | None = None) -> Any:
            assert timeout is not None, "every task waits for something that will never come"
            self._jumps += 1
            assert self._jumps < 100_000, "somebody sleeps again and again for no time at all"
            self._passed += timeout
            return look(0)

        selector.select = jump

    def time(self) -> float:
        return self._passed


def in_simulated_time(work: Coroutine[Any, Any, T]) -> T:
    """Run async work. The loop's own clock tells the time."""
    with asyncio.Runner(loop_factory=_TimelessLoop) as runner:
        return runner.run(work)
