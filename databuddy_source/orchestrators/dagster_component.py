"""Databuddy as a component of a Dagster project: `dg scaffold defs
databuddy_source.orchestrators.dagster_component.DatabuddyComponent web`."""

import dagster as dg

from databuddy_source import configured
from databuddy_source.orchestrators.dagster import DatabuddyResource, databuddy_assets


class DatabuddyComponent(dg.Component, dg.Model, dg.Resolvable):
    """Assets of Databuddy's reports; what is left out is as configured for dlt."""

    query_types: list[str] | None = None
    websites: list[str] | None = None
    timezone: str | None = None
    start_date: str | None = None
    api_key: str = ""
    base_url: str = ""
    destination: str = ""
    dataset: str = ""
    state_dir: str = ""
    cron_schedule: str = "0 4 * * *"
    retries: int = 3
    pool: str | None = "databuddy"

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions.

        Args:
            context: of Dagster.

        Raises:
            BadSetting: something is configured wrongly.
        """
        settings = configured(
            query_types=self.query_types,
            websites=self.websites,
            timezone=self.timezone,
            start_date=self.start_date,
        )
        resource = DatabuddyResource(
            api_key=self.api_key,
            base_url=self.base_url,
            destination=self.destination,
            dataset=self.dataset,
            state_dir=self.state_dir,
        )
        return databuddy_assets(
            settings,
            resource=resource,
            cron_schedule=self.cron_schedule,
            retries=self.retries,
            pool=self.pool,
        )
