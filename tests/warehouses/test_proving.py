"""`prove`: before anything is fetched, and without a trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dlt
import pytest
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext

from databuddy_source.errors import DatabuddyError, DestinationAway, DestinationFails
from databuddy_source.warehouse.trial import prove
from tests.warehouses.postgres import Postgres
from tests.warehouses.warehouse import Warehouse


def pipeline(destination: Any, tmp_path: Path) -> dlt.Pipeline:
    return dlt.pipeline(
        "proven", destination=destination, dataset_name="web", pipelines_dir=str(tmp_path)
    )


def credentials(warehouse: Warehouse) -> dict[str, Any]:
    """Of a Postgres database."""
    assert isinstance(warehouse, Postgres)
    parts = urlsplit(warehouse.url)
    return {
        "host": parts.hostname,
        "port": parts.port or 5432,
        "username": parts.username,
        "password": parts.password,
        "database": parts.path.removeprefix("/"),
    }


@pytest.mark.emulated_once
def test_a_warehouse_that_can_merge_is_proven_and_left_as_it_was(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    schemas = "SELECT schema_name FROM information_schema.schemata ORDER BY 1"
    before = warehouse.rows(schemas) if warehouse.name != "bigquery" else []
    ours = pipeline(warehouse.destination(), tmp_path)
    prove(ours)
    if before:
        assert warehouse.rows(schemas) == before
    assert Container()[PipelineContext].pipeline() is ours
    ours.deactivate()


@pytest.mark.only("postgres")
@pytest.mark.parametrize(
    ("wrong", "kind", "sentences"),
    [
        (
            {"password": "secret-word"},
            DestinationFails,
            ["password authentication failed", "user and password"],
        ),
        ({"port": 9}, DestinationAway, ["refused", "host and port"]),
        (
            {"database": "nowhere"},
            DestinationFails,
            ['database "nowhere" does not exist', "Create the database"],
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    wrong: dict[str, Any],
    kind: type[DatabuddyError],
    sentences: list[str],
    warehouse: Warehouse,
    tmp_path: Path,
) -> None:
    ours = pipeline(dlt.destinations.postgres({**credentials(warehouse), **wrong}), tmp_path)
    with pytest.raises(kind) as failure:
        prove(ours)
    for sentence in sentences:
        assert sentence in str(failure.value)
    assert len(str(failure.value).splitlines()) == 1
    assert "secret-word" not in str(failure.value)
    ours.deactivate()


@pytest.mark.only("postgres")
def test_a_user_who_may_not_create_schemas(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.rows("CREATE ROLE reader LOGIN PASSWORD 'reader'")
    try:
        reader = {"username": "reader", "password": "reader"}
        ours = pipeline(dlt.destinations.postgres({**credentials(warehouse), **reader}), tmp_path)
        with pytest.raises(DestinationFails, match=r"permission denied.*right to create schemas"):
            prove(ours)
        ours.deactivate()
    finally:
        warehouse.rows("DROP ROLE reader")
