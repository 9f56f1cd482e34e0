"""Syncs into one dataset at the same time: of different websites side by side, of the same website
one after the other, wherever they run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import sleep

import pytest
from psycopg2.errors import UndefinedTable

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


class Runner:
    """A process of one pipeline, as on a machine of its own: it begins when it is told to."""

    def __init__(
        self, made: Synced, name: str, websites: Sequence[str], state: Path, *, loads: int
    ) -> None:
        warehouse = made.warehouse
        words = [name, warehouse.name, DATASET, state, made.server.url, made.server.api_key]
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.warehouses.parallel",
                *map(str, words),
                ",".join(websites),
                str(loads),
            ],
            cwd=PROJECT,
            env={**os.environ, **warehouse.environment()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def begin(self) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdout.readline()  # it is ready
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def end(self) -> None:
        errors = self._process.communicate()[1]
        assert self._process.returncode == 0, errors


@pytest.fixture
def race(tmp_path: Path) -> Callable[..., None]:
    """Runs a process for each (pipeline, website), each as on a machine of its own, all at once."""

    def run(made: Synced, runners: Sequence[tuple[str, str]], *, loads: int) -> None:
        processes = [
            Runner(made, name, [website], tmp_path / f"machine_{number}", loads=loads)
            for number, (name, website) in enumerate(runners)
        ]
        for process in processes:
            process.begin()
        for process in processes:
            process.end()

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


@pytest.mark.only("postgres")
def test_four_writers_bring_forty_websites_while_one_of_them_is_killed(
    serve: Serve, synced: Into, tmp_path: Path
) -> None:
    server = serve(days=3)
    like, ids = server.websites[0], [f"website-{number:02}" for number in range(40)]
    with server.events.connection() as cursor:
        for id_ in ids:
            server.events.websites.append(replace(like, id=id_, domain=f"{id_}.example.com"))
            cursor.execute(
                "INSERT INTO events SELECT * REPLACE ($id AS website_id, $id || event_id AS "
                "event_id) FROM events WHERE website_id = $like",
                {"id": id_, "like": like.id},
            )
    server.events.version += 1
    made = synced(server)

    def writer(number: int) -> Runner:
        own = ids[number * 10 : number * 10 + 10]
        runner = Runner(made, f"writer_{number}", own, tmp_path / f"machine_{number}", loads=2)
        runner.begin()
        return runner

    first, *others = map(writer, range(4))
    while not _has_rows(made):  # in the midst of the first loads of all
        sleep(0.05)
    first.kill()
    for each in others:
        each.end()
    seen = {row[0] for row in made.rows("coverage", "website_id", "status") if row[1] == "complete"}
    assert seen >= {*ids[10:]}
    writer(0).end()
    together = rows(made)
    made.sync(websites=ids, query_types=REPORTS, refetch=True)
    assert together == rows(made)
    for table in ("top_pages", "country"):
        found = [row[0] for row in together[table]]
        assert {*found} == {*ids}
        assert len({found.count(id_) for id_ in ids}) == 1, "all have the same events"


def _has_rows(made: Synced) -> bool:
    """Whether any load has come to its end."""
    try:
        return bool(made.rows("coverage", "website_id"))
    except UndefinedTable:
        return False
