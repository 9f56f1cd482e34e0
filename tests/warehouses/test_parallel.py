"""Syncs into one dataset at the same time: of different websites side by side, of the same website
one after the other, wherever they run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from databuddy_source.demo import DemoServer
from tests.warehouses.conftest import DATASET, Synced
from tests.warehouses.warehouse import Warehouse

REPORTS = ["top_pages", "country"]
PROJECT = Path(__file__).resolve().parents[2]
TABLES = {
    "top_pages": ("website_id", "date", "name", "pageviews"),
    "country": ("website_id", "date", "country_code", "pageviews"),
    "coverage": ("website_id", "report", "date", "rows", "status"),
    "websites": ("id",),
    "query_types": ("name",),
}

Serve = Callable[..., DemoServer]
Into = Callable[[DemoServer], Synced]


@pytest.fixture
def race(warehouse: Warehouse, tmp_path: Path) -> Callable[..., None]:
    """Runs a process for each (pipeline, website), each as on a machine of its own, all at once."""

    def run(made: Synced, runners: Sequence[tuple[str, str]], *, loads: int) -> None:
        processes = []
        for number, (name, website) in enumerate(runners):
            state = tmp_path / f"machine_{number}"
            words = [name, warehouse.name, DATASET, state, made.server.url, made.server.api_key]
            processes.append(
                subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "tests.warehouses.parallel",
                        *map(str, words),
                        website,
                        str(loads),
                    ],
                    cwd=PROJECT,
                    env={**os.environ, **warehouse.environment()},
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        for process in processes:
            assert process.stdout
            process.stdout.readline()
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        errors = [process.communicate()[1] for process in processes]
        assert [process.returncode for process in processes] == [0] * len(processes), errors

    return run


def rows(made: Synced) -> dict[str, list[tuple[object, ...]]]:
    return {table: made.rows(table, *columns) for table, columns in TABLES.items()}


@pytest.mark.only("postgres")
@pytest.mark.parametrize("is_first", [True, False], ids=["an empty database", "a dataset"])
def test_syncs_of_different_websites_go_side_by_side_and_lose_nothing(
    is_first: bool, serve: Serve, synced: Into, race: Callable[..., None], warehouse: Warehouse
) -> None:
    server = serve(days=6)
    *websites, quiet = (website.id for website in server.websites[:3])
    made = synced(server)
    if not is_first:
        made.sync(websites=[quiet], query_types=REPORTS)
    race(made, [(f"writer_{n}", website) for n, website in enumerate(websites)], loads=2)
    schemas = warehouse.rows("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'web_staging%'")
    assert {f"{DATASET}_staging_writer_{number}" for number in (0, 1)} <= {n for (n,) in schemas}
    made.sync(websites=[quiet], query_types=REPORTS)
    together = rows(made)
    made.sync(websites=websites, query_types=REPORTS, refetch=True)
    assert together == rows(made)
    assert {row[0] for row in together["top_pages"]} >= set(websites)
    assert together["websites"] == sorted((website.id,) for website in server.websites)


@pytest.mark.only("postgres")
@pytest.mark.parametrize(
    "names", [("one", "one"), ("one", "two")], ids=["one pipeline", "two pipelines"]
)
def test_first_syncs_of_one_website_on_two_machines_run_one_after_the_other(
    names: Sequence[str], serve: Serve, synced: Into, race: Callable[..., None]
) -> None:
    server = serve(days=6)
    made, shop = synced(server), server.websites[0].id
    race(made, [(name, shop) for name in names], loads=2)
    made.pipeline.sync_destination()
    together = made.rows("top_pages", "website_id", "date", "name", "pageviews")
    made.sync(websites=[shop], query_types=REPORTS, refetch=True)
    assert together == made.rows("top_pages", "website_id", "date", "name", "pageviews")
    after = rows(made)
    assert {name: len(found) for name, found in after.items()} == {
        name: len(set(found)) for name, found in after.items()
    }
