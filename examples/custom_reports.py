"""Reports by hour, week and month, and one with a filter."""

import dlt

from databuddy_source import databuddy_source, load, raise_if_incomplete

reports = [
    {"query_type": "events_by_date", "grain": "hour"},
    {"query_type": "summary_metrics", "grain": "month"},
    {
        "name": "phone_pages",
        "query_type": "top_pages",
        "grain": "week",
        "filters": [{"field": "device_type", "op": "in", "value": ["mobile", "tablet"]}],
        "websites": ["example.com"],
    },
]
pipeline = dlt.pipeline("web", destination="duckdb", dataset_name="databuddy")
loads = load(pipeline, databuddy_source(query_types=[], reports=reports))
raise_if_incomplete(pipeline, loads)
tables = ["events_by_date_hourly", "summary_metrics_monthly", "phone_pages"]
for name, rows in pipeline.dataset().row_counts(table_names=tables).fetchall():
    print(name, rows)
