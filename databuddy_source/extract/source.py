"""The dlt source: websites x reports as resources. Wiring, no logic."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import dlt
import pyarrow as pa
from dlt.common.schema.typing import TColumnSchema
from dlt.common.typing import TSecretStrValue, TSecretValue
from dlt.sources import DltResource, DltSource

from databuddy_source.api.models import Website
from databuddy_source.config.accounts import with_variables
from databuddy_source.config.connect import contact
from databuddy_source.config.keys import KEYS
from databuddy_source.config.reports import ReportSetting
from databuddy_source.config.resolve import checked
from databuddy_source.config.scope import Scope
from databuddy_source.config.selection import websites_of_reports
from databuddy_source.config.settings import Settings
from databuddy_source.config.spec import SPEC
from databuddy_source.config.unknown_keys import refuse_unknown_keys
from databuddy_source.coverage import restatements
from databuddy_source.coverage import table as coverage_table
from databuddy_source.coverage.resources import parts_of_resource, resource_name
from databuddy_source.dlt_seam import awaited_by_dlt, resolved_for_source, with_empty_table
from databuddy_source.extract import listings
from databuddy_source.extract.batches import Batch, Batches
from databuddy_source.extract.coverage_carrier import (
    Travel,
    with_coverage,
    with_load_id,
    with_load_id_and_coverage,
)
from databuddy_source.extract.cursor import Progress
from databuddy_source.extract.descriptions import described
from databuddy_source.extract.one_load import refuse_a_second_source
from databuddy_source.extract.session import Extraction
from databuddy_source.extract.sharing import SharedExtraction
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import Cell, Report
from databuddy_source.tables.hints import (
    FILE_FORMAT,
    REPLACE_PARTITION,
    column_hints,
    partition_of,
    table_hints,
)
from databuddy_source.tables.layout import Layout
from databuddy_source.tables.rows import no_rows
from databuddy_source.warehouse import dlt_defaults

NAME = "databuddy"


@dlt.source(name=NAME, section=NAME, max_table_nesting=0, spec=SPEC)
def databuddy_source(
    api_key: TSecretStrValue | None = None,
    session_cookie: TSecretStrValue | None = None,
    base_url: Any = None,
    websites: Any = None,
    query_types: Any = None,
    reports: Any = None,
    timezone: Any = None,
    weeks: Any = None,
    start_date: Any = None,
    lookback_days: Any = None,
    allow_http: Any = None,
    requests_per_minute: Any = None,
    shared_budget: TSecretValue | None = None,
    shared_budget_workers: Any = None,
    pack_size: Any = None,
    scrub_requests: Any = None,
    since: Any = None,
    until: Any = None,
    refetch: Any = None,
    only_gaps: Any = None,
    audit: Any = None,
    allow_empty: Any = None,
    accounts: TSecretValue | None = None,
) -> Iterator[DltResource]:
    """Each query type of each website as a resource `<report>__<website id>`; all websites of a
    report fill one table, for which the resource `<report>` stands. Besides: `websites`,
    `query_types`, `coverage`.

    Each argument may come from dlt's configuration, section `sources.databuddy`, or from the
    environment (`SOURCES__DATABUDDY__API_KEY`, ...); a None stands for nothing given. They are
    untyped because dlt fills in no unions; `Settings` and `Scope` check them.

    What each means stands at the fields of `Settings` and `Scope`, of which
    `docs/configuration.md` is made.

    Raises:
        BadSetting, InsecureAddress, NoKey: before anything is sent.
        UnknownQueryType, WrongReport, KeyRejected, ...: during extraction, before the first query.
    """
    given = {name: value for name, value in locals().items() if value is not None}
    found = resolved_for_source(SPEC)
    if given.get("accounts") == found.get("accounts"):  # dlt has filled it in
        given.pop("accounts", None)
    choices = checked(**{**with_variables(found, os.environ), **given})
    refuse_unknown_keys(KEYS)  # dlt has looked for those that it knows
    return _resources(*choices)


def source_of(settings: Settings, scope: Scope, *, proves: bool = True) -> DltSource:
    """The source of choices that are resolved already.

    Args:
        settings: what lasts.
        scope: what is of this run.
        proves: whether a run that is to compare old days does so; of no use right after they were
            loaded.

    Raises:
        NoKey: before anything is sent.
    """
    return _of_choices(settings, scope, proves)


def websites_of(source: DltSource) -> set[str]:
    """The ids of the websites that a source will ask for."""
    resources = source.resources.selected.values()
    of_tables = ((each.table_name, *parts_of_resource(each.name)) for each in resources)
    return {website_id for table, report, website_id in of_tables if website_id and report == table}


def _resources(settings: Settings, scope: Scope, proves: bool = True) -> Iterator[DltResource]:
    settings.refuse_no_key()
    dlt_defaults.for_source()
    shared = SharedExtraction(settings, scope, proves=proves)
    yield listings.websites(shared)
    yield listings.query_types(shared)
    yield _coverage()
    for chosen, website_ids in websites_of_reports(settings, lambda: _seen(settings)):
        query_type = load_catalog().get(chosen.query_type)
        columns = column_hints(query_type, chosen.grain, settings.timezone)
        yield _table(chosen, columns)
        for website_id in website_ids:
            yield _report(shared, chosen, website_id, columns)


_of_choices = dlt.source(_resources, name=NAME, section=NAME, max_table_nesting=0)


def _seen(settings: Settings) -> Mapping[str, Website]:
    return contact(settings).websites


def _table(chosen: ReportSetting, columns: dict[str, TColumnSchema]) -> DltResource:
    """Stands for a report's table, which its websites fill. dlt drops a table with the resource
    that is written in its schema: one website's would take the days of all others along."""

    def generate() -> Iterator[None]:
        yield None

    resource = dlt.resource(
        generate,
        name=chosen.name,
        write_disposition=REPLACE_PARTITION,
        file_format=FILE_FORMAT,
        merge_key=partition_of(chosen.grain),
        columns=columns,
    )
    resource.apply_hints(additional_table_hints=table_hints())
    return with_load_id(resource)


def _report(
    shared: SharedExtraction,
    chosen: ReportSetting,
    website_id: str,
    columns: dict[str, TColumnSchema],
) -> DltResource:
    name = resource_name(chosen.name, website_id)
    travel = Travel(name, partition_of(chosen.grain))

    # given as a hint, since for an argument dlt would resolve configuration, of each resource
    cursor: Any = (
        None
        if shared.scope.bounded
        else dlt.sources.incremental("date", primary_key=(), allow_external_schedulers=False)
    )

    def extract() -> Iterator[Any]:
        extraction = shared.join(name)
        travel.begin()
        try:
            refuse_a_second_source(chosen.name, website_id)
            report = extraction.report(chosen)
            if report is None:
                yield None  # stay until the others have joined
                return
            state = dlt.current.resource_state()
            progress = Progress(shared.settings, shared.scope, cursor, state)
            cells = progress.cells(extraction, report, website_id)
            series = website_id, report
            extraction.want(series, cells, cautious=progress.cautious, proven=progress.proven)
            layout = extraction.layout(report, dlt.current.source_schema())
            # let all other resources line up their cells before the first request leaves
            yield None
            extraction.look_back()
            yield from awaited_by_dlt(
                _tables(extraction, report, website_id, cells, progress, layout, travel)
            )
            yield from travel.arrivals(extraction.joined)
            shared.prove(name, extraction)
        finally:
            shared.leave(name, extraction)

    resource: DltResource = dlt.resource(
        extract,
        name=name,
        table_name=chosen.name,
        write_disposition=REPLACE_PARTITION,
        file_format=FILE_FORMAT,
        merge_key=partition_of(chosen.grain),
        columns=columns,
        incremental=cursor,
    )
    resource.apply_hints(additional_table_hints=table_hints())
    return with_load_id_and_coverage(resource, travel)


async def _tables(
    extraction: Extraction,
    report: Report,
    website_id: str,
    cells: list[Cell],
    progress: Progress,
    layout: Layout,
    travel: Travel,
) -> AsyncIterator[Any]:
    """The rows of all cells, oldest first, as tables that carry their coverage with them."""
    last_final = progress.last_final(extraction.today(report))
    generation = extraction.server.generation
    batches = Batches(
        report,
        last_final,
        generation,
        layout,
        extraction.unloadable,
        extraction.fetcher.drop_rows,
    )
    known: set[str] = set()

    async def sent(batch: Batch) -> Any:
        # a step of the user's knows what to do with a table of the report, but not with coverage
        rows = no_rows(report, layout) if batch.rows is None else batch.rows
        restated = await extraction.history.restated(batch.results, layout)
        item = travel.sent(with_coverage(rows, batch.covered, batch.is_new, restated))
        names = set(rows.column_names) if batch.rows is not None else known
        if names <= known:
            return item
        known.update(names)
        return described(item, names, report, layout, extraction.meta(report))

    cells = [*await extraction.history.cells(report, website_id), *cells]
    if not cells:
        return
    for cell in cells:
        for batch in batches.add(await extraction.result(cell)):
            yield await sent(batch)
            progress.done(list(batch.results), last=False)
    rest = batches.rest()
    for batch in rest:
        yield await sent(batch)
        progress.done(list(batch.results), last=batch is rest[-1])


def _coverage() -> DltResource:
    """Declares the table; the reports fill it."""

    def generate() -> Iterator[pa.Table | None]:
        yield None  # dlt shall reach all other resources before the first table
        with_empty_table(dlt.current.source_schema(), restatements.TABLE, restatements.COLUMNS)
        yield coverage_table.SCHEMA.empty_table()

    resource = dlt.resource(
        generate,
        name=coverage_table.TABLE,
        write_disposition=REPLACE_PARTITION,
        file_format=FILE_FORMAT,
        merge_key=coverage_table.KEY,
        columns=coverage_table.COLUMNS,
    )
    resource.apply_hints(additional_table_hints=table_hints(coverage_table.DESCRIPTION))
    return with_load_id(resource)
