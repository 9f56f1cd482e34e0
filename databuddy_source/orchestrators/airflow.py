"""Databuddy in Airflow 3: a DAG that keeps the warehouse equal to Databuddy.

`dag = databuddy()` is all that a file in the dags folder needs, as in `pipelines/airflow_dag.py`;
`databuddy-source` has to be installed where the workers run. Key, server, warehouse and state are
as configured for the command line, unless they are given. Nothing is asked of Databuddy when
Airflow parses that file.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
from databuddy_source.orchestrators.airflow_load import Place, complete_tables, groups, load_group

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
    retries: int = 3,
    retry_delay: timedelta = timedelta(minutes=5),
    pool: str = "default_pool",
    backfill_pool: str | None = None,
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
        retries: how many more tries a task has where another one may help.
        retry_delay: between tries.
        pool: of the tasks. In a pool of one they load one after the other, and those of a
            scheduled run come first.
        backfill_pool: of the tasks of backfills. Default: the same.
        dag: what else Airflow's `DAG` takes.

    Raises:
        BadSetting: something is configured wrongly.
    """
    zone = (settings or configured()).timezone
    place = Place(settings, destination, dataset, state_dir)
    of_tasks = {
        "retries": retries,
        "retry_delay": retry_delay,
        "weight_rule": "absolute",
        **dag.pop("default_args", {}),
    }
    given: dict[str, Any] = {
        "start_date": datetime(2025, 1, 1, tzinfo=UTC),
        "catchup": False,  # each run loads what is lacking
        "max_active_runs": 1,  # of those that are scheduled; backfills have a number of their own
        "dagrun_timeout": timedelta(days=1),
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
        default_args=of_tasks,
        **given,
    ) as made:
        now: dict[str, Any] = {"pool": pool, "priority_weight": 100}
        later: dict[str, Any] = {"pool": backfill_pool or pool, "priority_weight": 1}

        def websites(of_backfill: bool) -> list[dict[str, Any]]:
            """All that are chosen, in groups."""
            run_type = get_current_context()["dag_run"].run_type
            if (run_type == "backfill") is not of_backfill:
                raise AirflowSkipException
            return groups(place, websites_per_task)

        def load(group: dict[str, Any]) -> int:
            """The reports of a group of websites."""
            context = get_current_context()
            context["label"] = group["label"]  # type: ignore[typeddict-unknown-key]
            return load_group(place, group, context)

        @task(trigger_rule=TriggerRule.ALL_DONE, outlets=[TABLES], **now)
        def tables(*parts: Sequence[dict[str, Any]] | None) -> list[str]:
            """Tells of each table that has all of the run, of all websites."""
            context, told = get_current_context(), []
            every = [group for part in parts for group in part or ()]
            if not every:
                raise AirflowSkipException("Nobody knows the websites.")
            for name, extra in complete_tables(place, every, context):
                context["outlet_events"][TABLES].add(table_asset(name), extra=extra)
                told.append(name)
            return told

        loads, parts = list[Any](), list[Any]()
        for suffix, own in (("", now), ("_of_backfill", later)):
            part = task(task_id=f"websites{suffix}", **own)(websites)(bool(suffix))
            loaded = task(task_id=f"load{suffix}", map_index_template="{{ label }}", **own)(
                load
            ).expand(group=part)
            loads.append(loaded)
            parts.append(part)
        told = tables(*parts)
        # red where a group is: Airflow judges a run by its last tasks
        last = EmptyOperator(task_id="complete", trigger_rule=TriggerRule.NONE_FAILED)
        for loaded in loads:
            loaded >> told
            loaded >> last
        told >> last
    return made
