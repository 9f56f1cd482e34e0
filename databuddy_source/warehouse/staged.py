"""What the jobs of a load have brought into staging, and what brings it into its place."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from databuddy_source.clock import now
from databuddy_source.coverage.reading import TABLE as COVERAGE
from databuddy_source.dlt_seam import (
    DatabaseException,
    bring_file,
    files_of_jobs,
    literal_of,
)
from databuddy_source.errors import AlreadyRunning
from databuddy_source.tables.hints import FILE_FORMAT

logger = logging.getLogger(__name__)

MOST_TRIES: Final = 3
"""To have the rows of a load alone in staging."""

_LOAD_ID: Final = "_dlt_load_id"


def has_no_rows(file: str) -> bool:
    """Whether a file of a job brings nothing. Not each database takes one without rows.

    Args:
        file: with its path.
    """
    return file.endswith(f".{FILE_FORMAT}") and not _rows_in(Path(file))


def tables_with_rows(client: Any, tables: Sequence[str]) -> Set[str]:
    """The tables that are not empty.

    Args:
        client: that is open, in staging.
        tables: that are there.
    """
    name = client.sql_client.make_qualified_table_name
    asked = ", ".join(f"(SELECT COUNT(*) FROM {name(table)})" for table in tables)
    ((*found,),) = client.sql_client.execute_sql(f"SELECT {asked}") or [()]
    return {table for table, count in zip(tables, found, strict=True) if count}


def staged_reports(client: Any) -> set[str]:
    """The reports of which coverage waits in staging."""
    _, staged = client.sql_client.get_qualified_table_names(COVERAGE)
    column = client.sql_client.escape_column_name("report")
    found = client.sql_client.execute_sql(f"SELECT DISTINCT {column} FROM {staged}") or []
    return {str(report) for (report,) in found}


def note_of(client: Any, load_id: str) -> str:
    """What dlt's `complete_load` executes, with its values in the text, as a script needs."""
    values = (load_id, client.schema.name, 0, now(), client.schema.version_hash)
    literals = ", ".join(map(str, map(literal_of(client.sql_client), values)))
    return (
        f"INSERT INTO {_loads(client)[0]}({client.loads_table_schema_columns}) VALUES({literals})"
    )


def bringing_in(client: Any, chain: Sequence[Any], load_id: str, behind: Any) -> Iterator[str]:
    """What brings a table from staging into its place.

    Args:
        client: of the load.
        chain: the table, with those nested in it.
        load_id: of the load.
        behind: the client as dlt made it.
    """
    if chain[0]["name"] == client.schema.state_table_name:
        name, staged = client.sql_client.get_qualified_table_names(chain[0]["name"])
        columns = ", ".join(map(client.sql_client.escape_column_name, chain[0]["columns"]))
        own = f"{staged} WHERE {_LOAD_ID} = {literal_of(client.sql_client)(load_id)}"
        # each once: its job may have run twice
        yield f"INSERT INTO {name}({columns}) SELECT DISTINCT {columns} FROM {own}"
    elif merges_at_the_end(chain):
        for job in behind._create_merge_followup_jobs(chain):
            file = Path(job.new_file_path())
            yield from file.read_text("utf-8").splitlines()  # dlt writes one a line
            file.unlink()


def merges_at_the_end(chain: Sequence[Any]) -> bool:
    """Whether a table is merged by statements that change rows and nothing else. This source's
    are; a user's with nested tables are merged over temporary ones, and creating these would end
    the transaction on Snowflake."""
    return len(chain) == 1 and chain[0]["write_disposition"] == "merge"


class Staged:
    """The rows of one load in the staging dataset, which another run of a pipeline of the same name
    may empty or fill meanwhile, where no lease keeps it away.

    Args:
        client: of the load.
        load_id: whose rows they are.
        merges: the statements that bring each table in.
    """

    def __init__(self, client: Any, load_id: str, merges: Mapping[str, Sequence[str]]) -> None:
        self._client = client
        self._load_id = load_id
        self._tries = 0
        self._files = {
            table: files
            for table, files in files_of_jobs(load_id).items()
            if merges.get(table) and all(file.suffix == f".{FILE_FORMAT}" for file in files)
        }
        self._counts = {table: sum(map(_rows_in, own)) for table, own in self._files.items()}

    def guard(self, refused: Set[str] = frozenset()) -> list[str]:
        """What a transaction fails at whose statements found other rows in staging than those of
        the load: it notes a load without an id, which the table of loads does not take. So it is
        asked on the way, after all statements, as each of them may see what others have done.

        Args:
            refused: the tables that stay out.
        """
        # by then coverage is without the cells of which the warehouse has lost the rows
        if not (mixed := " OR ".join(self._lies(refused, other=">").values())):
            return []
        name, key = _loads(self._client)
        columns = self._client.loads_table_schema_columns
        none = columns.replace(key, f"NULLIF({key}, {key})", 1)
        own = f"{key} = {literal_of(self._client.sql_client)(self._load_id)}"
        return [
            f"INSERT INTO {name}({columns}) SELECT {none} FROM {name} WHERE {own} AND ({mixed})"
        ]

    def fill_anew(self, refused: Set[str] = frozenset()) -> bool:
        """Empty and fill what has other rows than the files of the load: a job that is killed when
        its rows are there, and dlt has not noted it yet, runs once more; and another run may load
        into the same staging dataset.

        Args:
            refused: the tables that stay out.

        Returns:
            Whether there was something.

        Raises:
            AlreadyRunning: another run fills staging again and again.
        """
        lies = self._lies(refused)
        if not lies:
            return False
        asked = ", ".join(f"CASE WHEN {lie} THEN 1 ELSE 0 END" for lie in lies.values())
        try:
            (found,) = self._client.sql_client.execute_sql(f"SELECT {asked}") or [()]
        except DatabaseException:  # the connection broke, which the caller knows
            return False
        wrong = [table for table, is_wrong in zip(lies, found, strict=True) if is_wrong]
        self._tries += bool(wrong)
        with self._client.with_staging_dataset():
            if self._tries > MOST_TRIES:
                raise AlreadyRunning(
                    "Another run loads into the same staging dataset, "
                    f"{self._client.sql_client.dataset_name}",
                    "Let runs of one pipeline name come one after the other, or give each a name "
                    "of its own, and run this again.",
                )
            for table in wrong:
                logger.info("%s is staged once more: it had other rows than the load", table)
                self._client.sql_client.truncate_tables(table)
                for file in self._files[table]:
                    bring_file(self._client, table, file, self._load_id)
        return bool(wrong)

    def _lies(self, refused: Set[str], other: str = "<>") -> Mapping[str, str]:
        """Of each table a condition that holds where it has in staging not the rows of the load
        alone.

        Args:
            refused: the tables that stay out.
            other: how a wrong count of coverage differs from that of the files.
        """
        sql, schema = self._client.sql_client, self._client.schema
        load_id = schema.naming.normalize_identifier(_LOAD_ID)
        found = {}
        for table in self._files.keys() - refused:
            _, staged = sql.get_qualified_table_names(table)
            lies = []
            if load_id in schema.tables[table]["columns"]:
                foreign = f"{sql.escape_column_name(load_id)} <> {literal_of(sql)(self._load_id)}"
                lies.append(f"EXISTS (SELECT 1 FROM {staged} WHERE {foreign})")
            # what marks the cells of refused reports takes rows of coverage away
            if not (refused and table == COVERAGE):
                differs = other if table == COVERAGE else "<>"
                lies.append(f"(SELECT COUNT(*) FROM {staged}) {differs} {self._counts[table]}")
            if lies:
                found[table] = " OR ".join(lies)
        return found


def _loads(client: Any) -> tuple[str, str]:
    """The qualified name of the table of loads, and its column of their ids."""
    schema, sql = client.schema, client.sql_client
    key = sql.escape_column_name(schema.naming.normalize_identifier("load_id"))
    return sql.make_qualified_table_name(schema.loads_table_name), key


def _rows_in(file: Path) -> int:
    return int(pq.read_metadata(file).num_rows)
