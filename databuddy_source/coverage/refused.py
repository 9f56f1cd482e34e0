"""Coverage of reports whose rows the warehouse itself refuses: their cells failed, and what the
table holds of them stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from databuddy_source.coverage.reading import BROUGHT
from databuddy_source.model.statuses import Status

REFUSED: Final = "the warehouse refuses its rows"
"""How the reason of such a cell begins."""

REMEDY: Final = (
    "Take away what was added to the table by hand, such as a unique index, a constraint, a "
    "trigger or a policy, and give its columns their types back."
)
"""What a person can do, where a table refuses rows."""

Spelling = tuple[Callable[[str], str], Callable[[Any], Any]]
"""What writes names of columns, and values, as SQL."""


CELL: Final[Mapping[str, str]] = {"website_id": "theirs", "window_start": "since"}
"""What tells cells of a report apart, each with another name."""


def also_in(rows: str, keys: Mapping[str, str], column: Callable[[str], str]) -> str:
    """A condition that holds for rows of coverage whose keys some others have, too.

    Args:
        rows: the others: a table, with a condition or without one.
        keys: columns, each with another name, so that their own ones can only be the outer rows'.
        column: spells names.
    """
    own = ", ".join(f"{column(key)} AS {other}" for key, other in keys.items())
    same = " AND ".join(f"{other} = {column(key)}" for key, other in keys.items())
    return f"EXISTS (SELECT 1 FROM (SELECT {own} FROM {rows}) AS other WHERE {same})"


def refused(
    report: str, words: str, load_id: str, names: tuple[str, str], spell: Spelling
) -> Iterator[str]:
    """What makes the cells of a report, which wait in staging, failed ones.

    Args:
        report: whose table refuses its rows.
        words: of the database, on one line.
        load_id: of the load.
        names: of the table and of the one in staging, qualified.
        spell: names of columns, and values as literals.

    Yields:
        Statements of SQL, to be executed before coverage is merged.
    """
    table, staged = names
    column, literal = spell
    reason, load = literal(f"{REFUSED} ({words}). {REMEDY}"), literal(load_id)
    own = f"{column('report')} = {literal(report)}"
    came = f"{own} AND {column('status')} IN ({BROUGHT})"
    failed = f"{column('status')} = '{Status.FAILED}', {column('reason')} = {reason}"
    none = f"{column('rows_expected')} = NULL"
    no_rows = f"{column('rows')} = 0, {column('digest')} = NULL"

    came_again = also_in(f"{staged} WHERE {came}", CELL, column)
    known = also_in(f"{table} WHERE {own}", CELL, column)
    yield (
        f"UPDATE {table} SET {failed}, {none}, {column('_dlt_load_id')} = {load} "
        f"WHERE {own} AND {came_again}"
    )
    yield f"DELETE FROM {staged} WHERE {came} AND {known}"
    yield (
        f"UPDATE {staged} SET {failed}, {none}, {no_rows}, {column('silent')} = TRUE, "
        f"{column('final')} = FALSE WHERE {came}"
    )
