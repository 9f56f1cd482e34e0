"""What dbt makes of the project for BigQuery and Snowflake, without an account of either."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import sqlglot
import yaml
from sqlglot import exp

from databuddy_source.answers.dbt.files import Place, profile
from tests.dbt.conftest import ON_DUCKDB, Project

VARIABLES = {
    f"{kind}_{name}": "x"
    for kind, names in {
        "BIGQUERY": ["PROJECT"],
        "SNOWFLAKE": ["ACCOUNT", "USER", "PASSWORD", "WAREHOUSE", "DATABASE"],
    }.items()
    for name in names
}
WEEKS = {"bigquery": "isoweek", "snowflake": "dayofweekiso"}


@ON_DUCKDB
@pytest.mark.parametrize("kind", WEEKS)
def test_the_sql_is_that_of_the_warehouse(written: Project, kind: str, tmp_path: Path) -> None:
    shutil.copytree(written.folder, tmp_path / "dbt", ignore=shutil.ignore_patterns("target"))
    own = yaml.safe_load(profile(Place(kind, "web")))
    if kind == "bigquery":  # where it would look for a person's login
        own["databuddy"]["outputs"]["dev"] |= {"method": "oauth-secrets", "token": "x"}
    (tmp_path / "dbt" / "profiles.yml").write_text(yaml.safe_dump(own))
    project = replace(written, folder=tmp_path / "dbt")
    done = project.dbt("compile", "--no-introspect", "--no-populate-cache", **VARIABLES)
    assert done.returncode == 0, done.stdout
    texts = {
        path.stem: path.read_text()
        for path in (project.folder / "target" / "compiled").rglob("*.sql")
    }
    assert len(texts) > 60
    for name, text in texts.items():
        for column in sqlglot.parse_one(text, dialect=kind).find_all(exp.Column):
            if column.name.lower() == "rows":  # a reserved word in both
                assert column.this.quoted, name
    assert WEEKS[kind] in texts["databuddy__days"]
