"""What the sources of one load bring, where a pipeline is given several at once: each thing once.

dlt puts the sources of one name into one load. What two of them bring would be there twice, since
a partition is replaced by all that the load has of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakKeyDictionary

import dlt

from databuddy_source.dlt_seam import active_pipeline, load_id_of_extraction
from databuddy_source.errors import OwnedBySource

_brought: WeakKeyDictionary[dlt.Pipeline, tuple[str, set[tuple[str, str]]]] = WeakKeyDictionary()
"""The load that a pipeline extracts, and what its sources have brought so far."""


def new_to_load(table: str, keys: Iterable[str]) -> set[str]:
    """Those of the keys that no source brought to a table of this load before; they count as
    brought from now on. All of them outside of a load.

    Args:
        table: its name.
        keys: that tell apart what is brought.
    """
    pipeline, load_id = active_pipeline(), load_id_of_extraction()
    if pipeline is None or load_id is None:
        return {*keys}
    found, brought = _brought.get(pipeline, ("", set()))
    if found != load_id:
        brought = set()
        _brought[pipeline] = (load_id, brought)
    new = {key for key in keys if (table, key) not in brought}
    brought.update((table, key) for key in new)
    return new


def refuse_a_second_source(report: str, website_id: str) -> None:
    """Refuse a report of a website that another source of this load brings already.

    Raises:
        OwnedBySource: it does.
    """
    if not new_to_load(report, [website_id]):
        raise OwnedBySource(
            f"Two sources of one load bring {report} of website {website_id}, so that its rows "
            "would be there twice",
            "Make one source with all reports and websites, or run one after the other.",
        )
