"""Where a warehouse's local state lies, and what its pipeline is called."""

from __future__ import annotations

from pathlib import Path

import pytest

from databuddy_source.warehouse.place import FILE, place_of

FILES = [FILE, "warehouse.duckdb", "databuddy.duckdb", "databuddy_sync.duckdb", "sync.duckdb"]


def test_each_file_has_a_state_of_its_own(tmp_path: Path) -> None:
    """A cursor of one would pass days that the other lacks."""
    names = [place_of("duckdb", "databuddy", tmp_path / file).name for file in FILES]
    assert len(set(names)) == len(FILES)


@pytest.mark.parametrize(("destination", "file"), [("duckdb", FILE), ("postgres", None)])
def test_each_dataset_has_a_state_of_its_own(
    destination: str, file: str | None, tmp_path: Path
) -> None:
    places = [
        place_of(destination, dataset, tmp_path / file if file else None, tmp_path)
        for dataset in ("databuddy", "second", "third")
    ]
    assert len({place.name for place in places}) == len(places)
    assert {place.home for place in places} == {tmp_path}


@pytest.mark.parametrize(
    ("file", "name"),
    [("databuddy.duckdb", "databuddy"), ("warehouse.duckdb", "databuddy_warehouse")],
)
def test_a_file_keeps_the_name_that_0_1_0_gave_its_pipeline(
    file: str, name: str, tmp_path: Path
) -> None:
    assert place_of("duckdb", "databuddy", tmp_path / file).name == name
