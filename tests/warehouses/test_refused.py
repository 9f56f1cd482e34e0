"""A table that refuses rows, by what a person added to it: its report fails alone."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from databuddy_source.demo import DemoServer
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import Synced
from tests.warehouses.test_scenario import YESTERDAY, noon, paths

REPORTS = ["top_pages", "summary_metrics"]

WAYS = {
    "a constraint": (
        "ALTER TABLE {table} ADD CONSTRAINT mine CHECK (name <> '/late') NOT VALID",
        "ALTER TABLE {table} DROP CONSTRAINT mine",
        "check constraint",
    ),
    "a unique index": (
        "CREATE UNIQUE INDEX mine ON {table} (website_id, date, left(name, 2))",
        "DROP INDEX web.mine",
        "unique constraint",
    ),
    "a trigger": (
        "CREATE FUNCTION mine() RETURNS trigger AS $$ BEGIN RAISE 'not today'; END $$ "
        "LANGUAGE plpgsql; CREATE TRIGGER mine BEFORE INSERT ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION mine()",
        "DROP FUNCTION mine CASCADE",
        "not today",
    ),
    "an index of which entries are small": (
        "CREATE INDEX mine ON {table} (name)",
        "DROP INDEX web.mine",
        "index row",
    ),
    "a column of another type": (
        "ALTER TABLE {table} ALTER name TYPE varchar(5) USING left(name, 5)",
        "ALTER TABLE {table} ALTER name TYPE varchar",
        "too long",
    ),
}


@pytest.mark.only("postgres")
@pytest.mark.parametrize("way", WAYS)
def test_a_report_that_the_warehouse_refuses_fails_alone(
    serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced], way: str
) -> None:
    made = synced(serve(days=2))
    shop = made.server.websites[0].id
    breaking, mending, told = WAYS[way]
    long = "/" + "".join(random.Random(1).choices("0123456789abcdef", k=9_000))

    def sync() -> set[tuple[str, str]]:
        gaps = made.sync(websites=[shop], query_types=REPORTS, start_date=YESTERDAY)
        assert all(told in gap.reason for gap in gaps), gaps
        return {(gap.report, gap.status) for gap in gaps}

    assert not sync()
    if way == "a unique index":
        made.warehouse.rows(f"DELETE FROM {made.table('top_pages')}")
    made.warehouse.rows(breaking.format(table=made.table("top_pages")))
    held = made.rows("top_pages", "date", "name"), made.rows("coverage", *HELD, where=OWN)
    views = made.rows("summary_metrics", "pageviews")
    for day in (YESTERDAY, TODAY):
        for path in ("/late", long):
            made.server.events.add(shop, noon(day), path=path)
    assert sync() == {("top_pages", "failed")}
    assert (made.rows("top_pages", "date", "name"), made.rows("coverage", *HELD, where=OWN)) == held
    assert made.rows("summary_metrics", "pageviews") != views
    made.warehouse.rows(mending.format(table=made.table("top_pages")))
    assert not sync()
    assert {"/late", long} <= set(paths(made, YESTERDAY, shop))


HELD = ("website_id", "date", "rows", "final", "generation")
OWN = "report = 'top_pages'"
