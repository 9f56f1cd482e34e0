"""What waits in the staging dataset for the end of a load: exactly the rows of its files."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from databuddy_source.dlt_seam import bring_file, files_of_load

logger = logging.getLogger(__name__)

_COUNTED: Final = ".parquet"
"""Files that know how many rows they have."""


def with_rows(client: Any, tables: Sequence[str]) -> Set[str]:
    """Those of some tables that have rows.

    Args:
        client: of dlt, at the dataset that has the tables.
        tables: at least one.
    """
    return {table for table, count in _counted(client, tables).items() if count}


def fill_anew(client: Any, load_id: str, tables: Collection[str]) -> None:
    """Empty and fill what has other rows than the files of the load. A job that is killed when its
    rows are there and dlt has not noted it yet runs once more, and another process may load into
    the same staging dataset.

    Args:
        client: of dlt, while it completes the load.
        load_id: of the load.
        tables: that were filled by it.
    """
    files = {
        table: own
        for table, own in files_of_load(load_id).items()
        if table in tables and all(file.suffix == _COUNTED for file in own)
    }
    if not files:
        return
    with client.with_staging_dataset():
        found = _counted(client, sorted(files))
        for table, own in files.items():
            if found[table] != sum(map(_rows, own)):
                logger.info("%s is staged once more: it had %s rows", table, found[table])
                client.sql_client.truncate_tables(table)
                for file in own:
                    bring_file(client, table, file, load_id)


def _counted(client: Any, tables: Sequence[str]) -> Mapping[str, int]:
    """In one question."""
    name = client.sql_client.make_qualified_table_name
    asked = ", ".join(f"(SELECT COUNT(*) FROM {name(table)})" for table in tables)
    ((*found,),) = client.sql_client.execute_sql(f"SELECT {asked}") or [()]
    return dict(zip(tables, found, strict=True))


def _rows(file: Path) -> int:
    return int(pq.read_metadata(file).num_rows)
