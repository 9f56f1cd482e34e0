"""A look into the warehouse, which changes nothing in it and nothing of dlt's local state."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from databuddy_source.coverage.reading import Tables, tables_of
from databuddy_source.warehouse.choice import chosen

if TYPE_CHECKING:
    import dlt

logger = logging.getLogger("databuddy_source")


@contextmanager
def once_free(pipeline: dlt.Pipeline) -> Iterator[Tables]:
    """The tables of a pipeline in the middle of its run, once nobody else has its DuckDB file open.

    Args:
        pipeline: whose warehouse it is.

    Raises:
        FileInUse: somebody has it open for too long.
        the destination's own errors, when it cannot be asked.
    """
    from databuddy_source.dlt_seam import kind_of  # a look at a file needs no dlt

    destination = pipeline.destination
    with ExitStack() as stack:
        if destination is None or kind_of(destination.destination_type) != "duckdb":
            yield stack.enter_context(tables_of(pipeline))
            return
        from databuddy_source.warehouse import duckdb_file

        def attempt() -> Tables:
            try:
                return stack.enter_context(tables_of(pipeline))
            except Exception as error:  # as dlt wraps it
                own = duckdb_file.of_the_file(error)
                raise own or error from None

        credentials: Any = pipeline.destination_client().config.credentials
        yield duckdb_file.once_free(
            Path(str(credentials.database)),
            attempt,
            logger.warning,
            duckdb_file.LOCK_PATIENCE,
        )


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
