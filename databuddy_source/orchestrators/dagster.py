"""Databuddy in Dagster: an asset a table, a partition a website and day, week or month.

    from databuddy_source.orchestrators.dagster import databuddy_assets

    defs = databuddy_assets()

Configuration comes from `.dlt/` or the environment (`SOURCES__DATABUDDY__API_KEY`, ...), the
destination's, too. Tables and state are those of the command line where it is configured alike.
Nothing is asked of Databuddy when Dagster loads this: websites are partitions that a sensor keeps.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from databuddy_source import (
    BadConfiguration,
    ReportTable,
    Settings,
    configured,
    reports,
    status,
    websites,
)
from databuddy_source.clock import now
from databuddy_source.orchestrators.dagster_checks import (
    COMPLETE,
    FINAL,
    FRESH,
    fresh,
    not_loaded,
)
from databuddy_source.orchestrators.dagster_load import Job, LoadConfig
from databuddy_source.orchestrators.dagster_schedule import schedule_of
from databuddy_source.orchestrators.partitions import WEBSITES, Period, period_of
from databuddy_source.warehouse.target import Warehouse

FIRST_DAY = date(2025, 1, 1)
"""Where partitions begin without a `start_date`, as the DAG of Airflow does. A day that moves takes
partitions away from runs and backfills that wait for them."""


class DatabuddyTranslator:
    """Says what the asset of a table is like. A subclass gives keys, groups and owners of its
    own."""

    def get_asset_spec(self, table: ReportTable) -> dg.AssetSpec:
        """The asset of a table.

        Args:
            table: its name, grain, columns and description.

        Returns:
            A spec, of which `replace_attributes` and `merge_attributes` make another. Partitions
            are added to it.
        """
        columns = [
            dg.TableColumn(each.name, each.data_type, each.description or None)
            for each in table.columns
        ]
        return dg.AssetSpec(
            ["databuddy", table.name],
            group_name="databuddy",
            description=table.description,
            kinds={"dlt"},
            tags={
                "databuddy/grain": table.grain.value,
                "databuddy/personal": _word(table.personal),
            },
            metadata={
                "dagster/column_schema": dg.TableSchema(columns=columns),
                "query_type": table.query_type,
                "key": ", ".join(table.key),
                "time_zone": table.time_zone,
            },
        )


def _word(truth: bool) -> str:
    return "yes" if truth else "no"


class DatabuddyResource(dg.ConfigurableResource):  # type: ignore[type-arg]  # of nothing but itself
    """The key, the server and the warehouse of a run. What is left out is as configured for dlt."""

    api_key: str = ""
    base_url: str = ""
    destination: str = ""
    dataset: str = ""
    state_dir: str = ""

    def settings(self, settings: Settings) -> Settings:
        """The settings with the key and the server of this resource.

        Args:
            settings: what was chosen when the assets were made.
        """
        own = {"api_key": self.api_key, "base_url": self.base_url}
        given = {name: value for name, value in own.items() if value}
        if not given:
            return settings
        secrets = {
            "api_key": settings.credential.api_key,
            "session_cookie": settings.credential.session_cookie,
        }
        lasting = {name: value for name, value in settings if name != "credential"}
        return Settings.of(**{**secrets, **lasting, **given})

    def warehouse(self, context: Any) -> Warehouse:
        """Where the tables are.

        Args:
            context: of a run, whose instance tells where 0.1.0 had its state.
        """
        return Warehouse.of(
            False,
            self.destination or None,
            self.dataset or None,
            Path(self.state_dir) if self.state_dir else None,
            states=[Path(context.instance.storage_directory())],
            say=context.log.info,
        )


def databuddy_assets(
    settings: Settings | None = None,
    *,
    translator: DatabuddyTranslator | None = None,
    resource: DatabuddyResource | None = None,
    first_day: date | None = None,
    cron_schedule: str = "0 4 * * *",
    retries: int = 3,
    seconds_between: int = 300,
    delay: timedelta = timedelta(hours=8),
    pool: str | None = "databuddy",
) -> dg.Definitions:
    """Assets, checks, jobs, schedules and a sensor for the chosen reports.

    Args:
        settings: reports, time zone and what else lasts. Default: as configured.
        translator: says what assets are like.
        resource: the key, the server and the warehouse. Default: as configured.
        first_day: with which partitions begin. Default: `start_date`, or 1 January 2025.
        cron_schedule: of the schedules, in the configured time zone.
        retries: how many more tries a run has where another one may help.
        seconds_between: tries.
        delay: how long after a partition is over the check `fresh` waits for it.
        pool: of Dagster, which limits how many loads run at once; None for none.

    Raises:
        BadSetting: something is configured wrongly.
    """
    settings, translator = settings or configured(), translator or DatabuddyTranslator()
    first = first_day or settings.start_date or FIRST_DAY
    by_period: dict[str, list[ReportTable]] = defaultdict(list)
    for table in reports(settings):
        by_period[period_of(table)].append(table)
    assets, checks, jobs, schedules = [], [], [], []
    places: dict[str, tuple[dg.AssetKey, Period]] = {}  # of all, when the first job runs
    for name, tables in by_period.items():
        period = Period.of(name, settings, first)
        specs = {each.name: translator.get_asset_spec(each) for each in tables}
        own = {specs[each.name].key: each for each in tables}
        places |= {each.name: (key, period) for key, each in own.items()}
        job = Job(period, own, places, settings, retries, seconds_between)
        loads = _loads(job, list(specs.values()), pool)
        check = _fresh(job, delay)
        of_loads = dg.AssetSelection.assets(loads) - dg.AssetSelection.checks(check)
        run = dg.define_asset_job(f"databuddy_{name}", selection=of_loads)
        assets.append(loads)
        checks.append(check)
        jobs.append(run)
        schedules.append(schedule_of(period, run.name, settings, cron_schedule))
    freshness = dg.define_asset_job("databuddy_fresh", selection=dg.AssetSelection.checks(*checks))
    jobs.append(freshness)
    schedules.append(dg.ScheduleDefinition(job=freshness, cron_schedule="0 * * * *"))
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=jobs,
        schedules=schedules,
        sensors=[_sensor(settings)],
        resources={"databuddy": resource or DatabuddyResource()},
    )


def _loads(job: Job, specs: Sequence[dg.AssetSpec], pool: str | None) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=job.period.op,
        specs=[each.replace_attributes(skippable=True) for each in specs],
        check_specs=[
            dg.AssetCheckSpec(name, asset=each.key, description=about)
            for each in specs
            for name, about in (
                (COMPLETE, "All that was asked for is there, by the table coverage."),
                (FINAL, "No day was loaded last while late events could still come."),
            )
        ],
        partitions_def=job.period.definition,
        backfill_policy=dg.BackfillPolicy.single_run(),
        can_subset=True,
        pool=pool,
    )
    def loads(
        context: dg.AssetExecutionContext, config: LoadConfig, databuddy: DatabuddyResource
    ) -> Iterator[Any]:
        yield from job.load(
            context, config, databuddy.settings(job.settings), databuddy.warehouse(context)
        )

    return loads


def _fresh(job: Job, delay: timedelta) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(
        name=f"databuddy_fresh_by_{job.period.name}",
        specs=[
            dg.AssetCheckSpec(
                FRESH, asset=key, description="Each website has its newest partition."
            )
            for key in job.tables
        ],
        can_subset=True,
    )
    def checks(
        context: dg.AssetCheckExecutionContext, databuddy: DatabuddyResource
    ) -> Iterator[dg.AssetCheckResult]:
        warehouse = databuddy.warehouse(context).for_a_look()
        due = job.period.due(now() - delay)
        keys = sorted(each.asset_key for each in context.selected_asset_check_keys)
        try:
            warehouse.open()
            found = status(warehouse.pipeline, databuddy.settings(job.settings))
        except BadConfiguration as error:  # nothing is loaded, or a domain was never
            yield from (not_loaded(key, due, error) for key in keys)
            return
        for key in keys:
            own = [each for each in found.reports if each.report == job.tables[key].name]
            yield fresh(key, own, due)

    return checks


def _sensor(settings: Settings) -> dg.SensorDefinition:
    """Keeps the websites that are chosen as partitions."""

    @dg.sensor(name=WEBSITES, minimum_interval_seconds=3600)
    def sensor(
        context: dg.SensorEvaluationContext, databuddy: DatabuddyResource
    ) -> dg.SensorResult:
        seen = [each.id for each in websites(databuddy.settings(settings))]
        known = context.instance.get_dynamic_partitions(WEBSITES)
        partitions = dg.DynamicPartitionsDefinition(name=WEBSITES)
        chosen = all(each.websites for each in reports(settings))
        if known and not chosen and not set(known) & set(seen):
            raise BadConfiguration(
                f"The key sees none of the {len(known)} websites that are partitions",
                "Nothing was changed. If it is not the key of another organisation, delete these "
                f"partitions ({WEBSITES}) in Dagster.",
            )
        new = [each for each in seen if each not in known]
        gone = [each for each in known if each not in seen]
        requests: list[Any] = []
        if new:
            requests.append(partitions.build_add_request(new))
        if gone:
            requests.append(partitions.build_delete_request(gone))
        return dg.SensorResult(dynamic_partitions_requests=requests)

    return sensor
