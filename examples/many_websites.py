"""Several websites in the same tables, loaded so that a killed run costs nothing but time."""

import dlt

from databuddy_source import configured, raise_if_incomplete, sync

pipeline = dlt.pipeline("web", destination="duckdb", dataset_name="databuddy")
settings = configured(
    websites=["example.com", "blog.example.com"],  # ids save the request that finds them
    query_types=["events_by_date", "top_pages"],
    timezone="Europe/Berlin",
)
loads = sync(pipeline, settings)
with pipeline.sql_client() as client:
    for domain, pageviews in client.execute_sql(
        "SELECT domain, SUM(pageviews) FROM events_by_date JOIN websites ON id = website_id "
        "GROUP BY domain ORDER BY domain"
    ):
        print(domain, pageviews)
raise_if_incomplete(pipeline, loads)  # for a scheduler to see red
