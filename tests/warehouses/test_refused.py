"""A table that refuses rows, by what a person added to it: its report fails alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any

import pytest

from databuddy_source import Remedy, remedy_of
from databuddy_source.coverage.queries import Gap
from databuddy_source.demo import DemoServer
from databuddy_source.dlt_seam import DatabaseTerminalException
from databuddy_source.errors import DestinationAway, DestinationFails
from databuddy_source.warehouse.refusals import refused_by
from databuddy_source.warehouse.transactions import TRANSACTIONS
from tests.stories.conftest import TODAY
from tests.warehouses.conftest import Synced
from tests.warehouses.test_scenario import YESTERDAY, noon, paths
from tests.warehouses.warehouse import Warehouse

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


@pytest.fixture
def no_superuser(warehouse: Warehouse) -> Iterator[None]:
    """Rules for rows do not hold for a superuser."""
    ((user, database),) = warehouse.rows("SELECT current_user, current_database()")
    role = f"loader_of_{database}"
    for statement in (
        f'CREATE ROLE "{role}"',
        f'GRANT ALL ON DATABASE "{database}" TO "{role}"',
        f'ALTER ROLE "{user}" IN DATABASE "{database}" SET role = "{role}"',
    ):
        warehouse.rows(statement)
    yield
    warehouse.rows(f'SET ROLE "{user}"; DROP OWNED BY "{role}"; DROP ROLE "{role}"')


@pytest.mark.only("postgres")
@pytest.mark.usefixtures("no_superuser")
@pytest.mark.parametrize("table", ["top_pages", "coverage"])
def test_rows_that_a_policy_hides_are_not_loaded_beside_them(
    table: str, serve: Callable[..., DemoServer], synced: Callable[[DemoServer], Synced]
) -> None:
    made = synced(serve(days=2))
    shop = made.server.websites[0].id

    def sync() -> list[Gap]:
        return made.sync(websites=[shop], query_types=REPORTS, start_date=YESTERDAY)

    assert not sync()
    held = {each: made.rows(each, "date", "website_id") for each in ("top_pages", "coverage")}
    place = made.table(table)
    made.warehouse.rows(
        f"ALTER TABLE {place} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; "
        f"CREATE POLICY mine ON {place} USING (date < DATE '{TODAY}') WITH CHECK (true)"
    )
    made.server.events.add(shop, noon(TODAY), path="/late")
    told = f'query would be affected by row-level security policy for table "{table}"'
    if table == "coverage":
        with pytest.raises(DestinationFails, match="BYPASSRLS") as caught:
            sync()
        assert told in str(caught.value)
    else:
        (gap,) = {(each.report, each.status, each.reason) for each in sync()}
        assert gap[:2] == ("top_pages", "failed")
        assert told in gap[2]
        assert "a policy" in gap[2]
    made.warehouse.rows(f"ALTER TABLE {place} DISABLE ROW LEVEL SECURITY")
    assert {each: made.rows(each, "date", "website_id") for each in held} == held
    assert not sync()
    assert "/late" in paths(made, TODAY, shop)


@pytest.mark.emulated_once
def test_coverage_of_a_refused_report_is_the_same_on_each_warehouse(
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    warehouse: Warehouse,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = synced(serve(days=2))
    shop = made.server.websites[0].id
    run = TRANSACTIONS[warehouse.name]

    def refusing(client: Any, statements: Sequence[str]) -> None:
        for statement in statements:
            if statement.startswith("INSERT") and "top_pages" in statement.lower():
                error = DatabaseTerminalException(ValueError("Ali's rows are\nnot wanted"))
                error.add_note(statement)
                raise error
        run(client, statements)

    def sync(first: date) -> set[tuple[str, date, str]]:
        gaps = made.sync(websites=[shop], query_types=REPORTS, start_date=first)
        assert all("Ali's rows are)" in gap.reason for gap in gaps), gaps
        return {(gap.report, gap.date, gap.status) for gap in gaps}

    assert not sync(TODAY)
    held = made.rows("coverage", *HELD, "silent", where=OWN)
    ((_, _, rows, *_),) = held
    monkeypatch.setitem(TRANSACTIONS, warehouse.name, refusing)  # type: ignore[arg-type]
    days = {("top_pages", day, "failed") for day in (YESTERDAY, TODAY)}
    assert sync(YESTERDAY) == days
    after = made.rows("coverage", *HELD, "silent", where=OWN)
    assert [row for row in after if row[1] == TODAY] == held
    assert [row[2:4] + row[5:] for row in after if row[1] != TODAY] == [(0, False, True)]
    assert len(made.rows("top_pages", "name")) == rows
    monkeypatch.undo()
    assert not sync(YESTERDAY)


HELD = ("website_id", "date", "rows", "final", "generation")
OWN = "report = 'top_pages'"


TOLD = {
    "a column of dlt's is gone": (
        "ALTER TABLE web._dlt_pipeline_state DROP COLUMN state",
        "DROP TABLE web._dlt_pipeline_state",
        'column "state" does not exist. Put the column back',
    ),
    "nothing can be changed": (
        "ALTER DATABASE {database} SET default_transaction_read_only = on",
        "SET TRANSACTION READ WRITE; "
        "ALTER DATABASE {database} SET default_transaction_read_only = off",
        "Make the database writable",
    ),
    "a column of coverage has another type": (
        "ALTER TABLE web.coverage ALTER silent DROP DEFAULT, ALTER silent TYPE text",
        "ALTER TABLE web.coverage ALTER silent TYPE boolean USING silent::boolean",
        "The table coverage, or one that is read with it, has a column of another type",
    ),
    "a materialized view has the name of a table": (
        "ALTER TABLE {table} RENAME TO mine; "
        "CREATE MATERIALIZED VIEW {table} AS SELECT * FROM web.mine",
        "DROP MATERIALIZED VIEW {table}; ALTER TABLE web.mine RENAME TO top_pages",
        "top_pages in web is no table any longer. Take away or rename what has its name",
    ),
}


@pytest.mark.only("postgres")
@pytest.mark.parametrize("way", TOLD)
def test_what_keeps_a_warehouse_from_being_loaded_is_one_sentence_and_changes_nothing(
    way: str,
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    warehouse: Warehouse,
) -> None:
    made = synced(serve(days=2))
    shop = made.server.websites[0].id
    breaking, mending, told = TOLD[way]
    ((database,),) = warehouse.rows("SELECT quote_ident(current_database())")
    named = {"table": made.table("top_pages"), "database": database}

    def sync() -> None:
        made.sync(websites=[shop], query_types=REPORTS, start_date=YESTERDAY)

    sync()
    held = made.rows("coverage", *HELD)
    made.server.events.add(shop, noon(TODAY), path="/late")
    warehouse.rows(breaking.format(**named))
    for _ in range(2):
        with pytest.raises(DestinationFails) as caught:
            sync()
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)
    assert made.rows("coverage", *HELD) == held
    warehouse.rows(mending.format(**named))
    sync()
    assert "/late" in paths(made, TODAY, shop)


def test_what_a_table_needs_that_refuses_rows_is_said_by_the_words_of_the_database() -> None:
    rights = refused_by("coverage", "permission denied for table coverage")
    assert "Give the user all rights on it" in str(rights)
    assert "Take away what was added" in str(refused_by("coverage", "violates a constraint"))


@pytest.mark.only("postgres")
def test_a_table_that_somebody_keeps_from_being_read_is_worth_another_try(
    serve: Callable[..., DemoServer],
    synced: Callable[[DemoServer], Synced],
    warehouse: Warehouse,
) -> None:
    made = synced(serve(days=2))

    def sync() -> None:
        made.sync(query_types=REPORTS, start_date=YESTERDAY)

    sync()
    ((database,),) = warehouse.rows("SELECT quote_ident(current_database())")
    warehouse.rows(f"ALTER DATABASE {database} SET lock_timeout = '100ms'")
    with made.pipeline.sql_client() as client, client.begin_transaction():
        client.execute_sql(f"LOCK TABLE {made.table('top_pages')} IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(DestinationAway, match=r"lock timeout.* nobody else works") as caught:
            sync()
        assert remedy_of(caught.value) is Remedy.RETRY
    sync()
