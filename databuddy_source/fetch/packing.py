"""Cells to questions, questions to packs. Pure: no requests here.

A question is one parameter of a request. Most ask for one cell; a series that brings its
own dates is asked for a whole range of cells at once. A pack is one request: questions of one
website, each with an id of its own; `pace` says how many.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from databuddy_source.fetch.pace import CostClass
from databuddy_source.model import windows
from databuddy_source.model.reports import Cell, Condition, Report
from databuddy_source.model.windows import ONE_DAY, ONE_SECOND, Grain

LONGEST_HOURLY = 24 * ONE_DAY
"""Servers fail for more than 30 days of hourly rows, and a range is asked for with margins."""


@dataclass(frozen=True, slots=True)
class Question:
    """One parameter of a request.

    Attributes:
        cells: of one website and report, in order, without a gap.
        spelling: the query type's name on this server.
        limit: rows a page.
        page: from 1.
        piece: the part of the only cell's window that is asked for, as first instant and first
            instant after it; None for the whole.
        proven: whether an earlier run had answers of this type for this website.
        without: the keys of rows that shall not come again, where a filter leaves them out.
        apart: whether it has a body of its own: it may be one that throws.
    """

    cells: tuple[Cell, ...]
    spelling: str
    limit: int
    page: int = 1
    piece: tuple[datetime, datetime] | None = None
    proven: bool = False
    without: tuple[str, ...] = ()
    apart: bool = False

    @property
    def website_id(self) -> str:
        return self.cells[0].website_id

    @property
    def report(self) -> Report:
        return self.cells[0].report

    @property
    def series(self) -> tuple[str, Report]:
        return self.cells[0].series

    @property
    def gate(self) -> str:
        """What may fail a whole request that has one of its types, or an empty string: also for
        what is proven, which travels with others until a request with it fails."""
        return "" if self.proven else self.report.query_type.gate

    @property
    def slows_packs(self) -> bool:
        """Whether the server would answer a pack that holds it question by question."""
        return self.report.query_type.slows_packs

    @property
    def kind(self) -> CostClass:
        return self.report.query_type.name, self.report.grain

    def halves(self) -> tuple[Question, Question]:
        """The same cells in two questions. Needs two cells."""
        middle = len(self.cells) // 2
        return (
            replace(self, cells=self.cells[:middle], page=1),
            replace(self, cells=self.cells[middle:], page=1),
        )

    @property
    def span(self) -> tuple[datetime, datetime]:
        """First instant, and first instant after the end."""
        return self.piece or (self.cells[0].window.start, self.cells[-1].window.end)

    def pieces(self) -> tuple[Question, Question] | None:
        """The same question for the earlier and the later half of its time; None when it is too
        short. Both have the whole second between them, since a server reads an end as the first
        instant of its second: no fraction of a second falls between the two."""
        start, end = self.span
        seconds = (end - start) // ONE_SECOND
        if seconds < 3:
            return None
        middle = start + seconds // 2 * ONE_SECOND
        return (
            replace(self, piece=(start, middle + ONE_SECOND), page=1),
            replace(self, piece=(middle, end), page=1),
        )

    @property
    def bucketed(self) -> bool:
        """Whether rows bring the label of their window, so that one question covers many."""
        return self.report.query_type.ranged and self.cells[0].window.bucket_zone is not None

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The filters that it is sent with."""
        if not self.without:
            return self.report.filters
        field = self.report.query_type.rest_by
        return (*self.report.filters, Condition(field=field, op="not_in", value=self.without))

    @property
    def timezone(self) -> str:
        """IANA name of the time zone of the request that it may travel in: that of its buckets.

        All else is asked for in instants with an offset, under UTC. So it does not matter whether
        a server binds windows in UTC or in the request's zone, where it would move instants twice.
        """
        zone = self.cells[0].window.bucket_zone
        return zone if zone and self.report.query_type.ranged else "UTC"

    @property
    def labels(self) -> list[str]:
        """What rows of a series call each cell."""
        return [windows.label(one.window.start, self.timezone, self.labelled) for one in self.cells]

    @property
    def labelled(self) -> Grain:
        """What rows of a series name. A window that is no bucket comes under its day."""
        return self.report.grain if self.bucketed else Grain.DAY

    def __str__(self) -> str:
        first, last = self.cells[0].window, self.cells[-1].window
        return f"{first}" if first == last else f"{first} .. {last}"


def questions_of(
    cells: Sequence[Cell], spelling: str, limit: int, *, proven: bool = False
) -> list[Question]:
    """The questions for cells of one website and report, oldest first: one each, or one for each
    range without a gap."""
    groups: list[list[Cell]] = []
    for cell in sorted(cells, key=lambda cell: cell.window):
        if groups and _in_one_question(groups[-1][0], groups[-1][-1], cell):
            groups[-1].append(cell)
        else:
            groups.append([cell])
    return [Question(tuple(group), spelling, limit, proven=proven) for group in groups]


def _in_one_question(first: Cell, last: Cell, cell: Cell) -> bool:
    """Whether a question for cells from `first` to `last` may cover one more."""
    window = cell.window
    return (
        cell.report.query_type.ranged
        and first.window.bucket_zone == window.bucket_zone is not None
        and last.window.end == window.start
        and (window.grain is Grain.DAY or window.end - first.window.start <= LONGEST_HOURLY)
    )


@dataclass(frozen=True, slots=True)
class Pack:
    """The questions of one route that travel in one request.

    Attributes:
        divided: whether it is a part of a pack that failed.
    """

    questions: tuple[Question, ...]
    divided: bool = False

    @property
    def website_id(self) -> str:
        return self.questions[0].website_id

    @property
    def gate(self) -> str:
        return self.questions[0].gate

    @property
    def slows_packs(self) -> bool:
        return self.questions[0].slows_packs

    @property
    def apart(self) -> bool:
        """Whether each of its questions has a body of its own."""
        return self.questions[0].apart

    @property
    def timezone(self) -> str:
        return self.questions[0].timezone

    @property
    def kinds(self) -> list[CostClass]:
        """What tells the cost of its questions."""
        return [question.kind for question in self.questions]

    def parted(self, count: int) -> tuple[Pack, Pack]:
        """The first so many questions, and the others."""
        first, others = self.questions[:count], self.questions[count:]
        return replace(self, questions=first), replace(self, questions=others)

    def halves(self) -> tuple[Pack, Pack]:
        """The same questions in two packs, after it failed. Needs two questions."""
        return replace(self, divided=True).parted(len(self.questions) // 2)

    @property
    def reports(self) -> list[Report]:
        """The reports that it asks for, each once."""
        return list(dict.fromkeys(question.report for question in self.questions))

    def halves_by_type(self) -> tuple[Pack, Pack]:
        """The same questions in two packs that share no query type, or no report where there is
        but one type, after a server failed for the pack or refused it. Needs two reports."""
        one_type = len({question.spelling for question in self.questions}) == 1

        def name(question: Question) -> str:
            return question.report.name if one_type else question.spelling

        names = list(dict.fromkeys(map(name, self.questions)))
        first = set(names[: len(names) // 2])
        ordered = sorted(self.questions, key=lambda each: name(each) not in first)
        count = sum(name(each) in first for each in ordered)
        return replace(self, questions=tuple(ordered), divided=True).parted(count)

    def without(self, reports: Collection[Report]) -> Pack:
        """The same without some reports."""
        kept = tuple(each for each in self.questions if each.report not in reports)
        return replace(self, questions=kept)

    def without_end(self, *, last: bool) -> tuple[Question, Pack]:
        """The question for its first or its last cell alone, and the other questions. Needs two
        cells."""
        place = -1 if last else 0
        whole = self.questions[place]
        end = replace(whole, cells=(whole.cells[place],))
        left = whole.cells[:-1] if last else whole.cells[1:]
        rest = (replace(whole, cells=left),) if left else ()
        others = (*self.questions[:-1], *rest) if last else (*rest, *self.questions[1:])
        return end, replace(self, questions=others, divided=True)

    @property
    def is_mixed(self) -> bool:
        """Whether something behind a gate travels in it because it is proven."""
        return any(each.gate != each.report.query_type.gate for each in self.questions)

    def with_bodies_apart(self) -> Pack:
        """The same questions, each in a body of its own."""
        apart = tuple(replace(question, apart=True) for question in self.questions)
        return replace(self, questions=apart)

    def named(self) -> dict[str, Question]:
        """Each question under the id that it travels with."""
        return {f"c{number}": question for number, question in enumerate(self.questions)}
