"""`dbt init`: a project of what was synced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import yaml

from databuddy_source.demo import DemoServer
from tests.cli.conftest import Outcome

REPORTS = ["--report", "summary_metrics", "--report", "top_pages"]


@pytest.fixture
def synced(invoke: Callable[..., Outcome]) -> Callable[..., Outcome]:
    assert invoke("sync", *REPORTS).exit_code == 0
    return invoke


def test_it_is_written_and_says_what_is_next(
    synced: Callable[..., Outcome], folder: Path, server: DemoServer
) -> None:
    done = synced("dbt", "init", "web models")
    assert done.exit_code == 0, done.stderr
    assert "cd 'web models' && dbt build --profiles-dir ." in done.stdout
    project = folder / "web models"
    assert (project / "models" / "staging" / "stg_databuddy__top_pages.sql").exists()
    profile = yaml.safe_load((project / "profiles.yml").read_text())
    path = profile["databuddy"]["outputs"]["dev"]["path"]
    assert str(folder / "databuddy_warehouse.duckdb") in path
    texts = [path.read_text() for path in project.rglob("*") if path.is_file()]
    assert not any(server.api_key in text for text in texts)


def test_a_profile_of_ones_own_is_kept_and_that_is_said(
    synced: Callable[..., Outcome], folder: Path
) -> None:
    assert synced("dbt", "init").exit_code == 0
    assert "left as it is" not in synced("dbt", "init").stdout
    (folder / "dbt" / "profiles.yml").write_text("mine: {}\n")
    assert "profiles.yml says otherwise, and was left as it is" in synced("dbt", "init").stdout
    assert (folder / "dbt" / "profiles.yml").read_text() == "mine: {}\n"


def test_a_view_that_is_lacking_is_named_and_made_by_the_next_sync(
    synced: Callable[..., Outcome], folder: Path
) -> None:
    with duckdb.connect(str(folder / "databuddy_warehouse.duckdb")) as connection:
        connection.execute("DROP VIEW databuddy.daily_summary")
    done = synced("dbt", "init")
    assert done.exit_code == 2
    assert "The dataset lacks views: daily_summary. Sync once more" in done.stderr
    assert not (folder / "dbt").exists()
    assert synced("sync", *REPORTS).exit_code == 0
    assert synced("dbt", "init").exit_code == 0


def test_a_report_that_was_taken_out_of_the_configuration_does_not_get_old(
    synced: Callable[..., Outcome], folder: Path, environment: dict[str, str]
) -> None:
    environment["SOURCES__DATABUDDY__QUERY_TYPES"] = '["summary_metrics"]'
    assert synced("dbt", "init").exit_code == 0
    content = yaml.safe_load((folder / "dbt/models/staging/_sources.yml").read_text())
    tables = {each["name"]: each.get("config") for each in content["sources"][0]["tables"]}
    assert tables["summary_metrics"]
    assert not tables["top_pages"]
