"""What an orchestrator needs: what there is, exactly the cells of some partitions, an answer for
each, and another try that asks for nothing but what is lacking."""

from datetime import UTC, datetime, timedelta

import dlt

from databuddy_source import (
    Cells,
    Remedy,
    configured,
    known_cells,
    load_cells,
    loaded_cells,
    remedy_of,
    reports,
    websites,
)

TRIES = 3
pipeline = dlt.pipeline("web", destination="duckdb", dataset_name="databuddy")
settings = configured(query_types=["top_pages", "country"], timezone="Europe/Berlin")
pages, countries = reports(settings)  # with their columns, and nobody was asked
began = datetime.now(UTC)
yesterday = (began - timedelta(days=1)).date()
cells = [
    cell
    for website in websites(settings)
    for cell in (
        Cells(pages.name, website.id, yesterday - timedelta(days=6), yesterday),
        Cells(countries.name, website.id, yesterday, yesterday),
    )
]
for _ in range(TRIES):
    try:
        loads = load_cells(pipeline, cells, settings, began=began)
    except Exception as error:
        if remedy_of(error) is Remedy.CHANGE:
            raise  # a wrong key is as wrong at the next try
        continue
    for each in loaded_cells(pipeline, loads):
        print(each, each.status, each.rows, "rows", each.reason)
    if all(each.is_there for each in known_cells(pipeline, cells, settings)):
        break
