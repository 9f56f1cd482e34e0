"""The views for analysts, made and kept by the step after a load: what is known of each window, and
summaries by day, week and month that show it.

The text of a view is written once (`view_texts.py`); names and dialect are those of the warehouse.
Nothing is asked or sent while what would be made is what was last made.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any, Final

import dlt

from databuddy_source.coverage import table as coverage_table
from databuddy_source.dlt_seam import SqlClientBase, kind_of
from databuddy_source.warehouse.lease import HAS_LOCKS, in_turn
from databuddy_source.warehouse.redaction import redacted
from databuddy_source.warehouse.view_texts import VIEWS, Columns, view_texts

logger = logging.getLogger("databuddy_source")

MADE: Final = "databuddy_views"
"""In dlt's local state: a digest of the views that were last made of each schema."""

KINDS: Final = frozenset({"duckdb", "postgres", "bigquery", "snowflake"})
"""The types of destinations that get views."""

MADE_ANEW: Final = frozenset({"postgres"})
"""Those that do not let a view be replaced by one with other columns."""


_dropped: set[str] = set()
"""The datasets that have lost their views to a load of this process."""


def keep_views(pipeline: dlt.Pipeline) -> None:
    """Make the views that the tables of this source allow, and drop those that they no longer do.

    Args:
        pipeline: that loaded them. Nothing is done where its destination gets none.

    Raises:
        nothing of its own: what the destination refuses is a warning, and the next call tries
            again.
    """
    kind = kind_of(pipeline.destination.destination_type) if pipeline.destination else ""
    for name in pipeline.schema_names:
        schema, made = pipeline.schemas[name], _made(pipeline)
        texts = views_of(schema, kind)
        if not texts:
            continue
        digest = hashlib.sha256(repr((pipeline.dataset_name, texts)).encode()).hexdigest()
        if made.get(name) == digest and pipeline.dataset_name not in _dropped:
            continue
        try:
            with pipeline.sql_client(name) as client:
                statements = list(_statements(client, texts, kind))
                with in_turn(client) if kind in HAS_LOCKS else nullcontext():
                    for statement in statements:
                        client.execute_sql(statement)
        except Exception as error:  # a view is not worth a load
            reason = (redacted(str(error)).strip().splitlines() or [type(error).__name__])[0]
            logger.warning("The views for analysts were not made: %s", reason)
            continue
        pipeline.set_local_state_val(MADE, {**made, name: digest})
        _dropped.discard(pipeline.dataset_name)


def views_of(schema: dlt.Schema, kind: str) -> Mapping[str, str]:
    """The text of each view that the tables of a schema allow, by its name.

    Args:
        schema: as it was loaded.
        kind: of destination. None of `KINDS`: no views.
    """
    has_views = kind in KINDS and coverage_table.TABLE in schema.tables
    return view_texts(_columns(schema)) if has_views else {}


def forget_views(pipeline: dlt.Pipeline) -> None:
    """Let the next `keep_views` make them, whatever it made before.

    Args:
        pipeline: whose views were dropped.
    """
    pipeline.set_local_state_val(MADE, {})


def drops_of_views(place: Callable[[str], str]) -> Iterator[str]:
    """SQL that drops the views, those first that read others.

    Args:
        place: the qualified name of a view.
    """
    for view in reversed(VIEWS):
        yield f"DROP VIEW IF EXISTS {place(view)}"


class DropsViews:
    """Before a class of dlt's clients. dlt drops tables where a run is told to refresh them, and
    Postgres drops none that a view reads."""

    def drop_tables(self: Any, *tables: str, delete_schema: bool = True) -> None:
        """The views first; the step after the load makes them anew."""
        behind: Any = super()
        client = self.sql_client
        is_needed = kind_of(self.config.destination_type) in MADE_ANEW
        if tables and is_needed and not client.is_staging_dataset_active:
            client.execute_many(list(drops_of_views(client.make_qualified_table_name)))
            _dropped.add(client.dataset_name)
        behind.drop_tables(*tables, delete_schema=delete_schema)


def _columns(schema: dlt.Schema) -> Columns:
    tables = [*schema.data_tables(seen_data_only=True), *schema.dlt_tables()]
    return {
        str(table["name"]): {
            name for name, hints in table["columns"].items() if "data_type" in hints
        }
        for table in tables
    }


def _made(pipeline: dlt.Pipeline) -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = pipeline.get_local_state_val(MADE)
        return found
    except KeyError:
        return {}


def _statements(client: SqlClientBase[Any], texts: Mapping[str, str], kind: str) -> Iterator[str]:
    place = client.make_qualified_table_name
    if kind in MADE_ANEW or len(texts) < len(VIEWS):
        yield from drops_of_views(place)
    for view, text in texts.items():
        yield f"CREATE OR REPLACE VIEW {place(view)} AS {_in_dialect(client, text)}"


def _in_dialect(client: SqlClientBase[Any], sql: str) -> str:
    """A query in the client's dialect, its tables in the client's dataset."""
    import sqlglot  # takes a while, and mostly nothing is to be made
    from sqlglot import exp

    dialect, fold = client.capabilities.sqlglot_dialect, client.capabilities.casefold_identifier
    tree = sqlglot.parse_one(sql, read="duckdb")
    common = {each.alias for each in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if table.name not in common:
            place = exp.to_table(client.make_qualified_table_name(table.name), dialect=dialect)
            table.replace(exp.alias_(place, table.alias or table.name, table=True))
    for name in tree.find_all(exp.Identifier):
        if not name.quoted:
            name.replace(exp.to_identifier(fold(name.name), quoted=True))
    return tree.sql(dialect=dialect)
