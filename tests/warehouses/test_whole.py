"""What a load has reaches all tables in one transaction, and nothing of it where an error comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine

from databuddy_source import databuddy_source
from databuddy_source.demo import DemoServer
from databuddy_source.dlt_seam import PipelineStepFailed
from databuddy_source.errors import AlreadyRunning
from databuddy_source.warehouse import staged, whole
from databuddy_source.warehouse.transactions import TRANSACTIONS
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import Synced
from tests.warehouses.test_scenario import YESTERDAY, everything, noon, paths
from tests.warehouses.warehouse import Warehouse

FINAL = TODAY - timedelta(days=5)
GIVEN: dict[str, Any] = {"query_types": ["top_pages", "summary_metrics"], "start_date": YESTERDAY}


def test_a_load_that_fails_in_the_middle_of_its_last_step_changes_no_table(
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = synced(serve(days=2))
    shop = made.server.websites[0].id
    run, seen = TRANSACTIONS[warehouse.name], []

    def broken(client: Any, statements: Sequence[str]) -> None:
        middle = len(statements) // 2
        seen.extend(statements)
        run(client, [*statements[:middle], "DELETE FROM nowhere WHERE 1 = 1", *statements[middle:]])

    made.sync(websites=[shop], **GIVEN)
    before = everything(made)
    loads = made.rows("_dlt_loads", "load_id")
    for day in (YESTERDAY, TODAY):
        made.server.events.add(shop, noon(day), path="/late")
    with monkeypatch.context() as patched:
        patched.setitem(TRANSACTIONS, warehouse.name, broken)  # type: ignore[arg-type]
        patched.setattr(whole, "MOST_TRIES", 1)
        # bqemulator does not pass on what failed in a script; that it has no effect is found then
        with pytest.raises(PipelineStepFailed, match=r"(?i)nowhere|has no effect"):
            made.sync(websites=[shop], **GIVEN, refetch=True)  # lists, too
    assert everything(made) == before
    assert made.rows("_dlt_loads", "load_id") == loads
    # anything else might end the transaction: in Snowflake each statement that defines something
    assert {statement.split()[0] for statement in seen} == {"DELETE", "INSERT"}
    for name in ("top_pages", "coverage", "websites", "_dlt_loads"):
        assert any(made.table(name) in each or name in each.lower() for each in seen), name
    made.sync(websites=[shop], **GIVEN)
    assert "/late" in paths(made, YESTERDAY, shop)
    rows = sum(rows for (rows,) in made.rows("coverage", "rows", where="report = 'top_pages'"))
    assert rows == len(made.rows("top_pages", "name"))


def run(made: Synced, *resources: str, **given: Any) -> None:
    """A plain run, without what `load` puts around it."""
    key = {"api_key": made.server.api_key, "base_url": made.server.url}
    with time_machine.travel(made.server.now, tick=True):
        if made.pipeline.has_pending_data:
            made.pipeline.load()  # as `run` does first, with a word to a log that Python deprecates
            return
        source = databuddy_source(**key, **{**GIVEN, **given})
        made.pipeline.run(source.with_resources(*resources) if resources else source)


@pytest.mark.emulated_once
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_a_run_that_has_nothing_to_ask_loads_nothing_and_the_next_one_all(
    is_first: bool,
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    warehouse: Warehouse,
) -> None:
    made = synced(serve(days=6))
    shop = made.server.websites[0].id
    if not is_first:
        made.sync(websites=[shop], query_types=["top_pages"])
    before = [] if is_first else made.rows("coverage", "date", "rows")
    run(made, "coverage", websites=[shop])
    assert made.rows("coverage", "date", "rows") == before
    made.sync(websites=[shop], query_types=["top_pages"])
    held = made.rows("coverage", "date", "rows")
    assert sum(rows for _, rows in held) == len(made.rows("top_pages", "name"))
    run(made, websites=[shop], query_types=["top_pages"], since=FINAL, until=FINAL)
    assert made.rows("coverage", "date", "rows") == held


@pytest.mark.emulated_once
@pytest.mark.parametrize("what", ["has others", "lacks some"])
@pytest.mark.parametrize("way", ["load", "run"])
def test_rows_of_another_run_in_staging_reach_no_table(
    way: str,
    what: str,
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    warehouse: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = synced(serve(days=2))
    shop = made.server.websites[0].id
    other = Synced(made.server, warehouse, tmp_path / "elsewhere")
    sync = {"load": made.sync, "run": lambda **given: run(made, **given)}[way]
    made.sync(websites=[shop], **GIVEN)
    made.server.events.add(shop, noon(YESTERDAY), path="/late")
    complete = whole._WholeClient.complete_load

    def cut_off(client: Any, load_id: str) -> None:
        raise OSError("this machine falls asleep")

    def emptied(client: Any, load_id: str) -> None:
        with client.sql_client.with_staging_dataset():
            client.sql_client.truncate_tables("top_pages")
        complete(client, load_id)

    with monkeypatch.context() as patched:
        if what == "has others":
            patched.setattr(whole._WholeClient, "complete_load", cut_off)
            with pytest.raises(PipelineStepFailed, match="falls asleep"):
                other.sync(websites=[shop], **GIVEN)
            # as if they had come after the staging tables were emptied
            patched.setattr(whole, "tables_with_rows", lambda *_: frozenset())
        patched.setattr(
            whole._WholeClient, "complete_load", complete if what == "has others" else emptied
        )
        made.pipeline.activate()
        sync(websites=[shop], **({**GIVEN, "refetch": True}))
    for each in (None, sync, other.sync, sync):
        if each:
            each(websites=[shop], **GIVEN)
        assert "/late" in paths(made, YESTERDAY, shop)
        for report in GIVEN["query_types"]:
            covered = made.rows("coverage", "rows", where=f"report = '{report}'")
            assert sum(rows for (rows,) in covered) == len(made.rows(report, "date"))


@pytest.mark.emulated_once
def test_another_run_that_fills_staging_all_the_time_ends_a_load(
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = synced(serve(days=2))
    made.sync(**GIVEN)
    before = everything(made)
    bring = staged.bring_file
    monkeypatch.setattr(whole, "MOST_TRIES", 1)
    monkeypatch.setattr(staged, "bring_file", lambda *given: [bring(*given), bring(*given)])
    complete = whole._WholeClient.complete_load

    def emptied(client: Any, load_id: str) -> None:
        with client.sql_client.with_staging_dataset():
            client.sql_client.truncate_tables("top_pages")
        complete(client, load_id)

    with monkeypatch.context() as patched:
        patched.setattr(whole._WholeClient, "complete_load", emptied)
        with pytest.raises(
            (AlreadyRunning, PipelineStepFailed), match=r"into the same staging|no effect"
        ):
            made.sync(**GIVEN, refetch=True)
    assert everything(made) == before
    monkeypatch.undo()
    made.sync(**GIVEN)
    for report in GIVEN["query_types"]:
        covered = made.rows("coverage", "rows", where=f"report = '{report}'")
        assert sum(rows for (rows,) in covered) == len(made.rows(report, "date"))
