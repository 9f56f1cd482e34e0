"""Results become tables of a good size: each once, in order, with its coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from databuddy_source.extract import batches
from databuddy_source.extract.batches import Batch, Batches
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Report
from databuddy_source.model.results import Result
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY
from databuddy_source.tables.layout import TOMBSTONE, Layout
from databuddy_source.tables.rows import rows_table
from tests.campaign import examples
from tests.cells import DAY, a_report, a_result, cells_of

REPORT = a_report("top_pages")
AT_ONCE, PER_TABLE = 4, 10


@pytest.fixture(autouse=True, scope="module")
def _small() -> object:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(batches, "ROWS_AT_ONCE", AT_ONCE)
        patched.setattr(batches, "ROWS_PER_TABLE", PER_TABLE)
        yield


@dataclass
class Collected:
    """All batches that results became, and what was dropped on the way."""

    batches: list[Batch] = field(default_factory=list)
    dropped: list[Result] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)


def collected(results: Sequence[Result]) -> Collected:
    found = Collected()
    made = Batches(
        REPORT, DAY, Generation.G2026_04, Layout(REPORT), unloadable, found.dropped.extend
    )
    for number, result in enumerate(results, 1):
        found.batches += made.add(result)
        found.waiting.append(sum(len(each.rows) for each in results[len(found.dropped) : number]))
    found.batches += made.rest()
    return found


def unloadable(result: Result, why: str) -> Result:
    return replace(result, status=Status.FAILED, rows=(), reason=why)


def results_of(*sizes: int | Status) -> list[Result]:
    """A day for each: so many rows, or none for another reason."""
    cells = cells_of(REPORT, DAY, DAY + (len(sizes) - 1) * ONE_DAY)
    return [
        a_result(cell, status=size, reason="why")
        if isinstance(size, Status)
        else a_result(cell, [{"name": str(row), "pageviews": 1} for row in range(size)])
        for cell, size in zip(cells, sizes, strict=True)
    ]


def names_of(batch: Batch) -> list[tuple[object, object]]:
    """Day and name of each row that is no tombstone."""
    rows = batch.rows.to_pylist() if batch.rows is not None else []
    return [(row["date"], row["name"]) for row in rows if not row[TOMBSTONE]]


sizes = st.one_of(
    st.integers(0, 6),
    st.sampled_from([PER_TABLE, PER_TABLE + 1, 3 * PER_TABLE]),
    st.sampled_from([Status.FAILED, Status.SUSPECT]),
)


@settings(examples(100), suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(sizes, min_size=1, max_size=12))
def test_each_result_is_in_one_table_in_order_with_its_coverage(given: list[int | Status]) -> None:
    results = results_of(*given)
    found = collected(results)
    light = [result.without_rows() for result in results]
    assert not any(result.reason.startswith("its rows") for result in found.dropped)
    assert [each for batch in found.batches for each in batch.results] == light
    assert found.dropped == light, "or their rows stay in memory"
    rows = [each for batch in found.batches for each in names_of(batch)]
    assert rows == [
        (result.cell.window.date, str(row)) for result in results for row in range(len(result.rows))
    ]
    for batch in found.batches:
        days = [result.cell.window.date for result in batch.results]
        assert batch.covered.column("date").to_pylist() == days
        assert (
            len(names_of(batch)) <= PER_TABLE
            or sum(map(bool, batch.covered.column("rows").filter(batch.is_new).to_pylist())) == 1
        ), "no table has more, unless one cell alone does"
    assert all(rows < AT_ONCE for rows in found.waiting), "rows become Arrow soon"


def test_tables_are_as_full_as_whole_cells_allow() -> None:
    found = collected(results_of(5, 5, 5, 6, 4))
    assert [len(names_of(batch)) for batch in found.batches] == [10, 5, 10]


def test_truncated_rows_come_along() -> None:
    (cell,) = cells_of(REPORT)
    cut = a_result(cell, [{"name": "/", "pageviews": 1}], Status.TRUNCATED, "cut")
    (batch,) = collected([cut]).batches
    assert names_of(batch) == [(DAY, "/")]


def test_rows_of_other_columns_are_a_table_of_their_own_and_lose_none() -> None:
    """Cells that bring no rows go with either."""
    first, second, third, fourth = cells_of(REPORT, DAY, DAY + 3 * ONE_DAY)
    plain = [{"name": str(row), "pageviews": 1} for row in range(AT_ONCE)]
    wide = [{**row, "scrolls": 2} for row in plain]
    results = [
        a_result(first, plain),
        a_result(second, status=Status.FAILED, reason="why"),
        a_result(third, wide),
        a_result(fourth, plain[:1]),
    ]
    found = collected(results)
    assert collected([]).batches == []
    assert [len(names_of(batch)) for batch in found.batches] == [AT_ONCE, AT_ONCE, 1]
    assert [len(batch.results) for batch in found.batches] == [1, 2, 1]


def test_a_table_that_follows_one_of_other_columns_is_no_larger() -> None:
    first, second, third = cells_of(REPORT, DAY, DAY + 2 * ONE_DAY)
    plain = [{"name": str(row), "pageviews": 1} for row in range(AT_ONCE)]
    wide = [{"name": str(row), "pageviews": 1, "scrolls": 2} for row in range(PER_TABLE - 1)]
    results = [a_result(first, plain), a_result(second, wide[:AT_ONCE]), a_result(third, wide)]
    assert [len(names_of(batch)) for batch in collected(results).batches] == [
        *(AT_ONCE, AT_ONCE),
        PER_TABLE - 1,
    ]


@pytest.mark.parametrize(
    ("bad", "sizes"),
    [
        ({1}, [1, 1, 1, Status.SUSPECT]),
        ({0, 2}, [1, 1, 1, Status.SUSPECT]),
        ({0, 1, 2}, [1, 1, 1]),
        ({0}, [1, Status.SUSPECT]),
    ],
)
def test_a_cell_whose_rows_cannot_become_a_table_fails_alone(
    monkeypatch: pytest.MonkeyPatch, bad: set[int], sizes: list[int | Status]
) -> None:
    days = {DAY + number * ONE_DAY for number in bad}
    reason = "odd " * 200

    def made(report: Report, results: Sequence[Result], layout: Layout) -> pa.Table:
        if any(result.cell.window.date in days for result in results):
            raise ValueError(reason)
        return rows_table(report, results, layout)

    monkeypatch.setattr(batches, "rows_table", made)
    results = results_of(*sizes)
    (batch,) = collected(results).batches
    assert [each.cell for each in batch.results] == [each.cell for each in results]
    for number, (before, after) in enumerate(zip(results, batch.results, strict=True)):
        if number not in bad:
            assert after == before.without_rows()
            continue
        told = f"its rows cannot be loaded: ValueError: {reason}"
        assert (after.status, after.reason) == (Status.FAILED, told[: batches.REASON_SHOWN])
    well = [number for number, size in enumerate(sizes) if size == 1 and number not in bad]
    assert names_of(batch) == [(DAY + number * ONE_DAY, "0") for number in well]
    statuses = [each.status.value for each in batch.results]
    assert batch.covered.column("status").to_pylist() == statuses
    assert batch.is_new == [status == "complete" for status in statuses]


def test_cells_whose_rows_became_tables_apart_are_one_with_all_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def made(report: Report, results: Sequence[Result], layout: Layout) -> pa.Table:
        if len(results) > 1:
            raise ValueError("odd")
        return rows_table(report, results, layout)

    monkeypatch.setattr(batches, "rows_table", made)
    first, second = cells_of(REPORT, DAY, DAY + ONE_DAY)
    plain, wide = {"name": "/", "pageviews": 1}, {"name": "/", "pageviews": 1, "scrolls": 2}
    (batch,) = collected([a_result(first, [plain]), a_result(second, [wide])]).batches
    assert batch.rows is not None
    assert batch.rows.column("scrolls").to_pylist() == [None, 2]
