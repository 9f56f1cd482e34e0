"""The cells of one website by when their windows are, each found without a look at all others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Generic, TypeAlias, TypeVar

from databuddy_source.model.windows import ONE_DAY, ONE_SECOND

T = TypeVar("T")

Span: TypeAlias = tuple[datetime, datetime]
"""First instant, and first instant after the end, in UTC."""


class Timeline(Generic[T]):
    """Things that last from one instant until another."""

    def __init__(self) -> None:
        self._things: dict[Span, list[T]] = defaultdict(list)
        self._spans: dict[date, list[Span]] = defaultdict(list)

    def add(self, span: Span, thing: T) -> None:
        """Put one more into the line."""
        if span not in self._things:
            for day in _days(span):
                self._spans[day].append(span)
        self._things[span].append(thing)

    def __iter__(self) -> Iterator[tuple[Span, Sequence[T]]]:
        return iter(self._things.items())

    def at(self, span: Span) -> Sequence[T]:
        """Those that begin and end with a span."""
        return self._things.get(span, ())

    def inside(self, span: Span) -> list[T]:
        """Those that begin and end within a span."""
        start, end = span
        return [
            thing
            for first, after in self._near(span)
            if start <= first and after <= end
            for thing in self._things[first, after]
        ]

    def touching(self, span: Span) -> Iterable[Span]:
        """The spans that have an instant in common with this one."""
        start, end = span
        return [each for each in self._near(span) if each[0] < end and start < each[1]]

    def _near(self, span: Span) -> Iterable[Span]:
        return dict.fromkeys(each for day in _days(span) for each in self._spans.get(day, ()))


def _days(span: Span) -> Iterator[date]:
    """The UTC dates that a span touches."""
    day, last = span[0].date(), (span[1] - ONE_SECOND).date()
    while day <= last:
        yield day
        day += ONE_DAY
