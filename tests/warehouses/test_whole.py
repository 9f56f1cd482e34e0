"""What a load has reaches all tables in one transaction, and nothing of it where an error comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from databuddy_source.demo import DemoServer
from databuddy_source.dlt_seam import PipelineStepFailed
from databuddy_source.warehouse import whole
from databuddy_source.warehouse.transactions import TRANSACTIONS
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import Synced
from tests.warehouses.test_scenario import YESTERDAY, everything, noon, paths
from tests.warehouses.warehouse import Warehouse

GIVEN = {"query_types": ["top_pages", "summary_metrics"], "start_date": YESTERDAY}


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
