"""What servers and users call things is text in the project, and nothing that dbt carries out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from databuddy_source import write_dbt_project
from databuddy_source.answers.dbt.models import loaded
from databuddy_source.answers.dbt.texts import inert, literal
from databuddy_source.coverage.reading import tables_of
from databuddy_source.demo import DemoServer, Fault
from tests.dbt.conftest import Project, synced
from tests.stories.conftest import TODAY
from tests.warehouses.duckdb import DuckDb

EVIL = [
    "{{ env_var('OUR_SECRET') }}",
    "{% if x",
    "{# never ended",
    "{{{ 1 }}}",
    "{{% raw %}",
    'it\'s: "quoted" # \\',
]

SECRET = "s3cret-that-nobody-reads"

RESERVED = [
    *("nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day", "week"),
    *("month", "quarter", "year", "metric_time", "mf_internal_uuid"),
    *("order", "select", "website", "rows", "date", "domain", "databuddy", "top_pages_row"),
]
"""What MetricFlow takes for something of its own, and what SQL and the project do."""


def evil_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, **dict.fromkeys(EVIL, 5)} for row in rows]


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The project of a server that calls columns so, of a user who calls reports so, in a folder
    that is called so, too."""
    folder = tmp_path_factory.mktemp("evil")
    home = folder / 'it\'s {{ 1 }} "of" {% mine'
    home.mkdir()
    named = [
        {
            "name": name,
            "query_type": "top_pages",
            "filters": [{"field": "path", "op": "ne", "value": EVIL[0]}],
        }
        for name in RESERVED
    ]
    with DemoServer(today=TODAY, days=10) as server:
        server.faults.add(Fault(query_type="top_pages", times=None, rows=evil_rows))
        warehouse = DuckDb(home / "file.duckdb")
        reports = ["summary_metrics", "top_pages"]
        pipeline = synced(server, warehouse, folder / "state", reports, TODAY, reports=named)
        write_dbt_project(pipeline, home / "dbt", warehouse.file)
        yield Project(home / "dbt", warehouse, pipeline)


def strings(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, Mapping):
        for key, value in content.items():
            yield from (key, *strings(value))
    elif isinstance(content, list):
        for each in content:
            yield from strings(each)


def test_no_word_of_a_server_or_a_user_is_left_to_jinja(evil: Project) -> None:
    said = [
        text
        for path in evil.folder.rglob("*.yml")
        for text in strings(yaml.safe_load(path.read_text()))
    ]
    assert any("env_var('OUR_SECRET')" in text for text in said)  # it came there
    opening = {text for text in said if any(each in text for each in ("{{", "{%", "{#"))}
    assert not {text for text in opening if "OUR_SECRET" in text or "API" in text}
    for text in opening - {each for each in opening if "env_var(" in each}:
        assert text.startswith(("{{ var('databuddy_", "{{ newest_finished(this, '")), text


def test_dbt_reads_it_as_text(evil: Project, dbt: None) -> None:
    models = ("stg_databuddy__top_pages", "+met_databuddy__week")
    done = evil.dbt("run", "--select", *models, OUR_SECRET=SECRET)
    assert done.returncode == 0, done.stdout
    manifest = (evil.folder / "target" / "manifest.json").read_text()
    assert SECRET not in manifest
    assert "env_var('OUR_SECRET')" in manifest
    metrics = {each["name"] for each in json.loads(manifest)["metrics"].values()}
    assert {f"pageviews_of_{name}" for name in RESERVED} <= metrics


def test_what_is_inert_stays_so_however_often_it_is_read() -> None:
    for text in EVIL:
        assert inert(inert(text)) == inert(text)
        assert not any(each in inert(text) for each in ("{{", "{%", "{#"))
        assert inert(text).replace("{ ", "{") == text.replace("{ ", "{")


def test_a_literal_has_no_end_and_no_beginning_in_it() -> None:
    for text in [*EVIL, "Größe 😀 \n\t\x7f", "\\u0041"]:
        assert not set("{}%#'\"") & set(literal(text)[1:-1])
        inside = literal(text)[1:-1].encode("ascii", "backslashreplace").decode("unicode-escape")
        assert inside == text  # as Jinja reads it


def test_a_column_that_cannot_be_named_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where somebody chose a naming of dlt that takes any name."""
    monkeypatch.setenv("SCHEMA__NAMING", "direct")
    with DemoServer(today=TODAY, days=10) as server:
        server.faults.add(Fault(query_type="top_pages", times=None, rows=evil_rows))
        warehouse = DuckDb(tmp_path / "file.duckdb")
        reports = ["summary_metrics", "top_pages"]
        pipeline = synced(server, warehouse, tmp_path / "state", reports, TODAY)
    assert "{% if x" in pipeline.default_schema.tables["top_pages"]["columns"]
    with tables_of(pipeline) as tables:
        models = {each.name: each for each in loaded(tables, pipeline.default_schema)}
    assert not any("{" in column.name for column in models["top_pages"].columns)
