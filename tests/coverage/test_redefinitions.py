"""Which days of a table mean something else: from the parts that coverage knows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from databuddy_source.coverage.parts import Definition, Part
from databuddy_source.coverage.redefinitions import redefinition
from databuddy_source.model.generations import Generation
from tests.cells import DAY, a_report, cells_of

OLDEST, APRIL, JUNE, OCTOBER = Generation


def part(
    generation: Generation | None, first: int, last: int, query_type: str = "outbound_links"
) -> Part:
    """The days of a table from one number to another."""
    definition = Definition.of(cells_of(a_report(query_type))[0])
    days = DAY + timedelta(days=first), DAY + timedelta(days=last)
    return Part(query_type, definition, generation, *days, "1", True)


def test_old_days_end_where_the_new_meaning_begins() -> None:
    found = redefinition([part(APRIL, 0, 9), part(JUNE, 10, 12)], JUNE)
    assert found is not None
    assert found.old == (DAY, DAY + timedelta(days=9))
    assert found.days == "asked of April 2026 until 2026-03-11, of June 2026 since 2026-03-12"
    assert str(found).startswith("since June 2026 a click counts once")


def test_days_that_lie_among_each_other_are_told_from_and_to() -> None:
    """After a part was loaded anew, or where another website was refused for a while."""
    found = redefinition([part(JUNE, 0, 12), part(APRIL, 3, 5)], JUNE)
    assert found is not None
    assert found.days == (
        "asked of June 2026 from 2026-03-02 to 2026-03-14, "
        "of April 2026 from 2026-03-05 to 2026-03-07"
    )
    assert found.old == (DAY + timedelta(days=3), DAY + timedelta(days=5))


def test_generations_between_which_nothing_changed_go_together() -> None:
    parts = [part(OLDEST, 0, 1), part(APRIL, 2, 3), part(JUNE, 4, 5), part(OCTOBER, 6, 7)]
    found = redefinition(parts, OCTOBER)
    assert found is not None
    assert set(found.changes) == {OLDEST, APRIL}
    assert [stay.generation for stay in found.stays] == [OLDEST, APRIL, OCTOBER]
    assert redefinition(parts[2:], OCTOBER) is None


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [part(JUNE, 0, 3)],
        [part(None, 0, 3), part(JUNE, 4, 5)],
        [part(APRIL, 0, 3, "error_types"), part(JUNE, 4, 5, "error_types")],
    ],
    ids=["nothing", "one generation", "of 0.1.0", "no change"],
)
def test_there_is_nothing_to_tell(parts: list[Part]) -> None:
    assert redefinition(parts, JUNE) is None


def test_before_the_first_days_of_a_generation_the_old_ones_are_told_already() -> None:
    found = redefinition([part(APRIL, 0, 9)], JUNE)
    assert found is not None
    assert [stay.generation for stay in found.stays] == [APRIL]
    assert list(found.changes) == [APRIL]


def test_each_change_since_an_old_generation_is_told_once() -> None:
    stays = (OLDEST, 0, 2), (APRIL, 3, 5), (JUNE, 6, 6)
    found = redefinition([part(*each, "top_pages") for each in stays], JUNE)
    assert found is not None
    words = [str(change) for change in found.changes.values()]
    assert len({*words}) == 2
    assert str(found) == "; ".join(words)
