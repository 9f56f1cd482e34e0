"""Databuddy in Airflow 3: one task for the whole source, once a day.

Copy or link `pipelines/airflow_dag.py` into the dags folder; `databuddy-source` has to be installed
where the workers run. Configuration comes from the environment (`SOURCES__DATABUDDY__API_KEY`, ...)
or a `.dlt/` folder. Nothing is asked of Databuddy when Airflow parses that file.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

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
        import dlt  # heavy: not while the dags folder is parsed

        from databuddy_source import raise_if_incomplete, sync
        from databuddy_source.coverage.queries import loaded_reports

        pipeline = dlt.pipeline(
            "databuddy_sync",
            destination="duckdb",
            dataset_name="databuddy",
            # a place that outlives the task; with several workers, one that they share
            pipelines_dir=os.environ.get("DATABUDDY_STATE_DIR", "databuddy_state"),
        )
        loads = sync(pipeline)
        rows = sum(report.rows for report in loaded_reports(pipeline, loads))
        raise_if_incomplete(pipeline, loads)
        return rows

    sync_databuddy()
