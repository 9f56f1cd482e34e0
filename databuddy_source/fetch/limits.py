"""Whether an answer is as long as a limit allows, so that more rows may exist: the limit that was
sent, or a lower one of the server's. Pure: no requests here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from databuddy_source.api.models import ParameterResult
from databuddy_source.fetch.packing import Question
from databuddy_source.fetch.repeats import key_of
from databuddy_source.model.query_types import QueryType, Shape
from databuddy_source.model.results import Row

LIKE_A_LIMIT = frozenset({100, 200, 250, 300, 400, 500, 1_000, 2_000, 2_500, 3_000, 4_000, 5_000})
"""Numbers of rows that a server may have for its limit, where that is lower than it promises and
nothing says so."""

ABOUT = 2
"""Rows by which a series may have more or fewer than the days that were asked for."""

SPELLINGS = 4
"""Rows that a server merges into one after the limit, at most: a country has a few spellings."""


def fills_limit(query_type: QueryType, page: Sequence[Row], limit: int) -> bool:
    """Whether a page is as long as the limit allows, so that more rows may exist."""
    if not query_type.limit:
        return False
    # a page was full before its rows were merged
    spellings = SPELLINGS if query_type.merged else 1
    return length_of(query_type, page) * spellings >= limit


def length_of(query_type: QueryType, page: Sequence[Row]) -> int:
    """How much a page has of what the limit counts."""
    if query_type.limit_counts:
        return len({key_of(row, query_type.limit_counts) for row in page})
    if query_type.limit_per:
        groups = Counter(key_of(row, query_type.limit_per) for row in page)
        return max(groups.values(), default=0)
    return len(page)


class Limits:
    """The limits that a server goes by, as its answers tell them."""

    def __init__(self) -> None:
        self._longest: Counter[str] = Counter()

    def met(self, question: Question, answer: ParameterResult) -> int:
        """The limit that an answer is to be measured by: the one that it was asked with, or a lower
        one of the server's, which it says or which the number of rows looks like.

        Where it only looks so, one more question has to tell: the next page, or the halves of a
        range. A type that has neither is believed, and so is a number that another answer of the
        type goes beyond.
        """
        query_type, asked, cells = question.report.query_type, question.limit, len(question.cells)
        length = length_of(query_type, answer.data)
        longest = self._longest[question.spelling]
        self._longest[question.spelling] = max(longest, length)
        if question.page > 1 or question.without:  # asked with the one that the first one met
            return asked
        if answer.most and length <= answer.most < asked:
            return answer.most
        if length not in LIKE_A_LIMIT or not longest <= length <= asked:
            return asked
        if cells > 1:
            return asked if abs(length - cells) <= ABOUT else length
        can_tell = query_type.pages and (query_type.key or query_type.shape is Shape.LOG)
        return length if can_tell else asked
