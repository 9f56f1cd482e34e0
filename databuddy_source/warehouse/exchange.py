"""A dataset whose tables get what another one has: all of it, or nothing.

The tables themselves stay, so views, rights and indexes on them go on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dlt

from databuddy_source.coverage.table import TABLE as COVERAGE
from databuddy_source.dlt_seam import (
    DltException,
    forgotten,
    kind_of,
    new_load_id,
    with_tables_of,
)
from databuddy_source.errors import BadConfiguration, DestinationFails, UnfitDestination
from databuddy_source.warehouse.dataset import (
    OURS,
    SOURCE,
    OpenDataset,
    opened_dataset,
    schema_of,
)
from databuddy_source.warehouse.transactions import DROPS_INSIDE
from databuddy_source.warehouse.views import drops_of_views
from databuddy_source.warehouse.whole import change, is_whole


def refuse_unchangeable(pipeline: dlt.Pipeline) -> None:
    """Refuse a warehouse that cannot make, fill and drop tables in one transaction.

    Args:
        pipeline: of which loads happen whole where they can.

    Raises:
        UnfitDestination: says what to do instead.
    """
    destination = pipeline.destination
    kind = kind_of(destination.destination_type) if destination else "none"
    if kind not in DROPS_INSIDE or not is_whole(pipeline):
        raise UnfitDestination(
            f"On {kind} two datasets cannot change places whole or not at all",
            "Set sources.databuddy.timezone, sync into another dataset (--dataset) with --since, "
            "and let queries read that one.",
        )


def is_there(pipeline: dlt.Pipeline, dataset: str) -> bool:
    """Whether the warehouse of a pipeline has a dataset."""
    with opened_dataset(pipeline) as found, _in(found, dataset):
        return bool(found.client.sql_client.has_dataset())


def is_unfilled(pipeline: dlt.Pipeline, dataset: str) -> bool:
    """Whether a dataset has nothing but empty tables of ours and of dlt, as a first load leaves it
    that is killed.

    Args:
        pipeline: whose tables they would be, and in whose warehouse it is.
        dataset: its name.
    """
    with opened_dataset(pipeline) as found:
        own = {*found.reports, *OURS, *found.schema.dlt_table_names()}
        with _in(found, dataset):
            client = found.client.sql_client
            asked = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
            there = {name for (name,) in client.execute_sql(asked, client.dataset_name) or ()}
            filled = (
                client.execute_sql(f"SELECT 1 FROM {found.place(name)} LIMIT 1")
                for name in there - {found.schema.version_table_name}
            )
            return there <= own and not any(filled)


def refuse_one_staging(pipeline: dlt.Pipeline) -> None:
    """Refuse a staging dataset that all datasets share: what waits in it for one would come into
    another.

    Args:
        pipeline: whose configuration names it.

    Raises:
        UnfitDestination: there is such a one.
    """
    with opened_dataset(pipeline) as found:
        layout = found.client.config.staging_dataset_name_layout
    if "%s" not in layout:
        raise UnfitDestination(
            f"All datasets have the staging dataset {layout}, by staging_dataset_name_layout",
            "Write %s into it, for the name of the dataset.",
        )


def refuse_same_names(*datasets: str) -> None:
    """Refuse datasets of one name.

    Args:
        datasets: their names; empty ones do not count.

    Raises:
        BadConfiguration: two have the same.
    """
    names = [name.lower() for name in datasets if name]
    if len({*names}) < len(names):
        raise BadConfiguration(
            f"Two datasets of {', '.join(names)} have one name", "Name each otherwise."
        )


def refuse_taken(pipeline: dlt.Pipeline, dataset: str) -> None:
    """Refuse a dataset for old tables in which there are some.

    Args:
        pipeline: into whose warehouse it shall come.
        dataset: its name.

    Raises:
        BadConfiguration: there are some.
    """
    with opened_dataset(pipeline) as found, _in(found, dataset):
        if found.columns:
            raise BadConfiguration(
                f"The dataset {dataset} has tables already",
                "Drop it if you need it no longer, or name another one with --keep-as.",
            )


def refuse_foreign(dataset: str) -> None:
    """Refuse a dataset that is there, and not by a call before.

    Raises:
        BadConfiguration: always.
    """
    raise BadConfiguration(
        f"The dataset {dataset} is there already, and no rebuild began it",
        "Drop it, or name another one with --beside.",
    )


def refuse_other_rows(dataset: str, found: Sequence[str]) -> None:
    """Refuse tables that have other numbers of rows than were loaded.

    Args:
        dataset: its name.
        found: days of which that is so, in words.

    Raises:
        DestinationFails: there are some.
    """
    if found:
        more = f", and {len(found) - 1:,} more days" if found[1:] else ""
        raise DestinationFails(
            f"Rows were taken from {dataset} by hand, or added: {found[0]}{more}",
            "Drop that dataset, and run this again.",
        )


@dataclass(frozen=True)
class _Tables:
    """What is taken from a dataset that goes.

    Attributes:
        names: of all tables.
        columns: of ours, as SQL.
        places: qualified names by name.
        dataset: as SQL.
        staging: of its staging dataset, as SQL.
        resources: what its pipeline's state has.
        drops_of_views: SQL that drops the views that read them.
    """

    names: list[str]
    columns: Mapping[str, str]
    places: Mapping[str, str]
    dataset: str
    staging: str
    resources: dict[str, Any]
    drops_of_views: Sequence[str]

    @classmethod
    def of(cls, pipeline: dlt.Pipeline) -> _Tables:
        with opened_dataset(pipeline) as found:
            client, own = found.client.sql_client, set(found.schema.dlt_table_names())
            return cls(
                sorted(found.columns),
                {
                    name: ", ".join(map(found.column, columns))
                    for name, columns in found.columns.items()
                    if name not in own or name == found.schema.loads_table_name
                },
                {name: found.place(name) for name in found.columns},
                client.fully_qualified_dataset_name(),
                client.fully_qualified_dataset_name(staging=True),
                found.own_state().get("sources", {}).get(SOURCE, {}),
                list(drops_of_views(found.place)),
            )


def take_the_place(pipeline: dlt.Pipeline, beside: dlt.Pipeline, keep_as: str) -> str:
    """Give the tables of a dataset what those of another one have, in one transaction, with
    coverage and state; the other one is gone then.

    Args:
        pipeline: whose dataset it is; its local state is the newest.
        beside: that loaded the other dataset, into the same warehouse.
        keep_as: a dataset for what the tables had; empty to keep none of it.

    Returns:
        The id of the load as which that is noted.

    Raises:
        DestinationFails: the warehouse refuses it, or a column has two types; nothing has changed.
    """
    new = _Tables.of(beside)
    try:
        schema = with_tables_of(schema_of(pipeline), schema_of(beside))
    except DltException as error:
        raise DestinationFails(
            f"Tables of {beside.dataset_name} do not fit into {pipeline.dataset_name}: {error}",
            "Drop the dataset that was begun, and run this again.",
        ) from error
    # killed after this, a dataset has columns in which nothing is
    pipeline.schemas.save_schema(schema)
    load_id = new_load_id()
    with opened_dataset(pipeline) as old:
        old.client.update_stored_schema(only_tables=new.names)
    with opened_dataset(pipeline) as old:
        states = old.states()
        for name, (_, state) in states.items():
            if name == pipeline.pipeline_name:
                state.setdefault("sources", {})[SOURCE] = new.resources
            else:  # what others failed to load were days of the old dataset
                forgotten(state, SOURCE, lambda _: True)
        statements = [
            *(_kept(old, keep_as) if keep_as else ()),
            *_exchanged(old, new),
            *old.updates(states),
            *new.drops_of_views,
            *(f"DROP TABLE {new.places[name]}" for name in new.names),
            f"DROP SCHEMA {new.dataset}",
            f"DROP SCHEMA IF EXISTS {new.staging} CASCADE",
        ]
        change(old.client, load_id, statements)
    # who is killed before this takes it from the warehouse, which has the next version
    with pipeline.managed_state() as own:
        changed: Any = own
        changed.setdefault("sources", {})[SOURCE] = new.resources
    return load_id


def _kept(old: OpenDataset, dataset: str) -> Iterator[str]:
    """What copies all tables into another dataset."""
    client = old.client.sql_client
    with _in(old, dataset):
        places = {name: old.place(name) for name in sorted(old.there)}
        yield f"CREATE SCHEMA IF NOT EXISTS {client.fully_qualified_dataset_name()}"
    for name, place in places.items():
        yield f"CREATE TABLE {place} AS SELECT * FROM {old.place(name)}"


def _exchanged(old: OpenDataset, new: _Tables) -> Iterator[str]:
    """What empties our tables, and fills them anew."""
    for name in sorted({*old.there} - {*old.schema.dlt_table_names()}):
        yield f"DELETE FROM {old.place(name)}"
    for name, columns in sorted(new.columns.items(), key=lambda each: each[0] == COVERAGE):
        yield f"INSERT INTO {old.place(name)}({columns}) SELECT {columns} FROM {new.places[name]}"


@contextmanager
def _in(found: OpenDataset, dataset: str) -> Iterator[None]:
    """Names are those of another dataset, while the block runs."""
    name = found.schema.naming.normalize_table_identifier(dataset)
    with found.client.sql_client.with_alternative_dataset_name(name):
        yield
