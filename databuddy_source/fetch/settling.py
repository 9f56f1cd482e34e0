"""Answers to results: what becomes of each question. Pure: no requests here.

Each answer either settles cells or leads to more questions: the next page, the halves of a range,
the halves of a log's time.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from databuddy_source.api.models import ParameterResult, Thrown
from databuddy_source.fetch.failures import ENOUGH, Failures, Series
from databuddy_source.fetch.limits import Limits, fills_limit
from databuddy_source.fetch.packing import Question
from databuddy_source.fetch.paging import Pages, Verdict
from databuddy_source.fetch.repeats import key_of, repeated
from databuddy_source.fetch.rows import OddRows, rows_by_cell, with_numbers
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import Result, Row, counted, is_silent
from databuddy_source.model.statuses import Status

_Subject: TypeAlias = tuple[tuple[Cell, ...], tuple[datetime, datetime] | None]
"""What all pages of a question have in common: its cells, or the piece of one."""


@dataclass
class _Pieces:
    """The pieces of one cell's time, as their answers come in.

    Neighbours share one instant, and what happened in it is in both answers. Rows that are equal
    throughout happened in the same instant, so the most that one answer has is their number.
    """

    outstanding: int = 1
    rows: dict[tuple[str, ...], Row] = field(default_factory=dict)
    times: Counter[tuple[str, ...]] = field(default_factory=Counter)
    expected: int = 0
    reason: str = ""

    def add(self, rows: list[Row], missing: int, reason: str) -> None:
        named = [(key_of(row, sorted(row)), row) for row in rows]
        self.rows.update(named)
        self.times |= Counter(name for name, _ in named)
        self.expected += missing
        self.reason = self.reason or reason
        self.outstanding -= 1

    def whole(self) -> list[Row]:
        return [self.rows[name] for name in self.times.elements()]


class Settling:
    """Takes answers, gives results and new questions.

    Args:
        takes_offsets: whether the server takes instants, so that a window can be cut by time.
        now: the time, in UTC.

    Attributes:
        results: settled since they were last taken away.
        questions: to be sent, the same.
    """

    def __init__(self, *, takes_offsets: bool, now: Callable[[], datetime]) -> None:
        self._takes_offsets = takes_offsets
        self._now = now
        self._failures = Failures()
        self._lacking: set[Series] = set()
        self._held_back: dict[Series, list[Question]] = defaultdict(list)
        self._asked_again: set[Question] = set()
        self._again: Counter[Series] = Counter()
        self._limits = Limits()
        self._pages: dict[_Subject, Pages] = {}
        self._pieces: dict[Cell, _Pieces] = {}
        self.results: list[Result] = []
        self.questions: list[Question] = []

    def begin(self, questions: list[Question], *, cautious: bool) -> list[Question]:
        """Questions of one website and report that are about to be sent. Returns those to send
        now: a few, where the type failed before."""
        series = questions[0].series
        self._failures.expect(series, sum(len(question.cells) for question in questions))
        if not (cautious or questions[0].report.query_type.fails):
            return questions
        self._held_back[series].extend(questions[ENOUGH:])
        return questions[:ENOUGH]

    def is_moot(self, question: Question) -> bool:
        """Whether a question need not be sent: its cell is settled, or its type is given up (then
        it fails here)."""
        if self._is_late(question):
            return True
        if reason := self._failures.given_up(question.series):
            self._fail(question, reason)
            return True
        return False

    def has_answered(self, series: Series) -> bool:
        """Whether any window of a type had an answer."""
        return self._failures.has_answered(series)

    def take(self, question: Question, answer: ParameterResult | None, by: str = "") -> None:
        """One answer, by the server's id of its request; None when the server left it out."""
        if self._is_late(question):
            return
        if answer is None:
            self._ask_again(question, "the server left the question out of its answer")
        elif isinstance(answer, Thrown):  # it was asked before, with others
            self.fail_or_halve(question, answer.error)
        elif not answer.success:
            self._ask_again(question, answer.error or "the server gives no reason")
        elif not _are_rows(answer.data):
            self.fail_or_halve(question, "the server's rows are not a list of objects")
        else:
            limit = self._limits.met(question, answer)
            self._take_rows(replace(question, limit=limit), answer.data, by)

    def _take_rows(self, question: Question, rows: list[Row], by: str) -> None:
        if pieces := self._cut(question, rows):
            self._pieces.setdefault(question.cells[0], _Pieces()).outstanding += 1
            self.questions.extend(pieces)
        else:
            self._page(question, rows, by)

    def _ask_again(self, question: Question, reason: str) -> None:
        """One question failed in an answer that had others: for once, that may be a connection
        that was lost inside of the server, or a moment when it was busy. Where a type has not
        answered yet, a few questions tell, and the others wait for them."""
        series = question.series
        asked_before = question in self._asked_again or self._failures.given_up(series)
        if len(question.cells) > 1 or asked_before:
            self.fail_or_halve(question, reason)
            return
        self._asked_again.add(question)
        self._again[series] += 1
        # what was under way when the type was decided comes too late to wait for that
        known = self._failures.has_answered(series) or self._failures.decided(series)
        if known or self._again[series] <= ENOUGH:
            self.questions.append(question)
        else:
            self._held_back[series].append(question)

    def fail_or_halve(self, question: Question, reason: str) -> None:
        """No answer to a question: ask for each half of its cells, or fail its only one."""
        pages = self._pages.pop((question.cells, question.piece), None)
        if self._is_late(question):
            return
        if pages and question.without:
            self._go_on(question, pages, pages.turn_pages())
            return
        if len(question.cells) > 1:
            self.questions.extend(question.halves())
        else:
            self._fail(question, reason)

    def give_up(self, questions: Iterable[Question], reason: str, *, lacking: bool) -> None:
        """Fail cells whose types are known to fail in each window, and those held back.

        Args:
            questions: about the cells.
            reason: for all of them.
            lacking: the server itself says that it does not have the types.
        """
        for question in questions:
            if self._is_late(question):
                continue
            if lacking:
                self._lacking.add(question.series)
            self._failures.give_up(question.series, reason)
            self._fail(question, reason)

    def outage(self, questions: Iterable[Question], reason: str) -> None:
        """Fail cells for a reason that is not their type's."""
        for question in questions:
            if self._is_late(question):
                continue
            self._pieces.pop(question.cells[0], None)
            now = self._now()
            for cell in question.cells:
                self.results.append(Result(cell, Status.FAILED, now, reason=reason, outage=True))
            self._release(question.series)
            self._report_failed(self._failures.forget(question.series, len(question.cells)))

    def _is_late(self, question: Question) -> bool:
        """Whether another piece has failed the cell by now."""
        return question.piece is not None and question.cells[0] not in self._pieces

    def _cut(self, question: Question, rows: list[Row]) -> tuple[Question, Question] | None:
        """The halves of a log's time when the answer is as long as the limit."""
        query_type = question.report.query_type
        if question.page > 1 or not (self._takes_offsets and query_type.of_instants):
            return None
        return question.pieces() if fills_limit(query_type, rows, question.limit) else None

    def _page(self, question: Question, rows: list[Row], by: str) -> None:
        with_numbers(rows, question.report.query_type)
        subject = question.cells, question.piece
        pages = self._pages.pop(subject, None) or Pages(question.report.query_type, question.limit)
        self._go_on(question, pages, pages.add(rows, by))

    def _go_on(self, question: Question, pages: Pages, verdict: Verdict) -> None:
        if verdict is Verdict.MORE:
            self._pages[question.cells, question.piece] = pages
            more = replace(question, limit=pages.limit, page=pages.page, without=pages.without)
            self.questions.append(more)
            return
        if verdict is Verdict.TRUNCATED and len(question.cells) > 1:
            self.questions.extend(question.halves())
            return
        try:
            by_cell = rows_by_cell(question, pages.rows)
        except OddRows as error:
            self.fail_or_halve(question, str(error))
            return
        missing = max(0, pages.expected - len(pages.rows))
        self._release(question.series)
        for cell, own in by_cell.items():
            self._answered(cell, own, missing, pages.reason, pages.request_id)

    def _answered(self, cell: Cell, rows: list[Row], missing: int, reason: str, by: str) -> None:
        if pieces := self._pieces.get(cell):
            pieces.add(rows, missing, reason)
            if pieces.outstanding:
                return
            del self._pieces[cell]
            rows, missing, reason = pieces.whole(), pieces.expected, pieces.reason
        query_type = cell.report.query_type
        expected = len(rows) + missing if missing else None
        if not reason and (twice := repeated(rows, query_type)):
            expected, reason = len(rows) - twice.again, twice.reason
            rows = twice.rows
        self.results.append(
            Result(
                cell,
                Status.TRUNCATED if reason else Status.COMPLETE,
                self._now(),
                tuple(rows),
                expected,
                silent=is_silent(rows, query_type),
                counts=bool(counted(rows, query_type)),
                reason=reason,
                request_id=by,
            )
        )
        self._report_failed(self._failures.success(cell.series))

    def _release(self, series: Series) -> None:
        """Ask for the rest of a type that was asked with caution."""
        self.questions.extend(self._held_back.pop(series, ()))

    def _fail(self, question: Question, reason: str) -> None:
        self._pieces.pop(question.cells[0], None)
        self._report_failed(self._failures.failure(question.cells, reason))
        if self._failures.given_up(question.series) and (
            held := self._held_back.pop(question.series, None)
        ):
            cells = [cell for each in held for cell in each.cells]
            self._report_failed(self._failures.failure(cells, reason))
        elif self._failures.decided(question.series):
            self._release(question.series)

    def _report_failed(self, failed: dict[Cell, str]) -> None:
        for cell, reason in failed.items():
            given_up = self._failures.given_up(cell.series) and not cell.report.named
            status = Status.UNAVAILABLE if given_up else Status.FAILED
            lacking = cell.series in self._lacking
            self.results.append(Result(cell, status, self._now(), reason=reason, lacking=lacking))


def _are_rows(data: object) -> bool:
    return isinstance(data, list) and set(map(type, data)) <= {dict}
