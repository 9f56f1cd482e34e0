"""How each type of destination runs statements all or none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from databuddy_source.dlt_seam import DatabaseException, DatabaseTransientException, SqlClientBase
from databuddy_source.warehouse.lease import in_turn
from databuddy_source.warehouse.refusals import is_refusal


def _in_transaction(client: SqlClientBase[Any], statements: Sequence[str]) -> None:
    with client.begin_transaction():
        _execute(client, statements)


def _in_duckdb(client: SqlClientBase[Any], statements: Sequence[str]) -> None:
    """Once more where the end fails, and no statement did: before version 2 an index of a file that
    was just opened is first looked at there, and says not of which table it is. From then on the
    statement fails."""
    try:
        _in_transaction(client, statements)
    except DatabaseTransientException as error:
        if getattr(error, "__notes__", ()):
            raise
        _in_transaction(client, statements)


def _in_one_message(
    transaction: Callable[[SqlClientBase[Any]], AbstractContextManager[object]],
) -> Callable[[SqlClientBase[Any], Sequence[str]], None]:
    """Where each statement would be a way to the server and back. A message of several does not
    tell which one was refused, so that each goes alone then."""

    def run(client: SqlClientBase[Any], statements: Sequence[str]) -> None:
        try:
            with transaction(client):
                _execute(client, [_script(statements)])
        except DatabaseException as error:
            if not is_refusal(error):
                raise
            with transaction(client):
                _execute(client, statements)

    return run


def _execute(client: SqlClientBase[Any], statements: Sequence[str]) -> None:
    for statement in statements:
        try:
            client.execute_sql(statement)
        except DatabaseException as error:
            error.add_note(statement)
            raise


def _as_script(client: SqlClientBase[Any], statements: Sequence[str]) -> None:
    """A transaction of several requests would need a session, and each would be a job of its own,
    which takes a second or more. A script that fails before its end rolls back."""
    script = ["BEGIN TRANSACTION", *statements, "COMMIT TRANSACTION"]
    client.execute_sql(_script(script))


def _script(statements: Sequence[str]) -> str:
    return "".join(f"{statement.rstrip(' ;')};\n" for statement in statements)


TRANSACTIONS: Final[Mapping[str, Callable[[SqlClientBase[Any], Sequence[str]], None]]] = {
    "duckdb": _in_duckdb,
    "ducklake": _in_transaction,
    "motherduck": _in_transaction,
    # of two that replace the same rows at once each would leave what the other brings, unseen
    "postgres": _in_one_message(in_turn),
    "snowflake": _in_one_message(lambda client: client.begin_transaction()),
    "bigquery": _as_script,
}
"""By type of destination. Others keep dlt's own merges."""

DROPS_INSIDE: Final = frozenset({"duckdb", "ducklake", "motherduck", "postgres"})
"""The types whose transactions may drop tables, too: Snowflake's would end with it, and BigQuery's
take no such statement."""
