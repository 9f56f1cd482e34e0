"""The views for analysts, made and kept by the step after a load: what is known of each window, and
summaries by day, week and month that show it.

The text of a view is written once (`view_texts.py`); names and dialect are those of the warehouse.
A dataset has one set of views, whichever pipelines load into it: they are those that its tables
allow. Nothing is asked or sent while what would be made is what was last made.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Final

import dlt

from databuddy_source.coverage import table as coverage_table
from databuddy_source.coverage.views import NEEDS
from databuddy_source.dlt_seam import SqlClientBase, SqlJobClientBase, kind_of
from databuddy_source.warehouse.lease import HAS_LOCKS, in_turn
from databuddy_source.warehouse.redaction import redacted
from databuddy_source.warehouse.view_columns import READ, Columns
from databuddy_source.warehouse.view_texts import view_texts

logger = logging.getLogger("databuddy_source")

MADE: Final = "databuddy_views"
"""In dlt's local state: a digest of what the views were last made of, by schema."""

REFUSED: Final = "databuddy_views_refused"
"""The same of what the warehouse refused and a person was told, with its reason."""

FOUND: Final = "databuddy_views_read"
"""In dlt's local state: the columns of the tables that views may read, as the dataset has them."""

KINDS: Final = frozenset({"duckdb", "postgres", "bigquery", "snowflake"})
"""The types of destinations that get views."""

MADE_ANEW: Final = frozenset({"postgres"})
"""Those that let a view be replaced only by one that has the same columns first."""

FINDS_BESIDE: Final = frozenset({"duckdb"})
"""Those where a view finds what stands beside it by its name alone, wherever the file is and
whatever it is called. A file may be called like a dataset in it, and then no longer name does."""

_dropped: set[str] = set()
"""The datasets that have lost their views to a load of this process."""


def keep_views(pipeline: dlt.Pipeline) -> None:
    """Make the views that the tables of the dataset allow, and drop those that they no longer do.

    Args:
        pipeline: that loaded into it. Nothing is done where its destination gets none.

    Raises:
        nothing of its own: what the destination refuses is a warning, once for each change, and the
            next call tries again.
    """
    kind = kind_of(pipeline.destination.destination_type) if pipeline.destination else ""
    for name in pipeline.schema_names if kind in KINDS else ():
        schema, made = pipeline.schemas[name], _local(pipeline, MADE)
        if coverage_table.TABLE not in schema.tables:
            continue
        is_dropped = pipeline.dataset_name in _dropped
        if made.get(name) == _digest(pipeline, schema) and not is_dropped:
            continue
        try:
            refused = _make(pipeline, name, kind)
        except Exception as error:  # a view is not worth a load
            refused = {"all": error}
        if refused:
            _warn(pipeline, name, refused, kind)
            continue
        pipeline.set_local_state_val(MADE, {**made, name: _digest(pipeline, schema)})
        _dropped.discard(pipeline.dataset_name)


def read_by_views(kind: str) -> Collection[str]:
    """The views, and the tables that they may read: what `note_tables` wants to be told of.

    Args:
        kind: of destination.
    """
    return {*READ, *NEEDS} if kind in KINDS else ()


def note_tables(pipeline: dlt.Pipeline, schema: dlt.Schema, there: Columns) -> None:
    """Take note of tables that other pipelines have changed, and of views that are gone: the step
    after the load makes the views anew.

    Args:
        pipeline: that is about to load.
        schema: of it.
        there: the columns of what there is of `read_by_views`.
    """
    _note(pipeline, there)
    if view_texts(_columns(pipeline, schema)).keys() - there.keys():
        forget_views(pipeline)


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
    for view in reversed([*NEEDS]):
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


def _columns(pipeline: dlt.Pipeline, schema: dlt.Schema) -> Columns:
    """The columns of each table that is there: as they were found, and were loaded since."""
    columns = {table: {*names} for table, names in _local(pipeline, FOUND).items()}
    for table in [*schema.data_tables(seen_data_only=True), *schema.dlt_tables()]:
        own = {name for name, hints in table["columns"].items() if "data_type" in hints}
        columns.setdefault(str(table["name"]), set()).update(own)
    return columns


def _note(pipeline: dlt.Pipeline, there: Columns) -> None:
    found = {table: sorted(map(str.lower, there[table])) for table in READ if table in there}
    if found != _local(pipeline, FOUND):
        pipeline.set_local_state_val(FOUND, found)


def _digest(pipeline: dlt.Pipeline, schema: dlt.Schema) -> str:
    texts = view_texts(_columns(pipeline, schema))
    return hashlib.sha256(repr((pipeline.dataset_name, texts)).encode()).hexdigest()


def _local(pipeline: dlt.Pipeline, key: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = pipeline.get_local_state_val(key)
        return found
    except KeyError:
        return {}


def _make(pipeline: dlt.Pipeline, name: str, kind: str) -> Mapping[str, Exception]:
    """Make the views of what is in the dataset. Returns why the warehouse refused those that it
    did."""
    client = pipeline.destination_client(name)
    assert isinstance(client, SqlJobClientBase)
    with client:
        asked = client.get_storage_tables([*READ, *NEEDS])
        there = {table: [*map(str.lower, columns)] for table, columns in asked if columns}
        _note(pipeline, there)
        sql, texts = client.sql_client, view_texts(there)
        drops = {
            view: f"DROP VIEW IF EXISTS {sql.make_qualified_table_name(view)}"
            for view in reversed([*NEEDS])
            if view in there
        }
        changes = {view: drop for view, drop in drops.items() if view not in texts}
        changes |= {view: _creates(sql, kind, view, texts[view], there.get(view)) for view in texts}
        if not _refusal(sql, kind, changes.values()):
            return {}
        anew = [_creates(sql, kind, view, text) for view, text in texts.items()]
        if kind in MADE_ANEW and not _refusal(sql, kind, [*drops.values(), *anew]):
            return {}
        tried = {view: _refusal(sql, kind, [sent]) for view, sent in changes.items()}
        return {view: refused for view, refused in tried.items() if refused}


def _refusal(sql: SqlClientBase[Any], kind: str, statements: Collection[str]) -> Exception | None:
    """Send statements, where there are transactions in one. Returns why they were refused."""
    try:
        with in_turn(sql) if kind in HAS_LOCKS else nullcontext():
            for statement in statements:
                sql.execute_sql(statement)
    except Exception as error:  # a view is not worth a load
        return error
    return None


def _warn(pipeline: dlt.Pipeline, name: str, refused: Mapping[str, Exception], kind: str) -> None:
    """Say what was refused, once for each change."""
    said = "; ".join(
        f"{view}: {(redacted(str(error)).strip().splitlines() or [type(error).__name__])[0]}"
        for view, error in refused.items()
    )
    told = [_digest(pipeline, pipeline.schemas[name]), said]
    before = _local(pipeline, REFUSED)
    if before.get(name) == told:
        return
    remedy = (
        " Where a view of yours or of dbt reads them, drop it with DROP VIEW ... CASCADE, sync, "
        "and make it again (dbt build does)."
    )
    logger.warning(
        "The views for analysts were not made: %s.%s", said, remedy if kind in MADE_ANEW else ""
    )
    pipeline.set_local_state_val(REFUSED, {**before, name: told})


def _creates(
    sql: SqlClientBase[Any], kind: str, view: str, text: str, columns: Sequence[str] | None = None
) -> str:
    """SQL that makes a view, or puts it in the place of one.

    Args:
        sql: client of the dataset.
        kind: of destination.
        view: its name.
        text: what it is.
        columns: of the view that is there, in order.
    """
    found, named = _in_dialect(sql, text, kind)
    if kind in MADE_ANEW and columns and {*columns} <= {*named} and columns != named:
        ordered = [*columns, *(each for each in named if each not in columns)]
        chosen = ", ".join(map(sql.escape_column_name, ordered))
        found = f"SELECT {chosen} FROM ({found}) AS found"
    return f"CREATE OR REPLACE VIEW {sql.make_qualified_table_name(view)} AS {found}"


def _in_dialect(client: SqlClientBase[Any], sql: str, kind: str) -> tuple[str, list[str]]:
    """A query in the client's dialect, its tables in the client's dataset; and its columns."""
    import sqlglot  # takes a while, and mostly nothing is to be made
    from sqlglot import exp

    dialect, fold = client.capabilities.sqlglot_dialect, client.capabilities.casefold_identifier
    tree = sqlglot.parse_one(sql, read="duckdb")
    assert isinstance(tree, exp.Query)  # as all of them are
    common = {each.alias for each in tree.find_all(exp.CTE)}
    for table in list(tree.find_all(exp.Table)):
        if table.name not in common and kind not in FINDS_BESIDE:
            place = exp.to_table(client.make_qualified_table_name(table.name), dialect=dialect)
            table.replace(exp.alias_(place, table.alias or table.name, table=True))
    for name in tree.find_all(exp.Identifier):
        if not name.quoted:
            name.replace(exp.to_identifier(fold(name.name), quoted=True))
    return tree.sql(dialect=dialect), tree.named_selects
