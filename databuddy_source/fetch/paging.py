"""Pages to one complete result, or an honest "not complete". Pure: no requests here.

What servers were seen to do: many types ignore `page` and repeat page 1 for ever; where pages
work, rows with equal metrics change places between pages, so some come twice and as many are
lost while the *number* of rows stays right. One page with the maximum limit has neither trouble.
Nor has one that leaves out by a filter what came before; where that holds is known of few types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from databuddy_source.fetch.limits import fills_limit
from databuddy_source.fetch.repeats import key_of
from databuddy_source.model.query_types import QueryType, Shape
from databuddy_source.model.results import Row

MOST_PAGES = 100
"""Pages of one question, a million rows in 2026. A server that never ends is left here."""

NEW_ENOUGH = 0.1
"""Part of a full page that has to be new. Where pages overlap by chance, more than a third is."""

SHARES = (1.0, 0.83, 0.61, 0.93, 0.71, 0.55, 0.88, 0.66, 0.97, 0.77, 0.58, 0.91)
"""Page sizes of one pass after the other, as parts of the limit. Rows that change places between
pages fall into other gaps when the pages are cut elsewhere. Where nearly all rows are ties, each
pass finds about 63 % of what is missing, so twelve leave one row of 100,000."""

AS_BEFORE = 0.1
"""Percentage points by which a share that is computed here may differ from the server's: what
happened between two pages changes the total a little."""


class Verdict(Enum):
    """What to do after a page."""

    COMPLETE = auto()
    MORE = auto()
    """ask for the next page"""
    TRUNCATED = auto()


@dataclass
class Pages:
    """The pages of one question as they come in, in one pass or, where pages overlap, several.

    Attributes:
        query_type: tells what limit and page mean.
        most: rows that a page may have at most.
        rows: all rows so far, repeated ones once where the type has a key.
        seen: what the limit counts (rows, for most types) in this pass, repeated ones counted.
            Over a whole pass it is the true number, also where some come twice and as many are
            lost.
        pages: how many came in, over all passes.
        page: the one to ask for next, from 1.
        reason: why the result is not complete, or an empty string.
        request_id: the server's, of the request that the last page came by.
    """

    query_type: QueryType
    most: int
    rows: list[Row] = field(default_factory=list)
    seen: int = 0
    pages: int = 0
    page: int = 1
    reason: str = ""
    request_id: str = ""
    _pass: int = field(default=0, repr=False)
    _overlap: bool = field(default=False, repr=False)
    _in_pass: set[tuple[str, ...]] = field(default_factory=set, repr=False)
    _in_rows: set[tuple[str, ...]] = field(default_factory=set, repr=False)
    _expected: int | None = field(default=None, repr=False)
    _by_filter: bool = field(init=False, repr=False)
    _first: list[Row] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        self._by_filter = bool(self.query_type.rest_by)

    @property
    def without(self) -> tuple[str, ...]:
        """The keys of rows that the next page shall leave out; empty where pages have numbers."""
        if not self._by_filter:
            return ()
        (key,) = self.query_type.key
        return tuple(str(row[key]) for row in self.rows if row.get(key) is not None)

    @property
    def limit(self) -> int:
        """Rows to ask for on the next page."""
        return max(1, int(self.most * SHARES[self._pass]))

    def add(self, page: list[Row], by: str = "") -> Verdict:
        """Take one more page, by the server's id of its request, and decide."""
        self.request_id = by
        more = fills_limit(self.query_type, page, self.limit)
        if self._by_filter and (more or self.pages):
            return self._add_rest(page, more)
        later = self.page > 1
        if later and self.query_type.merged and page:
            return self._incomplete("rows are merged after the limit, so only one page is right")
        names = [self._identity(row) for row in page] if later or more or self._pass else []
        new = sum(name not in self._in_pass for name in names) if later else len(page)
        if later and more and new < NEW_ENOUGH * len(page):
            return self._incomplete("the server repeats its pages")
        self._keep(page, names)
        self._overlap |= new < len(page)
        if self._expected is not None and self._found() >= self._expected:
            return Verdict.COMPLETE
        if more:
            if reason := self._no_more():
                return self._incomplete(reason)
            self.page += 1
            return Verdict.MORE
        return Verdict.COMPLETE if self.pages == 1 else self._end_of_pass()

    def turn_pages(self) -> Verdict:
        """Go on from the first page by number: a filter does not do here."""
        first, self._first, self._by_filter = self._first, [], False
        self.rows, self.seen, self.pages = [], 0, 0
        self._in_pass.clear()
        self._in_rows.clear()
        return self.add(first)

    def _add_rest(self, page: list[Row], more: bool) -> Verdict:
        """Take the first page of several, or one without the rows of those before."""
        self._first = self._first or page
        names = [self._identity(row) for row in page]
        if len(set(names)) < len(names) or not self._in_rows.isdisjoint(names):
            return self.turn_pages()
        self._keep(page, names)
        if more:
            if reason := self._no_more():
                return self._incomplete(reason)
            return Verdict.MORE
        return Verdict.COMPLETE if self._share_anew() else self.turn_pages()

    def _share_anew(self) -> bool:
        """Compute the shares of rows that came without those before, of which they are no part.
        Returns False when the first page, which has its own, says that it cannot be done so."""
        known = len(self._first)
        for column, of in self.query_type.shares.items():
            amounts = [amount for row in self.rows if isinstance(amount := row.get(of), int)]
            if len(amounts) < len(self.rows):
                return False
            total = sum(amounts)
            # as the server rounds: of two equally near values to the even one
            shares = [round(10_000 * amount / total) / 100 for amount in amounts]
            for row, share in zip(self._first, shares, strict=False):
                told = row.get(column)
                if not isinstance(told, int | float) or abs(told - share) > AS_BEFORE:
                    return False
            rest = zip(self.rows[known:], shares[known:], strict=True)
            self.rows[known:] = [{**row, column: share} for row, share in rest]
        return True

    def _keep(self, page: list[Row], names: list[tuple[str, ...]]) -> None:
        self.pages += 1
        self.seen += self._counted(page)
        self._in_pass.update(names)
        if not (self.query_type.key and names):
            self.rows.extend(page)
            return
        for row, name in zip(page, names, strict=True):
            if name not in self._in_rows:
                self._in_rows.add(name)
                self.rows.append(row)

    def _end_of_pass(self) -> Verdict:
        if not self.query_type.key:
            return self._incomplete("pages overlap") if self._overlap else Verdict.COMPLETE
        if self._found() >= self.seen:
            return Verdict.COMPLETE
        if self._pass + 1 == len(SHARES) or self.pages >= MOST_PAGES:
            return self._incomplete("pages overlap, whatever their size")
        self._expected, self.seen, self.page = self.seen, 0, 1
        self._pass += 1
        self._in_pass.clear()
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

    def _counted(self, rows: Sequence[Row]) -> int:
        """How many of what the limit counts."""
        columns = self.query_type.limit_counts
        return len({key_of(row, columns) for row in rows}) if columns else len(rows)

    def _found(self) -> int:
        return self._counted(self.rows)

    @property
    def expected(self) -> int:
        """How many rows there should be at least, as far as pages have told."""
        missing = max(self.seen, self._expected or 0) - self._found()
        return len(self.rows) + max(0, missing)

    def _incomplete(self, reason: str) -> Verdict:
        self.reason = reason
        return Verdict.TRUNCATED
