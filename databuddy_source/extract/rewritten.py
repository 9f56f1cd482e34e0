"""Whether an answer rewrites history, and how much of that is believed at once. Pure."""

from __future__ import annotations

from typing import Final

from databuddy_source.model.digests import digest_of, says_the_same
from databuddy_source.model.results import HeldCell, Result

FEW: Final = 3
SHARE: Final = 0.05
"""So many of the days or cells that are compared may differ, or such a part of them, and be
believed at once."""

OF_CELLS: Final = 4
"""But of cells, which nothing else speaks for, no more than one of so many."""


def doubt(differing: int, compared: int, few: int = FEW) -> str:
    """Why nothing of what differs is believed yet, or an empty string.

    Args:
        differing: how many days or cells do.
        compared: of how many.
        few: that are believed, however many are compared.
    """
    if differing <= max(few, SHARE * compared):
        return ""
    return (
        f"the answer differs from what was loaded, as {differing} of {compared} old ones do: it is "
        "believed once the next sync has it, too"
    )


def is_other(result: Result, held: HeldCell) -> bool:
    """Whether an answer says something else than what is held, and for the first time.

    Args:
        result: as it came, or with the digest of what came.
        held: what the warehouse holds of the cell.
    """
    digest = result.digest or digest_of(result.rows, result.cell.report.query_type)
    return not any(says_the_same(digest, each) for each in (held.digest, held.other_digest))
