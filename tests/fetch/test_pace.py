"""Packs are as large as answers allow."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.fetch.pace import (
    AIM_BYTES,
    AIM_SECONDS,
    JOURNEY,
    MOST_IN_FLIGHT,
    CostClass,
    Pace,
    pace_for,
)
from databuddy_source.model.windows import Grain

CHEAP, DEAR, OTHER = KINDS = [
    ("country", Grain.DAY),
    ("session_list", Grain.DAY),
    ("country", Grain.MONTH),
]
GROWING = 4
"""Quick answers until a pack of one is one of a hundred: 1, 4, 16, 64."""

Event = Callable[[Pace], None]

packs = st.lists(st.sampled_from(KINDS), min_size=1, max_size=400)
seconds = st.floats(0, 1e6)
sizes = st.integers(0, 10**12)
events = st.one_of(
    st.builds(lambda p, t, b: lambda pace: pace.answered(p, t, b), packs, seconds, sizes),
    st.builds(lambda p, t: lambda pace: pace.failed(p, t), packs, seconds),
    st.builds(lambda p, b: lambda pace: pace.too_large(p, b), packs, sizes),
)
histories: st.SearchStrategy[list[Event]] = st.lists(events, max_size=30)


def after(history: list[Event], pack_size: int = 100) -> Pace:
    pace = Pace(pack_size)
    for event in history:
        event(pace)
    return pace


def size_for(pace: Pace, kind: CostClass) -> int:
    """How large a pack of one kind may be."""
    return pace.fitting(kind for _ in range(1_000))


@given(histories, st.integers(1, 400), packs)
def test_a_pack_has_one_question_at_least_and_pack_size_at_most(
    history: list[Event], pack_size: int, waiting: list[CostClass]
) -> None:
    pace = after(history, pack_size)
    assert 1 <= pace.fitting(waiting) <= min(pack_size, len(waiting))
    assert pace.fitting([]) == 0


@given(histories)
def test_one_to_four_requests_are_under_way(history: list[Event]) -> None:
    assert 1 <= after(history).in_flight <= MOST_IN_FLIGHT


@given(st.data(), st.integers(1, 400))
def test_packs_stay_full_while_full_packs_are_quick_enough(
    data: st.DataObject, pack_size: int
) -> None:
    pace = Pace(pack_size)
    for pack in data.draw(st.lists(packs, max_size=30)):
        share = data.draw(st.floats(0, 0.999)) * len(pack) / pack_size
        pace.answered(pack, JOURNEY + share * AIM_SECONDS, int(share * AIM_BYTES))
    for kind in KINDS:
        assert size_for(pace, kind) == pack_size


@given(histories, st.sampled_from(KINDS))
def test_quick_answers_let_packs_grow_back(history: list[Event], kind: CostClass) -> None:
    pace = after(history)
    for _ in range(GROWING):
        count = size_for(pace, kind)
        pace.answered([kind] * count, 0.1, 100 * count)
    assert size_for(pace, kind) == 100
    assert pace.in_flight == MOST_IN_FLIGHT


@given(each=st.floats(0.001, 60), size=st.integers(1, 10**8))
def test_a_pack_takes_ten_seconds_and_32_megabytes_at_most(each: float, size: int) -> None:
    pace = Pace(100)
    for _ in range(5):
        count = size_for(pace, DEAR)
        pace.answered([DEAR] * count, JOURNEY + each * count, size * count)
    count = size_for(pace, DEAR)
    assert count == 1 or (each * count <= AIM_SECONDS and size * count <= AIM_BYTES)
    more = count + 1
    assert count == 100 or each * more > AIM_SECONDS * 0.99 or size * more > AIM_BYTES * 0.99


def test_a_slow_answer_of_one_kind_shrinks_packs_of_others_for_a_while_only() -> None:
    pace = Pace(100)
    pace.answered([CHEAP] * 50 + [DEAR] * 50, 100.0, 1_000)
    assert size_for(pace, CHEAP) == size_for(pace, DEAR) == 10
    assert size_for(pace, OTHER) == 10, "all that is known so far is slow"
    for _ in range(GROWING):
        pace.answered([CHEAP] * size_for(pace, CHEAP), 0.2, 1_000)
        pace.answered([DEAR] * size_for(pace, DEAR), 11.0, 1_000)
    assert size_for(pace, CHEAP) == size_for(pace, OTHER) == 100
    assert size_for(pace, DEAR) <= 10


def test_a_dear_kind_takes_room_from_cheap_ones_in_the_same_pack() -> None:
    pace = Pace(100)
    pace.answered([CHEAP] * 100, 2.0, 100)
    pace.answered([DEAR] * 4, 9.0, 100)
    assert pace.fitting([CHEAP] * 30 + [DEAR] * 40 + [CHEAP] * 30) == 34


def test_a_quicker_answer_makes_each_of_its_kinds_cheaper_by_the_same_part() -> None:
    pace = Pace(100)
    pace.answered([CHEAP] * 100, 11.0, 100)
    pace.answered([DEAR] * 1, 11.0, 100)
    pace.answered([CHEAP] * 10 + [DEAR], 6.5, 100)  # half of what was expected
    assert (size_for(pace, CHEAP), size_for(pace, DEAR)) == (100, 2)
    pace.answered([CHEAP] * 20, 2.5, 100)
    assert size_for(pace, CHEAP) == 100


def test_what_fails_at_once_says_nothing_of_its_size() -> None:
    pace = Pace(100)
    pace.failed([DEAR] * 100, 0.3)
    assert size_for(pace, DEAR) == 100


def test_what_times_out_costs_that_much_at_least() -> None:
    pace = Pace(100)
    pace.failed([DEAR] * 100, 180.0)
    assert size_for(pace, DEAR) == 5
    pace.failed([DEAR] * 1, 1.5)
    assert size_for(pace, DEAR) == 5


def test_what_is_too_large_has_that_many_bytes_at_least() -> None:
    pace = Pace(100)
    pace.too_large([DEAR] * 100, 256 * 1024**2)
    assert size_for(pace, DEAR) == 6
    pace.too_large([DEAR] * 1, 1024)
    assert size_for(pace, DEAR) == 6


def test_slow_answers_and_failures_leave_fewer_requests_under_way() -> None:
    pace = Pace(100)
    assert pace.in_flight == 1, "nothing is known of the server"
    found = []
    for took in (0.1, 0.1, 0.1, 30.0, 10.0, 30.0, 30.0, 3.0):
        pace.answered([CHEAP], took, 100)
        found.append(pace.in_flight)
    assert found == [2, 4, 4, 2, 2, 1, 1, 2]
    pace.failed([CHEAP] * 2, 180.0)
    assert pace.in_flight == 1


def test_a_server_is_learned_once_in_a_process() -> None:
    ours = pace_for("https://one.test/v1", 100)
    ours.failed([DEAR] * 100, 180.0)
    again = pace_for("https://one.test/v1", 4)
    assert again is ours
    assert (size_for(again, DEAR), size_for(again, CHEAP)) == (4, 4)
    assert size_for(pace_for("https://two.test/v1", 100), DEAR) == 100


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_known_before_the_first_answer(kind: CostClass) -> None:
    assert size_for(Pace(400), kind) == 400
