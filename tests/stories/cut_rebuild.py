"""Changes of places that are cut off, and what is in the warehouse before and after anything else
runs. Run as a program, which forks before any thread begins.

    python -m tests.stories.cut_rebuild WAREHOUSE URL KEY WEBSITE FOLDER SEED TIMES

All that is needed is loaded beside the old dataset. Each attempt begins with a copy of the
warehouse, and is cut off at another place of the last step.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

from databuddy_source import rebuild, sync
from databuddy_source.config.resolve import checked
from databuddy_source.config.settings import Settings
from tests.stories.children import begun, came_to_its_end, note_modules
from tests.stories.cut_off import DATASET, Cut, Place, die, first_place
from tests.stories.cut_removal import cut_changes, everything, pipeline_of

ZONE = "Asia/Tokyo"


class Begun(Exception):
    """All is loaded beside."""


def settings(url: str, key: str, website: str, zone: str) -> Settings:
    given: dict[str, Any] = {"api_key": key, "base_url": url, "start_date": "2026-03-14"}
    reports = ["summary_metrics", "top_pages"]
    return checked(**given, websites=[website], query_types=reports, timezone=zone).settings


def fill(place: Place, url: str, key: str, website: str) -> None:
    """In UTC, and all of it in another zone beside it."""

    def begin(*chosen: Any) -> None:
        sync(*chosen)
        raise Begun

    pipeline = pipeline_of(place)
    sync(pipeline, settings(url, key, website, "UTC"))
    try:
        rebuild(pipeline, settings(url, key, website, ZONE), load=begin)
    except Begun:
        note_modules(place.folder)


def change(url: str, key: str, website: str, place: Place, cut: Cut) -> None:
    pipeline = pipeline_of(place)
    seen = cut.prepare(pipeline, die)
    done = rebuild(pipeline, settings(url, key, website, ZONE))
    assert done.lacking == ()
    (place.folder / "statements").write_text(str(len(seen)))


def held(place: Place) -> dict[str, list[str]]:
    """All tables, and which datasets there are. Columns that come before the change are in each
    schema that is stored from then on."""
    connection = place.connect()
    cursor = connection.cursor()
    cursor.execute("SELECT schema_name FROM information_schema.schemata")
    names = sorted({name for (name,) in cursor.fetchall() if name.startswith(DATASET)})
    connection.close()
    found = {name: rows for name, rows in everything(place).items() if name != "_dlt_version"}
    # another one by the cut that is noted, or not
    return {**found, "datasets": names, "_dlt_loads": found["_dlt_loads"][:1]}


def main(
    warehouse: str, url: str, key: str, website: str, home: str, seed: str, times: str
) -> None:
    with first_place(warehouse, Path(home) / "old") as old:
        assert came_to_its_end(begun(old.folder, partial(fill, old, url, key, website)))
        begin = partial(change, url, key, website)
        cut_changes(old, begin, held, seed, times, is_repeatable=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
