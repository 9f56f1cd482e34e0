"""Pages to one complete result, or an honest "not complete". Pure: no requests here.

What servers were seen to do: many types ignore `page` and repeat page 1 for ever; where pages
work, rows with equal metrics change places between pages, so some come twice and as many are
lost while the *number* of rows stays right. One page with the maximum limit has neither trouble.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from databuddy_source.api.models import Row
from databuddy_source.catalog import QueryType, Shape

MOST_PAGES = 100
"""Pages of one question, a million rows in 2026. A server that never ends is left here."""

NEW_ENOUGH = 0.1
"""Part of a full page that has to be new. Where pages overlap by chance, more than a third is."""

SPELLINGS = 4
"""Rows that a server merges into one after the limit, at most: a country has a few spellings."""


class Verdict(Enum):
    """What to do after a page."""

    COMPLETE = auto()
    MORE = auto()
    """ask for the next page"""
    TRUNCATED = auto()


@dataclass
class Pages:
    """The pages of one question as they come in.

    Attributes:
        query_type: tells what limit and page mean.
        page_limit: the limit that is asked with.
        rows: all rows so far, repeated ones once where the type has a key.
        seen: rows received, repeated ones counted, without pages that brought nothing new.
        reason: why the result is not complete, or an empty string.
    """

    query_type: QueryType
    page_limit: int
    rows: list[Row] = field(default_factory=list)
    seen: int = 0
    pages: int = 0
    reason: str = ""
    _overlap: bool = field(default=False, repr=False)
    _known: set[tuple[str, ...]] = field(default_factory=set, repr=False)

    def add(self, page: list[Row]) -> Verdict:
        """Take one more page and decide."""
        more = fills_limit(self.query_type, page, self.page_limit)
        if self.pages and self.query_type.merged and page:
            return self._incomplete("rows are merged after the limit, so only one page is right")
        if self.pages:
            new = [row for row in page if self._identity(row) not in self._known]
            if more and len(new) < NEW_ENOUGH * len(page):
                return self._incomplete("the server repeats its pages")
        else:
            new = page
        self.pages += 1
        self.seen += len(page)
        self.rows.extend(new if self.query_type.key else page)
        self._overlap |= len(new) < len(page)
        if not more:
            return self._incomplete("pages overlap") if self._overlap else Verdict.COMPLETE
        if reason := self._no_more():
            return self._incomplete(reason)
        self._known.update(self._identity(row) for row in new)
        return Verdict.MORE

    def _no_more(self) -> str:
        """Why it is of no use to ask for another page, or an empty string."""
        if not self.query_type.pages:
            return "the server has one page only for this query type"
        if not self.query_type.key and self.query_type.shape is not Shape.LOG:
            return "rows have no key, so more pages could not be checked"
        if self.pages >= MOST_PAGES:
            return f"there are more than {MOST_PAGES} pages"
        return ""

    def _identity(self, row: Row) -> tuple[str, ...]:
        """What tells the row from others: its key; all of it where a log has none."""
        return key_of(row, self.query_type.key or sorted(row))

    def _incomplete(self, reason: str) -> Verdict:
        self.reason = reason
        return Verdict.TRUNCATED


def fills_limit(query_type: QueryType, page: Sequence[Row], limit: int) -> bool:
    """Whether a page is as long as the limit allows, so that more rows may exist."""
    if not query_type.limit:
        return False
    if query_type.limit_counts:
        return len({key_of(row, query_type.limit_counts) for row in page}) >= limit
    if query_type.limit_per:
        groups = Counter(key_of(row, query_type.limit_per) for row in page)
        return max(groups.values(), default=0) >= limit
    if query_type.merged:  # a page was full before its rows were merged
        return len(page) * SPELLINGS >= limit
    return len(page) >= limit


def key_of(row: Row, columns: Sequence[str]) -> tuple[str, ...]:
    """The values that tell a row from all others. Text, since nested values have no hash."""
    return tuple(repr(row.get(column)) for column in columns)
