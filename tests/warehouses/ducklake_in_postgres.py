"""DuckLakes with a catalogue in Postgres."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.warehouses import ducklake, postgres
from tests.warehouses.warehouse import Warehouse


@contextmanager
def running() -> Iterator[Callable[[], Warehouse]]:
    """Each call gives an empty warehouse."""
    with postgres.running() as catalog, ducklake.lakes() as empty:
        yield lambda: ducklake.DuckLake(*next(empty), catalog().environment()[postgres.VARIABLE])
