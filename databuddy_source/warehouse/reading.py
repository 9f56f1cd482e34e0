"""A look into the warehouse, which changes nothing in it and nothing of dlt's local state."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from databuddy_source.coverage.reading import Tables, tables_of
from databuddy_source.errors import causes
from databuddy_source.warehouse.choice import chosen

if TYPE_CHECKING:
    import dlt

logger = logging.getLogger("databuddy_source")

PATIENCE: Final = 60.0
"""Seconds for which a run waits in its middle for whoever has the DuckDB file open."""

_LOCKED: Final = "Conflicting lock is held"


@contextmanager
def once_free(pipeline: dlt.Pipeline) -> Iterator[Tables]:
    """The tables of a pipeline in the middle of its run, once nobody else has its DuckDB file open.

    Args:
        pipeline: whose warehouse it is.

    Raises:
        the destination's own errors, when it cannot be asked.
    """
    until = time.monotonic() + PATIENCE
    is_told = False
    with ExitStack() as stack:
        while True:
            try:
                tables = stack.enter_context(tables_of(pipeline))
                break
            except Exception as error:  # drivers have no base in common
                held = [str(each) for each in causes(error) if _LOCKED in str(each)]
                if not held or time.monotonic() > until:
                    raise
                if not is_told:
                    holder = held[0].partition(f"{_LOCKED} in ")[2].partition(". ")[0]
                    logger.warning("The DuckDB file is open in %s; waiting for it.", holder)
                is_told = True
                time.sleep(0.5)
        yield tables


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
