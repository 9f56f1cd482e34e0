"""Columns whose types somebody has changed, by what a database says of a query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from databuddy_source.errors import DestinationFails

_OTHER_TYPE: Final = re.compile(
    r"operator does not exist|function \S+ does not exist|types .* cannot be matched|"
    r"must be type |invalid input syntax|Cannot (compare|mix) values of type|"
    r"No function matches|Conversion Error|No matching signature|Invalid argument types",
    re.IGNORECASE,
)


@contextmanager
def types_as_made(table: str) -> Iterator[None]:
    """Say in a sentence what a query fails at whose columns have other types than they were made
    with.

    Args:
        table: that is asked.

    Raises:
        DestinationFails: the database says so.
    """
    try:
        yield
    except Exception as error:  # drivers have no base in common
        words = str(error).strip().partition("\n")[0].rstrip(".")
        if not _OTHER_TYPE.search(words):
            raise
        raise DestinationFails(
            f"The table {table}, or one that is read with it, has a column of another type than it "
            f"was made with: {words}",
            "Give the column its type back, by ALTER TABLE, or drop the table: what was in it is "
            "asked for again then.",
        ) from error
