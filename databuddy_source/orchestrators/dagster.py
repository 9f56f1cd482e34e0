"""Databuddy in Dagster: one asset for the whole source, once a day.

    dagster dev -f pipelines/dagster_defs.py

Configuration comes from `.dlt/` or the environment (`SOURCES__DATABUDDY__API_KEY`, ...). Nothing
is asked of Databuddy when Dagster loads this file.
"""

import dagster as dg
import dlt

from databuddy_source import raise_if_incomplete, sync
from databuddy_source.coverage.queries import loaded_reports


@dg.asset(group_name="databuddy", kinds={"dlt"})
def databuddy(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    """All websites and default reports. Red when a cell could not be loaded whole; everything
    else is loaded all the same, and the next run asks for the rest again."""
    pipeline = dlt.pipeline(
        "databuddy_sync",
        destination="duckdb",
        dataset_name="databuddy",
        pipelines_dir=str(context.instance.storage_directory()),
    )
    loads = sync(pipeline)
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
