"""A DAG of a team's own: another hour, a pool of one slot, more tries."""

from databuddy_source.orchestrators.airflow import databuddy

dag = databuddy(
    cron_schedule="0 6 * * *",
    default_args={"pool": "databuddy", "retries": 5},
    tags=["databuddy", "web"],
)
