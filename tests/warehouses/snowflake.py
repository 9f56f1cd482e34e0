"""Snowflake as the emulator fakesnow has it: the real connector talks HTTP to a server on loopback,
whose SQL DuckDB answers."""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import dlt
import fakesnow.copy_into
import fakesnow.info_schema
import fakesnow.server
import pytest
import snowflake.connector
import sqlglot
import uvicorn
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.instance import FakeSnow
from fakesnow.transforms.stage import LOCAL_BUCKET_PATH
from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake as Dialect
from sqlglot.tokens import TokenType

from tests.warehouses.warehouse import Warehouse

DATABASE = "WAREHOUSE"


class Snowflake:
    """An emulated account with an empty database."""

    name = "snowflake"
    engine = "emulator (DuckDB inside)"

    def __init__(self, port: int) -> None:
        # an account of its own, since in INFORMATION_SCHEMA.SCHEMATA databases see each other;
        # a schema is there when dlt has created it, and not before
        fakesnow.server.shared_fs = FakeSnow(create_schema_on_connect=False)
        self._place = {"host": "127.0.0.1", "port": port, "protocol": "http"}
        self._account = {"user": "fake", "password": "snow", "account": "fakesnow"}
        self._connection = snowflake.connector.connect(
            **self._account, **self._place, database=DATABASE
        )
        self.url = f"snowflake://fake:snow@fakesnow/{DATABASE}?{urlencode(self._place)}"

    def destination(self) -> Any:
        return dlt.destinations.snowflake(self.url)

    def environment(self) -> dict[str, str]:
        return {"DESTINATION__SNOWFLAKE__CREDENTIALS": self.url}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            return [tuple(row) for row in cursor.execute(sql).fetchall()]

    def table(self, dataset: str, name: str) -> str:
        return f'"{dataset.upper()}"."{name.upper()}"'

    def comments(self, dataset: str, table: str) -> dict[str | None, str]:
        of = f"table_schema = '{dataset.upper()}' AND table_name = '{table.upper()}'"
        return dict(
            self.rows(
                f"SELECT NULL, comment FROM information_schema.tables WHERE {of} "
                "AND comment <> '' UNION ALL SELECT lower(column_name), comment "
                f"FROM information_schema.columns WHERE {of} AND comment <> ''"
            )
        )

    def close(self) -> None:
        self._connection.close()


@contextmanager
def running() -> Iterator[Callable[[], Warehouse]]:
    """Each call gives an empty database."""
    logging.getLogger("fakesnow.server").setLevel(logging.ERROR)  # each statement twice
    config = uvicorn.Config(fakesnow.server.app, host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="fakesnow")
    with pytest.MonkeyPatch.context() as mend:
        mend.setattr(FakeSnowflakeCursor, "execute", _execute_each)
        mend.setattr(fakesnow.copy_into, "_inserts", _inserts_by_name)
        mend.setattr(fakesnow.info_schema, "insert_table_comment_sql", _insert_any_comment)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "fakesnow does not start"
                time.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            yield lambda: Snowflake(port)
        finally:
            server.should_exit = True
            thread.join()
            shutil.rmtree(LOCAL_BUCKET_PATH)


# What fakesnow cannot do and dlt asks for

_execute = FakeSnowflakeCursor.execute
_inserts = fakesnow.copy_into._inserts
_insert_comment = fakesnow.info_schema.insert_table_comment_sql


def _execute_each(self: FakeSnowflakeCursor, command: str, *args: Any, **given: Any) -> Any:
    """fakesnow runs only the first of several statements, which dlt sends at once."""
    try:
        for statement in _statements(command):
            _execute(self, _plain_stages(_plain_options(statement)), *args, **given)
            for more in (*_comments(statement), *_forgotten_loads(statement)):
                self._duck_conn.execute(more)
    except snowflake.connector.errors.Error:
        raise
    except Exception as error:  # else the client is told to ask again, and does so for ever
        raise snowflake.connector.errors.ProgrammingError(str(error), errno=1) from error
    return self


def _statements(command: str) -> Iterator[str]:
    start = 0
    for token in Dialect().tokenize(command):
        if token.token_type == TokenType.SEMICOLON:
            yield command[start : token.start]
            start = token.end + 1
    if command[start:].strip():
        yield command[start:]


def _comments(statement: str) -> Iterator[str]:
    """fakesnow forgets the comments of columns that are created."""
    if " COMMENT '" in statement:
        parsed = sqlglot.parse_one(statement, read="snowflake")
        for column in parsed.find_all(exp.ColumnDef):
            for comment in column.find_all(exp.CommentColumnConstraint):
                name = f"{parsed.find(exp.Table)}.{column.this}"
                yield f"COMMENT ON COLUMN {name} IS {comment.this.sql('duckdb')}"


def _forgotten_loads(statement: str) -> Iterator[str]:
    """A table that was emptied takes a file again; fakesnow passes it over."""
    if statement.strip().startswith("TRUNCATE"):
        table = sqlglot.parse_one(statement, read="snowflake").find(exp.Table)
        assert table
        yield (
            f"DELETE FROM {DATABASE}._fs_information_schema._fs_load_history "
            f"WHERE SCHEMA_NAME = '{table.db}' AND TABLE_NAME = '{table.name}'"
        )


def _insert_any_comment(catalog: str, schema: str, table: str, comment: str | None) -> str:
    """fakesnow breaks off at a quote in a table's comment, and calls none "None"."""
    return _insert_comment(catalog, schema, table, (comment or "").replace("'", "''"))


def _plain_stages(statement: str) -> str:
    """fakesnow knows a stage's path without quotes around it only."""
    return re.sub(r"'(@[^']+)'", r"\1", statement)


def _plain_options(statement: str) -> str:
    """fakesnow refuses commas between options, and options of a format that it does not know."""
    statement = statement.replace(
        "OVERWRITE = TRUE, AUTO_COMPRESS", "OVERWRITE = TRUE AUTO_COMPRESS"
    )
    statement = re.sub(r"FILE_FORMAT = \((TYPE = '\w+').*?\)", r"FILE_FORMAT = (\1)", statement)
    return re.sub(r"MATCH_BY_COLUMN_NAME='(\w+)'", r"MATCH_BY_COLUMN_NAME=\1", statement)


def _inserts_by_name(expression: exp.Copy, params: Any, urls: list[str], *rest: Any) -> Any:
    """fakesnow copies JSON into a single column only; dlt copies it by the columns' names."""
    if not isinstance(params.file_format, fakesnow.copy_into.ReadJSON):
        return _inserts(expression, params, urls, *rest)
    return [
        exp.Insert(
            this=expression.this,
            expression=exp.select("*").from_(exp.func("read_json", exp.Literal.string(url))),
            by_name=True,
        )
        for url in urls
    ]
