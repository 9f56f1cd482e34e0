"""Loads that are cut off, and what is in the warehouse before anything else runs. Run as a program:
it forks before any thread begins, so that each attempt costs no start of Python.

    python -m tests.stories.cut_off WAREHOUSE RUN OLD_URL NEW_URL KEY FOLDER SEED TIMES

The warehouse has some days as a server had them; another load brings the same days as another
server has them, and is cut off. Each attempt begins with a copy of the warehouse. The run is a
`refetch` of these days, or a `scrub`: a daily sync that finds that they have changed.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import dlt
import duckdb
import psycopg2

from databuddy_source import sync
from databuddy_source.config.resolve import checked
from databuddy_source.demo.websites import QUIET, SHOP
from databuddy_source.warehouse import whole
from tests.stories.children import begun, came_to_its_end, note_modules, warm_up
from tests.warehouses.postgres import Server, server

WEBSITES = [SHOP.id, QUIET.id]  # one that has rows before, and one that has none
REPORTS = ["summary_metrics", "top_pages", "events_by_date"]
DAYS: Mapping[str, Mapping[str, Any]] = {
    "refetch": {"since": "2026-03-12", "until": "2026-03-14"},
    "scrub": {"start_date": "2026-03-10"},
}
AS_BEFORE: Mapping[str, Set[str]] = {"refetch": set(), "scrub": {"websites", "query_types"}}
FIRST_RUNS = {"refetch": 1, "scrub": 2}  # the second one has proved old days
DATASET = "databuddy"

Tables = dict[str, list[str]]


class Place(Protocol):
    """A warehouse and the state of the pipeline that loads into it."""

    folder: Path

    def destination(self) -> Any: ...
    def connect(self) -> Any: ...
    def copy(self, name: str) -> Place: ...
    def remove(self) -> None: ...


@dataclass
class DuckDB:
    folder: Path

    def destination(self) -> Any:
        return dlt.destinations.duckdb(str(self.folder / "web.duckdb"))

    def connect(self) -> Any:
        return duckdb.connect(str(self.folder / "web.duckdb"), read_only=True)

    def copy(self, name: str) -> DuckDB:
        return DuckDB(shutil.copytree(self.folder, self.folder.with_name(name)))

    def remove(self) -> None:
        shutil.rmtree(self.folder)


@dataclass
class Postgres:
    folder: Path
    server: Server
    template: str = "template1"

    def __post_init__(self) -> None:
        self._execute(f'CREATE DATABASE "{self.folder.name}" TEMPLATE "{self.template}"')

    @property
    def _url(self) -> str:
        return self.server.url.removesuffix("postgres") + self.folder.name

    def _execute(self, sql: str) -> None:
        connection = psycopg2.connect(self.server.url)
        connection.autocommit = True
        connection.cursor().execute(sql)
        connection.close()

    def destination(self) -> Any:
        return dlt.destinations.postgres(self._url)

    def connect(self) -> Any:
        return psycopg2.connect(self._url)

    def copy(self, name: str) -> Postgres:
        folder = shutil.copytree(self.folder, self.folder.with_name(name))
        return Postgres(folder, self.server, self.folder.name)

    def remove(self) -> None:
        self._execute(f'DROP DATABASE "{self.folder.name}" WITH (FORCE)')
        shutil.rmtree(self.folder)


# -- what is loaded, in a process of its own


@dataclass(frozen=True)
class Cut:
    """Where in the last step a load is cut off: at a statement, before or after it, or after the
    transaction is done. The first statement asks whether the load is noted."""

    at: int
    when: str
    step: str = "complete_load"

    def prepare(self, pipeline: dlt.Pipeline, cut: Callable[[], None]) -> list[str]:
        """Returns the statements of the last step as they come."""
        seen: list[str] = []
        inside: list[str] = []
        client: Any = type(pipeline.sql_client())
        execute, commit = client.execute_sql, client.commit_transaction
        complete = getattr(whole._WholeClient, self.step)

        def last_step(self: Any, load_id: str, *more: Any) -> None:
            inside.append(load_id)
            complete(self, load_id, *more)
            inside.clear()

        def execute_sql(self: Any, sql: str, *values: Any) -> Any:
            hits = bool(inside) and len(seen) == self_at
            if inside:
                seen.append(sql)
            if hits and self_when == "before":
                cut()
            answer = execute(self, sql, *values)
            if hits and self_when == "after":
                cut()
            return answer

        def commit_transaction(self: Any) -> None:
            commit(self)
            if inside and self_when == "done":
                cut()

        self_at, self_when = self.at, self.when
        client.execute_sql, client.commit_transaction = execute_sql, commit_transaction
        setattr(whole._WholeClient, self.step, last_step)
        return seen


NOWHERE = Cut(-1, "nowhere")


def bring(
    place: Place, run: str, url: str, key: str, cut: Cut, end: Callable[[], None], **given: Any
) -> None:
    pipeline = dlt.pipeline(
        "cut",
        destination=place.destination(),
        dataset_name=DATASET,
        pipelines_dir=str(place.folder / "state"),
    )
    seen = cut.prepare(pipeline, end)
    account = {"api_key": key, "base_url": url, "websites": WEBSITES, "query_types": REPORTS}
    sync(pipeline, *checked(**account, **DAYS[run], **given))
    (place.folder / "statements").write_text(str(len(seen)))
    note_modules(place.folder)


def start(place: Place, *what: Any, **given: Any) -> int:
    """Begins in a process of its own. Returns its number."""
    return begun(place.folder, lambda: bring(place, *what, **given))


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# -- what is there


def tables(place: Place, old_loads: Collection[str]) -> Tables:
    """Everything but times; each row says whether it is of the old loads, and whether it has a
    proof. Raises where coverage does not tell what is there."""
    found: Tables = {}
    connection = place.connect()
    try:
        cursor = connection.cursor()

        def read(name: str) -> list[dict[str, Any]]:
            cursor.execute(f'SELECT * FROM "{DATASET}"."{name}"')
            columns = [column[0] for column in cursor.description]
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

        own = [*REPORTS, "coverage", "websites", "query_types", "restatements"]
        held = {name: read(name) for name in own}
        counted = Counter(
            (name, row["website_id"], row["date"]) for name in REPORTS for row in held[name]
        )
        told = {
            (row["report"], row["website_id"], row["date"]): row["rows"] for row in held["coverage"]
        }
        assert {cell: rows for cell, rows in told.items() if rows} == counted
        loads = {row["load_id"] for row in read("_dlt_loads") if row["status"] == 0}
        states = [row["_dlt_id"] for row in read("_dlt_pipeline_state")]
        assert len(states) == len(set(states))
    finally:
        connection.close()
    for name, rows in held.items():
        for row in rows:
            row.pop("fetched_at", None)
            row.pop("checked_at", None)
            row.pop("load_id", None)
            row.pop("noticed_at", None)
            row.pop("loaded_at", None)
            row.pop("id", None)
            row.pop("request_id", None)
            row["proofs"] = bool(row.get("proofs"))
            assert row["_dlt_load_id"] in loads, f"{name} has rows of a load that is not done"
            row["_dlt_load_id"] = "old" if row["_dlt_load_id"] in old_loads else "new"
        found[name] = sorted(map(repr, rows))
    found["loads"] = sorted({"old" if load in old_loads else "new" for load in loads})
    return found


def loads_of(place: Place) -> Collection[str]:
    connection = place.connect()
    cursor = connection.cursor()
    cursor.execute(f'SELECT load_id FROM "{DATASET}"."_dlt_loads"')
    loads = {str(load_id) for (load_id,) in cursor.fetchall()}
    connection.close()
    return loads


def is_pending(place: Place) -> bool:
    return any((place.folder / "state" / "cut" / "load" / "normalized").glob("*"))


@contextmanager
def first_place(warehouse: str, folder: Path) -> Iterator[Place]:
    if warehouse == "duckdb":
        yield DuckDB(folder)
    else:
        with server() as own:
            yield Postgres(folder, own)


def main(
    warehouse: str,
    run: str,
    old_url: str,
    new_url: str,
    key: str,
    home: str,
    seed: str,
    times: str,
) -> None:
    chance = random.Random(int(seed))
    outcomes: list[dict[str, Any]] = []
    with first_place(warehouse, Path(home) / "old") as old:
        for _ in range(FIRST_RUNS[run]):
            assert came_to_its_end(start(old, run, old_url, key, NOWHERE, die))
        warm_up(old.folder)
        old_loads, refetch = loads_of(old), run == "refetch"
        undisturbed = old.copy("undisturbed")
        started = time.monotonic()
        assert came_to_its_end(start(undisturbed, run, new_url, key, NOWHERE, die, refetch=refetch))
        length = time.monotonic() - started
        statements = int((undisturbed.folder / "statements").read_text())
        before, after = tables(old, old_loads), tables(undisturbed, old_loads)
        as_before = {name for name in before if before[name] == after[name]}
        assert as_before <= AS_BEFORE[run], "each table has to change"
        for proved in (before, after):
            assert any("'proofs': True" in row for row in proved["coverage"]) is not refetch
        number = 0
        # a moment after the end, on a machine that has become faster, does not count
        while sum(each["cut"] for each in outcomes) < int(times) and number < 3 * int(times):
            place = old.copy(f"attempt_{number}")
            cut, end, wait = NOWHERE, die, None
            if number % 3 == 0:
                wait = chance.uniform(0.2, 1) * length
            else:
                when = "done" if number % 6 == 1 else chance.choice(["before", "after"])
                cut = Cut(chance.randrange(statements), when)
            crashes = isinstance(place, Postgres) and number % 6 == 2
            if isinstance(place, Postgres) and crashes:
                end = partial(os.kill, place.server.pid, signal.SIGQUIT)
            child = start(place, run, new_url, key, cut, end, refetch=refetch)
            if wait is not None:
                time.sleep(wait)
                os.kill(child, signal.SIGKILL)
            was_cut = not came_to_its_end(child)
            if isinstance(place, Postgres) and crashes:
                place.server.wait()
                place.server.start()
            outcome: dict[str, Any] = {
                "number": number,
                "cut": was_cut,
                "where": f"after {wait:.2f} s" if wait else f"{cut.when} {cut.at}",
                "server": crashes,
            }
            outcome["left"] = left = judged(place, old_loads, before, after)
            pending = is_pending(place)
            outcome["state"] = chance.random() < 0.5
            if not outcome["state"]:
                shutil.rmtree(place.folder / "state", ignore_errors=True)
                pending = False
            # what is pending brings what is new by itself
            again = refetch and not pending and left == "old"
            outcome["finished"] = came_to_its_end(
                start(place, run, new_url, key, NOWHERE, die, refetch=again or None)
            )
            outcome["then"] = judged(place, old_loads, before, after)
            outcome["pending"] = pending
            outcomes.append(outcome)
            print(json.dumps(outcome), flush=True)
            if outcome["finished"] and outcome["then"] == "new" and left in {"old", "new"}:
                place.remove()
            number += 1


def judged(place: Place, old_loads: Collection[str], before: Tables, after: Tables) -> str:
    try:
        found = tables(place, old_loads)
    except AssertionError as error:
        return f"wrong: {error}"
    if found in (before, after):
        return "old" if found == before else "new"
    return "mixture: " + ", ".join(
        f"{name}: {'old' if rows == before[name] else 'new' if rows == after[name] else 'neither'}"
        for name, rows in found.items()
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
