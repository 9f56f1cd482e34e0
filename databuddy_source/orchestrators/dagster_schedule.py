"""When Dagster loads, and which partitions."""

from datetime import UTC, timedelta

import dagster as dg

from databuddy_source import Settings
from databuddy_source.orchestrators.partitions import WEBSITES, Period

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"
"""Tags of a run of several partitions."""


def schedule_of(period: Period, job: str, settings: Settings, cron: str) -> dg.ScheduleDefinition:
    """The schedule of a period's tables: one run for what is over since the last one, for what late
    events may have changed, and for what earlier runs left, of all websites; old days are compared
    with the server, too. Where nothing is new it goes on until a run was there after the last late
    event.

    Args:
        period: of the tables.
        job: that loads them.
        settings: with the lookback.
        cron: when, in the configured time zone.
    """
    name = f"databuddy_{period.name}_schedule"

    @dg.schedule(
        name=name,
        job_name=job,
        cron_schedule=cron,
        execution_timezone=settings.timezone,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        ids = context.instance.get_dynamic_partitions(WEBSITES)
        if not ids:
            return dg.SkipReason(f"The sensor {WEBSITES} has found no website yet.")
        at = context.scheduled_execution_time
        over = period.over(at)
        if not over:
            return dg.SkipReason(f"No {period.name} is over yet.")
        times = period.newest(at, settings.lookback_days)
        last = period.key(over[-1].key, ids[-1])
        if not times:
            settled = over[-1].end + timedelta(days=settings.lookback_days)
            loaded = dg.RunsFilter(
                job_name=job,
                statuses=[dg.DagsterRunStatus.SUCCESS],
                tags={RANGE_END: last, "dagster/schedule_name": name},
                created_after=settled.astimezone(UTC),
            )
            if context.instance.get_run_records(loaded, limit=1):
                return dg.SkipReason(f"The last {period.name} was loaded after its last events.")
            times = over[-1:]
        return dg.RunRequest(
            run_key=f"{at:%Y-%m-%dT%H:%M%z}",
            run_config={"ops": {period.op: {"config": {"lacking": True, "scrub": True}}}},
            tags={RANGE_START: period.key(times[0].key, ids[0]), RANGE_END: last},
        )

    return schedule
