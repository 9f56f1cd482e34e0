"""Databuddy in Dagster: one asset for the whole source, once a day.

    dagster dev -f pipelines/dagster_defs.py

Configuration comes from `.dlt/` or the environment (`SOURCES__DATABUDDY__API_KEY`, ...), the
destination's, too. Tables and state are those of the command line where it is configured alike;
`DATABUDDY_STATE_DIR` may name the folder of the state. Nothing is asked of Databuddy when Dagster
loads this file.
"""

from pathlib import Path

import dagster as dg

from databuddy_source import LoadHooks, loaded_reports, raise_if_incomplete, sync
from databuddy_source.warehouse.target import Warehouse


@dg.asset(group_name="databuddy", kinds={"dlt"})
def databuddy(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """All websites and default reports. Red when a cell could not be loaded whole; everything
    else is loaded all the same, and the next run asks for the rest again."""
    warehouse = Warehouse.of(states=[Path(context.instance.storage_directory())])
    pipeline = warehouse.pipeline
    loads = sync(pipeline, hooks=LoadHooks(before_load=warehouse.wait))
    reports = loaded_reports(pipeline, loads)
    raise_if_incomplete(pipeline, loads)
    return dg.MaterializeResult(
        metadata={"rows": sum(report.rows for report in reports), "tables": len(reports)}
    )


daily = dg.define_asset_job("databuddy_daily", selection=[databuddy])

defs = dg.Definitions(
    assets=[databuddy],
    jobs=[daily],
    schedules=[dg.ScheduleDefinition(job=daily, cron_schedule="0 4 * * *")],
)
