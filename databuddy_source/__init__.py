"""Keeps a data warehouse equal to Databuddy: a dlt source.

import dlt
from databuddy_source import databuddy_source

pipeline = dlt.pipeline("web", destination="duckdb", dataset_name="databuddy")
pipeline.run(databuddy_source())

The public names stand in `__init__.pyi`; each is imported when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
