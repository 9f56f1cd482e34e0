"""The project that is written: of what is loaded, described, without a secret, and with respect for
what is there. Without dbt."""

from __future__ import annotations

import re
from pathlib import Path

import dlt
import pytest
import yaml

from databuddy_source import Settings, write_dbt_project
from databuddy_source.answers.dbt.files import behind
from databuddy_source.answers.dbt.files import staged as staged_as
from databuddy_source.answers.dbt.models import Model, marts
from databuddy_source.demo import DemoServer
from databuddy_source.errors import BadConfiguration, NothingLoaded
from tests.dbt.conftest import REPORTS, synced
from tests.warehouses.duckdb import DuckDb

FEW = ["summary_metrics", "utm_sources"]

OURS = {"websites", "coverage", "query_types", "restatements"}


@pytest.fixture(scope="module")
def loaded(
    server: DemoServer, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dlt.Pipeline, Path]:
    """A pipeline that loaded all, and its file."""
    home = tmp_path_factory.mktemp("loaded")
    warehouse = DuckDb(home / "file.duckdb")
    return synced(server, warehouse, home / "state"), warehouse.file


def staged(folder: Path) -> set[str]:
    files = (folder / "models" / "staging").glob("stg_databuddy__*.sql")
    return {path.stem.removeprefix("stg_databuddy__") for path in files}


def test_there_is_a_model_of_each_table_that_is_loaded(
    loaded: tuple[dlt.Pipeline, Path], tmp_path: Path
) -> None:
    pipeline, file = loaded
    made = write_dbt_project(pipeline, tmp_path / "dbt", file)
    views = {"cell_states", "daily_summary", "weekly_summary", "monthly_summary"}
    assert set(made.tables) == staged(tmp_path / "dbt")
    assert {*REPORTS, *views} <= set(made.tables) <= {*REPORTS, *views, *OURS}
    assert set(made.marts) == {
        path.stem for path in (tmp_path / "dbt" / "models" / "marts").glob("*.sql")
    }


def test_models_have_names_that_each_warehouse_takes() -> None:
    longest = ["a" * 49 + end for end in "bc"]
    names = {spelled(name) for name in longest for spelled in (staged_as, behind)}
    assert len(names) == 4
    assert {len(name) for name in names} == {63}
    assert staged_as("top_pages") == "stg_databuddy__top_pages"


def test_weeks_and_months_need_no_days() -> None:
    models = [
        Model(name, "", ())
        for name in ("websites", "coverage", "weekly_summary", "monthly_summary")
    ]
    assert [each.name for each in marts(models)] == ["databuddy__weeks", "databuddy__months"]


def test_each_column_is_described(loaded: tuple[dlt.Pipeline, Path], tmp_path: Path) -> None:
    pipeline, file = loaded
    write_dbt_project(pipeline, tmp_path / "dbt", file)
    described = 0
    for name in ("staging/_sources", "staging/_models", "marts/_models", "metrics/_models"):
        content = yaml.safe_load((tmp_path / "dbt/models" / f"{name}.yml").read_text())
        tables = content.get("models") or content["sources"][0]["tables"]
        for table in tables:
            assert table["description"], table["name"]
            for column in table.get("columns", ()):
                assert len(column["description"]) > 10, (table["name"], column["name"])
                described += 1
    assert described > 300


def test_a_table_lacks_no_column_that_it_has_in_another_spelling(
    loaded: tuple[dlt.Pipeline, Path], tmp_path: Path
) -> None:
    pipeline, file = loaded
    write_dbt_project(pipeline, tmp_path / "dbt", file)
    text = (tmp_path / "dbt/models/staging/stg_databuddy__error_summary.sql").read_text()
    assert "quoted('total_errors')" in text  # which the API calls totalErrors
    assert "null" not in text


def test_a_model_reads_no_column_that_its_table_lacks(
    loaded: tuple[dlt.Pipeline, Path], tmp_path: Path
) -> None:
    """The date of a series fills the table's own column."""
    pipeline, file = loaded
    write_dbt_project(pipeline, tmp_path / "dbt", file)
    with pipeline.sql_client() as client:
        for name in REPORTS:
            with client.execute_query(
                f"SELECT * FROM {client.make_qualified_table_name(name)}"
            ) as q:
                there = {column[0] for column in q.description}
            text = (tmp_path / f"dbt/models/staging/stg_databuddy__{name}.sql").read_text()
            assert {*re.findall(r"^    \{\{ quoted\('(\w+)'\) \}\}", text, re.M)} == there - {
                "tombstone"
            }


def test_weeks_are_cut_as_those_that_are_loaded(server: DemoServer, tmp_path: Path) -> None:
    warehouse = DuckDb(tmp_path / "file.duckdb")
    reports = ["summary_metrics", "summary_metrics_weekly"]
    pipeline = synced(server, warehouse, tmp_path / "state", reports, weeks="sunday")
    write_dbt_project(pipeline, tmp_path / "dbt", warehouse.file)
    content = yaml.safe_load((tmp_path / "dbt" / "dbt_project.yml").read_text())
    assert content["vars"]["databuddy_weeks"] == "sunday"


def test_the_profile_names_the_file_and_is_kept(
    loaded: tuple[dlt.Pipeline, Path], tmp_path: Path
) -> None:
    pipeline, file = loaded
    folder = tmp_path / "dbt"
    assert not write_dbt_project(pipeline, folder, file).kept
    profile = folder / "profiles.yml"
    assert str(file) in profile.read_text()
    profile.write_text("mine: {}\n")
    own = folder / "models" / "mine.sql"
    own.write_text("select 1 as one")
    assert write_dbt_project(pipeline, folder, file).kept
    assert profile.read_text() == "mine: {}\n"
    assert own.exists()


def test_each_metric_says_that_days_nobody_asked_for_are_not_in_it(
    loaded: tuple[dlt.Pipeline, Path], tmp_path: Path
) -> None:
    pipeline, file = loaded
    write_dbt_project(pipeline, tmp_path / "dbt", file)
    content = yaml.safe_load((tmp_path / "dbt/models/metrics/_metrics.yml").read_text())
    said = {
        each["name"]: each["description"]
        for each in content["metrics"]
        if each["type"] == "derived"
    }
    assert {"pageviews_of_top_pages", "avg_load_time_of_slow_pages"} <= said.keys()
    assert all("never asked for" in each for each in said.values())


def fresh(folder: Path) -> set[str]:
    """The tables whose age is looked at."""
    content = yaml.safe_load((folder / "models/staging/_sources.yml").read_text())
    tables = content["sources"][0]["tables"]
    return {table["name"] for table in tables if "freshness" in table.get("config", {})}


def test_what_is_no_longer_chosen_does_not_get_old(
    loaded: tuple[dlt.Pipeline, Path], tmp_path: Path
) -> None:
    pipeline, file = loaded
    folder = tmp_path / "dbt"
    write_dbt_project(pipeline, folder, file)
    assert fresh(folder) == {*REPORTS}
    few = Settings.of(api_key="k", query_types=FEW)
    write_dbt_project(pipeline, folder, file, few)
    assert fresh(folder) == {*FEW}
    assert {*REPORTS} <= staged(folder)


def test_models_of_what_is_gone_are_taken_away(
    loaded: tuple[dlt.Pipeline, Path], server: DemoServer, tmp_path: Path
) -> None:
    pipeline, file = loaded
    folder = tmp_path / "dbt"
    write_dbt_project(pipeline, folder, file)
    warehouse = DuckDb(tmp_path / "few.duckdb")
    few = synced(server, warehouse, tmp_path / "state", FEW)
    made = write_dbt_project(few, folder, warehouse.file)
    assert staged(folder) == set(made.tables)
    assert not {*REPORTS, "weekly_summary"} - {*FEW} & set(made.tables)
    assert set(made.marts) == {
        f"databuddy__{name}" for name in ("days", "sources", "health", "time_spine")
    }


def test_files_of_others_are_left_as_they_are(
    loaded: tuple[dlt.Pipeline, Path], server: DemoServer, tmp_path: Path
) -> None:
    """Those that are called like ours, too; and what somebody wrote to `.gitignore`."""
    pipeline, file = loaded
    folder = tmp_path / "dbt"
    write_dbt_project(pipeline, folder, file)
    own = {
        folder / name: "select 1 as mine"
        for name in (
            "models/marts/databuddy__mine.sql",
            "models/staging/stg_databuddy__mine.sql",
            "macros/mine.sql",
        )
    } | {folder / ".gitignore": "mine/"}
    for path, text in own.items():
        path.write_text(text)
    (folder / "models/metrics/old").mkdir()
    (folder / "models/metrics/old/gone.yml").write_text((folder / "dbt_project.yml").read_text())
    write_dbt_project(pipeline, folder, file)
    assert {path: path.read_text() for path in own} == own
    assert not (folder / "models/metrics/old/gone.yml").exists()  # which begins like ours


def test_a_file_of_others_where_ours_belongs_is_not_written_over(
    loaded: tuple[dlt.Pipeline, Path], tmp_path: Path
) -> None:
    pipeline, file = loaded
    folder = tmp_path / "dbt"
    write_dbt_project(pipeline, folder, file)
    own = folder / "models/staging/stg_databuddy__top_pages.sql"
    own.write_text("select 1 as mine")
    (folder / "macros/known.sql").unlink()
    with pytest.raises(BadConfiguration, match=r"stg_databuddy__top_pages\.sql is a file"):
        write_dbt_project(pipeline, folder, file)
    assert own.read_text() == "select 1 as mine"
    assert not (folder / "macros/known.sql").exists()  # nothing was written
    own.unlink()
    write_dbt_project(pipeline, folder, file)
    assert own.exists()


def test_a_folder_of_somebody_else_is_left_alone(
    loaded: tuple[dlt.Pipeline, Path], tmp_path: Path
) -> None:
    pipeline, file = loaded
    (tmp_path / "dbt_project.yml").write_text("name: mine\n")
    with pytest.raises(BadConfiguration, match="has files"):
        write_dbt_project(pipeline, tmp_path, file)
    with pytest.raises(BadConfiguration, match="is a file, and no folder"):
        write_dbt_project(pipeline, tmp_path / "dbt_project.yml", file)
    assert [path.name for path in tmp_path.glob("*.yml")] == ["dbt_project.yml"]
    assert (tmp_path / "dbt_project.yml").read_text() == "name: mine\n"


def test_a_destination_without_views_is_refused(tmp_path: Path) -> None:
    pipeline = dlt.pipeline(
        "elsewhere", destination="filesystem", pipelines_dir=str(tmp_path / "state")
    )
    with pytest.raises(BadConfiguration, match="filesystem"):
        write_dbt_project(pipeline, tmp_path / "dbt")


def test_a_warehouse_in_which_nothing_is_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.duckdb"
    pipeline = dlt.pipeline(
        "empty",
        destination=dlt.destinations.duckdb(str(file)),
        pipelines_dir=str(tmp_path / "state"),
    )
    with pytest.raises(NothingLoaded):
        write_dbt_project(pipeline, tmp_path / "dbt", file)
    assert not (tmp_path / "dbt").exists()
