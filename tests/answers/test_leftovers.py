"""What nobody chooses any more is taken out, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.answers.leftovers import Leftover, Place, leftovers

PLACES = st.sets(st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz")))


def taken(each: Leftover, there: set[Place]) -> set[Place]:
    """What `remove` does with it."""
    return {
        (website, report)
        for website, report in there
        if (not each.websites or website in each.websites)
        and (not each.reports or report in each.reports)
    }


@given(there=PLACES, chosen=PLACES)
def test_they_are_all_that_is_there_and_not_chosen(there: set[Place], chosen: set[Place]) -> None:
    found = leftovers(there, chosen)
    assert {place for each in found for place in taken(each, there)} == there - chosen
    # nor what is chosen and comes only now
    assert not any(taken(each, chosen) for each in found)
    assert all(each.websites or each.reports for each in found)


def test_whole_websites_and_reports_are_named_as_such() -> None:
    there = {(website, report) for website in "ABC" for report in "xyz"}
    chosen = {("A", "x"), ("A", "y"), ("B", "x")}
    assert leftovers(there, chosen) == [
        Leftover(("C",), ()),
        Leftover((), ("z",)),
        Leftover(("B",), ("y",)),
    ]
