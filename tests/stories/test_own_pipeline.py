"""The source in somebody's own pipeline, by the idioms of dlt: what a run is refused for, and what
goes on working."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dlt
import pytest
import time_machine
from dlt.sources import DltSource

from databuddy_source import databuddy_source
from databuddy_source.demo import DemoServer
from databuddy_source.dlt_seam import PipelineStepFailed
from databuddy_source.errors import OwnedBySource
from tests.stories.conftest import TODAY, Warehouse

FIRST = TODAY - timedelta(days=3)
DAYS = 4


class Own:
    """A pipeline of somebody's own, into which four days of one report are loaded already."""

    def __init__(self, made: Warehouse) -> None:
        self.made = made
        self.pipeline = made.pipeline
        self.report = f"top_pages__{made.server.websites[0].id}"
        self.run()

    def source(self, **given: Any) -> DltSource:
        server = self.made.server
        chosen = {
            "websites": [server.websites[0].id],
            "query_types": ["top_pages"],
            "start_date": FIRST,
        }
        return databuddy_source(api_key=server.api_key, base_url=server.url, **{**chosen, **given})

    def run(self, source: DltSource | None = None, **given: Any) -> None:
        with time_machine.travel(self.made.server.now, tick=True):
            self.pipeline.run(self.source() if source is None else source, **given)

    def refused(self, source: DltSource | None = None, **given: Any) -> OwnedBySource:
        """What a run is refused with, which asks for nothing and changes nothing."""
        before, sent = self.made.tables(), len(self.made.server.log)
        with pytest.raises(PipelineStepFailed) as failed:
            self.run(source, **given)
        assert len(self.made.server.log) == sent
        assert self.made.tables() == before
        cause: BaseException | None = failed.value
        while not isinstance(cause, OwnedBySource):
            assert cause is not None
            cause = cause.__cause__
        return cause


@pytest.fixture
def own(serve: Callable[..., DemoServer], warehouse: Callable[[DemoServer], Warehouse]) -> Own:
    return Own(warehouse(serve()))


HINTS: list[dict[str, Any]] = [
    {"write_disposition": "replace"},
    {"merge_key": "name"},
    {"merge_key": ()},
    {"primary_key": ["date", "name"]},
    {"table_name": "pages"},
    {"table_name": lambda row: "pages"},
    {"incremental": dlt.sources.incremental("date")},
    {"columns": {"name": {"unique": True}}},
]


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
        assert ("unique" if "columns" in hints else next(iter(hints))) in error.what


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
