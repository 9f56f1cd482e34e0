"""Starts bqemulator without downloads, and with what dlt asks for and it lacks.

python -P bqemulator_repaired.py PORT
"""

from __future__ import annotations

import re
import sys
from typing import Any

import sqlglot
from bqemulator.api import health
from bqemulator.catalog import ddl_sync
from bqemulator.catalog.models import Clustering, TableSchema
from bqemulator.config import LogLevel, Settings
from bqemulator.jobs import executor
from bqemulator.scripting import interpreter
from bqemulator.server import run_forever
from bqemulator.storage.engine import DuckDBEngine
from sqlglot import exp

_fetch_arrow = DuckDBEngine.fetch_arrow
_sync_created_table = ddl_sync.sync_created_table


@health.router.post("/token")
def token() -> dict[str, object]:
    """Service accounts ask for a token before their first request."""
    return {"access_token": "none", "expires_in": 3600, "token_type": "Bearer"}


def load_parquet(path: str, table: str, context: Any) -> None:
    """bqemulator loads columns by their position; BigQuery, by their names."""
    sql = f"INSERT INTO {table} BY NAME SELECT * FROM read_parquet(?)"
    context.engine.execute(sql, [path])


def fetch_arrow(engine: DuckDBEngine, sql: str, parameters: list[Any] | None = None) -> Any:
    """DuckDB adds one column at a time."""
    table, *columns = re.split(",? ADD COLUMN ", sql) if sql.startswith("ALTER TABLE") else [sql]
    *before, last = [f"{table} ADD COLUMN {column}" for column in columns] or [sql]
    for statement in before:
        engine.execute(statement)
    return _fetch_arrow(engine, last, parameters)


def sync_created_table(sql: str, project: str, context: Any) -> None:
    """bqemulator forgets descriptions of columns, clustering, and columns that are added."""
    _sync_created_table(sql, project, context)
    if not sql.lstrip().startswith(("CREATE TABLE", "ALTER TABLE")):
        return
    tree = sqlglot.parse_one(sql, read="bigquery")
    name = ddl_sync._split_target(tree.find(exp.Table), project)
    table = context.catalog.get_table(*name)
    described = {field.name: field.description for field in table.schema_.fields}
    for column in tree.find_all(exp.ColumnDef):
        for option in column.find_all(exp.Property):
            described[column.name] = option.args["value"].name
    fields = ddl_sync._introspect_schema(*name, context).fields
    changes: dict[str, Any] = {
        "schema_": TableSchema(
            fields=tuple(
                field.model_copy(update={"description": described.get(field.name)})
                for field in fields
            )
        )
    }
    if clustered := tree.find(exp.Cluster, exp.ClusterProperty):
        changes["clustering"] = Clustering(fields=tuple(it.name for it in clustered.expressions))
    context.catalog.update_table(table.model_copy(update=changes))


if __name__ == "__main__":
    DuckDBEngine._load_spatial = lambda _: None  # downloaded, for geography
    DuckDBEngine._load_format_extensions = lambda _: None  # downloaded, for Avro
    DuckDBEngine.fetch_arrow = fetch_arrow
    executor._LOAD_FORMAT_HANDLERS["PARQUET"] = load_parquet
    executor.sync_created_table = interpreter.sync_created_table = sync_created_table
    run_forever(Settings(rest_port=int(sys.argv[1]), grpc_port=0, log_level=LogLevel.WARNING))
