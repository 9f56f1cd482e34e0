"""The questions that wait, and which of them leave next. Pure: no requests here."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from databuddy_source.fetch.failures import Series
from databuddy_source.fetch.pace import Pace
from databuddy_source.fetch.packing import Pack, Question


class Route(NamedTuple):
    """What all questions of a request have in common."""

    website_id: str
    timezone: str
    gate: str
    slows_packs: bool
    apart: bool


def route_of(asked: Question | Pack) -> Route:
    """Which requests it may travel in."""
    return Route(asked.website_id, asked.timezone, asked.gate, asked.slows_packs, asked.apart)


class Queue:
    """Questions by route. Called from any thread.

    Args:
        pace: how large packs may be.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._waiting: dict[Route, deque[Question]] = defaultdict(deque)
        self._first: deque[Pack] = deque()
        self._passed: set[Route] = set()
        self._lock = threading.Lock()

    def add(self, questions: Iterable[Question]) -> None:
        """Line up questions behind those that wait."""
        with self._lock:
            for question in questions:
                self._waiting[route_of(question)].append(question)

    def add_first(self, questions: Sequence[Question]) -> None:
        """Line up questions before those that wait, in this order: they followed from answers."""
        with self._lock:
            for question in reversed(questions):
                self._waiting[route_of(question)].appendleft(question)

    def divide(self, pack: Pack) -> None:
        """A pack failed: its halves leave before all else. Needs two questions."""
        with self._lock:
            self._first.extendleft(reversed(pack.halves()))

    def divide_by_type(self, pack: Pack) -> None:
        """A pack was refused for a type in it: halves that share none leave before all else. Needs
        two types."""
        with self._lock:
            self._first.extendleft(reversed(pack.halves_by_type()))

    def part(self, pack: Pack, names: Collection[str]) -> None:
        """A pack was refused for query types: they leave without the others, both before all else.
        Needs others."""
        own = tuple(each for each in pack.questions if each.spelling in names)
        others = tuple(each for each in pack.questions if each.spelling not in names)
        with self._lock:
            self._first.extendleft((Pack(own, divided=True), replace(pack, questions=others)))

    def samples(self) -> list[Question]:
        """The first question of each report of each website that waits before no gate."""
        with self._lock:
            found: dict[Series, Question] = {}
            for route, waiting in self._waiting.items():
                for question in () if route.gate else waiting:
                    found.setdefault(question.series, question)
            return list(found.values())

    def part_by_gate(self, pack: Pack) -> None:
        """A pack failed that has types behind gates: from now on they leave without the others."""
        with self._lock:
            waiting = self._waiting.pop(route_of(pack), ())
            if kept := [each for each in pack.questions if not each.report.query_type.gate]:
                self._first.appendleft(replace(pack, questions=tuple(kept)))
        parted = [each for each in pack.questions if each.report.query_type.gate]
        self.add(replace(question, proven=False) for question in (*parted, *waiting))

    def send_first(self, pack: Pack) -> None:
        """A pack shall leave before all else, as it is."""
        with self._lock:
            self._first.appendleft(pack)

    def has_answered(self, pack: Pack) -> None:
        """There was an answer to a pack, so it is no gate that keeps its like out."""
        with self._lock:
            self._passed.add(route_of(pack))

    def rooms(self, requests: int) -> dict[Route, int]:
        """How many more questions fit into the requests that wait to leave, by route. What waits
        behind a gate that may be closed has none.

        Args:
            requests: that each website may have more, on its longest route.
        """
        with self._lock:
            size = self._pace.pack_size
            open_ = {route: len(own) for route, own in self._waiting.items() if not route.gate}
            longest: dict[str, Route] = {}
            for route in sorted(open_, key=lambda each: open_[each]):
                longest[route.website_id] = route
            rooms = {route: -count % size for route, count in open_.items() if count}
            for route in longest.values():
                rooms[route] = rooms.get(route, 0) + requests * size
            return rooms

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._waiting.clear()
            self._first.clear()

    def next_pack(self, flying: Collection[Route], awaited: Mapping[str, int]) -> Pack | None:
        """The questions that leave next, which wait no longer; None when none should.

        Args:
            flying: where a request is under way for.
            awaited: by website, how many wait for its cells.
        """
        with self._lock:
            if self._first:
                pack = self._first.popleft()
                pack, rest = pack.parted(self._pace.fitting(pack.kinds))
                if rest.questions:
                    self._first.appendleft(rest)
                return pack
            # first what is waited for, so that rows do not lie about, then what no gate is before,
            # since what has answered tells whether a server is well, then the longest queue
            routes = sorted(
                self._waiting,
                key=lambda each: (
                    awaited.get(each.website_id, 0) > 0,
                    not each.gate,
                    len(self._waiting[each]),
                ),
            )
            for route in reversed(routes):
                waiting = self._waiting[route]
                size = self._pace.fitting(question.kind for question in waiting)
                # a pack that is not full waits for those under way: their next pages may join it;
                # one pack is enough to find a gate closed, after others have shown a server well
                is_full = size < len(waiting) or size == self._pace.pack_size
                if route.gate and route not in self._passed:
                    waits = any(each.website_id == route.website_id for each in flying)
                else:
                    waits = not is_full and route in flying
                if waiting and not waits:
                    return Pack(tuple(waiting.popleft() for _ in range(size)))
        return None
