"""Removals that are cut off, and what is in the warehouse before and after anything else runs. Run
as a program, which forks before any thread begins.

    python -m tests.stories.cut_removal WAREHOUSE URL KEY WEBSITE FOLDER SEED TIMES

A website goes, and with it a report that no other website has. Each attempt begins with a copy of
the warehouse, and is cut off at another place of the last step.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import dlt

from databuddy_source import remove, sync
from databuddy_source.config.resolve import checked
from tests.stories.children import begun, came_to_its_end, note_modules, warm_up
from tests.stories.cut_off import DATASET, NOWHERE, Cut, Place, die, first_place

NO_CUT = Cut(NOWHERE.at, NOWHERE.when, "change")
TIMES = {
    "_dlt_load_id",
    "fetched_at",
    "checked_at",
    "proofs",
    "request_id",
    "inserted_at",
    "load_id",
    "created_at",
    "version_hash",
}


def pipeline_of(place: Place) -> dlt.Pipeline:
    return dlt.pipeline(
        "cut",
        destination=place.destination(),
        dataset_name=DATASET,
        pipelines_dir=str(place.folder / "state"),
    )


def fill(place: Place, url: str, key: str, website: str) -> None:
    """Of the website two reports, of another one of them, by a sync that has a cursor."""
    pipeline = pipeline_of(place)
    account: dict[str, Any] = {"api_key": key, "base_url": url, "start_date": "2026-03-16"}
    own = {"query_type": "top_pages", "name": "own_pages", "websites": [website]}
    own["filters"] = [{"field": "device_type", "op": "eq", "value": "mobile"}]  # type: ignore[assignment]
    sync(pipeline, *checked(**account, query_types=["summary_metrics"], reports=[own]))
    note_modules(place.folder)


def take_out(website: str, place: Place, cut: Cut) -> None:
    pipeline = pipeline_of(place)
    seen = cut.prepare(pipeline, die)
    remove(pipeline, websites=[website], settings=checked(query_types=["summary_metrics"]).settings)
    (place.folder / "statements").write_text(str(len(seen)))


def everything(place: Place) -> dict[str, list[str]]:
    """All tables but times, with what dlt's state and schema have inside."""
    connection = place.connect()
    try:
        cursor = connection.cursor()

        def read(table: str, schema: str = DATASET) -> list[dict[str, Any]]:
            cursor.execute(f'SELECT * FROM "{schema}"."{table}"')
            columns = [column[0] for column in cursor.description]
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

        tables = read("tables", "information_schema")
        # views are made by the step after the change, which a kill may leave out
        names = [
            row["table_name"]
            for row in tables
            if row["table_schema"] == DATASET and row["table_type"] == "BASE TABLE"
        ]
        held = {name: read(name) for name in names}
    finally:
        connection.close()
    loads = {row["load_id"] for row in held["_dlt_loads"]}
    assert all(row["_dlt_load_id"] in loads for row in held["coverage"])
    return {
        name: sorted(
            repr({key: value for key, value in row.items() if key not in TIMES}) for row in rows
        )
        for name, rows in held.items()
    }


def knows(place: Place) -> list[str]:
    """The resources and tables that dlt knows of once it has looked at the warehouse."""
    pipeline = pipeline_of(place)
    pipeline.sync_destination()
    state: Any = pipeline.state
    resources = state["sources"]["databuddy"]["resources"]
    return sorted([*resources, *pipeline.default_schema.tables])


def known(place: Place) -> None:
    (place.folder / "known").write_text(json.dumps(knows(place)))


def cut_changes(
    old: Place,
    change: Callable[[Place, Cut], None],
    held: Callable[[Place], object],
    seed: str,
    times: str,
    *,
    is_repeatable: bool,
) -> None:
    """Cuts a change of a warehouse off, at statements that are drawn and at its ends, looks at what
    is left, and begins it again, every second time without the local state. Prints a line for
    each.

    Args:
        old: the warehouse as it is before.
        change: begins it, to be cut off there.
        held: what a warehouse holds.
        seed: of the draw.
        times: how many are drawn.
        is_repeatable: whether it may be begun again where all of it is done.
    """

    def run(place: Place, cut: Cut) -> bool:
        return came_to_its_end(begun(place.folder, partial(change, place, cut)))

    def told(place: Place) -> tuple[object, object]:
        found = held(place)
        assert came_to_its_end(begun(place.folder, partial(known, place)))
        return found, json.loads((place.folder / "known").read_text())

    warm_up(old.folder)
    undisturbed = old.copy("undisturbed")
    assert run(undisturbed, NO_CUT)
    statements = int((undisturbed.folder / "statements").read_text())
    before, after = told(old), told(undisturbed)
    assert before[0] != after[0]
    cuts = [(at, when) for at in range(statements) for when in ("before", "after")]
    chosen = random.Random(int(seed)).sample(cuts, min(int(times), len(cuts)))
    for number, (at, when) in enumerate([*chosen, cuts[0], cuts[-1], (-1, "done")]):
        place = old.copy(f"attempt_{number}")
        was_cut = not run(place, Cut(at, when, "change"))
        left = told(place)
        names = {repr(before): "old", repr(after): "new"}
        outcome = {"cut": was_cut, "where": f"{when} {at}"}
        outcome["left"] = names.get(repr(left), "mixture")
        if number % 2:
            shutil.rmtree(place.folder / "state")
        if is_repeatable or outcome["left"] == "old":
            assert run(place, NO_CUT)
        outcome["then"] = names.get(repr(told(place)), "mixture")
        print(json.dumps(outcome), flush=True)
        place.remove()


def main(
    warehouse: str, url: str, key: str, website: str, home: str, seed: str, times: str
) -> None:
    os.environ["SOURCES__DATABUDDY__API_KEY"] = key
    with first_place(warehouse, Path(home) / "old") as old:
        assert came_to_its_end(begun(old.folder, partial(fill, old, url, key, website)))
        cut_changes(old, partial(take_out, website), everything, seed, times, is_repeatable=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
