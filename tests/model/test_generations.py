"""What a generation of the server can do: a row of one table. Some of it decides who cuts days."""

from __future__ import annotations

import pytest

from databuddy_source.model.generations import ABILITIES, MARKED, OPERATORS, Generation
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import day_zone

BERLIN = "Europe/Berlin"


def test_each_generation_has_a_row_and_is_told_by_marks_of_its_own() -> None:
    assert list(ABILITIES) == sorted(Generation) == list(Generation)
    for each in Generation:
        assert load_catalog().generation_of(ABILITIES[each].marks) is each
    assert load_catalog().generation_of({"types", "configs"}) is min(Generation)
    everything = frozenset().union(*(ABILITIES[each].marks for each in Generation))
    assert load_catalog().generation_of({*everything, "a_type_of_next_year"}) is max(Generation)


def test_a_type_that_came_with_a_generation_tells_it_where_it_may() -> None:
    catalogue = load_catalog()
    for each in catalogue:
        told = each.since if each.since.told_by_types else min(Generation)
        assert catalogue.generation_of({each.name, "top_pages"}) is told
    assert not any(catalogue.get(name).known for name in MARKED)


def test_each_operator_is_spelled_one_way_only() -> None:
    """A configured spelling of any generation means one operator."""
    meant = {spelled: name for each in Generation for name, spelled in each.operators.items()}
    for each in Generation:
        assert {meant[spelled] for spelled in each.operators.values()} == each.operators.keys()
    assert set(meant.values()) == set(OPERATORS)


@pytest.mark.parametrize(
    ("query_type", "generation", "zone"),
    [
        ("top_pages", None, BERLIN),
        ("top_pages", Generation.G2026_04, BERLIN),
        ("top_pages", Generation.G2025, "UTC"),
        ("web_vitals_time_series", None, "UTC"),
        ("web_vitals_time_series", Generation.G2026_04, "UTC"),
        ("events_by_date", Generation.G2026_04, BERLIN),
        ("a_type_of_next_year", Generation.G2026_04, BERLIN),
    ],
)
def test_days_are_cut_in_the_users_zone_where_type_and_server_can(
    query_type: str, generation: Generation | None, zone: str
) -> None:
    assert day_zone(load_catalog().get(query_type), BERLIN, generation) == zone
