"""Demo servers whose visitors are drawn once for each process and copied: to draw them takes ten
times as long."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb

from databuddy_source.demo import DemoServer, visitors

_FOLDER = tempfile.TemporaryDirectory(prefix="databuddy-tests-")
_generate = visitors.generate


def demo_server(**given: Any) -> DemoServer:
    """A server like any other, which may be changed."""
    with patch.object(visitors, "generate", _copied):
        return DemoServer(**given)


def _copied(connection: duckdb.DuckDBPyConnection, **given: Any) -> None:
    file = Path(_FOLDER.name) / f"{'_'.join(map(str, given.values()))}.duckdb"
    if file.exists():
        connection.execute(f"ATTACH '{file}' AS kept (READ_ONLY); COPY FROM DATABASE kept TO demo")
    else:
        _generate(connection, **given)
        connection.execute(f"ATTACH '{file}' AS kept; COPY FROM DATABASE demo TO kept")
    connection.execute("DETACH kept")


def asked(server: DemoServer, since: int = 0) -> list[tuple[str | None, str, str]]:
    """Website, query type and first day of each question, in order.

    Args:
        server: that was asked.
        since: how many requests came before.
    """
    return sorted(
        (arrival.website_id, question["name"], question["start_date"][:10])
        for arrival in server.log[since:]
        for question in arrival.asked
        if isinstance(question, dict)
    )
