"""Destinations that cannot keep the promises are refused before anything is asked for."""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import dlt
import pytest
from dlt.common.destination import Destination
from dlt.destinations.impl.ducklake.configuration import DuckLakeCredentials

from databuddy_source.errors import UnfitDestination
from databuddy_source.warehouse.fitness import MODULES, refuse_ambiguous_name, refuse_unfit

PAGE = (Path(__file__).parents[2] / "docs" / "destinations.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["filesystem"])
def test_files_and_lakes_are_refused_and_the_way_to_files_is_named(name: str) -> None:
    with pytest.raises(UnfitDestination, match=r"cannot replace.*docs/destinations\.md"):
        refuse_unfit(Destination.from_reference(name))


@pytest.mark.parametrize(("name", "module"), [(n, m) for n, ms in MODULES.items() for m in ms])
def test_a_missing_extra_is_named(name: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnfitDestination, match=rf"needs .*{module}.*pip install '\.\[{name}\]'"):
        refuse_unfit(Destination.from_reference(name))


def test_a_missing_sqlalchemy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    with pytest.raises(UnfitDestination, match=r"needs sqlalchemy.*dlt\[sqlalchemy\]"):
        refuse_unfit(dlt.destinations.sqlalchemy("sqlite:///web.db"))


def test_sqlite_is_refused_and_other_databases_of_sqlalchemy_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UnfitDestination, match=r"instants as texts.*Use duckdb"):
        refuse_unfit(dlt.destinations.sqlalchemy("sqlite:///web.db"))
    monkeypatch.setenv("DESTINATION__SQLALCHEMY__CREDENTIALS", "sqlite:///web.db")
    with pytest.raises(UnfitDestination, match="SQLite"):
        refuse_unfit(Destination.from_reference("sqlalchemy"))
    monkeypatch.setenv("DESTINATION__SQLALCHEMY__CREDENTIALS", "mysql+pymysql://me:x@host/web")
    refuse_unfit(Destination.from_reference("sqlalchemy"))


@pytest.mark.parametrize("name", ["duckdb", "ducklake", "motherduck"])
def test_a_warehouse_of_duckdb_is_let_through(name: str) -> None:
    refuse_unfit(Destination.from_reference(name))


@pytest.mark.parametrize(
    ("destination", "dataset", "said"),
    [
        (dlt.destinations.duckdb("web.duckdb"), "web", "the file web.duckdb from the dataset web"),
        (dlt.destinations.duckdb("web.duckdb"), "other", None),
        (dlt.destinations.ducklake(DuckLakeCredentials("web")), "web", "the lake web from the"),
        (dlt.destinations.ducklake(DuckLakeCredentials("web")), "other", None),
        (dlt.destinations.postgres("postgresql://me:x@host/web"), "web", None),
    ],
)
def test_a_file_or_a_lake_that_is_called_like_the_dataset_is_refused(
    destination: Any, dataset: str, said: str | None, tmp_path: Path
) -> None:
    pipeline = dlt.pipeline("p", str(tmp_path), destination=destination, dataset_name=dataset)
    pipeline._inject_schema(dlt.Schema("databuddy"))
    with pytest.raises(UnfitDestination, match=said) if said else nullcontext():
        refuse_ambiguous_name(pipeline)
    pipeline.deactivate()


@pytest.mark.parametrize("name", MODULES)
def test_the_manual_says_by_what_each_destination_with_an_extra_is_shown(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}`.*`pip install '\.\[cli,{name}\]'`.*$", PAGE, re.MULTILINE)
    assert ("untested" in row) is (name == "motherduck")


def test_postgres_is_refused_where_empty_texts_would_become_null(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refuse_unfit(dlt.destinations.postgres())
    monkeypatch.setenv("DISABLE_ADBC_DETECTION", "true")
    with pytest.raises(UnfitDestination, match=r"an empty text and null.*ADBC driver"):
        refuse_unfit(dlt.destinations.postgres())
