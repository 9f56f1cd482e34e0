"""Databuddy in Dagster.

dagster dev -f pipelines/dagster_defs.py
"""

from databuddy_source.orchestrators.dagster import databuddy_assets

defs = databuddy_assets()
