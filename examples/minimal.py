"""All websites and the default reports, into a DuckDB file."""

import dlt

from databuddy_source import databuddy_source

pipeline = dlt.pipeline("web", destination="duckdb", dataset_name="databuddy")
print(pipeline.run(databuddy_source()))
