"""Keeps a data warehouse equal to Databuddy: a dlt source.

import dlt
from databuddy_source import databuddy_source

pipeline = dlt.pipeline("databuddy_sync", destination="duckdb", dataset_name="databuddy")
pipeline.run(databuddy_source())
"""

from databuddy_source.answers.status import status
from databuddy_source.coverage.queries import raise_if_incomplete
from databuddy_source.errors import IncompleteLoad
from databuddy_source.extract.source import databuddy_source
from databuddy_source.runs.heal import heal
from databuddy_source.runs.loads import sync, sync_in_loads
from databuddy_source.warehouse.comments import finish_tables

__all__ = [
    "IncompleteLoad",
    "databuddy_source",
    "finish_tables",
    "heal",
    "raise_if_incomplete",
    "status",
    "sync",
    "sync_in_loads",
]
