"""One rule says which file, which pipeline and which state: names that are in use never change."""

from __future__ import annotations

from pathlib import Path

import pytest

from databuddy_source.warehouse.place import Place, default_file, place_of


@pytest.mark.parametrize(
    ("destination", "dataset", "file", "name"),
    [
        ("duckdb", "databuddy", "databuddy_warehouse.duckdb", "databuddy_warehouse"),
        ("duckdb", "other", "databuddy_warehouse.duckdb", "databuddy_warehouse_other"),
        # these are called as in 0.1.0
        ("duckdb", "databuddy", "databuddy.duckdb", "databuddy"),
        ("duckdb", "other", "databuddy.duckdb", "databuddy_other"),
        ("duckdb", "databuddy", "web.duckdb", "databuddy_web"),
        ("duckdb", "Shop", "My web.db", "databuddy_my_web_shop"),
        ("duckdb", "databuddy", "demo.duckdb", "databuddy_demo"),
        ("postgres", "databuddy", None, "databuddy_postgres"),
        ("postgres", "shop", None, "databuddy_postgres_shop"),
    ],
)
def test_each_warehouse_has_a_name_of_its_own(
    destination: str, dataset: str, file: str | None, name: str, tmp_path: Path
) -> None:
    path = tmp_path / file if file else None
    home = (tmp_path if file else Path.cwd()) / ".databuddy"
    assert place_of(destination, dataset, path) == Place(name, home, path)
    assert place_of(destination, dataset, path, tmp_path / "s").home == tmp_path / "s"


def test_a_dataset_that_is_called_like_the_file_does_not_hide_its_tables() -> None:
    from databuddy_source.warehouse import place

    assert Path(place.FILE).stem != place.DATASET


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ([], "databuddy_warehouse.duckdb"),
        (["databuddy.duckdb"], "databuddy.duckdb"),
        (["databuddy_sync.duckdb"], "databuddy_sync.duckdb"),
        (["databuddy_sync.duckdb", "databuddy.duckdb"], "databuddy.duckdb"),
        (["databuddy_warehouse.duckdb", "databuddy.duckdb"], "databuddy_warehouse.duckdb"),
    ],
)
def test_a_file_that_is_there_goes_on(there: list[str], found: str, tmp_path: Path) -> None:
    for name in there:
        (tmp_path / name).touch()
    assert default_file(tmp_path).name == found


def test_an_orchestrator_of_0_1_goes_on_with_its_own(tmp_path: Path) -> None:
    state = tmp_path / "state"
    for name in ("databuddy_sync.duckdb", "databuddy.duckdb"):
        (tmp_path / name).touch()
    assert default_file(tmp_path, [state]).name == "databuddy.duckdb"
    (state / "databuddy_sync").mkdir(parents=True)
    (state / "databuddy_sync" / "state.json").touch()
    assert default_file(tmp_path, [state]).name == "databuddy_sync.duckdb"
    file = tmp_path / "configured.duckdb"
    assert place_of("duckdb", "databuddy", file, None, [state]).name == "databuddy_sync"
    # which is not about these
    assert place_of("duckdb", "shop", file, None, [state]).name == "databuddy_configured_shop"
    assert place_of("postgres", "databuddy", None, None, [state]).name == "databuddy_postgres"
