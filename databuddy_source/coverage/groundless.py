"""Coverage of cells whose rows were in the warehouse when a load was extracted, and have been taken
away before it is brought in: it is not believed."""

from __future__ import annotations

from typing import Final

from databuddy_source.coverage.refused import CELL, Spelling, also_in

_KEYS: Final = {**CELL, "report": "its"}


def without_groundless(load_id: str, names: tuple[str, str], spell: Spelling) -> tuple[str, ...]:
    """What takes cells out of staging whose rows came with an earlier load, unless coverage still
    says so: each was asked for again, and its answer was the same. One without rows counts on
    nothing where coverage does not know it.

    Args:
        load_id: of the load.
        names: of the table and of the one in staging, qualified.
        spell: names of columns, and values as literals.

    Returns:
        Statements of SQL, to be executed before coverage is merged.
    """
    table, staged = names
    column, literal = spell
    known = also_in(table, _KEYS, column)
    as_it_was = also_in(table, {**_KEYS, "load_id": "came"}, column)
    groundless = (
        f"DELETE FROM {staged} WHERE {column('load_id')} <> {literal(load_id)} AND NOT {as_it_was}"
    )
    # BigQuery and Snowflake take no such question after an OR
    return f"{groundless} AND {column('rows')} > 0", f"{groundless} AND {known}"
