"""What is on its way when a resource ends is waited for, as long as dlt may have it."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest

from databuddy_source.coverage.table import coverage_table
from databuddy_source.errors import OwnedBySource
from databuddy_source.extract.coverage_carrier import Travel, with_coverage
from databuddy_source.model.generations import Generation
from databuddy_source.tables.rows import rows_table
from tests.cells import DAY, a_report, a_result, cells_of

RESOURCES = 80


@pytest.fixture
def travel() -> Travel:
    return Travel("top_pages__shop", ("website_id", "date"))


@pytest.fixture
def table() -> pa.Table:
    report = a_report()
    result = a_result(cells_of(report)[0], [{"name": "/", "pageviews": 1}])
    covered = coverage_table([result], DAY, Generation.G2026_04)
    return with_coverage(rows_table(report, [result]), covered, [True])


def turns(waiting: Iterator[None], many: int) -> None:
    for _ in range(many):
        next(waiting)


def test_a_table_may_wait_until_all_other_resources_have_ended(
    travel: Travel, table: pa.Table
) -> None:
    travel.sent(table)
    waiting = travel.arrivals(RESOURCES)
    turns(waiting, 3 * RESOURCES)  # one for each that ended, one for its last step, one for its end
    assert list(travel.for_load(table, {}))
    assert list(waiting) == []


def test_a_table_that_never_arrives_was_dropped_by_a_step(travel: Travel, table: pa.Table) -> None:
    travel.sent(table)
    with pytest.raises(OwnedBySource, match="dropped whole tables of top_pages__shop"):
        turns(travel.arrivals(RESOURCES), 1_000)
