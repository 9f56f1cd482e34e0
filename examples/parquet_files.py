"""Parquet files of a table, one folder for each day. Files cannot replace a day's rows by
themselves, so the tables are kept in DuckDB and written out after each sync."""

import dlt

from databuddy_source import databuddy_source, load, raise_if_incomplete

pipeline = dlt.pipeline("web", destination="duckdb", dataset_name="databuddy")
loads = load(pipeline, databuddy_source(query_types=["top_pages"]))
raise_if_incomplete(pipeline, loads)
with pipeline.sql_client() as client:
    client.execute_sql(
        "COPY (SELECT * EXCLUDE (tombstone, _dlt_load_id) FROM top_pages) "
        "TO 'top_pages' (FORMAT parquet, PARTITION_BY (date), OVERWRITE_OR_IGNORE)"
    )
