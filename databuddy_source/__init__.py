"""Keeps a data warehouse equal to Databuddy: a dlt source.

import dlt
from databuddy_source import databuddy_source

pipeline = dlt.pipeline("databuddy_sync", destination="duckdb", dataset_name="databuddy")
pipeline.run(databuddy_source())
"""

from databuddy_source.coverage_queries import IncompleteLoad, raise_if_incomplete
from databuddy_source.finishing import finish_tables
from databuddy_source.loads import sync, sync_in_loads
from databuddy_source.source import databuddy_source

__all__ = [
    "IncompleteLoad",
    "databuddy_source",
    "finish_tables",
    "raise_if_incomplete",
    "sync",
    "sync_in_loads",
]
