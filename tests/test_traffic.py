"""Servers of the tests have the visitors that any server has."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from databuddy_source.demo import DemoServer
from tests.traffic import demo_server


def rows(server: DemoServer) -> list[tuple[Any, ...]]:
    with server.events.connection() as cursor:
        found = [cursor.execute(f"FROM {name}").fetchall() for name in ("countries", "events")]
        made = cursor.execute("SELECT sql FROM duckdb_tables() ORDER BY sql").fetchall()
    return [tuple(made), *found[0], *found[1]]


def test_visitors_that_were_copied_are_those_that_are_drawn() -> None:
    given: dict[str, Any] = {"today": date(2026, 3, 20), "days": 3, "ahead": 1}
    drawn = rows(DemoServer(**given))
    assert len(drawn) > 1000
    first, second = demo_server(**given), demo_server(**given)
    assert rows(first) == rows(second) == drawn
    assert rows(demo_server(**given | {"days": 4})) != drawn
    # and they are its own
    first.events.add(first.websites[0].id, datetime(2026, 3, 20, 12))
    assert len(rows(first)) == len(drawn) + 1
    assert rows(second) == drawn
