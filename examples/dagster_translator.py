"""A key, a group and owners of a team's own for the assets of each table."""

import dagster as dg

from databuddy_source import ReportTable
from databuddy_source.orchestrators.dagster import (
    DatabuddyResource,
    DatabuddyTranslator,
    databuddy_assets,
)


class Ours(DatabuddyTranslator):
    def get_asset_spec(self, table: ReportTable) -> dg.AssetSpec:
        spec = super().get_asset_spec(table)
        return spec.replace_attributes(key=["raw", table.name], owners=["team:data"])


defs = databuddy_assets(
    translator=Ours(),
    resource=DatabuddyResource(api_key=dg.EnvVar("DATABUDDY_API_KEY")),
)
