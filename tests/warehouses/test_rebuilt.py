"""A dataset changes places with one that was loaded in another time zone, where a warehouse can do
that whole; what stands on its tables goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import dlt
import pytest
import time_machine

from databuddy_source import Rebuilt, configured, rebuild, status
from databuddy_source.demo import DemoServer
from databuddy_source.dlt_seam import resource_states
from databuddy_source.errors import DestinationFails, UnfitDestination
from databuddy_source.warehouse import lease
from databuddy_source.warehouse.dlt_defaults import for_pipeline
from databuddy_source.warehouse.lease import leased
from tests.warehouses.conftest import DATASET, Synced
from tests.warehouses.test_scenario import YESTERDAY, everything

ZONE = "America/New_York"
GIVEN: dict[str, Any] = {
    "query_types": ["top_pages", "summary_metrics"],
    "start_date": YESTERDAY - timedelta(days=1),
}


def rebuilt(made: Synced, zone: str = ZONE, **other: Any) -> Rebuilt:
    account = {"api_key": made.server.api_key, "base_url": made.server.url}
    with time_machine.travel(made.server.now, tick=True):
        chosen = configured(**account, **GIVEN, websites=websites(made), timezone=zone)
        return rebuild(made.pipeline, chosen, **other)


def websites(made: Synced) -> list[str]:
    return [website.id for website in made.server.websites[:2]]


@pytest.fixture
def made(serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]) -> Synced:
    """Two reports of two websites, in UTC."""
    found = synced(serve(days=4))
    found.sync(websites=websites(found), **GIVEN)
    return found


def anew(made: Synced, tmp_path: Path) -> Synced:
    """Loaded in the new zone from its beginning, from where the old days began."""
    found = Synced(made.server, made.warehouse, tmp_path / "anew", "anew")
    first = GIVEN["start_date"] - timedelta(days=1)
    found.sync(websites=websites(made), **{**GIVEN, "start_date": first}, timezone=ZONE)
    return found


@pytest.mark.only("duckdb", "postgres", "ducklake", "ducklake_in_postgres")
def test_a_rebuilt_dataset_is_as_one_that_was_loaded_in_the_new_zone(
    made: Synced, tmp_path: Path
) -> None:
    before = everything(made)
    done = rebuilt(made)
    assert (done.before, done.lacking, done.kept) == (["UTC"], (), f"{DATASET}_before")
    again = anew(made, tmp_path)
    assert everything(made) == everything(again) != before
    kept = Synced(made.server, made.warehouse, tmp_path / "kept", f"{DATASET}_before")
    for name in GIVEN["query_types"]:
        columns = list(made.pipeline.default_schema.tables[name]["columns"])
        columns.remove("_dlt_load_id")
        assert len(kept.rows(name, *columns)) == len(before[name])
    other = dlt.pipeline(
        made.pipeline.pipeline_name,
        destination=made.warehouse.destination(),
        dataset_name=DATASET,
        pipelines_dir=str(tmp_path / "elsewhere"),
    )
    other.sync_destination()
    for pipeline in (made.pipeline, other):
        assert resource_states(pipeline, "databuddy") == resource_states(
            again.pipeline, "databuddy"
        )
    with time_machine.travel(made.server.now, tick=True):
        chosen = configured(**GIVEN, websites=websites(made), timezone=ZONE)
        assert status(made.pipeline, chosen).is_complete
    made.sync(websites=websites(made), **GIVEN, timezone=ZONE)
    again.sync(websites=websites(made), **GIVEN, timezone=ZONE)
    assert everything(made) == everything(again)


@pytest.mark.only("postgres")
def test_views_and_rights_go_on_with_the_new_days(made: Synced) -> None:
    coverage = made.table("coverage")
    with made.pipeline.sql_client() as client:
        client.execute_sql("CREATE SCHEMA mine")
        client.execute_sql(f"CREATE VIEW mine.zones AS SELECT time_zone FROM {coverage}")
        client.execute_sql(f'CREATE VIEW "{DATASET}".zones AS SELECT time_zone FROM {coverage}')
        client.execute_sql(f"GRANT SELECT ON {coverage} TO PUBLIC")
    rights = f"SELECT relacl::text FROM pg_class WHERE oid = '{coverage}'::regclass"
    before = made.warehouse.rows(rights)
    rebuilt(made)
    for view in ("mine.zones", f'"{DATASET}".zones'):
        assert set(made.warehouse.rows(f"SELECT time_zone FROM {view}")) == {(ZONE,)}
    assert made.warehouse.rows(rights) == before
    assert "=r/" in before[0][0]


@pytest.mark.only("postgres")
def test_a_view_of_what_was_loaded_beside_keeps_places_as_they_are(made: Synced) -> None:
    before = everything(made)

    def look(other: dlt.Pipeline, *chosen: Any) -> None:
        from databuddy_source import sync

        sync(other, *chosen)
        with other.sql_client() as client:
            table = client.make_qualified_table_name("top_pages")
            client.execute_sql(f"CREATE VIEW public.mine AS SELECT * FROM {table}")

    with pytest.raises(DestinationFails, match="other objects depend on it"):
        rebuilt(made, load=look)
    assert everything(made) == before
    assert (
        made.warehouse.rows(f"SELECT 1 FROM {made.table('coverage')} WHERE time_zone <> 'UTC'")
        == []
    )
    with made.pipeline.sql_client() as client:
        client.execute_sql("DROP VIEW public.mine")
    assert rebuilt(made).load_id


class _LetsGo(logging.Handler):
    """Ends what others hold once somebody waits for them."""

    def __init__(self, holding: ExitStack) -> None:
        super().__init__()
        self.holding = holding
        self.waited: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.getMessage().endswith("waiting for it."):
            self.waited.append(record.getMessage())
            self.holding.close()


@pytest.mark.only("postgres")
def test_a_sync_of_the_old_dataset_is_waited_for(
    made: Synced, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "PATIENCE", 0.0)
    other = dlt.pipeline(
        "other",
        destination=made.warehouse.destination(),
        dataset_name=DATASET,
        pipelines_dir=str(tmp_path / "other"),
    )
    for_pipeline(other)
    logger, shop = logging.getLogger("databuddy_source"), websites(made)[0]
    with ExitStack() as holding:
        holding.enter_context(leased(other))([shop])
        handler = _LetsGo(holding)
        logger.addHandler(handler)
        try:
            assert rebuilt(made).load_id
        finally:
            logger.removeHandler(handler)
    assert len(handler.waited) == 1
    assert f"Another sync of {shop} into {DATASET} is running" in handler.waited[0]


@pytest.mark.only("bigquery", "snowflake")
def test_where_it_could_not_be_whole_it_is_refused_before_anything_is_asked(made: Synced) -> None:
    before, sent = everything(made), len(made.server.log)
    with pytest.raises(UnfitDestination, match=r"cannot change places whole or not at all\. Set"):
        rebuilt(made)
    assert len(made.server.log) == sent
    assert everything(made) == before
