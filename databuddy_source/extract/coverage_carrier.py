"""Coverage travels with its rows.

A table of rows carries its coverage in its schema's metadata through all steps of a dlt pipe, so
that `add_limit`, filters and maps never part rows from their coverage. The last step takes it out
and sends it to the table `coverage`. What a step of the user's dropped is the user's wish, and
coverage says so; a step that loses coverage, or makes it twice, ends the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, Final

import dlt
import pyarrow as pa
import pyarrow.compute as pc
from dlt.sources import DltResource

from databuddy_source.coverage import restatements
from databuddy_source.coverage import table as coverage_table
from databuddy_source.dlt_seam import load_id_of_extraction, with_last_step
from databuddy_source.errors import OwnedBySource
from databuddy_source.extract.owned import refuse_foreign_marks
from databuddy_source.tables.hints import FILE_FORMAT, REPLACE_PARTITION, table_hints
from databuddy_source.tables.layout import TOMBSTONE

_METADATA_KEY: Final = b"databuddy.coverage"
_RESTATED_KEY: Final = b"databuddy.restated"
_IS_NEW: Final = "is_new"
"""A column that coverage has on its way only."""

_TURNS: Final = 100
"""How often dlt is given a turn at least to pass on what it has, which takes it one for each
step."""

_TURNS_EACH: Final = 4
"""And for each resource of the run. Where many end together, dlt goes around once more for each one
that ended before it looks at the next answer."""

_INSTEAD: Final = (
    "Let a map return the table that it is given, changed by Arrow's own means (filter, "
    "append_column), or leave it out and work on the tables in the warehouse."
)


class Travel:
    """The tables of one resource on their way through the steps of its pipe.

    Args:
        resource: its name.
        partition: the columns that name a partition; the last one tells those of a website apart.
    """

    def __init__(self, resource: str, partition: Sequence[str]) -> None:
        self._resource = resource
        self._partition = partition
        self._under_way: set[bytes] = set()

    def begin(self) -> None:
        """A new run begins: what an earlier one left on its way never arrives."""
        self._under_way.clear()

    def sent(self, item: Any) -> Any:
        """The item, which is about to set out. Items are told apart by the coverage they carry."""
        if isinstance(item, pa.Table):
            self._under_way.add(_carried(item))
        return item

    def arrivals(self, resources: int) -> Iterator[None]:
        """What a resource yields at its end, while dlt passes on what is under way.

        Args:
            resources: of the run.

        Raises:
            OwnedBySource: something never arrives.
        """
        for _ in range(_TURNS + _TURNS_EACH * resources):
            if not self._under_way:
                return
            yield None
        raise OwnedBySource(
            f"A step of your pipeline dropped whole tables of {self._resource}, and with them what "
            "coverage has to say of their days",
            f"Filter rows within a table. {_INSTEAD}",
        )

    def for_load(self, table: pa.Table, hints: Mapping[str, Any]) -> Iterator[Any]:
        """The last step: the load's id on each row, coverage on its own way.

        Args:
            table: that arrives.
            hints: that travel with it.

        Raises:
            OwnedBySource: a step lost the table's coverage, or made several tables of it, or gave
                it hints that belong to the source.
        """
        refuse_foreign_marks(self._resource, hints)
        if not isinstance(table, pa.Table) or _METADATA_KEY not in (table.schema.metadata or {}):
            raise OwnedBySource(
                f"A step of your pipeline made a new table of one of {self._resource}, without "
                "what coverage has to say of its days",
                _INSTEAD,
            )
        carried, restated = _carried(table), table.schema.metadata.get(_RESTATED_KEY)
        table = table.replace_schema_metadata(None)
        if carried not in self._under_way:
            raise OwnedBySource(
                f"A step of your pipeline made several tables of one of {self._resource}, so that "
                "coverage would have its days twice",
                _INSTEAD,
            )
        self._under_way.remove(carried)
        covered = pa.ipc.open_stream(carried).read_all()
        new = covered[_IS_NEW]
        covered = covered.drop_columns([_IS_NEW])
        of_rows, others = covered.filter(new), covered.filter(pc.invert(new))
        try:
            table, of_rows = counted_again(table, of_rows, self._partition)
        except (KeyError, ValueError) as error:
            raise OwnedBySource(
                f"A step of your pipeline changed of which website and days the rows of "
                f"{self._resource} are ({error})",
                _INSTEAD,
            ) from error
        if table:
            yield _with_load_id(table)
        at = of_rows.schema.get_field_index("load_id")
        loaded = pa.array([load_id_of_extraction()] * len(of_rows), pa.string())
        of_rows = of_rows.set_column(at, of_rows.schema.field(at), loaded)
        yield coverage_alone(_with_load_id(pa.concat_tables([of_rows, others])))
        load_id = load_id_of_extraction()
        if restated and load_id:
            noted = pa.ipc.open_stream(restated).read_all()
            yield _restatements_alone(_with_load_id(restatements.with_ids(noted, load_id)))


def _carried(table: pa.Table) -> bytes:
    carried: bytes = table.schema.metadata[_METADATA_KEY]
    return carried


def counted_again(
    rows: pa.Table, covered: pa.Table, partition: Sequence[str]
) -> tuple[pa.Table, pa.Table]:
    """Rows and their coverage as they go together after the steps of a user.

    Args:
        rows: of one website, as they arrive.
        covered: coverage of their cells, all of which bring rows, as it set out.
        partition: the columns that name a partition.

    Returns:
        The rows, with a tombstone for each partition that lost all of its own, and the coverage
        with the numbers of rows that are there, and a reason where they are others than before.

    Raises:
        KeyError: a column that tells whose the rows are is not there.
        ValueError: rows are of another website, or of windows that coverage does not have.
    """
    website_id, window = partition
    if not set(rows[website_id].unique().to_pylist()) <= set(covered["website_id"].to_pylist()):
        raise ValueError(f"another {website_id}")
    own = rows.filter(pc.is_null(rows[TOMBSTONE]))
    found = {each["values"]: each["counts"] for each in own[window].value_counts().to_pylist()}
    buried = set(rows.filter(pc.is_valid(rows[TOMBSTONE]))[window].to_pylist())
    cells, emptied, is_changed = covered.to_pylist(), [], False
    for cell in cells:
        key = cell["date" if window == "date" else "window_start"]
        before, after = cell["rows"], found.pop(key, 0)
        if not after and key not in buried:
            emptied.append({website_id: cell["website_id"], "date": cell["date"], window: key})
        if after != before:
            is_changed = True
            word = "filtered" if after < before else "added to"
            told = f"{word}: a step of this pipeline made {after} rows of {before}"
            cell |= {
                "digest": None,
                "rows": after,
                "reason": "; ".join(filter(None, (cell["reason"], told))),
            }
    if found:
        raise ValueError(f"another {window}")
    if emptied:
        names = [*dict.fromkeys((website_id, "date", window)), TOMBSTONE]
        schema = pa.schema([rows.schema.field(name) for name in names])
        tombstones = pa.Table.from_pylist([{**each, TOMBSTONE: True} for each in emptied], schema)
        rows = pa.concat_tables([rows, tombstones], promote_options="default")
    return rows, pa.Table.from_pylist(cells, covered.schema) if is_changed else covered


def with_coverage(
    rows: pa.Table, covered: pa.Table, is_new: Sequence[bool], restated: pa.Table | None = None
) -> pa.Table:
    """Rows that carry coverage with them.

    Args:
        rows: of the cells that bring some.
        covered: coverage of these cells and of others.
        is_new: for each, whether it brings rows.
        restated: what changed of their windows.
    """
    covered = covered.append_column(_IS_NEW, pa.array(is_new, pa.bool_()))
    carried = {_METADATA_KEY: _stream(covered)}
    if restated is not None:
        carried[_RESTATED_KEY] = _stream(restated)
    return rows.replace_schema_metadata(carried)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def coverage_alone(covered: pa.Table) -> Any:
    """Coverage as an item of any resource."""
    return _alone(covered, coverage_table)


def _restatements_alone(restated: pa.Table) -> Any:
    return _alone(restated, restatements)


def _alone(rows: pa.Table, of: ModuleType) -> Any:
    hints = dlt.mark.make_hints(
        table_name=of.TABLE,
        write_disposition=REPLACE_PARTITION,
        merge_key=of.KEY,
        file_format=FILE_FORMAT,
        additional_table_hints=table_hints(of.DESCRIPTION),
        columns={},  # the report's own columns shall not come along
    )
    return dlt.mark.with_hints(rows, hints, create_table_variant=True)


def with_load_id(resource: DltResource) -> DltResource:
    """A resource whose tables carry no coverage, with the last step: the load's id on each row."""

    def for_load(table: pa.Table, hints: Mapping[str, Any]) -> Iterator[Any]:
        refuse_foreign_marks(resource.name, hints)
        yield _with_load_id(table)

    return with_last_step(resource, for_load)


def with_load_id_and_coverage(resource: DltResource, travel: Travel) -> DltResource:
    """The resource with the last step: the load's id on each row, coverage on its own way."""
    return with_last_step(resource, travel.for_load)


def _with_load_id(table: pa.Table) -> pa.Table:
    """Like dlt's `add_dlt_load_id`, which a source cannot switch on for itself."""
    load_id = load_id_of_extraction()
    if load_id is None:
        return table
    field = pa.field("_dlt_load_id", pa.string(), nullable=False)
    return table.append_column(field, pa.repeat(load_id, len(table)))
