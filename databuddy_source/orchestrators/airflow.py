"""Databuddy in Airflow 3: a DAG that keeps the warehouse equal to Databuddy.

`dag = databuddy()` is all that a file in the dags folder needs, as in `pipelines/airflow_dag.py`;
`databuddy-source` has to be installed where the workers run. Key, server, warehouse and state are
as configured for the command line, unless they are given. Nothing is asked of Databuddy when
Airflow parses that file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    Asset,
    AssetAlias,
    CronDataIntervalTimetable,
    Param,
    TriggerRule,
    get_current_context,
    task,
)
from airflow.sdk.exceptions import AirflowSkipException

from databuddy_source import Settings, configured
from databuddy_source.orchestrators.airflow_load import Setup, complete_tables, groups, load_group

TABLES = AssetAlias("databuddy_tables")
"""Under which Airflow shows the tables of which it was told."""


def table_asset(table: str) -> Asset:
    """The asset of a table, by which another DAG is run when the table has all of a run:
    `schedule=[table_asset("top_pages")]`.

    Args:
        table: its name.
    """
    return Asset(f"databuddy/{table}")


def databuddy(
    dag_id: str = "databuddy",
    settings: Settings | None = None,
    *,
    destination: str | None = None,
    dataset: str | None = None,
    state_dir: Path | None = None,
    cron_schedule: str = "0 4 * * *",
    websites_per_task: int = 100,
    default_args: Mapping[str, Any] = MappingProxyType({}),
    **dag: Any,
) -> DAG:
    """A DAG for the chosen reports. A scheduled run loads the days of its data interval, the
    lookback before them and what is lacking; a backfill exactly the days of its interval.

    Args:
        dag_id: its name.
        settings: reports, websites, time zone and what else lasts. Default: as configured.
        destination, dataset, state_dir: of the warehouse. Default: as configured.
        cron_schedule: when it runs, in the configured time zone.
        websites_per_task: how many websites a task loads.
        default_args: of all tasks, for Airflow: `pool`, `retries`, `retry_delay`, ... In a pool of
            one slot those of a scheduled run come before those of backfills.
        dag: what else Airflow's `DAG` takes.

    Raises:
        BadSetting: something is configured wrongly.
    """
    zone = (settings or configured()).timezone
    setup = Setup(settings, destination, dataset, state_dir)
    given: dict[str, Any] = {
        "start_date": datetime(2025, 1, 1, tzinfo=UTC),
        "catchup": False,  # each run loads what is lacking
        "max_active_runs": 1,  # of those that are scheduled; backfills have a number of their own
        "tags": ["databuddy"],
        "description": "Keeps the warehouse equal to Databuddy.",
        **dag,
    }
    with DAG(
        dag_id,
        # a cron line alone gives Airflow 3 no data intervals
        schedule=CronDataIntervalTimetable(cron_schedule, timezone=zone),
        params={
            "refetch": Param(False, type="boolean", description="Ask again for final cells, too."),
            "allow_empty": Param(
                False,
                type="boolean",
                description="Believe a day that had data and is now empty.",
            ),
        },
        default_args={
            "retries": 3,
            "retry_delay": timedelta(minutes=5),
            "priority_weight": 100,
            "weight_rule": "absolute",
            **default_args,
        },
        **given,
    ) as made:

        def websites(of_backfill: bool) -> list[dict[str, Any]]:
            """All that are chosen, in groups."""
            run_type = get_current_context()["dag_run"].run_type
            if (run_type == "backfill") is not of_backfill:
                raise AirflowSkipException
            return groups(setup, websites_per_task)

        def load(group: dict[str, Any]) -> int:
            """The reports of a group of websites."""
            return load_group(setup, group, cast("dict[str, Any]", get_current_context()))

        @task(trigger_rule=TriggerRule.ALL_DONE, outlets=[TABLES])
        def tables(*parts: Sequence[dict[str, Any]] | None) -> list[str]:
            """Tells of each table that has all of the run, of all websites."""
            context = get_current_context()
            every = [group for part in parts for group in part or ()]
            if not every:
                raise AirflowSkipException("Nobody knows the websites.")
            found = complete_tables(setup, every, context)
            for name, extra in found.items():
                context["outlet_events"][TABLES].add(table_asset(name), extra=extra)
            return list(found)

        # those of backfills are tasks of their own, since they have another priority
        loads, parts = list[Any](), list[Any]()
        for suffix, own in (("", dict[str, Any]()), ("_of_backfill", {"priority_weight": 1})):
            part = task(task_id=f"websites{suffix}", **own)(websites)(bool(suffix))
            mapped = task(
                task_id=f"load{suffix}",
                map_index_template="{{ label }}",
                max_active_tis_per_dag=1,  # one sync at a time goes into a dataset
                **own,
            )(load)
            loads.append(mapped.expand(group=part))
            parts.append(part)
        told = tables(*parts)
        # red where a group is: Airflow judges a run by its last tasks
        complete = EmptyOperator(task_id="complete", trigger_rule=TriggerRule.NONE_FAILED)
        loads >> told >> complete
        loads >> complete
    return made
