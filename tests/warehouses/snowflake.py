"""Snowflake as the emulator fakesnow has it: the real connector talks HTTP to a server on loopback,
whose SQL DuckDB answers."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import dlt
import fakesnow.copy_into
import fakesnow.server
import snowflake.connector
import uvicorn
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.instance import FakeSnow
from sqlglot import exp
from sqlglot.dialects.snowflake import Snowflake as Dialect
from sqlglot.tokens import TokenType

DATABASE = "WAREHOUSE"


class Snowflake:
    """An emulated account with one database."""

    name = "snowflake"
    engine = "emulator (DuckDB inside)"

    def __init__(self) -> None:
        _repair()
        fakesnow.server.shared_fs = FakeSnow(create_schema_on_connect=False)
        config = uvicorn.Config(fakesnow.server.app, host="127.0.0.1", port=0, log_level="warning")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("fakesnow did not start")
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self._where = {"host": "127.0.0.1", "port": port, "protocol": "http"}
        self._connection: Any = None

    def destination(self) -> Any:
        return dlt.destinations.snowflake(credentials=self._credentials)

    def environment(self) -> dict[str, str]:
        return {"DESTINATION__SNOWFLAKE__CREDENTIALS": self._credentials}

    @property
    def _credentials(self) -> str:
        query = "&".join(f"{key}={value}" for key, value in self._where.items())
        return f"snowflake://fake:snow@fakesnow/{DATABASE}?{query}"

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = snowflake.connector.connect(
                user="fake", password="snow", account="fakesnow", database=DATABASE, **self._where
            )
        with self._connection.cursor() as cursor:
            return [tuple(row) for row in cursor.execute(sql).fetchall()]

    def table(self, dataset: str, name: str) -> str:
        return f'"{dataset.upper()}"."{name.upper()}"'

    def comments(self, dataset: str, table: str) -> dict[str | None, str]:
        place = f"table_schema = '{dataset.upper()}' AND table_name = '{table.upper()}'"
        of_columns = self.rows(
            f"SELECT lower(column_name), comment FROM information_schema.columns WHERE {place}"
        )
        of_table = self.rows(f"SELECT comment FROM information_schema.tables WHERE {place}")
        found = {**dict(of_columns), **{None: comment for (comment,) in of_table}}
        return {name: comment for name, comment in found.items() if comment}

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._server.should_exit = True
        self._thread.join()


# What fakesnow cannot do and dlt asks for

_execute = FakeSnowflakeCursor.execute
_inserts = fakesnow.copy_into._inserts


def _repair() -> None:
    FakeSnowflakeCursor.execute = _execute_each
    fakesnow.copy_into._inserts = _inserts_by_name


def _execute_each(self: FakeSnowflakeCursor, command: str, *args: Any, **given: Any) -> Any:
    """fakesnow runs the first of several statements and forgets the others."""
    try:
        for statement in _statements(command):
            _execute(self, _plain_stages(_plain_options(statement)), *args, **given)
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


def _plain_stages(statement: str) -> str:
    """fakesnow knows a stage's path without quotes around it only."""
    return re.sub(r"'(@[^']+)'", r"\1", statement)


def _plain_options(statement: str) -> str:
    """fakesnow refuses commas between options, and options of a format that it does not know."""
    statement = statement.replace("OVERWRITE = TRUE, AUTO_COMPRESS", "OVERWRITE = TRUE AUTO_COMPRESS")
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
