"""What a killed run left behind is loaded where it is whole and still news, else set aside."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dlt
import pytest
import time_machine

from databuddy_source.config.resolve import checked
from databuddy_source.demo import DemoServer
from databuddy_source.extract.source import source_of
from tests.stories.conftest import TODAY, Make, Warehouse, without_nameless_sessions

Serve = Callable[..., DemoServer]

DAY = timedelta(days=1)
CHOSEN: dict[str, Any] = {"query_types": ["summary_metrics", "top_pages"]}
FIRST = TODAY - 6 * DAY
OLD = TODAY - 5 * DAY
"""A day that no later sync asks for again."""


def left_behind(made: Warehouse, stage: str, since: date, until: date) -> Path:
    """Days that are extracted, or ready to be loaded, when the run is killed. Returns the folder of
    their package."""
    given = {"api_key": made.server.api_key, "base_url": made.server.url, "websites": [site(made)]}
    with time_machine.travel(made.server.now, tick=True):
        choices = checked(**given, **CHOSEN, since=since, until=until, refetch=True)
        made.pipeline.extract(source_of(*choices))
        if stage == "load":
            made.pipeline.normalize()
    place = "extracted" if stage == "normalize" else "normalized"
    (package,) = (Path(made.pipeline.working_dir) / stage / place).iterdir()
    return package


def site(made: Warehouse) -> str:
    return made.server.websites[0].id


def begun(serve: Serve, warehouse: Make) -> Warehouse:
    server = without_nameless_sessions(serve(days=9, ahead=4))
    first = [server.websites[0].id]
    return warehouse(server, Warehouse.sync, websites=first, start_date=FIRST, **CHOSEN)


def deleted(name: str) -> Callable[[Path], None]:
    def harm(package: Path) -> None:
        files = [*package.rglob(name)]
        assert files
        for file in files:
            file.unlink()

    return harm


def cut(name: str) -> Callable[[Path], None]:
    def harm(package: Path) -> None:
        (file,) = package.rglob(name)
        os.truncate(file, file.stat().st_size // 2)

    return harm


def of_another_shape(name: str) -> Callable[[Path], None]:
    def harm(package: Path) -> None:
        (package / name).write_text(json.dumps([1]))

    return harm


HARMS = [
    *((deleted(name), name) for name in ("schema.json", "load_package_state.json")),
    *((cut(name), name) for name in ("schema.json", "load_package_state.json")),
    *((of_another_shape(name), name) for name in ("schema.json", "load_package_state.json")),
    (deleted("top_pages.*.parquet"), "top_pages has 0 rows, and coverage tells of"),
    (deleted("coverage.*.parquet"), "and coverage tells of 0"),
    (cut("top_pages.*.parquet"), "top_pages."),
    (cut("coverage.*.parquet"), "coverage."),
]


@pytest.mark.parametrize("stage", ["normalize", "load"])
@pytest.mark.parametrize(("harm", "told"), HARMS)
def test_a_damaged_package_is_set_aside_by_name_and_its_cells_are_asked_for(
    harm: Callable[[Path], None],
    told: str,
    stage: str,
    serve: Serve,
    warehouse: Make,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = begun(serve, warehouse)
    whole = made.tables()
    harm(package := left_behind(made, stage, OLD, OLD))
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        made.sync(websites=[site(made)], start_date=FIRST, **CHOSEN)
    (said,) = [each.getMessage() for each in caplog.records]
    kept = Path(made.pipeline.pipelines_dir) / f"{made.pipeline.pipeline_name}.set_aside"
    assert told in said
    assert "can never be loaded" in said
    assert str(kept / package.name) in said
    assert "its cells are asked for again" in said
    assert made.tables() == whole
    assert made.query("SELECT 1 FROM coverage WHERE _dlt_load_id = ?", package.name) == []
    assert list((kept / package.name).rglob("summary_metrics.*"))
    made.server.now += DAY
    caplog.clear()
    assert made.sync(websites=[site(made)], start_date=FIRST, **CHOSEN) == []
    assert caplog.records == []
    assert made.query("SELECT MAX(date) FROM top_pages") == [(TODAY + DAY,)]


def on_another_machine(made: Warehouse, folder: Path) -> Warehouse:
    """The same pipeline into the same file, with a state of its own."""
    other = dlt.pipeline(
        made.pipeline.pipeline_name,
        destination=dlt.destinations.duckdb(str(made.file)),
        dataset_name=made.pipeline.dataset_name,
        pipelines_dir=str(folder),
    )
    return replace(made, pipeline=other)


def test_a_package_of_a_machine_that_was_away_replaces_nothing_newer(
    serve: Serve, warehouse: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = begun(serve, warehouse)
    made.server.now += timedelta(hours=1)
    package = left_behind(made, "load", TODAY - DAY, TODAY)
    other = on_another_machine(made, tmp_path / "other")
    made.server.events.delete(site(made), TODAY - DAY, path="/")
    for _ in range(4):
        made.server.now += DAY
        assert other.sync(websites=[site(made)], start_date=FIRST, pack_size=1, **CHOSEN) == []
    newer = made.tables()
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        assert made.sync(websites=[site(made)], start_date=FIRST, **CHOSEN) == []
    (said,) = [each.getMessage() for each in caplog.records]
    assert "is older than what the warehouse has (" in said
    assert f"on {TODAY - DAY} was asked for again at {TODAY + 3 * DAY} 19:00 UTC" in said
    assert package.name in said
    assert made.tables() == newer
    assert made.query("SELECT 1 FROM _dlt_loads WHERE load_id = ?", package.name) == []


def test_a_package_that_others_did_not_overtake_is_loaded_however_old_it_is(
    serve: Serve, warehouse: Make, tmp_path: Path
) -> None:
    made = begun(serve, warehouse)
    made.server.now += timedelta(hours=1)
    package = left_behind(made, "load", OLD, OLD)
    other = on_another_machine(made, tmp_path / "other")
    for _ in range(2):
        made.server.now += DAY
        assert other.sync(websites=[site(made)], start_date=FIRST, pack_size=1, **CHOSEN) == []
    assert made.sync(websites=[site(made)], start_date=FIRST, **CHOSEN) == []
    assert made.query("SELECT status FROM _dlt_loads WHERE load_id = ?", package.name) == [(0,)]
    assert made.query("SELECT DISTINCT load_id FROM coverage WHERE date = ?", OLD) == [
        (package.name,)
    ]
