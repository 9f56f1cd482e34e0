"""Databuddy in Dagster.

dagster dev -f pipelines/dagster_defs.py
"""

from databuddy_source.orchestrators.dagster import defs

__all__ = ["defs"]
