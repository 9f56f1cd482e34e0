"""Which questions leave next. That each cell travels once, in full packs, is held by the tests of
the fetcher."""

from __future__ import annotations

import pytest

from databuddy_source.fetch.pace import Pace
from databuddy_source.fetch.packing import Pack, Question, questions_of
from databuddy_source.fetch.queue import Queue, route_of
from databuddy_source.model.generations import Generation
from databuddy_source.model.windows import ONE_DAY
from tests.cells import DAY, a_report, cells_of

PACK_SIZE = 10


def questions(count: int, website: str = "shop", name: str = "top_pages") -> list[Question]:
    cells = cells_of(a_report(name), DAY, DAY + (count - 1) * ONE_DAY, website=website)
    return questions_of(cells, name, 10_000)


def a_queue(*lots: list[Question], pace: Pace | None = None) -> Queue:
    queue = Queue(pace or Pace(PACK_SIZE))
    for lot in lots:
        queue.add(lot)
    return queue


def inside(pack: Pack | None) -> list[Question]:
    return list(pack.questions) if pack else []


def test_questions_leave_in_order_in_full_packs_and_nothing_is_left() -> None:
    lot = questions(23)
    queue = a_queue(lot)
    left = [inside(queue.next_pack((), {})) for _ in range(4)]
    assert left == [lot[:10], lot[10:20], lot[20:], []]


def test_what_followed_from_answers_leaves_first_in_its_order() -> None:
    first, later = questions(3), questions(4, name="country")
    queue = a_queue(later)
    queue.add_first(first)
    assert inside(queue.next_pack((), {})) == [*first, *later]


def test_a_pack_that_is_not_full_waits_for_those_under_way() -> None:
    queue = a_queue(questions(PACK_SIZE + 2))
    shop, blog = (route_of(questions(1, website)[0]) for website in ("shop", "blog"))
    assert len(inside(queue.next_pack([shop], {}))) == PACK_SIZE
    assert queue.next_pack([shop], {}) is None
    assert len(inside(queue.next_pack([blog], {}))) == 2


def test_questions_of_another_time_zone_leave_in_a_pack_of_their_own() -> None:
    days = DAY, DAY + 4 * ONE_DAY
    series = cells_of(a_report("events_by_date"), *days, zone="Asia/Kolkata")
    pages = cells_of(a_report(), *days, zone="Asia/Kolkata")
    queue = a_queue(questions_of(series, "events_by_date", 100), questions_of(pages, "pages", 100))
    packs = [queue.next_pack([], {}) for _ in range(3)]
    assert [pack and (pack.timezone, len(pack.questions)) for pack in packs] == [
        ("UTC", 5),
        ("Asia/Kolkata", 1),
        None,
    ]


def test_the_longest_queue_leaves_first_unless_somebody_waits_for_another() -> None:
    short, long = questions(3, "blog"), questions(8)
    assert inside(a_queue(short, long).next_pack((), {})) == long
    assert inside(a_queue(short, long).next_pack((), {"blog": 1})) == short
    assert inside(a_queue(short, long).next_pack((), {"blog": 0})) == long


def test_types_behind_a_gate_leave_in_packs_of_their_own_after_those_that_have_none() -> None:
    gated, others = questions(8, name="error_types"), questions(3)
    queue = a_queue(gated, others)
    left = [inside(queue.next_pack((), {})) for _ in range(3)]
    assert left == [others, gated, []]


def test_one_pack_is_under_way_until_a_gate_has_let_one_through() -> None:
    queue = a_queue(questions(4 * PACK_SIZE, name="error_types"))
    first = queue.next_pack((), {})
    assert first
    assert queue.next_pack([route_of(first)], {}) is None
    queue.has_answered(first)
    assert len(inside(queue.next_pack([route_of(first)], {}))) == PACK_SIZE


def test_halves_of_a_pack_that_failed_leave_before_all_else_and_remember_it() -> None:
    queue = a_queue(questions(30, "blog"))
    pack = Pack(tuple(questions(5)))
    queue.divide(pack)
    halves = [queue.next_pack([route_of(pack)], {"blog": 1}) for _ in range(2)]
    assert [inside(half) for half in halves] == [list(pack.questions[:2]), list(pack.questions[2:])]
    assert all(half and half.divided for half in halves)


def test_halves_are_parted_further_once_their_kind_has_proved_dear() -> None:
    pace = Pace(PACK_SIZE)
    pack = Pack(tuple(questions(8)))
    queue = a_queue(pace=pace)
    queue.divide(pack)
    pace.failed(pack.kinds, 40.0)  # 5 s a question, and an answer shall take 10 s
    left = [inside(queue.next_pack((), {})) for _ in range(4)]
    assert [len(each) for each in left] == [2, 2, 2, 2]
    assert [question for each in left for question in each] == list(pack.questions)


def test_nothing_leaves_after_all_was_forgotten() -> None:
    queue = a_queue(questions(30))
    queue.divide(Pack(tuple(questions(4, "blog"))))
    queue.clear()
    assert queue.next_pack((), {}) is None


@pytest.mark.parametrize(("generation", "packs"), [("2025", 1), ("2026-04", 2), ("2026-06", 1)])
def test_what_slows_a_pack_leaves_in_one_of_its_own_where_it_does(
    generation: str, packs: int
) -> None:
    reports = [a_report(name, Generation(generation)) for name in ("region", "country", "city")]
    lots = [questions_of(cells_of(report), report.name, 1_000) for report in reports]
    queue = a_queue(*lots)
    left = [pack for _ in range(3) if (pack := queue.next_pack((), {}))]
    assert len(left) == packs
    assert any({each.report for each in pack.questions} >= {*reports[::2]} for pack in left)
