"""Databuddy in Airflow 3: one task for the whole source, once a day.

Copy or link `pipelines/airflow_dag.py` into the dags folder; `databuddy-source` has to be installed
where the workers run. Configuration comes from the environment (`SOURCES__DATABUDDY__API_KEY`, ...)
or a `.dlt/` folder; so does the destination. Tables and state are those of the command line where
it is configured alike: set `DATABUDDY_STATE_DIR` to a folder that outlives the task and, with
several workers, is shared by them. Nothing is asked of Databuddy when Airflow parses that file.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import dag, task


@dag(
    schedule="0 4 * * *",
    start_date=datetime(2025, 1, 1, tzinfo=UTC),
    catchup=False,  # the source itself knows which days are missing
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=10)},
    tags=["databuddy"],
)
def databuddy() -> None:
    """Keeps the warehouse equal to Databuddy."""

    @task
    def sync_databuddy() -> int:
        """All websites and default reports; returns the number of rows. Red when a cell could
        not be loaded whole; everything else is loaded all the same."""
        # heavy: not while the dags folder is parsed
        from databuddy_source import LoadHooks, loaded_reports, raise_if_incomplete, sync
        from databuddy_source.warehouse.choice import STATE_VARIABLE
        from databuddy_source.warehouse.place import WRAPPER_STATE_OF_0_1
        from databuddy_source.warehouse.target import Warehouse

        before = Path(os.environ.get(STATE_VARIABLE, WRAPPER_STATE_OF_0_1))
        warehouse = Warehouse.of(states=[before])
        pipeline = warehouse.pipeline
        loads = sync(pipeline, hooks=LoadHooks(before_load=warehouse.wait))
        rows = sum(report.rows for report in loaded_reports(pipeline, loads))
        raise_if_incomplete(pipeline, loads)
        return rows

    sync_databuddy()
