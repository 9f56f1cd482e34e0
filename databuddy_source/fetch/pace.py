"""How much to ask at once: learned from what answers took. Pure: no clock of its own.

A server that answers quickly gets full packs, several at a time. A slow or large answer makes the
packs of its kinds smaller, until an answer takes about ten seconds and 16 MB; quick ones let them
grow again, fourfold at a time.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeAlias

from databuddy_source.model.windows import Grain

CostClass: TypeAlias = tuple[str, Grain]
"""Query type and grain: what questions of similar cost have in common."""

AIM_SECONDS = 10.0
"""What an answer should take at most. Far from any time-out, and a pack that fails costs little."""

AIM_BYTES = 16 * 1024**2
"""How large an answer should be at most. As Python objects it takes six times as much."""

JOURNEY = 1.0
"""Seconds of an answer that do not count: the way there and back, and what is the same for one
question and for a hundred."""

MOST_IN_FLIGHT = 4
"""Requests at once. Four heavy ones keep a small server of two cores busy for a minute."""

FORGETTING = 0.25
"""How much remains at least of a cost that proved too high: so packs grow fourfold, and one that
grew too much still takes less than a minute."""


class _Costs:
    """What a question of each kind costs, in one unit.

    Args:
        aim: what a pack should cost at most.
    """

    def __init__(self, aim: float) -> None:
        self._aim = aim
        self._of_kind: dict[CostClass, float] = {}

    @property
    def _least(self) -> float:
        """What is assumed of a kind that was never asked for: the least of all others. So a slow
        server is slow for each new kind, and one dear kind among cheap ones is not."""
        return min(self._of_kind.values(), default=0.0)

    def fitting(self, kinds: Iterable[CostClass]) -> int:
        """How many of these questions, from the first on, cost no more than the aim together."""
        total, count, least = 0.0, 0, self._least
        for count, kind in enumerate(kinds, 1):
            total += self._of_kind.get(kind, least)
            if total > self._aim:
                return count - 1
        return count

    def learn(self, kinds: Sequence[CostClass], spent: float, *, at_least: bool = False) -> None:
        """Take in what one pack cost, or what it cost at least."""
        least, counts = self._least, Counter(kinds)
        known = {kind: (self._of_kind.get(kind, least), n) for kind, n in counts.items()}
        expected = sum(cost * count for cost, count in known.values())
        if spent > expected:
            # one answer does not tell which kind was dear; beyond the aim, packs of one are the
            # smallest there are
            level = min(_level(sorted(known.values()), spent - expected), self._aim)
            self._of_kind.update({kind: max(cost, level) for kind, (cost, _) in known.items()})
        elif expected and not at_least:
            part = max(FORGETTING, spent / expected)
            self._of_kind.update({kind: cost * part for kind, (cost, _) in known.items()})


def _level(known: Iterable[tuple[float, int]], more: float) -> float:
    """The cost to which the cheapest kinds have to rise for a pack to cost so much more. So none
    rises above the average of a pack: what all packs of some size can afford makes none smaller.

    Args:
        known: cost and number of questions of each kind, cheapest first.
        more: what the pack cost beyond that; above zero.
    """
    total, number = more, 0
    for cost, count in known:
        if number and cost * number >= total:
            break
        total += cost * count
        number += count
    return total / number


class Pace:
    """How many questions go into a request, and how many requests are under way. One object
    serves every event loop and thread of the process.

    Args:
        pack_size: questions in a request at most.
    """

    def __init__(self, pack_size: int) -> None:
        self.pack_size = pack_size
        self._seconds = _Costs(AIM_SECONDS)
        self._bytes = _Costs(AIM_BYTES)
        self._in_flight = 1
        self._lock = threading.Lock()

    @property
    def in_flight(self) -> int:
        """Requests that each fetcher may have under way: one until the first answer, 4 at most."""
        return self._in_flight

    def fitting(self, kinds: Iterable[CostClass]) -> int:
        """How many of these questions, from the first on, go into the next request: at least one,
        at most `pack_size`. Zero only when there are none."""
        asked = list(islice(kinds, self.pack_size))
        with self._lock:
            fit = min(self._seconds.fitting(asked), self._bytes.fitting(asked))
        return max(fit, min(1, len(asked)))

    def answered(self, kinds: Sequence[CostClass], seconds: float, size: int) -> None:
        """A pack of these questions was answered.

        Args:
            kinds: one for each question.
            seconds: from its sending to the end of the answer.
            size: bytes of the answer.
        """
        with self._lock:
            self._seconds.learn(kinds, max(0.0, seconds - JOURNEY))
            self._bytes.learn(kinds, size)
            if seconds > 2 * AIM_SECONDS:
                self._slow_down()
            elif seconds <= AIM_SECONDS / 2:
                self._in_flight = min(MOST_IN_FLIGHT, 2 * self._in_flight)

    def failed(self, kinds: Sequence[CostClass], seconds: float) -> None:
        """No answer to a pack: it timed out, or the server or a proxy gave up. Failing at once says
        nothing of its cost."""
        with self._lock:
            self._seconds.learn(kinds, max(0.0, seconds - JOURNEY), at_least=True)
            self._slow_down()

    def too_large(self, kinds: Sequence[CostClass], size: int) -> None:
        """The answer was not read to its end.

        Args:
            kinds: one for each question.
            size: bytes that came, or were to come.
        """
        with self._lock:
            self._bytes.learn(kinds, size, at_least=True)
            self._slow_down()

    def _slow_down(self) -> None:
        self._in_flight = max(1, self._in_flight // 2)


_paces: dict[str, Pace] = {}


def pace_for(base_url: str, pack_size: int) -> Pace:
    """What all fetchers of this process have learned of this server, so that a series of loads
    learns it once. The last caller's `pack_size` holds."""
    pace = _paces.setdefault(base_url, Pace(pack_size))
    pace.pack_size = pack_size
    return pace
