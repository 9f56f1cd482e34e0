"""The source in somebody's own pipeline, by the idioms of dlt: what a run is refused for, and what
goes on working."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import time_machine
from dlt.sources import DltResource, DltSource

from databuddy_source import databuddy_source
from databuddy_source.demo import DemoServer, Fault
from databuddy_source.dlt_seam import PipelineStepFailed
from databuddy_source.errors import OwnedBySource
from tests.stories.conftest import TODAY, Make, Warehouse

FIRST = TODAY - timedelta(days=3)
DAYS = 4


class Own:
    """A pipeline of somebody's own, into which four days of one report are loaded already."""

    def __init__(self, made: Warehouse) -> None:
        self.made = made
        self.pipeline = made.pipeline
        self.report = f"top_pages__{made.server.websites[0].id}"

    def source(self, **given: Any) -> DltSource:
        server = self.made.server
        chosen = {
            "websites": [server.websites[0].id],
            "query_types": ["top_pages"],
            "start_date": FIRST,
        }
        return databuddy_source(api_key=server.api_key, base_url=server.url, **{**chosen, **given})

    def run(self, source: DltSource | list[DltSource] | None = None, **given: Any) -> None:
        with time_machine.travel(self.made.server.now, tick=True):
            self.pipeline.run(self.source() if source is None else source, **given)

    def refused(
        self, source: DltSource | list[DltSource] | None = None, *, asks: bool = False, **given: Any
    ) -> OwnedBySource:
        """What a run is refused with, which changes nothing, and asks for nothing unless it `asks`:
        steps are seen at their work only."""
        before, sent = self.made.tables(), len(self.made.server.log)
        with pytest.raises(PipelineStepFailed) as failed:
            self.run(source, **given)
        assert asks or len(self.made.server.log) == sent
        assert self.made.tables() == before
        cause: BaseException | None = failed.value
        while not isinstance(cause, OwnedBySource):
            assert cause is not None
            cause = cause.__cause__
        return cause


def loaded(made: Warehouse) -> None:
    Own(made).run()


@pytest.fixture
def own(serve: Callable[..., DemoServer], warehouse: Make) -> Own:
    return Own(warehouse(serve(), loaded))


HINTS: list[dict[str, Any]] = [
    {"write_disposition": "replace"},
    {"merge_key": "name"},
    {"merge_key": ()},
    {"primary_key": ["date", "name"]},
    {"table_name": "pages"},
    {"table_name": lambda row: "pages"},
    {"incremental": dlt.sources.incremental("date")},
    {"columns": {"name": {"unique": True}}},
    {"additional_table_hints": {"write_disposition": "append"}},
    {"additional_table_hints": {"x-merge-strategy": "upsert"}},
]


def named(hints: dict[str, Any]) -> str:
    """What a hint is called in a sentence."""
    ((hint, value),) = hints.items()
    if hint == "columns":
        return "unique"
    return str(next(iter(value))) if hint == "additional_table_hints" else hint


def test_another_disposition_of_the_run_is_refused(own: Own) -> None:
    before = own.made.tables()
    for disposition in ("replace", "append", {"disposition": "merge", "strategy": "upsert"}):
        error = own.refused(write_disposition=disposition)
        assert f"write_disposition={disposition!r}" in error.what
        assert "refetch=True" in error.todo
    own.run(write_disposition="merge")  # is the source's own
    assert own.made.tables() == before


def test_hints_that_belong_to_the_source_are_refused(own: Own) -> None:
    for hints in HINTS:
        source = own.source()
        source.resources[own.report].apply_hints(**hints)
        error = own.refused(source)
        assert own.report in error.what
        assert named(hints) in error.what


def test_hints_that_a_step_gives_to_a_table_are_refused(own: Own) -> None:
    marks: list[tuple[str, Callable[[Any], Any]]] = [
        (named(hints), marking(hints)) for hints in HINTS if "table_name" not in hints
    ]
    marks += [
        ("write_disposition", marking({"write_disposition": "append"})),
        ("table_name", lambda table: dlt.mark.with_table_name(table, "pages")),
        (
            "merge_key",
            lambda table: dlt.mark.with_hints(
                table,
                dlt.mark.make_hints(table_name="top_pages", merge_key="name"),
                create_table_variant=True,
            ),
        ),
    ]
    for hint, mark in marks:
        for name in (own.report, "websites"):
            source = own.source(refetch=True, since=FIRST, until=TODAY)
            source.resources[name].add_map(mark)
            error = own.refused(source, asks=True)
            assert hint in error.what
            assert name in error.what


def test_a_resource_can_be_read_without_a_pipeline(own: Own) -> None:
    with time_machine.travel(own.made.server.now, tick=True):
        tables = list(own.source(since=FIRST, until=TODAY).resources[own.report])
    assert sum(table.num_rows for table in tables if "name" in table.column_names)


def test_hints_of_a_step_that_describe_are_the_users(own: Own) -> None:
    source = own.source()
    hints = {"columns": {"name": {"description": "A page."}}}
    source.resources[own.report].add_map(marking(hints))
    before = own.made.tables()["top_pages"]
    own.run(source)
    assert own.made.tables()["top_pages"] == before
    assert own.pipeline.default_schema.tables["top_pages"]["columns"]["name"]["description"]


def marking(hints: dict[str, Any]) -> Callable[[Any], Any]:
    return lambda table: dlt.mark.with_hints(table, dlt.mark.make_hints(**hints))


def test_keys_of_a_schema_that_is_imported_are_refused(own: Own, tmp_path: Path) -> None:
    keys = [("top_pages", "primary_key"), ("coverage", "unique"), ("websites", "merge_key")]
    for table, hint in keys:
        with imported(own, tmp_path) as tables:
            name = "name" if table != "coverage" else "reason"
            tables[table]["columns"][name][hint] = True
        error = own.refused()
        assert f"has {hint} for the column {name} of {table}" in error.what
        assert "import_schema_path" in error.todo


def test_a_disposition_of_a_schema_that_is_imported_changes_nothing(
    own: Own, tmp_path: Path
) -> None:
    before = own.made.tables()
    for disposition in ("replace", "append"):
        with imported(own, tmp_path) as tables:
            for table in ("top_pages", "coverage", "websites", "query_types"):
                tables[table]["write_disposition"] = disposition
                tables[table]["x-merge-strategy"] = "upsert"
        own.run(own.source(refetch=True, since=FIRST, until=TODAY))
        own.run()
        assert own.made.tables() == before


@contextmanager
def imported(own: Own, folder: Path) -> Iterator[Any]:
    """The tables of the schema, to be changed; a pipeline that imports them after the block."""
    document = own.pipeline.default_schema.to_dict(remove_defaults=True)
    yield document["tables"]
    place = folder / "import"
    place.mkdir(exist_ok=True)
    (place / "databuddy.schema.yaml").write_text(json.dumps(document))  # JSON is YAML
    own.pipeline = own.made.pipeline = dlt.pipeline(
        own.pipeline.pipeline_name,
        destination=own.pipeline.destination,
        dataset_name=own.pipeline.dataset_name,
        pipelines_dir=own.pipeline.pipelines_dir,
        import_schema_path=str(place),
    )


def test_two_sources_of_one_load_that_share_a_report_of_a_website_are_refused(own: Own) -> None:
    twice = own.source()
    for sources in ([own.source(), own.source(query_types=["country", "top_pages"])], [twice] * 2):
        error = own.refused(sources, asks=True)
        assert "Two sources of one load bring top_pages" in error.what
    before = own.made.tables()
    for _ in range(2):
        own.run(twice)
    assert own.made.tables() == before


def test_sources_of_one_load_that_share_nothing_load_what_one_would(
    own: Own, warehouse: Make
) -> None:
    """Other reports, other websites, and the parts of one source."""
    one, other = (website.id for website in own.made.server.websites[:2])
    all_reports = own.source(query_types=["top_pages", "country"])
    parts = [
        own.source(websites=[other]),
        all_reports.with_resources(f"top_pages__{one}", "websites", "query_types", "coverage"),
        all_reports.with_resources(f"country__{one}"),
    ]
    several = Own(warehouse(own.made.server))
    single = Own(warehouse(own.made.server))
    for _ in range(2):
        several.run(parts)
        single.run(single.source(query_types=["top_pages", "country"], websites=[one, other]))
        found, expected = several.made.tables(), single.made.tables()
        for table in ("websites", "query_types", "top_pages", "country", "coverage"):
            of_both = [row for row in expected[table] if table != "country" or row[0] == one]
            if table == "coverage":
                of_both = [row for row in of_both if (other, "country") != row[:2]]
            assert found[table] == of_both


def test_hints_of_a_run_are_refused(own: Own) -> None:
    assert "primary_key" in own.refused(primary_key="name").what
    assert "file_format" in own.refused(loader_file_format="jsonl").what


def test_hints_that_describe_are_the_users(own: Own) -> None:
    source = own.source()
    source.resources[own.report].apply_hints(columns={"name": {"description": "A page."}})
    before = own.made.tables()
    own.run(source)
    assert own.made.tables() == before
    assert own.pipeline.default_schema.tables["top_pages"]["columns"]["name"]["description"]


def test_a_transformer_of_a_report_is_refused(own: Own) -> None:
    for report_too in (True, False):
        source = own.source()
        report = source.resources[own.report]
        source.resources.add(dlt.transformer(lambda rows: rows, data_from=report, name="mine"))
        if not report_too:
            source = source.with_resources("mine")
        assert f"The transformer mine takes the tables of {own.report}" in own.refused(source).what


def test_a_resource_of_somebody_elses_is_his_own_but_for_our_tables(own: Own) -> None:
    for table in ("top_pages", "coverage"):
        source = own.source()
        source.resources.add(dlt.resource([{"a": 1}], name="mine", table_name=table))
        assert f"The resource mine writes into the table {table}" in own.refused(source).what
    source = own.source()
    mine = dlt.resource([{"a": 1}], name="mine")
    source.resources.add(mine, dlt.transformer(lambda row: row, data_from=mine, name="more"))
    own.run(source)
    assert own.made.query("SELECT count(*) FROM mine") == [(1,)]
    assert own.made.query("SELECT count(*) FROM more") == [(1,)]


def test_parallelize_is_refused(own: Own) -> None:
    for every in (True, False):
        source = own.source()
        for resource in source.resources.values():
            if every or resource.name == own.report:
                resource.parallelize()
        assert "parallelize() was called" in own.refused(source).what


def test_contracts_that_take_rows_away_are_refused(own: Own) -> None:
    contracts: list[Any] = [{"columns": "discard_row"}, {"data_type": "freeze"}, "freeze"]
    for contract in contracts:
        assert "schema contract of the source" in own.refused(schema_contract=contract).what
    source = own.source()
    source.resources[own.report].apply_hints(schema_contract={"columns": "discard_value"})
    assert f"schema contract of {own.report}" in own.refused(source).what


def test_a_frozen_schema_ends_the_run_that_brings_a_column(own: Own) -> None:
    before = own.made.tables()
    own.run(schema_contract={"tables": "freeze", "columns": "freeze"})
    assert own.made.tables() == before
    source = own.source()
    source.resources[own.report].add_map(lambda rows: rows.append_column("more", rows["name"]))
    with pytest.raises(PipelineStepFailed, match="Can't add table column `more`"):
        own.run(source, schema_contract={"columns": "freeze"})
    assert own.made.tables() == before
    own.run()
    assert own.made.tables() == before


def test_a_step_that_loses_coverage_or_makes_it_twice_is_refused(own: Own) -> None:
    def halves(rows: pa.Table) -> Iterator[pa.Table]:
        yield rows.slice(0, 100)
        yield rows.slice(100)

    def new(rows: pa.Table) -> pa.Table:
        return pa.Table.from_pylist(rows.to_pylist())

    def tomorrow(rows: pa.Table) -> pa.Table:
        days = pc.add(rows["date"], pa.scalar(timedelta(days=1)))
        return rows.set_column(1, "date", days.cast(pa.date32()))

    steps: list[tuple[str, Callable[[DltResource], object]]] = [
        ("made a new table", lambda resource: resource.add_map(new)),
        ("made several tables", lambda resource: resource.add_yield_map(halves)),
        ("dropped whole tables", lambda resource: resource.add_filter(lambda rows: False)),
        ("which website and days", lambda resource: resource.add_map(tomorrow)),
        (
            "which website and days",
            lambda resource: resource.add_map(lambda rows: rows.drop_columns(["date"])),
        ),
    ]
    for words, add in steps:
        source = own.source()
        add(source.resources[own.report])
        assert words in own.refused(source, asks=True).what


def test_rows_that_a_step_drops_are_the_users_wish_and_coverage_says_so(own: Own) -> None:
    """A day of which nothing is left is emptied, though it was loaded with all its rows before."""
    before = dict(own.made.query("SELECT date, count(*) FROM top_pages GROUP BY date"))
    last = TODAY - timedelta(days=1)

    def only_some(rows: pa.Table) -> pa.Table:
        rows = rows.filter(pc.field("date") != pa.scalar(last))
        return rows.filter((pc.field("name") == "/") | (pc.field("date") < pa.scalar(last)))

    source = own.source()
    source.resources[own.report].add_map(only_some)
    own.run(source)
    left = dict(own.made.query("SELECT date, count(*) FROM top_pages GROUP BY date"))
    assert last not in left
    assert left[TODAY] == 1
    assert {day: count for day, count in left.items() if day < last} == {
        day: count for day, count in before.items() if day < last
    }
    told = own.made.query("SELECT date, status, rows, reason FROM coverage ORDER BY date DESC")
    words = "filtered: a step of this pipeline made {} rows of {}"
    assert told[:2] == [
        (TODAY, "complete", 1, words.format(1, before[TODAY])),
        (last, "complete", 0, words.format(0, before[last])),
    ]
    assert {reason for _, _, _, reason in told[2:]} == {None}


def test_rows_that_come_twice_in_one_answer_are_no_complete_day(own: Own) -> None:
    """None is dropped, as the rows may differ; the next answer that has each once mends the day."""
    (count,) = own.made.query("SELECT count(*) FROM top_pages WHERE date = ?", TODAY)[0]
    coverage = "SELECT status, rows, rows_expected, reason FROM coverage WHERE date = ?"
    own.made.server.faults.add(
        Fault(query_type="top_pages", day=TODAY, rows=lambda rows: rows + rows, times=None)
    )
    own.run()
    words = f"{count} of {2 * count} rows have the key of another one (name)"
    assert own.made.query(coverage, TODAY) == [("truncated", 2 * count, count, words)]
    own.made.server.faults.clear()
    own.run()
    assert own.made.query(coverage, TODAY) == [("complete", count, None, None)]
