"""What to do about what a database says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from databuddy_source.errors import DestinationAway, DestinationFails

ADVICE: Final[Mapping[str, tuple[type[DestinationFails | DestinationAway], str]]] = {
    r"file too large|no space left|disk quota|disk full": (
        DestinationFails,
        "Make room on the disk of the warehouse, or raise the limit that its files or its user "
        "have there (ulimit -f, a quota), then run this again.",
    ),
    r"conflicting lock is held": (
        DestinationAway,
        "Wait until that process is done, then run this again.",
    ),
    r"due to (lock|statement) timeout": (
        DestinationAway,
        "Run this again when nobody else works in these tables; if it stays, let the user's "
        "statements wait longer (lock_timeout, statement_timeout).",
    ),
    r"column .*(not found|does not exist)|not have a column": (
        DestinationFails,
        "Put the column back that was dropped or renamed, or drop the table: what was in it is "
        "asked for again then.",
    ),
    r"password|authenticat|credential|invalid_grant|role .* does not exist": (
        DestinationFails,
        "Check user and password in destination.*.credentials.",
    ),
    r"permission denied for (table|relation|view|materialized view|sequence)|must be owner": (
        DestinationFails,
        "Give the user all rights on it, or make it the owner: tables are read, changed and "
        "altered.",
    ),
    r"row-level security": (
        DestinationFails,
        "Rows that a policy hides cannot be replaced. Make the user the owner of the table, not "
        "with FORCE ROW LEVEL SECURITY, or give it BYPASSRLS.",
    ),
    r"read-only": (
        DestinationFails,
        "Make the database writable, or name another one in destination.*.credentials.",
    ),
    r"permission|not authorized|privilege|access denied": (
        DestinationFails,
        "Give the user the right to create schemas (datasets) and tables: dlt makes the dataset, "
        "and another one for staging.",
    ),
    r"objects? depends? on it": (
        DestinationFails,
        "Drop the view that reads it, then run this again.",
    ),
    r"database .* does not exist": (
        DestinationFails,
        "Create the database, or name another one in destination.*.credentials.",
    ),
    r"refused|translate host|resolve|timed? ?out|unreachable|no route|terminat|closed|\bEOF\b|"
    r"reset by peer|starting up|shut|recovery mode|too many (clients|connections)|slots are": (
        DestinationAway,
        "Check host and port in destination.*.credentials and that the server runs, then run this "
        "again.",
    ),
}
"""What to do, and whether that may be to wait, by words that databases use; the first that is found
holds. Drivers raise the same error for a server that is gone and for a wrong password."""


def advised(what: str, words: str) -> DestinationFails | DestinationAway | None:
    """The error for words that are known; None for others.

    Args:
        what: happened.
        words: of a database, on one line.
    """
    for said, (kind, todo) in ADVICE.items():
        if re.search(said, words, re.IGNORECASE):
            return kind(what, todo)
    return None
