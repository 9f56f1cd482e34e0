"""Coverage travels with its rows.

A table of rows carries its coverage in its schema's metadata through all steps of a dlt pipe, so
that `add_limit`, filters and maps see tables of rows only and never part rows from their
coverage. The last step takes it out and sends it to the table `coverage`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dlt
import pyarrow as pa
from dlt.sources import DltResource

from databuddy_source.coverage import table as coverage_table
from databuddy_source.dlt_seam import load_id_of_extraction, with_last_step
from databuddy_source.tables.hints import FILE_FORMAT, REPLACE_PARTITION, table_hints

_METADATA_KEY = b"databuddy.coverage"


def with_coverage(rows: pa.Table, covered: pa.Table) -> pa.Table:
    """Rows that carry their coverage with them."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, covered.schema) as writer:
        writer.write_table(covered)
    return rows.replace_schema_metadata({_METADATA_KEY: bytes(sink.getvalue())})


def coverage_alone(covered: pa.Table) -> Any:
    """Coverage of cells that bring no rows, as an item of any resource."""
    hints = dlt.mark.make_hints(
        table_name=coverage_table.TABLE,
        write_disposition=REPLACE_PARTITION,
        merge_key=coverage_table.KEY,
        file_format=FILE_FORMAT,
        additional_table_hints=table_hints(coverage_table.DESCRIPTION),
        columns={},  # the report's own columns shall not come along
    )
    return dlt.mark.with_hints(covered, hints, create_table_variant=True)


def with_load_id_and_coverage(resource: DltResource) -> DltResource:
    """The resource with the last step: the load's id on each row, coverage on its own way."""
    return with_last_step(resource, _for_load)


def _for_load(table: pa.Table) -> Iterator[Any]:
    carried = (table.schema.metadata or {}).get(_METADATA_KEY)
    yield _with_load_id(table.replace_schema_metadata(None))
    if carried:
        covered = pa.ipc.open_stream(carried).read_all()
        yield coverage_alone(_with_load_id(covered))


def _with_load_id(table: pa.Table) -> pa.Table:
    """Like dlt's `add_dlt_load_id`, which a source cannot switch on for itself."""
    load_id = load_id_of_extraction()
    if load_id is None:
        return table
    field = pa.field("_dlt_load_id", pa.string(), nullable=False)
    return table.append_column(field, pa.repeat(load_id, len(table)))
