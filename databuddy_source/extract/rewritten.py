"""Whether an answer rewrites history, and how much of that is believed at once. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from databuddy_source.coverage.proofs import FinalDay
from databuddy_source.model.digests import digest_of, says_the_same
from databuddy_source.model.results import HeldCell, Result

FEW: Final = 3
SHARE: Final = 0.05
"""So many of the days or cells that are compared may differ, or such a part of them, and be
believed at once."""

OF_CELLS: Final = 4
"""But of cells, which nothing else speaks for, no more than one of so many."""


AFTER: Final = timedelta(hours=10)
"""So long a server has to say the same that is not believed: it may be ill for a night."""

_ONCE_MORE: Final = (
    f"it is believed once the server says the same {AFTER // timedelta(hours=1)} hours later"
)


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
        f"the answer differs from what was loaded, as {differing} of {compared} old ones do: "
        f"{_ONCE_MORE}"
    )


def is_confirmed(digest: str | None, at: datetime, known: HeldCell | FinalDay) -> bool:
    """Whether an answer was there before and not believed, and long enough ago.

    Args:
        digest: of the answer.
        at: when it was there.
        known: what coverage says of the cell.
    """
    same = says_the_same(digest, known.other_digest)
    return same and known.doubted_at is not None and at - known.doubted_at >= AFTER


def is_other(result: Result, held: HeldCell) -> bool:
    """Whether an answer says something else than what is held, and has not done so for long.

    Args:
        result: as it came, or with the digest of what came.
        held: what the warehouse holds of the cell.
    """
    digest = result.digest or digest_of(result.rows, result.cell.report.query_type)
    same = says_the_same(digest, held.digest)
    return not (same or is_confirmed(digest, result.fetched_at, held))


def doubt_again(result: Result, held: HeldCell) -> str:
    """Why an answer is not believed that is asked for because the one before was not, either.

    Args:
        result: with its digest.
        held: what the warehouse holds of the cell.
    """
    if says_the_same(result.digest, held.other_digest):
        return f"the answer differs from what was loaded: {_ONCE_MORE}"
    return "each answer says something else"
