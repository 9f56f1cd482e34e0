"""Whether a database refuses the rows of one table, rather than all work."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from databuddy_source.coverage.refused import REMEDY
from databuddy_source.dlt_seam import DatabaseException, DatabaseTerminalException
from databuddy_source.errors import DestinationFails
from databuddy_source.warehouse.advice import advised
from databuddy_source.warehouse.redaction import redacted

REFUSING_STATES: Final = {"54", "P0"}
"""Classes of SQLSTATE that dlt takes for something that passes: a row or an entry of an index is
too large, and a trigger raised an error."""


def is_refusal(error: DatabaseException) -> bool:
    """Whether a database will say the same of the same statement.

    Args:
        error: of a statement, or of the end of a transaction.
    """
    state = getattr(error.dbapi_exception, "pgcode", None) or ""
    return isinstance(error, DatabaseTerminalException) or state[:2] in REFUSING_STATES


def refusing(error: DatabaseException, merges: Mapping[str, Sequence[str]]) -> str | None:
    """The table that refuses its rows; None where the error is of another kind.

    Args:
        error: of a transaction, with the statement that failed as a note.
        merges: the statements of each table.
    """
    if not is_refusal(error):
        return None
    notes = getattr(error, "__notes__", ())
    return next((table for table, own in merges.items() if set(notes) & set(own)), None)


def words_of(error: BaseException) -> str:
    """What a database says, on one line and without secrets."""
    words = redacted(str(error)).strip().splitlines() or [type(error).__name__]
    return words[0].strip().rstrip(".")


def words_of_job(told: str) -> str:
    """What a database says, by what dlt keeps of a job that failed: a traceback, with the name of
    the error's class before its words."""
    errors: list[str] = re.findall(r"^\w+(?:\.\w+)+: (.+)", redacted(told), re.MULTILINE)
    errors = errors or redacted(told).strip().splitlines() or ["it does not say why"]
    return errors[-1].strip().rstrip(".")


def refused_by(table: str, words: str) -> DestinationFails:
    """The error for a table that is no report's, without which nothing can be loaded.

    Args:
        table: that refuses its rows.
        words: of the database, on one line.
    """
    known = advised(table, words)
    todo = known.todo if isinstance(known, DestinationFails) else REMEDY
    return DestinationFails(f"The table {table} refuses its rows: {words}", todo)
