"""A website of a dataset has one sync at a time, also from two machines, where the warehouse has a
lease for it: who holds it is named, and it ends with who holds it."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dlt
import psycopg2
import pytest
import time_machine
from tenacity import RetryCallState

from databuddy_source import databuddy_source, load, remove
from databuddy_source.config.settings import Settings
from databuddy_source.demo import DemoServer
from databuddy_source.errors import AlreadyRunning, DestinationAway
from databuddy_source.warehouse import lease, whole
from databuddy_source.warehouse.dlt_defaults import for_pipeline
from databuddy_source.warehouse.lease import leased
from tests.warehouses.conftest import DATASET, Synced
from tests.warehouses.killed import kill_at
from tests.warehouses.test_scenario import YESTERDAY, everything, noon, paths
from tests.warehouses.warehouse import Warehouse

pytestmark = pytest.mark.only("postgres")

PROJECT = Path(__file__).resolve().parents[2]
GIVEN: dict[str, Any] = {"query_types": ["top_pages"], "start_date": YESTERDAY}
US = f"process {os.getpid()} on {socket.gethostname()}"[:63]

Serve = Callable[..., DemoServer]
Into = Callable[[DemoServer], Synced]


@pytest.fixture
def made(serve: Serve, synced: Into) -> Synced:
    return synced(serve(days=2))


@pytest.fixture
def elsewhere(warehouse: Warehouse, tmp_path: Path) -> Callable[[str], dlt.Pipeline]:
    """Makes a pipeline by name, as another machine has it."""

    def make(name: str) -> dlt.Pipeline:
        target, home = warehouse.destination(), str(tmp_path / "elsewhere")
        pipeline = dlt.pipeline(name, home, destination=target, dataset_name=DATASET)
        for_pipeline(pipeline)
        return pipeline

    return make


@contextmanager
def held(pipeline: dlt.Pipeline, *websites: str) -> Iterator[None]:
    with leased(pipeline) as take:
        take(websites)
        yield


def run(made: Synced, website: str, *, wait: bool = False) -> None:
    given = {"api_key": made.server.api_key, "base_url": made.server.url, "websites": [website]}
    with time_machine.travel(made.server.now, tick=True):
        load(made.pipeline, databuddy_source(**given, **GIVEN), wait=wait)


def test_a_website_has_one_sync_at_a_time_and_others_go_on(
    made: Synced, elsewhere: Callable[[str], dlt.Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "PATIENCE", 0.0)
    shop, blog = (website.id for website in made.server.websites[:2])
    with held(elsewhere("other"), shop):
        made.sync(websites=[blog], **GIVEN)
        with pytest.raises(AlreadyRunning) as caught:
            made.sync(websites=[blog, shop], **GIVEN)
    assert str(caught.value).startswith(
        f"Another sync of {shop} into {DATASET} is running: {US}, since 20"
    )
    assert "--wait" in str(caught.value)
    assert {website for (website,) in made.rows("top_pages", "website_id")} == {blog}
    made.sync(websites=[blog, shop], **GIVEN)
    assert {website for (website,) in made.rows("top_pages", "website_id")} == {blog, shop}


def test_nothing_is_taken_out_of_a_website_that_another_pipeline_syncs(
    made: Synced, elsewhere: Callable[[str], dlt.Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "PATIENCE", 0.0)
    shop, blog = (website.id for website in made.server.websites[:2])
    made.sync(websites=[shop, blog], **GIVEN)
    settings = Settings()
    before = everything(made)
    with held(elsewhere("other"), shop):
        for given in ({"websites": [shop]}, {"reports": ["top_pages"]}):
            with pytest.raises(AlreadyRunning, match=f"Another sync of {shop} into"):
                remove(made.pipeline, **given, settings=settings)
        assert everything(made) == before
        remove(made.pipeline, websites=[blog], settings=settings)
    assert {website for (website,) in made.rows("top_pages", "website_id")} == {shop}


def test_pipelines_of_one_name_run_one_after_the_other_whatever_their_websites(
    made: Synced, elsewhere: Callable[[str], dlt.Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "PATIENCE", 0.0)
    asked = len(made.server.log)
    with (
        held(elsewhere(made.pipeline.pipeline_name)),
        pytest.raises(AlreadyRunning, match=f"Another sync into {DATASET} is running: {US}, since"),
    ):
        made.sync(websites=[made.server.websites[0].id], **GIVEN)
    assert len(made.server.log) == asked  # before anything is asked for


def test_another_dataset_has_a_lease_of_its_own(
    serve: Serve, warehouse: Warehouse, made: Synced, tmp_path: Path
) -> None:
    other = Synced(made.server, warehouse, tmp_path / "other", dataset="other")
    for_pipeline(other.pipeline)
    shop = made.server.websites[0].id
    with held(other.pipeline, shop):
        made.sync(websites=[shop], **GIVEN)


def test_a_lease_keeps_nothing_from_being_vacuumed(
    warehouse: Warehouse, elsewhere: Callable[[str], dlt.Pipeline]
) -> None:
    with held(elsewhere("other"), "shop"):
        asked = "SELECT state, backend_xid, backend_xmin FROM pg_stat_activity"
        found = warehouse.rows(f"{asked} WHERE application_name = '{US}'")
    assert found == [("idle in transaction", None, None)]


def test_who_waits_goes_on_when_the_other_is_done(
    made: Synced,
    elsewhere: Callable[[str], dlt.Pipeline],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lease, "PATIENCE", 0.0)
    shop = made.server.websites[0].id
    with ExitStack() as other:
        other.enter_context(held(elsewhere("other"), shop))
        monkeypatch.setattr(lease, "sleep", lambda _: other.close())
        run(made, shop, wait=True)
    said = f"Another sync of {shop} into {DATASET} is running: {US}"
    assert [each.getMessage()[: len(said)] for each in caplog.records] == [said]
    assert caplog.text.rstrip().endswith("; waiting for it.")
    assert made.rows("top_pages", "name")


def test_a_process_that_is_killed_lets_go_and_the_next_machine_goes_on(
    made: Synced, warehouse: Warehouse, tmp_path: Path
) -> None:
    shop = made.server.websites[0].id
    kill_at("complete_package", warehouse, DATASET, tmp_path / "gone", made.server, shop)
    made.sync(websites=[shop], **GIVEN)
    assert "/" in paths(made, YESTERDAY, shop)
    after = everything(made)
    assert len(set(after["top_pages"])) == len(after["top_pages"])
    made.sync(websites=[shop], **GIVEN, refetch=True)
    assert everything(made) == after


@pytest.mark.parametrize("step", ["initialize_storage", "complete_load"])
def test_a_load_changes_nothing_once_its_lease_is_lost(
    step: str, made: Synced, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = made.server.websites[0].id
    made.sync(websites=[shop], **GIVEN)
    before = everything(made)
    made.server.events.add(shop, noon(YESTERDAY), path="/late")
    original = getattr(whole._WholeClient, step)

    def after_the_loss(self: Any, *given: Any) -> None:
        warehouse.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE application_name = '{US}'"
        )
        original(self, *given)

    with monkeypatch.context() as patched:
        patched.setattr(whole._WholeClient, step, after_the_loss)
        with pytest.raises(DestinationAway, match=f"kept other syncs away from {DATASET}"):
            run(made, shop)
    assert everything(made) == before
    made.sync(websites=[shop], **GIVEN)
    assert "/late" in paths(made, YESTERDAY, shop)
    assert len(set(everything(made)["top_pages"])) == len(everything(made)["top_pages"])


@pytest.mark.parametrize("at_once", [True, False])
def test_no_job_begins_once_the_lease_is_lost(
    at_once: bool, made: Synced, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it was held a moment ago jobs may still fill staging, and nothing comes of it."""
    monkeypatch.setattr(whole, "LATELY", 600.0 if at_once else 0.0)
    shop = made.server.websites[0].id
    made.sync(websites=[shop], **GIVEN)
    before = everything(made)
    made.server.events.add(shop, noon(YESTERDAY), path="/late")
    original = whole._WholeClient.create_load_job

    def after_the_loss(self: Any, *given: Any, **named: Any) -> Any:
        warehouse.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            f"WHERE application_name = '{US}'"
        )
        return original(self, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(whole._WholeClient, "create_load_job", after_the_loss)
        with pytest.raises(DestinationAway, match=f"kept other syncs away from {DATASET}"):
            run(made, shop)
    staging = f"{DATASET}_staging_{made.pipeline.pipeline_name}"
    ((staged,),) = warehouse.rows(f'SELECT count(*) FROM "{staging}"."top_pages"')
    assert at_once or not staged
    assert everything(made) == before
    made.sync(websites=[shop], **GIVEN)
    assert "/late" in paths(made, YESTERDAY, shop)
    assert len(set(everything(made)["top_pages"])) == len(everything(made)["top_pages"])


@pytest.mark.parametrize(
    "sql",
    [
        f'LOCK TABLE "{DATASET}"."top_pages" IN EXCLUSIVE MODE',
        f"SELECT pg_advisory_xact_lock({lease._key(DATASET)})",
    ],
    ids=["a table of the load", "the turn in the dataset"],
)
def test_what_the_server_refuses_for_the_sake_of_another_is_tried_again(
    sql: str, made: Synced, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = made.server.websites[0].id
    made.sync(websites=[shop], **GIVEN)
    # the first change of a day that was over makes a version of the schema
    made.server.events.add(shop, noon(YESTERDAY), path="/first")
    made.sync(websites=[shop], **GIVEN)
    url = warehouse.environment()["DESTINATION__POSTGRES__CREDENTIALS"]
    warehouse.rows(f'ALTER DATABASE "{urlsplit(url).path[1:]}" SET lock_timeout = 50')
    made.server.events.add(shop, noon(YESTERDAY), path="/late")
    refused: list[BaseException | None] = []
    with closing(psycopg2.connect(url)) as other:
        other.cursor().execute(sql)

        def let_go(state: RetryCallState) -> float:
            assert state.outcome
            refused.append(state.outcome.exception())
            other.rollback()
            return 0

        monkeypatch.setattr(whole, "wait_random_exponential", lambda **_: let_go)
        made.sync(websites=[shop], **GIVEN)
    assert [str(each).splitlines()[0] for each in refused] == [
        "canceling statement due to lock timeout"
    ]
    assert "/late" in paths(made, YESTERDAY, shop)
    assert len(set(everything(made)["top_pages"])) == len(everything(made)["top_pages"])
