"""Cells to questions, questions to requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.api.models import Filter
from databuddy_source.fetch.bodies import bodies_of, filter_of
from databuddy_source.fetch.packing import (
    LONGEST_HOURLY,
    Pack,
    Question,
    questions_of,
)
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Cell, Condition, Report
from databuddy_source.model.windows import ONE_DAY, ONE_HOUR, ONE_SECOND, Grain, Weeks, tile
from tests.cells import DAY, a_report, cells_of

TYPES = ["top_pages", "summary_metrics", "events_by_date", "vitals_time_series", "retention_rate"]
ZONES = ["UTC", "America/New_York", "Africa/Cairo", "Pacific/Apia"]

some_days = st.sets(st.integers(0, 60), max_size=40).map(
    lambda numbers: [date(2024, 4, 1) + number * ONE_DAY for number in numbers]
)


@st.composite
def some_cells(draw: st.DrawFn) -> list[Cell]:
    """Cells of one website and report: any days, in any order."""
    report = a_report(draw(st.sampled_from(TYPES)))
    zone = draw(st.sampled_from(ZONES))
    cells = [cells_of(report, day, zone=zone)[0] for day in draw(some_days)]
    return draw(st.permutations(cells))


@st.composite
def some_packs(draw: st.DrawFn) -> Pack:
    """Questions of many reports, some on later pages, with two limits."""
    questions = [
        Question(
            question.cells,
            question.spelling,
            draw(st.sampled_from([50, 10_000])),
            draw(st.integers(1, 3)),
        )
        for name in draw(st.lists(st.sampled_from(TYPES), min_size=1, unique=True))
        for question in questions_of(cells_of(a_report(name), DAY, DAY + 4 * ONE_DAY), name, 10_000)
    ]
    return Pack(tuple(questions))


@given(some_cells())
def test_each_cell_is_in_exactly_one_question(cells: list[Cell]) -> None:
    questions = questions_of(cells, "spelled", 10_000)
    asked = [cell for question in questions for cell in question.cells]
    assert asked == sorted(cells, key=lambda cell: cell.window)
    assert all(
        question.cells and question.spelling == "spelled" and question.limit == 10_000
        for question in questions
    )
    assert {question.page for question in questions} <= {1}


@given(some_cells())
def test_only_series_are_asked_in_ranges_and_ranges_end_at_gaps(cells: list[Cell]) -> None:
    questions = questions_of(cells, "spelled", 10_000)
    if not cells or not cells[0].report.query_type.ranged:
        assert all(len(question.cells) == 1 for question in questions)
        return
    for question in questions:
        assert all(one.window.end == two.window.start for one, two in pairwise(question.cells))
    for one, two in pairwise(questions):
        assert one.cells[-1].window.end < two.cells[0].window.start


def test_a_date_that_the_zone_skipped_is_no_gap() -> None:
    cells = cells_of(
        a_report("events_by_date"), date(2011, 12, 28), date(2012, 1, 2), zone="Pacific/Apia"
    )
    assert [len(question.cells) for question in questions_of(cells, "events_by_date", 10_000)] == [
        5
    ]


@given(st.integers(2, 50), st.integers(1, 9))
def test_halves_of_a_question_have_its_cells_and_start_at_page_one(count: int, page: int) -> None:
    cells = cells_of(a_report("events_by_date"), DAY, DAY + (count - 1) * ONE_DAY)
    one, two = Question(tuple(cells), "events_by_date", 100, page).halves()
    assert one.cells + two.cells == tuple(cells)
    assert abs(len(one.cells) - len(two.cells)) <= 1
    assert (one.page, two.page, one.limit, two.spelling) == (1, 1, 100, "events_by_date")


@given(some_packs().filter(lambda pack: len(pack.questions) > 1))
def test_halves_of_a_pack_have_its_questions(pack: Pack) -> None:
    one, two = pack.halves()
    assert one.questions + two.questions == pack.questions
    assert abs(len(one.questions) - len(two.questions)) <= 1


@given(some_packs(), st.sampled_from(Generation))
def test_each_question_is_in_exactly_one_body_under_its_own_id(
    pack: Pack, generation: Generation
) -> None:
    named = pack.named()
    bodies = bodies_of(pack, generation)
    sent = {parameter.id: (parameter, body) for body in bodies for parameter in body.parameters}
    assert list(named.values()) == list(pack.questions)
    assert sent.keys() == named.keys()
    assert sum(len(body.parameters) for body in bodies) == len(pack.questions)
    for name, question in named.items():
        parameter, body = sent[name]
        assert (body.limit, body.page, parameter.name) == (
            question.limit,
            question.page,
            question.spelling,
        )
        assert body.startDate <= parameter.start_date <= parameter.end_date <= body.endDate


@given(some_packs())
def test_there_is_one_body_for_each_limit_and_page(pack: Pack) -> None:
    bodies = bodies_of(pack, Generation.G2026_04)
    forms = [(body.limit, body.page) for body in bodies]
    assert sorted(forms) == sorted({(question.limit, question.page) for question in pack.questions})
    assert len({body.id for body in bodies}) == len(bodies)


def sent_for(question: Question, generation: Generation) -> tuple[str, str]:
    (body,) = bodies_of(Pack((question,)), generation)
    (parameter,) = body.parameters
    assert (body.startDate, body.endDate) == (parameter.start_date, parameter.end_date)
    return parameter.start_date, parameter.end_date


@pytest.mark.parametrize(
    ("name", "generation", "zone", "first", "last", "expected"),
    [
        ("top_pages", "2026-04", "UTC", "2026-03-08", "2026-03-08", ("2026-03-08", "2026-03-08")),
        (
            "top_pages",
            "2026-04",
            "America/New_York",
            "2026-03-08",
            "2026-03-08",
            ("2026-03-08T00:00:00-05:00", "2026-03-08T23:59:59-04:00"),
        ),
        # a range is asked with the first second beyond it, whose rows are dropped
        (
            "vitals_time_series",
            "2026-04",
            "UTC",
            "2026-03-07",
            "2026-03-09",
            ("2026-03-07T00:00:00+00:00", "2026-03-10T00:00:00+00:00"),
        ),
        # and where the days around it matter, with those, by dates that all servers understand
        (
            "events_by_date",
            "2026-04",
            "America/New_York",
            "2026-03-07",
            "2026-03-09",
            ("2026-03-05", "2026-03-11"),
        ),
        ("events_by_date", "2025", "UTC", "2026-03-07", "2026-03-09", ("2026-03-05", "2026-03-11")),
        ("entry_pages", "2026-04", "UTC", "2026-03-07", "2026-03-07", ("2026-03-07", "2026-03-07")),
        ("entry_pages", "2025", "UTC", "2026-03-07", "2026-03-07", ("2026-03-07", "2026-03-08")),
    ],
)
def test_windows_are_sent_as_the_generation_reads_them(
    name: str, generation: str, zone: str, first: str, last: str, expected: tuple[str, str]
) -> None:
    of = Generation(generation)
    cells = cells_of(
        a_report(name, of), date.fromisoformat(first), date.fromisoformat(last), zone=zone
    )
    (question,) = questions_of(cells, name, 1000)
    assert sent_for(question, of) == expected


@pytest.mark.parametrize(("name", "days"), [("retention_rate", 30), ("retention_cohorts", 42)])
def test_a_trailing_window_reaches_back_and_ends_with_its_day(name: str, days: int) -> None:
    for cell in cells_of(a_report(name), DAY, DAY + 2 * ONE_DAY):
        start, end = sent_for(Question((cell,), name, 10_000), Generation.G2026_04)
        assert date.fromisoformat(end) == cell.window.date
        assert date.fromisoformat(start) == cell.window.date - timedelta(days=days - 1)


def test_a_trailing_window_starts_at_local_midnight_of_its_first_day() -> None:
    (cell,) = cells_of(a_report("retention_cohorts"), date(2026, 3, 20), zone="America/New_York")
    start, end = sent_for(Question((cell,), "retention_cohorts", 10_000), Generation.G2026_04)
    assert datetime.fromisoformat(start) == datetime.fromisoformat("2026-02-07T00:00:00-05:00")
    assert end == "2026-03-20T23:59:59-04:00"


def test_a_question_says_its_days() -> None:
    cells = tuple(cells_of(a_report("events_by_date"), date(2026, 3, 1), date(2026, 3, 3)))
    assert str(Question(cells, "events_by_date", 100)) == "2026-03-01 .. 2026-03-03"
    assert str(Question(cells[:1], "events_by_date", 100)) == "2026-03-01"


# -- filters

FILTERS = [
    (),
    (Condition(field="country", op="eq", value="DE"),),
    (Condition(field="country", op="eq", value="AT"),),
    (Condition(field="path", op="not_in", value=("/a", "/b")),),
]


def filtered(query_type: str, filters: tuple[Condition, ...]) -> Report:
    return replace(a_report(query_type), name=f"{query_type}_mine", filters=filters)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["top_pages", "country", "events_by_date"]),
            st.sampled_from(FILTERS),
            st.sampled_from([100, 1000]),
            st.integers(1, 2),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_questions_share_a_body_exactly_when_limit_page_and_filters_are_the_same(
    drawn: list[tuple[str, tuple[Condition, ...], int, int]],
) -> None:
    pack = Pack(
        tuple(
            Question((cells_of(filtered(name, filters))[0],), name, limit, page)
            for name, filters, limit, page in drawn
        )
    )
    named = pack.named()
    bodies = bodies_of(pack, Generation.G2026_04)
    assert len(bodies) == len({each[1:] for each in drawn})
    assert sorted(p.id for body in bodies for p in body.parameters) == sorted(named)
    for body in bodies:
        for parameter in body.parameters:
            question = named[parameter.id]
            expected = [filter_of(each, Generation.G2026_04) for each in question.report.filters]
            assert (body.limit, body.page, body.filters) == (
                question.limit,
                question.page,
                expected,
            )


@given(some_packs())
def test_questions_apart_have_a_body_each(pack: Pack) -> None:
    bodies = bodies_of(pack.with_bodies_apart(), Generation.G2026_04)
    assert [len(body.parameters) for body in bodies] == [1] * len(pack.questions)
    assert len({body.id for body in bodies}) == len(bodies)


def test_filters_are_spelled_for_the_generation() -> None:
    report = filtered("top_pages", FILTERS[3])
    pack = Pack((Question(tuple(cells_of(report)), "top_pages", 100),))
    for generation, op in ((Generation.G2025, "notIn"), (Generation.G2026_04, "not_in")):
        (body,) = bodies_of(pack, generation)
        assert body.filters == [Filter(field="path", op=op, value=["/a", "/b"])]


# -- hours, weeks and months


def by(
    grain: Grain,
    query_type: str,
    first: str,
    last: str = "",
    *,
    zone: str = "UTC",
    weeks: Weeks = Weeks.ISO,
    generation: Generation = Generation.G2026_04,
) -> list[Cell]:
    report = replace(a_report(query_type, generation), grain=grain)
    days = date.fromisoformat(first), date.fromisoformat(last or first)
    return [Cell("shop", report, window) for window in tile(*days, zone, grain, weeks)]


@given(
    zone=st.sampled_from([*ZONES, "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham"]),
    first=st.dates(date(2024, 3, 1), date(2024, 11, 30)),
    count=st.integers(1, 70),
    missing=st.sets(st.integers(0, 1700), max_size=5),
)
def test_hours_without_a_gap_are_one_question_of_less_than_thirty_days(
    zone: str, first: date, count: int, missing: set[int]
) -> None:
    last = first + (count - 1) * ONE_DAY
    cells = by(Grain.HOUR, "events_by_date", str(first), str(last), zone=zone)
    cells = [cell for number, cell in enumerate(cells) if number not in missing]
    questions = questions_of(cells, "events_by_date", 10_000)
    assert [cell for question in questions for cell in question.cells] == cells
    for question in questions:
        assert all(one.window.end == two.window.start for one, two in pairwise(question.cells))
        assert {cell.window.bucket_zone for cell in question.cells} == {
            question.timezone if question.bucketed else None
        }
        assert len(set(question.labels)) == len(question.cells), "each row is of one cell"
        (body,) = bodies_of(Pack((question,)), Generation.G2026_04)
        (parameter,) = body.parameters
        start, end = question.span
        if question.bucketed:
            days = [date.fromisoformat(at) for at in (parameter.start_date, parameter.end_date)]
            assert days[1] - days[0] < 30 * ONE_DAY
            assert parameter.granularity == "hourly"
            assert days[0] == start.astimezone(ZoneInfo(question.timezone)).date() - 2 * ONE_DAY
            assert start - ONE_DAY > datetime.combine(days[0], time(), UTC)
            assert end + ONE_DAY < datetime.combine(days[1] + ONE_DAY, time(), UTC)
        else:
            assert question.timezone == "UTC"
            assert parameter.granularity is None
            assert datetime.fromisoformat(parameter.start_date) == start
            assert datetime.fromisoformat(parameter.end_date) == end - ONE_SECOND
    for one, two in pairwise(questions):
        touching = one.span[1] == two.span[0]
        alike = one.bucketed and two.bucketed and one.timezone == two.timezone
        full = two.cells[0].window.end - one.span[0] > LONGEST_HOURLY
        assert full or not (touching and alike), "no more questions than needed"


@pytest.mark.parametrize(
    ("zone", "day", "zones", "number"),
    [
        ("UTC", "2026-11-01", {"UTC"}, 1),
        ("America/New_York", "2026-10-31", {"UTC"}, 1),
        ("America/New_York", "2026-11-01", {"UTC"}, 1),
        ("America/New_York", "2026-03-08", {"UTC"}, 1),
        ("Asia/Kolkata", "2026-03-02", {"Asia/Kolkata"}, 1),
        ("Australia/Lord_Howe", "2025-07-01", {"Australia/Lord_Howe"}, 1),  # at +10:30
        ("Australia/Lord_Howe", "2025-12-01", {"UTC"}, 1),  # at +11:00
        # two hours at +11:00, half an hour, and 22 at +10:30, one of which is of two days of UTC
        ("Australia/Lord_Howe", "2025-04-06", {"UTC", "Australia/Lord_Howe"}, 24),
    ],
)
def test_hours_are_asked_for_where_their_label_is_theirs_alone_or_else_one_by_one(
    zone: str, day: str, zones: set[str], number: int
) -> None:
    cells = by(Grain.HOUR, "events_by_date", day, zone=zone)
    questions = questions_of(cells, "events_by_date", 100)
    assert {question.timezone for question in questions} == zones
    assert len(questions) == number


def test_the_hour_that_a_clock_repeats_is_two_rows_of_a_series_in_utc() -> None:
    cells = by(Grain.HOUR, "events_by_date", "2026-11-01", zone="America/New_York")[1:3]
    (question,) = questions_of(cells, "events_by_date", 100)
    assert question.timezone == "UTC"
    assert question.labels == ["2026-11-01 05:00:00", "2026-11-01 06:00:00"]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_other_types_are_asked_hour_by_hour_in_instants(zone: str) -> None:
    cells = by(Grain.HOUR, "top_pages", "2026-03-02", zone=zone)
    questions = questions_of(cells, "top_pages", 100)
    assert [question.cells for question in questions] == [(cell,) for cell in cells]
    for question, cell in zip(questions, cells, strict=True):
        start, end = (datetime.fromisoformat(at) for at in sent_for(question, Generation.G2026_04))
        assert (start, end) == (cell.window.start, cell.window.end - ONE_SECOND)
        (body,) = bodies_of(Pack((question,)), Generation.G2026_04)
        assert body.parameters[0].granularity is None


@pytest.mark.parametrize(
    ("grain", "name", "generation", "zone", "weeks", "expected"),
    [
        ("week", "top_pages", "2026-04", "UTC", "iso", ("2026-03-02", "2026-03-08")),
        ("week", "top_pages", "2026-04", "UTC", "sunday", ("2026-03-01", "2026-03-07")),
        (
            "week",
            "top_pages",
            "2026-04",
            "America/New_York",
            "iso",
            ("2026-03-02T00:00:00-05:00", "2026-03-08T23:59:59-04:00"),
        ),
        ("month", "top_pages", "2026-04", "UTC", "iso", ("2026-03-01", "2026-03-31")),
        (
            "month",
            "top_pages",
            "2026-04",
            "America/New_York",
            "iso",
            ("2026-03-01T00:00:00-05:00", "2026-03-31T23:59:59-04:00"),
        ),
        ("week", "top_pages", "2025", "UTC", "iso", ("2026-03-02", "2026-03-08")),
        ("month", "top_pages", "2025", "UTC", "iso", ("2026-03-01", "2026-03-31")),
        # read as the first instant of the end date, so one day further
        ("week", "entry_pages", "2025", "UTC", "iso", ("2026-03-02", "2026-03-09")),
        ("month", "exit_pages", "2025", "UTC", "iso", ("2026-03-01", "2026-04-01")),
        ("week", "entry_pages", "2026-04", "UTC", "iso", ("2026-03-02", "2026-03-08")),
        # back from the last day, or from the first where the window is longer
        ("week", "retention_cohorts", "2026-04", "UTC", "iso", ("2026-01-26", "2026-03-08")),
        ("month", "retention_cohorts", "2026-04", "UTC", "iso", ("2026-02-18", "2026-03-31")),
    ],
)
def test_a_week_and_a_month_are_one_question(
    grain: str, name: str, generation: str, zone: str, weeks: str, expected: tuple[str, str]
) -> None:
    of = Generation(generation)
    days = ("2026-03-04", "2026-04-20")
    cells = by(Grain(grain), name, *days, zone=zone, weeks=Weeks(weeks), generation=of)
    questions = questions_of(cells, name, 1000)
    assert [question.cells for question in questions] == [(cell,) for cell in cells]
    assert sent_for(questions[0], of) == expected
    (body,) = bodies_of(Pack((questions[0],)), of)
    assert body.parameters[0].granularity is None


# -- pieces of a window


def instants(question: Question) -> tuple[datetime, datetime]:
    """The first and the last instant that a question asks for."""
    start, end = sent_for(question, Generation.G2026_04)
    if len(start) == len("2026-03-02"):
        start, end = f"{start}T00:00:00+00:00", f"{end}T23:59:59+00:00"
    return datetime.fromisoformat(start), datetime.fromisoformat(end)


@given(
    grain=st.sampled_from(Grain),
    zone=st.sampled_from(ZONES),
    day=st.dates(date(2024, 1, 1), date(2026, 12, 31)),
    path=st.lists(st.booleans(), min_size=25, max_size=25),
    page=st.integers(1, 9),
)
def test_the_pieces_of_a_window_shrink_and_have_one_instant_in_common(
    grain: Grain, zone: str, day: date, path: list[bool], page: int
) -> None:
    cell = by(grain, "custom_events_recent", str(day), zone=zone)[0]
    question = Question((cell,), "custom_events_recent", 100, page)
    assert question.span == (cell.window.start, cell.window.end)
    for later in path:
        pieces = question.pieces()
        length = question.span[1] - question.span[0]
        assert (pieces is None) == (length < 3 * ONE_SECOND)
        if pieces is None:
            assert length == 2 * ONE_SECOND, "which has the two ends of one second"
            return
        for piece in pieces:
            assert (piece.cells, piece.limit, piece.page) == (question.cells, 100, 1)
            assert piece.span == piece.piece
            assert piece.span[1] - piece.span[0] < length
        (first, middle), (same, last) = map(instants, pieces)
        assert middle == same
        assert (first, last) == instants(question)
        assert first < middle < last
        assert abs((last - middle) - (middle - first)) <= ONE_SECOND
        question = pieces[later]
    raise AssertionError("a month of seconds is halved 22 times at most")


def test_a_piece_that_ends_at_midnight_in_utc_is_sent_as_an_instant() -> None:
    (cell,) = cells_of(a_report("custom_events_recent"))
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    piece = Question((cell,), "x", 100, piece=(midnight + 23 * ONE_HOUR, midnight + ONE_DAY))
    assert sent_for(piece, Generation.G2026_04) == (
        "2026-03-02T23:00:00+00:00",
        "2026-03-02T23:59:59+00:00",
    )
