"""What becomes of each answer: results, and the questions that follow from it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.api.models import ParameterResult
from databuddy_source.clock import now
from databuddy_source.fetch.bodies import bodies_of
from databuddy_source.fetch.packing import Pack, Question, questions_of
from databuddy_source.fetch.settling import Settling
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import Cell, Report
from databuddy_source.model.results import Result, Row
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY, ONE_HOUR, ONE_SECOND, Grain, tile
from tests.campaign import examples
from tests.cells import DAY, a_report, cells_of

G2025, G2026 = Generation.G2025, Generation.G2026_04
MOST_QUESTIONS = 5_000
"""After so many a conversation counts as a loop."""


@dataclass(frozen=True)
class Event:
    at: datetime
    name: str

    @property
    def row(self) -> Row:
        """As servers write it, to the millisecond."""
        return {
            "event_name": self.name,
            "timestamp": f"{self.at:%F %T}.{self.at.microsecond // 1000:03}",
        }


def span_of(start: str, end: str) -> tuple[datetime, datetime]:
    """What a server reads: both ends inside, a plain end date as its last whole second."""
    first, last = (
        datetime.fromisoformat(text).replace(tzinfo=UTC)
        if len(text) == len("2026-03-02")
        else datetime.fromisoformat(text)
        for text in (start, end)
    )
    return first, last + ONE_DAY - ONE_SECOND if len(end) == len("2026-03-02") else last


@dataclass
class LogServer:
    """Events, newest first, as many as the limit allows; those of one instant in any order.

    Attributes:
        fails: which questions it cannot answer, by their first and last instant.
    """

    events: Sequence[Event]
    generation: Generation = G2026
    pages: bool = True
    fails: Callable[[datetime, datetime], bool] = lambda start, end: False
    order: random.Random = field(default_factory=lambda: random.Random(0))
    asked: list[tuple[datetime, datetime, int]] = field(default_factory=list)

    def seen(self, start: datetime, end: datetime) -> list[Event]:
        return [event for event in self.events if start <= event.at <= end]

    def answer(self, question: Question) -> ParameterResult:
        (body,) = bodies_of(Pack((question,)), self.generation)
        (parameter,) = body.parameters
        start, end = span_of(parameter.start_date, parameter.end_date)
        self.asked.append((start, end, body.page))
        if self.fails(start, end):
            return ParameterResult(parameter=parameter.id, success=False, error="out of memory")
        found = self.seen(start, end)
        self.order.shuffle(found)
        found.sort(key=lambda event: event.at, reverse=True)
        skipped = (body.page - 1) * body.limit if self.pages else 0
        rows = [event.row for event in found[skipped : skipped + body.limit]]
        return ParameterResult(parameter=parameter.id, data=rows)


def converse(settling: Settling, questions: list[Question], server: LogServer) -> list[Result]:
    """Ask until nothing is left to ask, in any order, as side by side requests do."""
    waiting = settling.begin(questions, cautious=False)
    while waiting:
        question = waiting.pop(server.order.randrange(len(waiting)))
        if not settling.is_moot(question):
            settling.take(question, server.answer(question))
        waiting += settling.questions
        settling.questions = []
        assert len(server.asked) < MOST_QUESTIONS, "it never ends"
    return settling.results


def fetch(cells: list[Cell], server: LogServer, limit: int) -> list[Result]:
    settling = Settling(takes_offsets=server.generation.takes_offsets, now=now)
    name = cells[0].report.query_type.name
    return converse(settling, questions_of(cells, name, limit), server)


def as_counted(rows: Sequence[Row]) -> Counter[str]:
    return Counter(str(sorted(row.items())) for row in rows)


def a_log(name: str = "custom_events_recent", generation: Generation = G2026) -> Report:
    return a_report(name, generation)


def windows_of(grain: Grain, day: date = DAY, zone: str = "UTC", name: str = "") -> list[Cell]:
    report = replace(a_log(name or "custom_events_recent"), grain=grain)
    return [Cell("shop", report, window) for window in tile(day, day, zone, grain)]


def every(seconds: float, count: int, start: datetime) -> list[Event]:
    return [Event(start + number * timedelta(seconds=seconds), "e") for number in range(count)]


MIDNIGHT = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)

# -- logs are cut by time

moments = st.one_of(
    st.integers(0, 86_399_999),
    st.integers(0, 86_400).map(lambda second: second * 1000),
    # many within a few seconds, and around both ends
    st.builds(
        lambda second, ms: second * 1000 + ms,
        st.sampled_from([-1, 0, 43_199, 43_200, 43_201, 86_398, 86_399]),
        st.sampled_from([0, 1, 500, 999]),
    ),
)
some_events = st.lists(st.tuples(moments, st.sampled_from("ab")), max_size=60)


@examples(300)
@given(
    some_events,
    st.integers(1, 12),
    st.sampled_from(["custom_events_recent", "recent_errors", "recent_transactions"]),
    st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata"]),
    st.sampled_from([Grain.DAY, Grain.HOUR, Grain.WEEK]),
    st.randoms(use_true_random=False),
)
def test_a_log_is_cut_by_time_until_it_has_each_event_once_or_says_that_it_has_not(
    drawn: list[tuple[int, str]],
    limit: int,
    name: str,
    zone: str,
    grain: Grain,
    order: random.Random,
) -> None:
    cell = windows_of(grain, zone=zone, name=name)[0]
    start, end = cell.window.start, cell.window.end
    scale = (end - start) / ONE_DAY
    events = [
        Event(start + timedelta(milliseconds=int(moment * scale)), letter)
        for moment, letter in drawn
    ]
    query_type = cell.report.query_type
    server = LogServer(events, pages=query_type.pages, order=order)
    if query_type.key:  # each row has one of its own
        events[:] = [Event(event.at, f"e{number}") for number, event in enumerate(events)]
        key = query_type.model_copy(update={"key": ("event_name",)})
        cell = replace(cell, report=replace(cell.report, query_type=key))
    (result,) = fetch([cell], server, limit)
    truth = server.seen(start, end - ONE_SECOND)
    rows = as_counted(result.rows)
    pages = len(truth) // limit + 2
    assert len(server.asked) <= 1 + 2 * 20 * (2 * len(truth) // limit + 1) * pages
    if result.status is Status.COMPLETE:
        assert rows == as_counted([event.row for event in truth])
        assert result.rows_expected is None
    else:
        assert result.status is Status.TRUNCATED
        assert result.reason
        assert rows.keys() <= as_counted([event.row for event in truth]).keys()
        dense = (len(server.seen(event.at, event.at + 2 * ONE_SECOND)) for event in truth)
        assert max(dense) >= limit, "there were no more than fit into an answer"


@given(some_events, st.integers(61, 70))
def test_a_log_that_fits_is_asked_once(drawn: list[tuple[int, str]], limit: int) -> None:
    events = [Event(MIDNIGHT + timedelta(milliseconds=at), letter) for at, letter in drawn]
    server = LogServer(events)
    (result,) = fetch(cells_of(a_log()), server, limit)
    assert (result.status, len(server.asked)) == (Status.COMPLETE, 1)


def test_a_busy_day_is_cut_no_further_than_needed() -> None:
    events = every(86.4, 1000, MIDNIGHT)
    server = LogServer(events, pages=False)
    (result,) = fetch(cells_of(a_log("recent_errors")), server, 300)
    assert result.status is Status.COMPLETE
    assert len(result.rows) == 1000
    assert len(server.asked) == 7  # the day, two halves, four quarters
    assert {page for *_, page in server.asked} == {1}


def test_equal_rows_in_the_second_that_two_pieces_share_are_counted_once_each() -> None:
    noon = MIDNIGHT + 12 * ONE_HOUR
    events = [Event(noon, "e")] * 3 + every(3600, 3, MIDNIGHT) + every(3600, 3, noon + ONE_HOUR)
    (result,) = fetch(cells_of(a_log()), LogServer(events), 8)
    assert result.status is Status.COMPLETE
    assert as_counted(result.rows) == as_counted([event.row for event in events])


def test_nothing_falls_between_two_pieces() -> None:
    noon = MIDNIGHT + 12 * ONE_HOUR
    around = [timedelta(milliseconds=ms) for ms in (-1000, -999, -1, 0, 1, 999, 1000)]
    events = [Event(noon + each, "e") for each in around]
    server = LogServer(events, pages=False)
    (result,) = fetch(cells_of(a_log("recent_errors")), server, 5)
    assert result.status is Status.COMPLETE
    assert as_counted(result.rows) == as_counted([event.row for event in events])


def test_more_events_than_fit_into_two_seconds_are_truncated_with_a_reason() -> None:
    events = every(0.001, 50, MIDNIGHT + ONE_HOUR)
    server = LogServer([*events, Event(MIDNIGHT + 9 * ONE_HOUR, "later")], pages=False)
    (result,) = fetch(cells_of(a_log("recent_errors")), server, 20)
    assert result.status is Status.TRUNCATED
    assert result.reason == "the server has one page only for this query type"
    assert 20 < len(as_counted(result.rows)) == len(result.rows) < 51
    assert "later" in {row["event_name"] for row in result.rows}


def test_two_seconds_of_a_log_with_pages_are_read_page_by_page() -> None:
    events = every(0.001, 50, MIDNIGHT + ONE_HOUR)
    server = LogServer(events)
    (result,) = fetch(cells_of(a_log()), server, 20)
    assert result.status is Status.COMPLETE
    assert as_counted(result.rows) == as_counted([event.row for event in events])
    assert {end - start for start, end, page in server.asked if page > 1} == {ONE_SECOND}


@pytest.mark.parametrize("name", ["session_list", "profile_list"])
def test_what_lasts_is_read_page_by_page_and_never_cut_by_time(name: str) -> None:
    report = a_report(name)
    key = report.query_type.model_copy(update={"key": ("timestamp",), "limit_counts": ()})
    cells = cells_of(replace(report, query_type=key))
    server = LogServer(every(60, 100, MIDNIGHT))
    (result,) = fetch(cells, server, 30)
    assert (result.status, len(result.rows)) == (Status.COMPLETE, 100)
    assert [page for *_, page in server.asked] == [1, 2, 3, 4]
    assert len({(start, end) for start, end, _ in server.asked}) == 1


def test_only_logs_of_instants_are_cut_by_time() -> None:
    of_instants = {each.name for each in load_catalog() if each.of_instants}
    assert {"custom_events_recent", "recent_errors", "recent_transactions"} <= of_instants
    for name in (
        "session_list",
        "profile_list",
        "top_pages",
        "events_by_date",
        "returning_visitors",
    ):
        assert name not in of_instants


def test_a_server_without_offsets_is_asked_page_by_page() -> None:
    server = LogServer(every(60, 100, MIDNIGHT), G2025)
    (result,) = fetch(cells_of(a_log("recent_errors", G2025)), server, 30)
    assert (result.status, len(result.rows)) == (Status.COMPLETE, 100)
    assert [page for *_, page in server.asked] == [1, 2, 3, 4]
    assert len({(start, end) for start, end, _ in server.asked}) == 1


# -- pieces that fail


def statuses(results: list[Result]) -> Counter[Status]:
    return Counter(result.status for result in results)


@examples(40)
@given(st.integers(0, 86_399), st.integers(0, 3), st.randoms(use_true_random=False))
def test_a_piece_that_fails_fails_its_cell_once_and_no_other(
    second: int, broken: int, order: random.Random
) -> None:
    cells = cells_of(a_log(), DAY, DAY + 3 * ONE_DAY)
    moment = MIDNIGHT + broken * ONE_DAY + second * ONE_SECOND
    server = LogServer(
        every(3600, 96, MIDNIGHT),
        fails=lambda start, end: start <= moment <= end and end - start < 6 * ONE_HOUR,
        order=order,
    )
    results = fetch(cells, server, 6)
    assert sorted(result.cell.window for result in results) == [cell.window for cell in cells]
    failed = [result for result in results if result.status is not Status.COMPLETE]
    assert [(each.cell, each.status, each.reason, each.rows) for each in failed] == [
        (cells[broken], Status.FAILED, "out of memory", ())
    ]


def in_pieces(count: int = 4) -> tuple[Settling, list[Cell], list[Question]]:
    """A conversation in which the first of three days is asked for in so many pieces."""
    cells = cells_of(a_log(), DAY, DAY + 2 * ONE_DAY)
    settling = Settling(takes_offsets=True, now=now)
    server = LogServer(every(60, 3 * 24 * 60, MIDNIGHT))
    waiting = settling.begin(questions_of(cells, "custom_events_recent", 10), cautious=False)[:1]
    while len(waiting) < count:
        question = waiting.pop(0)
        settling.take(question, server.answer(question))
        waiting += settling.questions
        settling.questions = []
    return settling, cells, waiting


def test_pieces_of_a_failed_cell_are_not_sent_and_their_answers_are_dropped() -> None:
    settling, cells, pieces = in_pieces()
    settling.fail_or_halve(pieces[0], "out of memory")
    assert all(settling.is_moot(piece) for piece in pieces[1:])
    for piece in pieces[1:]:
        settling.take(piece, ParameterResult(parameter="c0", data=[]))
        settling.take(piece, ParameterResult(parameter="c0", success=False, error="no"))
        settling.take(piece, None)
    assert settling.questions == []
    # it waits for the other two cells, and is one of three
    settling.outage([Question((cell,), "custom_events_recent", 10) for cell in cells[1:]], "gone")
    assert [(each.cell, each.reason) for each in settling.results] == [
        (cells[1], "gone"),
        (cells[2], "gone"),
        (cells[0], "out of memory"),
    ]


def test_pieces_that_fail_in_requests_of_their_own_are_one_failed_window() -> None:
    settling, cells, pieces = in_pieces()
    for piece in pieces:  # all under way at once
        settling.fail_or_halve(piece, "out of memory")
    other = Question((cells[1],), "custom_events_recent", 10)
    assert not settling.is_moot(other), "the type is not given up for one window"
    assert settling.results == []
    for cell in cells[1:]:
        settling.take(replace(other, cells=(cell,)), ParameterResult(parameter="c0", data=[]))
    assert statuses(settling.results) == {Status.FAILED: 1, Status.COMPLETE: 2}


def test_an_outage_while_pieces_are_under_way_is_told_once() -> None:
    settling, cells, pieces = in_pieces()
    settling.take(pieces[0], ParameterResult(parameter="c0", data=[]))
    settling.outage(pieces[1:3], "no route to host")
    settling.outage(pieces[3:], "no route to host")
    (result,) = settling.results
    assert (result.cell, result.status, result.outage) == (cells[0], Status.FAILED, True)
    assert (result.reason, result.rows) == ("no route to host", ())
    assert settling.questions == []


def test_pieces_of_a_type_that_is_given_up_fail_their_cell_once() -> None:
    report = a_log()
    cells = cells_of(report, DAY, DAY + 3 * ONE_DAY)
    settling = Settling(takes_offsets=True, now=now)
    questions = settling.begin(questions_of(cells, "custom_events_recent", 10), cautious=False)
    settling.take(questions[0], LogServer(every(60, 100, MIDNIGHT)).answer(questions[0]))
    pieces, settling.questions = settling.questions, []
    for question in questions[1:]:
        settling.fail_or_halve(question, "no such column")
    assert [settling.is_moot(piece) for piece in pieces] == [True, True]
    assert statuses(settling.results) == {Status.UNAVAILABLE: 4}


# -- series of hours


def hours_on(day: date, count: int = 24, zone: str = "UTC") -> list[Cell]:
    report = replace(a_report("events_by_date"), grain=Grain.HOUR)
    return [Cell("shop", report, window) for window in tile(day, day, zone, Grain.HOUR)][:count]


def settled(question: Question, rows: list[Row]) -> Settling:
    settling = Settling(takes_offsets=True, now=now)
    settling.begin([question], cautious=False)
    settling.take(question, ParameterResult(parameter="c0", data=rows))
    return settling


@given(st.sets(st.integers(0, 23)), st.sampled_from(["UTC", "Asia/Kolkata"]), st.randoms())
def test_rows_of_a_series_of_hours_land_in_their_cells(
    present: set[int], zone: str, order: random.Random
) -> None:
    cells = hours_on(DAY, zone=zone)
    (question,) = questions_of(cells, "events_by_date", 100)
    rows: list[Row] = [{"date": question.labels[n], "pageviews": n + 1} for n in present]
    # the days around the range have rows, too
    rows += [{"date": f"{DAY + n * ONE_DAY} 12:00:00", "pageviews": 99} for n in (-3, -1, 2, 3)]
    order.shuffle(rows)
    results = settled(question, rows).results
    assert [result.cell for result in results] == cells
    found = {n: [row["pageviews"] for row in each.rows] for n, each in enumerate(results)}
    assert found == {n: [n + 1] if n in present else [] for n in range(24)}
    assert statuses(results) == {Status.COMPLETE: 24}


@pytest.mark.parametrize("foreign", [DAY - 4 * ONE_DAY, DAY + 4 * ONE_DAY])
def test_a_row_of_a_foreign_day_halves_the_range_and_fails_the_hour(foreign: date) -> None:
    rows: list[Row] = [{"date": f"{foreign} 05:00:00", "pageviews": 1}]
    (question,) = questions_of(hours_on(DAY), "events_by_date", 100)
    settling = settled(question, rows)
    assert settling.results == []
    assert [len(half.cells) for half in settling.questions] == [12, 12]
    (single,) = questions_of(hours_on(DAY, 1), "events_by_date", 100)
    (result,) = settled(single, rows).results
    assert (result.status, result.rows) == (Status.FAILED, ())
    assert result.reason == "the answer has days outside of the window"


def test_an_hour_that_is_no_bucket_comes_under_its_day_of_utc() -> None:
    cells = hours_on(date(2026, 4, 5), 3, "Australia/Lord_Howe")  # the clock goes back at 02:00
    (question,) = questions_of(cells[2:], "events_by_date", 100)
    assert not question.bucketed
    (result,) = settled(question, [{"date": "2026-04-04", "pageviews": 5}]).results
    assert (result.cell, result.status) == (cells[2], Status.COMPLETE)
    assert [row["pageviews"] for row in result.rows] == [5]


def test_where_the_server_refuses_to_leave_rows_out_pages_have_numbers() -> None:
    """And nothing that came is asked for again."""
    report = a_report("top_pages", G2025)
    settling = Settling(takes_offsets=False, now=now)
    (question,) = settling.begin(
        questions_of(cells_of(report), "top_pages", G2025.max_limit), cautious=False
    )
    rows: list[Row] = [{"name": f"/{n}", "pageviews": 1, "percentage": 0.06} for n in range(1_722)]
    settling.take(question, ParameterResult(parameter="c0", data=rows[:1_000]))
    (rest,) = settling.questions
    (body,) = bodies_of(Pack((rest,)), G2025)
    (left_out,) = body.filters
    assert (left_out.field, left_out.op, body.page) == ("path", "notIn", 1)
    assert left_out.value == [row["name"] for row in rows[:1_000]]
    settling.questions = []
    settling.fail_or_halve(rest, "The server refuses the request (HTTP 413)")
    (second,) = settling.questions
    assert (second.page, second.without) == (2, ())
    settling.take(second, ParameterResult(parameter="c0", data=rows[1_000:]))
    (result,) = settling.results
    assert (result.status, list(result.rows)) == (Status.COMPLETE, rows)


@pytest.mark.parametrize(
    ("reasons", "status"), [("aaaaaaa", Status.UNAVAILABLE), ("abcdefg", Status.FAILED)]
)
def test_what_was_under_way_when_a_type_was_decided_has_a_result(
    reasons: str, status: Status
) -> None:
    """Whether each window failed alike, or each for a reason of its own."""
    cells = cells_of(a_report("country"), DAY, DAY + 6 * ONE_DAY)
    settling = Settling(takes_offsets=True, now=now)
    asked = settling.begin(questions_of(cells, "country", 10_000), cautious=False)
    failures = dict(zip(cells, reasons, strict=True))

    def fail(questions: Sequence[Question]) -> None:
        for question in questions:
            reason = f"no column {failures[question.cells[0]]}"
            settling.take(question, ParameterResult(parameter="c0", success=False, error=reason))
        followed, settling.questions = settling.questions, []
        if left := [question for question in followed if not settling.is_moot(question)]:
            fail(left)

    fail(asked[:4])  # a first pack; the second one is under way until the type is decided
    fail(asked[4:])
    assert {result.cell: result.status for result in settling.results} == dict.fromkeys(
        cells, status
    )
