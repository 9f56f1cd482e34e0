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
from dlt.load.load import Load
from dlt.pipeline.exceptions import PipelineStepFailed

from databuddy_source import databuddy_source
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


@pytest.mark.sampled(len(HARMS))
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


ALONE: dict[str, Any] = {**CHOSEN, "pack_size": 1, "start_date": FIRST}
"""No request has room for old days, which would bring them back."""


def dropped_table(made: Warehouse) -> None:
    made.query("DROP TABLE top_pages")


def dropped_coverage(made: Warehouse) -> None:
    made.query("DROP TABLE coverage")


def dropped_column(made: Warehouse) -> None:
    made.query("ALTER TABLE top_pages DROP COLUMN visitors")


def deleted_file(made: Warehouse) -> None:
    made.file.unlink()


def deleted_days(made: Warehouse) -> None:
    """As another machine takes them out."""
    for table in ("coverage", "top_pages", "summary_metrics"):
        made.query(f"DELETE FROM {table} WHERE date < ?", TODAY)


LOSSES = [
    (dropped_table, "(top_pages)"),
    (dropped_coverage, "(coverage)"),
    (dropped_column, "(top_pages.visitors)"),
    (deleted_file, " on "),
    (deleted_days, " on "),
]


def held(made: Warehouse) -> dict[str, Any]:
    """All rows, wherever the column stands that was dropped."""
    columns = "* EXCLUDE (visitors, _dlt_load_id), visitors"
    return {
        **made.tables(),
        "top_pages": made.query(f"SELECT {columns} FROM top_pages ORDER BY ALL"),
    }


def begun_and_waiting(serve: Serve, warehouse: Make) -> tuple[Warehouse, dict[str, Any], str]:
    """A warehouse of which a sync was killed when its load was ready: what a sync that was not
    killed leaves, and the id of the load."""
    made = begun(serve, warehouse)
    made.server.now += timedelta(hours=3)
    other = warehouse(made.server)
    assert other.sync(websites=[site(made)], **ALONE) == []
    made.pipeline.activate()
    given = {"api_key": made.server.api_key, "base_url": made.server.url, "websites": [site(made)]}
    with time_machine.travel(made.server.now, tick=True):
        made.pipeline.extract(source_of(*checked(**given, **ALONE)))
        made.pipeline.normalize()
    (load_id,) = made.pipeline.list_normalized_load_packages()
    return made, held(other), load_id


@pytest.mark.parametrize(("lose", "told"), LOSSES)
def test_what_is_lost_while_a_load_waits_is_asked_for_again(
    lose: Callable[[Warehouse], None],
    told: str,
    serve: Serve,
    warehouse: Make,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made, whole, load_id = begun_and_waiting(serve, warehouse)
    lose(made)
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        assert made.sync(websites=[site(made)], **ALONE) == []
    said = caplog.records[0].getMessage()
    assert "counts on what the warehouse has lost since (" in said
    assert told in said
    assert f"{made.pipeline.pipeline_name}.set_aside{os.sep}{load_id}" in said
    assert held(made) == whole
    assert made.sync(websites=[site(made)], **ALONE) == []
    assert held(made) == whole


@pytest.mark.filterwarnings("ignore:The 'warn' method:DeprecationWarning")  # of dlt's log
@pytest.mark.parametrize("lose", [lose for lose, _ in LOSSES])
def test_what_is_lost_while_a_load_waits_is_asked_for_again_by_runs_as_dlt_knows_them(
    lose: Callable[[Warehouse], None], serve: Serve, warehouse: Make
) -> None:
    made, whole, load_id = begun_and_waiting(serve, warehouse)
    lose(made)
    for _ in range(2):
        with time_machine.travel(made.server.now, tick=True):
            given = {"api_key": made.server.api_key, "base_url": made.server.url}
            source = databuddy_source(**given, websites=[site(made)], **ALONE)
            made.pipeline.run(source)
    # dlt forgets what waits where the whole dataset is gone
    is_loaded = made.query("SELECT 1 FROM _dlt_loads WHERE load_id = ?", load_id) == [(1,)]
    assert is_loaded is (lose is not deleted_file)
    assert held(made) == whole


def test_a_load_that_waited_and_counts_on_what_is_there_is_loaded(
    serve: Serve, warehouse: Make, caplog: pytest.LogCaptureFixture
) -> None:
    made, whole, load_id = begun_and_waiting(serve, warehouse)
    assert made.sync(websites=[site(made)], **ALONE) == []
    assert caplog.records == []
    assert made.query("SELECT 1 FROM _dlt_loads WHERE load_id = ?", load_id) == [(1,)]
    assert held(made) == whole


def killed_over_a_schema(made: Warehouse) -> Path:
    """A first run that is killed between the writing of a schema's file and its right name. Returns
    the file."""
    left_behind(made, "normalize", OLD, OLD)
    file = Path(made.pipeline.working_dir) / "schemas" / "c3f96ccc2f4e8546"
    file.write_text("{}")
    return file


def test_a_file_of_a_schema_that_got_no_name_ends_no_run(serve: Serve, warehouse: Make) -> None:
    made = warehouse(serve(days=9))
    file = killed_over_a_schema(made)
    for _ in range(2):
        assert made.sync(websites=[site(made)], start_date=TODAY, **CHOSEN) == []
        assert not file.exists()
        assert made.pipeline.schema_names == ["databuddy"]


@pytest.mark.filterwarnings("ignore:The 'warn' method:DeprecationWarning")  # of dlt's log
@pytest.mark.parametrize("name", ["c3f96ccc2f4e8546", "4c36440291d28239"])
def test_a_file_of_a_schema_that_got_no_name_ends_no_run_as_dlt_knows_them(
    name: str, serve: Serve, warehouse: Make, tmp_path: Path
) -> None:
    made = begun(serve, warehouse).another(tmp_path)  # the dataset is there: dlt keeps its state
    file = killed_over_a_schema(made)
    file = file.rename(file.with_name(name))
    made.pipeline.normalize()
    assert name in made.pipeline.schema_names
    for _ in range(2):
        made.pipeline.activate()
        with time_machine.travel(made.server.now, tick=True):
            given = {"api_key": made.server.api_key, "base_url": made.server.url}
            source = databuddy_source(**given, websites=[site(made)], start_date=TODAY, **CHOSEN)
            made.pipeline.run(source)
        assert not file.exists()
        assert made.pipeline.state["schema_names"] == ["databuddy"]
    assert made.query("SELECT count(*) FROM coverage WHERE date = ?", TODAY) == [(2,)]


def dropped_staging(made: Warehouse) -> None:
    with made.pipeline.sql_client() as client, client.with_staging_dataset():
        client.drop_dataset()


@pytest.mark.parametrize("harm", [lambda _: None, dropped_staging])
def test_what_a_run_as_dlt_knows_it_began_to_load_is_loaded_by_the_first_sync(
    harm: Callable[[Warehouse], None],
    serve: Serve,
    warehouse: Make,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = begun(serve, warehouse)
    made.server.events.delete(site(made), OLD, path="/")
    package = left_behind(made, "load", OLD, OLD)
    # its source was made before the pipeline
    made.pipeline.destination = dlt.destinations.duckdb(str(made.file))
    with monkeypatch.context() as patched:
        patched.setattr(Load, "complete_package", killed)
        with pytest.raises(PipelineStepFailed, match="killed"):
            made.pipeline.load()
    assert {*package.glob("completed_jobs/coverage.*.sql")}
    harm(made)
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        assert made.sync(websites=[site(made)], start_date=FIRST, **CHOSEN) == []
    assert caplog.records == []
    assert not package.exists()
    coverage = "SELECT SUM(rows) FROM coverage WHERE report = 'top_pages' AND date = ?"
    rows = "SELECT COUNT(*) FROM top_pages WHERE tombstone IS NULL AND date = ?"
    assert made.query(coverage, OLD) == made.query(rows, OLD)
    assert made.query("SELECT DISTINCT _dlt_load_id FROM top_pages WHERE date = ?", OLD) == [
        (package.name,)
    ]


def killed(*_: object) -> None:
    raise RuntimeError("killed")
