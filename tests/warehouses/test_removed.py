"""Websites and reports are taken out of each warehouse: all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import dlt
import pytest
import time_machine

from databuddy_source import Removal, configured, remove
from databuddy_source.demo import DemoServer
from databuddy_source.dlt_seam import resource_states
from databuddy_source.errors import DestinationFails
from databuddy_source.warehouse import whole
from databuddy_source.warehouse.transactions import TRANSACTIONS
from tests.warehouses.conftest import DATASET, Synced
from tests.warehouses.test_scenario import YESTERDAY, everything
from tests.warehouses.warehouse import Warehouse

GIVEN: dict[str, Any] = {"query_types": ["top_pages", "summary_metrics"], "start_date": YESTERDAY}


def removed(made: Synced, **what: Any) -> Removal:
    with time_machine.travel(made.server.now, tick=True):
        return remove(made.pipeline, settings=configured(), **what)


@pytest.fixture
def made(serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]) -> Synced:
    """Two reports of two websites."""
    found = synced(serve(days=2))
    found.sync(websites=[website.id for website in found.server.websites[:2]], **GIVEN)
    return found


def resources(pipeline: dlt.Pipeline) -> set[str]:
    return set(resource_states(pipeline, "databuddy"))


def tables(made: Synced) -> set[str]:
    """Those that are there, of some."""
    client: Any = made.pipeline.destination_client()
    with client:
        found = client.get_storage_tables(["coverage", *GIVEN["query_types"]])
        return {name for name, columns in found if columns}


def test_what_is_taken_out_is_gone_and_comes_back_when_it_is_chosen(
    made: Synced, tmp_path: Path
) -> None:
    shop, blog = (website.id for website in made.server.websites[:2])
    before = everything(made)
    gone = removed(made, websites=[shop], reports=["top_pages"])
    assert [(each.table, each.dropped) for each in gone.tables] == [("top_pages", False)]
    assert {website_id for (website_id,) in made.rows("top_pages", "website_id")} == {blog}
    gone = removed(made, reports=["pages"])
    assert [(each.table, each.dropped) for each in gone.tables] == [("top_pages", True)]
    assert tables(made) == {"coverage", "summary_metrics"}
    assert set(made.rows("coverage", "website_id", "report")) == {
        (website_id, "summary_metrics") for website_id in (shop, blog)
    }
    other = dlt.pipeline(
        made.pipeline.pipeline_name,
        destination=made.warehouse.destination(),
        dataset_name=DATASET,
        pipelines_dir=str(tmp_path / "elsewhere"),
    )
    other.sync_destination()
    for pipeline in (made.pipeline, other):
        assert resources(pipeline) == {f"summary_metrics__{shop}", f"summary_metrics__{blog}"}
        assert "top_pages" not in pipeline.default_schema.tables
    made.sync(websites=[shop, blog], **GIVEN)
    assert everything(made) == before


@pytest.mark.emulated_once
def test_another_pipeline_takes_out_what_it_did_not_load_and_sees_what_was_dropped(
    made: Synced, tmp_path: Path
) -> None:
    shop, blog = (website.id for website in made.server.websites[:2])
    before = everything(made)
    other = made.another(tmp_path / "other")
    gone = removed(other, websites=[shop], reports=["top_pages"])
    assert [(each.table, each.dropped) for each in gone.tables] == [("top_pages", False)]
    assert {website_id for (website_id,) in made.rows("top_pages", "website_id")} == {blog}
    made.warehouse.rows(f"ALTER TABLE {made.table('top_pages')} DROP COLUMN pageviews")
    assert other.sync(websites=[shop, blog], **GIVEN) == []
    assert everything(made) == before


@pytest.mark.emulated_once
def test_a_report_that_was_taken_out_comes_back_with_the_schema_that_it_had(made: Synced) -> None:
    """Staging, too, has to make its table again."""
    before = everything(made)
    removed(made, reports=["top_pages"])
    made.sync(websites=[website.id for website in made.server.websites[:2]], **GIVEN)
    assert everything(made) == before


@pytest.mark.emulated_once
def test_a_removal_that_fails_in_its_middle_changes_nothing(
    made: Synced, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = made.server.websites[0].id
    run = TRANSACTIONS[warehouse.name]

    def broken(client: Any, statements: Sequence[str]) -> None:
        run(client, [*statements[:-1], "DELETE FROM nowhere WHERE 1 = 1", statements[-1]])

    before, states = everything(made), resources(made.pipeline)
    loads = made.rows("_dlt_loads", "load_id")
    with monkeypatch.context() as patched:
        patched.setitem(TRANSACTIONS, warehouse.name, broken)  # type: ignore[arg-type]
        patched.setattr(whole, "MOST_TRIES", 1)
        # bqemulator does not pass on what failed in a script; that it has no effect is found then
        with pytest.raises(DestinationFails, match=r"(?i)nowhere|has no effect"):
            removed(made, websites=[shop])
    assert everything(made) == before
    assert resources(made.pipeline) == states
    assert made.rows("_dlt_loads", "load_id") == loads
    assert removed(made, websites=[shop]).load_id


@pytest.mark.only("postgres")
def test_a_table_that_a_view_reads_stays_with_all_that_was_to_go(made: Synced) -> None:
    with made.pipeline.sql_client() as client:
        client.execute_sql(f"CREATE VIEW mine AS SELECT * FROM {made.table('top_pages')}")
    before = everything(made)
    with pytest.raises(DestinationFails, match="other objects depend on it"):
        removed(made, reports=["top_pages"])
    assert everything(made) == before
    with made.pipeline.sql_client() as client:
        client.execute_sql("DROP VIEW mine")
    assert removed(made, reports=["top_pages"]).tables[0].dropped
