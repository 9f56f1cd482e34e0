"""A look into the warehouse, which changes nothing in it and nothing of dlt's local state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from databuddy_source.coverage.reading import Tables, tables_of
from databuddy_source.warehouse.choice import chosen


@contextmanager
def opened(
    demo: bool,
    destination: str | None,
    dataset: str | None,
    state_dir: Path | None,
    say: Callable[[str], None],
) -> Iterator[Tables]:
    """The tables of the warehouse that a command's options mean.

    A DuckDB file that has them is read as it is, which takes a tenth of what a pipeline does.

    Args:
        demo, destination, dataset, state_dir, say: see `Warehouse.of`.

    Raises:
        BadConfiguration: see `Warehouse.of`.
        FileInUse, NoDatabase, NothingLoaded: see `Warehouse.open`.
    """
    choice = chosen(demo, destination, dataset, state_dir)
    if choice.file and choice.file.exists() and find_spec("duckdb"):
        from databuddy_source.warehouse.duckdb_file import tables_in

        with tables_in(choice.file, choice.dataset, say) as tables:
            if tables:
                yield tables
                return
    # what dlt alone knows: other databases, how it spells a dataset, and why nothing is there
    from databuddy_source.warehouse.target import Warehouse

    warehouse = Warehouse.of(demo, destination, dataset, state_dir, say=say).for_a_look()
    warehouse.open()
    with tables_of(warehouse.pipeline) as open_tables:
        yield open_tables
