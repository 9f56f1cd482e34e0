"""Coverage of reports whose rows the warehouse itself refuses: their cells failed, and what the
table holds of them stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from databuddy_source.coverage.reading import BROUGHT
from databuddy_source.model.statuses import Status

REFUSED: Final = "the warehouse refuses its rows"
"""How the reason of such a cell begins."""

REMEDY: Final = (
    "Take away what was added to the table by hand, such as a unique index, a constraint or a "
    "trigger, and give its columns their types back."
)
"""What a person can do, where a table refuses rows."""

Spelling = tuple[Callable[[str], str], Callable[[Any], Any]]
"""What writes names of columns, and values, as SQL."""


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

    def also_in(other: str, condition: str) -> str:
        # names of its own, so that those outside can only be the outer table's
        keys = f"{column('website_id')} AS theirs, {column('window_start')} AS since"
        return (
            f"EXISTS (SELECT 1 FROM (SELECT {keys} FROM {other} WHERE {condition}) AS other "
            f"WHERE theirs = {column('website_id')} AND since = {column('window_start')})"
        )

    yield (
        f"UPDATE {table} SET {failed}, {none}, {column('_dlt_load_id')} = {load} "
        f"WHERE {own} AND {also_in(staged, came)}"
    )
    yield f"DELETE FROM {staged} WHERE {came} AND {also_in(table, own)}"
    yield (
        f"UPDATE {staged} SET {failed}, {none}, {no_rows}, {column('silent')} = TRUE, "
        f"{column('final')} = FALSE WHERE {came}"
    )
