"""Which destinations can keep what this source promises."""

from __future__ import annotations

from pathlib import Path

import dlt
from dlt.common.configuration.exceptions import ConfigurationException
from dlt.common.destination import AnyDestination

from databuddy_source.api.errors import BadConfiguration


class UnfitDestination(BadConfiguration):
    """The destination cannot replace partitions, or would fail at the first load."""


def refuse_unfit(destination: AnyDestination) -> None:
    """Refuse, before anything is asked for, a destination that would lose or repeat rows.

    Args:
        destination: a dlt destination.

    Raises:
        UnfitDestination: says what to use instead.
    """
    strategies = destination.capabilities().supported_merge_strategies or []
    if "delete-insert" not in strategies:
        raise UnfitDestination(
            f"The destination {destination.destination_name} cannot replace the rows of a day: it "
            "would append them, or keep rows that vanished",
            "Use duckdb, postgres, bigquery, snowflake, or another warehouse that knows the merge "
            "strategy delete-insert.",
        )


def refuse_ambiguous_file(pipeline: dlt.Pipeline) -> None:
    """Refuse a DuckDB file whose stem is the dataset's name: dlt's loads fail there.

    Raises:
        UnfitDestination: says what to rename.
    """
    destination = pipeline.destination
    if destination is None or destination.destination_name != "duckdb":
        return
    try:
        credentials = pipeline.destination_client().config.credentials
    except ConfigurationException:  # dlt says it better, with the names of what is missing
        return
    database = getattr(credentials, "database", None)
    if isinstance(database, str) and Path(database).stem == pipeline.dataset_name:
        raise UnfitDestination(
            f"DuckDB cannot tell the file {Path(database).name} from the dataset "
            f"{pipeline.dataset_name}",
            "Give the pipeline, the file or the dataset another name.",
        )
