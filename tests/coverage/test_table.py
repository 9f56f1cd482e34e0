"""What was fetched, and how it travels into the warehouse with its rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dlt
import pyarrow as pa
import pytest

from databuddy_source.clock import now
from databuddy_source.coverage.believed import final_windows, held_cells
from databuddy_source.coverage.calendar import held
from databuddy_source.coverage.parts import parts_of_tables
from databuddy_source.coverage.queries import (
    Gap,
    Loaded,
    gaps_of_loads,
    loaded_reports,
    raise_if_incomplete,
    recorded_cells,
)
from databuddy_source.coverage.table import COLUMNS, KEY, SCHEMA, coverage_table
from databuddy_source.errors import IncompleteLoad
from databuddy_source.extract.coverage_carrier import (
    Travel,
    with_coverage,
    with_load_id_and_coverage,
)
from databuddy_source.model.generations import Generation
from databuddy_source.model.results import HeldCell, Result
from databuddy_source.model.statuses import Status
from databuddy_source.model.windows import ONE_DAY
from databuddy_source.tables.hints import REPLACE_PARTITION
from databuddy_source.tables.layout import TOMBSTONE, Layout
from databuddy_source.tables.rows import no_rows, rows_table
from tests.cells import DAY, FETCHED, a_report, a_result, cells_of

REPORT = a_report("top_pages")
ROWS = [{"name": "/", "pageviews": 3}, {"name": "/shop", "pageviews": 1}]
LAST_FINAL = DAY + ONE_DAY
APRIL = Generation.G2026_04


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.to_pylist()
    return found


# -- rows of coverage


def test_a_row_of_coverage_says_what_how_much_and_when() -> None:
    (cell,) = cells_of(a_report("country"), date(2026, 3, 8), zone="America/New_York")
    result = replace(a_result(cell, ROWS), request_id="req_7")
    (row,) = rows_of(coverage_table([result], LAST_FINAL, APRIL))
    assert row == {
        "website_id": "shop",
        "report": "country",
        "window_start": datetime(2026, 3, 8, 5, tzinfo=UTC),
        "window_end": datetime(2026, 3, 9, 4, tzinfo=UTC),
        "date": date(2026, 3, 8),
        "grain": "day",
        "time_zone": "America/New_York",
        "query_type": "country",
        "filters": None,
        "generation": "2026-04",
        "status": "complete",
        "rows": 2,
        "rows_expected": None,
        "silent": False,
        "final": False,
        "reason": None,
        "fetched_at": FETCHED,
        "checked_at": FETCHED,
        "digest": None,
        "other_digest": None,
        "doubted_at": None,
        "proofs": None,
        "load_id": None,
        "request_id": "req_7",
    }


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize(("day", "old_enough"), [(LAST_FINAL, True), (LAST_FINAL + ONE_DAY, False)])
def test_a_cell_is_final_when_it_is_old_and_was_loaded(
    status: Status, day: date, old_enough: bool
) -> None:
    (cell,) = cells_of(REPORT, day)
    (row,) = rows_of(
        coverage_table([a_result(cell, status=status, reason="why")], LAST_FINAL, APRIL)
    )
    assert row["final"] is (old_enough and status in {Status.COMPLETE, Status.TRUNCATED})
    assert (row["status"], row["reason"]) == (status.value, "why")


def test_coverage_has_a_row_for_each_cell_with_or_without_rows() -> None:
    cells = cells_of(REPORT, DAY, DAY + 2 * ONE_DAY)
    results = [a_result(cells[0], ROWS), a_result(cells[1]), a_result(cells[2]).doubted("odd")]
    table = coverage_table(results, LAST_FINAL, APRIL)
    assert table.schema == SCHEMA
    found = [(row["rows"], row["silent"], row["status"]) for row in rows_of(table)]
    assert found == [(2, False, "complete"), (0, True, "complete"), (0, True, "suspect")]
    assert coverage_table([], LAST_FINAL, APRIL).schema == SCHEMA


def test_a_truncated_cell_says_how_many_rows_there_should_be() -> None:
    result = Result(
        cells_of(REPORT)[0], Status.TRUNCATED, FETCHED, tuple(ROWS), 5, silent=False, reason="cut"
    )
    (row,) = rows_of(coverage_table([result], LAST_FINAL, APRIL))
    assert (row["rows"], row["rows_expected"], row["reason"]) == (2, 5, "cut")


def test_what_is_kept_is_of_the_generation_that_gave_it() -> None:
    fresh, kept = (a_result(cell) for cell in cells_of(REPORT, DAY, DAY + ONE_DAY))
    held = replace(kept.doubted("odd"), kept=HeldCell(2, True, "2025"))
    rows = rows_of(coverage_table([fresh, held], LAST_FINAL, APRIL))
    assert [row["generation"] for row in rows] == ["2026-04", "2025"]


@pytest.mark.parametrize("final", [True, False])
def test_what_is_kept_goes_on_to_count_as_the_data_that_it_was(final: bool) -> None:
    (cell,) = cells_of(REPORT, DAY if final else LAST_FINAL + ONE_DAY)
    doubted = replace(a_result(cell).doubted("odd"), kept=HeldCell(2, final, "2025"))
    (row,) = rows_of(coverage_table([doubted], LAST_FINAL, APRIL))
    assert (row["status"], row["rows"], row["silent"]) == ("suspect", 2, False)
    assert row["final"] is final, "or the next doubt would be a smaller one"


def test_the_key_cannot_be_null() -> None:
    assert not any(SCHEMA.field(name).nullable for name in KEY)
    assert set(COLUMNS) <= {*SCHEMA.names, "_dlt_load_id"}  # which dlt adds


def test_a_doubted_answer_keeps_its_place_and_loses_its_rows() -> None:
    result = a_result(cells_of(REPORT)[0], ROWS)
    doubted = result.doubted("why")
    assert (doubted.status, doubted.rows, doubted.reason) == (Status.SUSPECT, (), "why")
    assert (doubted.cell, doubted.fetched_at) == (result.cell, result.fetched_at)
    assert not doubted.status.brings_rows
    assert result.without_rows().rows == ()
    assert result.without_rows().status is Status.COMPLETE


# -- the way into the warehouse


@pytest.fixture
def pipeline(tmp_path: Path) -> dlt.Pipeline:
    return dlt.pipeline(
        "coverage",
        destination=dlt.destinations.duckdb(str(tmp_path / "warehouse.duckdb")),
        dataset_name="databuddy",
        pipelines_dir=str(tmp_path / "state"),
    )


def load(pipeline: dlt.Pipeline, results: list[Result], *, limit: int | None = None) -> list[str]:
    """Load results as a resource of one report does. Returns the load's ids."""

    travel = Travel("top_pages", ("website_id", "date"))

    def generate() -> Iterator[Any]:
        covered = coverage_table(results, LAST_FINAL, APRIL)
        new = [result for result in results if result.is_new]
        rows = rows_table(REPORT, new) if new else no_rows(REPORT, Layout(REPORT))
        yield travel.sent(with_coverage(rows, covered, [each.is_new for each in results]))

    resource = dlt.resource(
        generate,
        name="top_pages",
        write_disposition=REPLACE_PARTITION,
        merge_key=("website_id", "date"),
        columns={TOMBSTONE: {"data_type": "bool", "hard_delete": True}},
    )
    if limit:
        resource.add_limit(limit)
    return list(pipeline.run(with_load_id_and_coverage(resource, travel)).loads_ids)


def query(pipeline: dlt.Pipeline, sql: str) -> list[tuple[Any, ...]]:
    with pipeline.sql_client() as client:
        return [tuple(row) for row in client.execute_sql(sql) or ()]


def a_mixed_day() -> list[Result]:
    """Five cells, of which only the first is whole; the second is empty, which is whole too."""
    cells = cells_of(REPORT, DAY, DAY + 5 * ONE_DAY)
    return [
        a_result(cells[0], ROWS),
        a_result(cells[1]),
        a_result(cells[2], ROWS, Status.TRUNCATED, "pages overlap"),
        a_result(cells[3], status=Status.FAILED, reason="the server failed"),
        a_result(cells[4], status=Status.SUSPECT, reason="everything is empty"),
        a_result(cells[5], status=Status.UNAVAILABLE, reason="no such column"),
    ]


def test_rows_and_coverage_arrive_in_one_load_with_its_id(pipeline: dlt.Pipeline) -> None:
    loads = load(pipeline, a_mixed_day(), limit=1)
    assert len(loads) == 1
    assert query(pipeline, "SELECT DISTINCT _dlt_load_id FROM top_pages") == [(loads[0],)]
    assert query(pipeline, "SELECT DISTINCT _dlt_load_id FROM coverage") == [(loads[0],)]
    rows = query(pipeline, "SELECT date, name, pageviews FROM top_pages ORDER BY ALL")
    later = DAY + 2 * ONE_DAY
    assert rows == [(DAY, "/", 3), (DAY, "/shop", 1), (later, "/", 3), (later, "/shop", 1)]
    covered = query(pipeline, "SELECT date, status, rows FROM coverage ORDER BY date")
    days = [DAY + number * ONE_DAY for number in range(6)]
    states = ["complete", "complete", "truncated", "failed", "suspect", "unavailable"]
    assert covered == list(zip(days, states, [2, 0, 2, 0, 0, 0], strict=True))
    # the gaps of this load
    gaps = gaps_of_loads(pipeline, loads)
    assert [(gap.date, gap.status) for gap in gaps] == [
        (days[2], Status.TRUNCATED),
        (days[3], Status.FAILED),
        (days[4], Status.SUSPECT),
        (days[5], Status.UNAVAILABLE),
    ]
    assert gaps[1] == Gap("shop", "top_pages", days[3], Status.FAILED, "the server failed")
    assert str(gaps[1]) == f"top_pages of shop on {days[3]}: failed: the server failed"
    assert loaded_reports(pipeline, loads) == [
        Loaded("top_pages", 4, 5, 1, days[0], days[4], "UTC")
    ]
    with pytest.raises(IncompleteLoad, match="3 cells are not complete") as raised:
        raise_if_incomplete(pipeline, loads)
    assert "no such column" not in str(raised.value), "unavailable types are no gaps"
    # whole cells, which can be compared with the API
    assert [cell.window.date for cell in recorded_cells(pipeline)] == days[:2]
    # cells with data, for the guards of later runs
    since = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    kept = {start: found for (_, _, start), found in held_cells(pipeline, now(), since).items()}
    came: Any = {"fetched_at": FETCHED, "checked_at": FETCHED, "load_id": loads[0]}
    assert kept == {
        since: HeldCell(2, True, "2026-04", **came),
        since + timedelta(days=1): HeldCell(0, True, "2026-04", silent=True, **came),
        since + timedelta(days=2): HeldCell(
            2, False, "2026-04", status=Status.TRUNCATED, reason="pages overlap", **came
        ),
    }
    assert held_cells(pipeline, now(), since + timedelta(days=3)) == {}


def test_a_later_load_replaces_partitions_and_their_coverage(pipeline: dlt.Pipeline) -> None:
    one, two = cells_of(REPORT, DAY, DAY + ONE_DAY)
    first = load(pipeline, [a_result(one, ROWS), a_result(two, ROWS)])
    second = load(pipeline, [a_result(one, ROWS[:1]), a_result(two)])
    assert query(pipeline, "SELECT date, name FROM top_pages") == [(DAY, "/")]
    covered = query(pipeline, "SELECT date, rows, _dlt_load_id FROM coverage ORDER BY date")
    assert covered == [(DAY, 1, second[0]), (DAY + ONE_DAY, 0, second[0])]
    assert loaded_reports(pipeline, first) == []
    assert gaps_of_loads(pipeline, second) == []
    raise_if_incomplete(pipeline, second)


def test_cells_without_rows_bring_coverage_alone_and_keep_what_was_there(
    pipeline: dlt.Pipeline,
) -> None:
    (cell,) = cells_of(REPORT)
    load(pipeline, [a_result(cell, ROWS)])
    loads = load(pipeline, [a_result(cell, status=Status.FAILED, reason="gone")])
    assert len(query(pipeline, "SELECT * FROM top_pages")) == 2
    assert query(pipeline, "SELECT status, reason FROM coverage") == [("failed", "gone")]
    columns = {name for (name,) in query(pipeline, "SELECT column_name FROM (DESCRIBE coverage)")}
    assert columns == {*SCHEMA.names, "_dlt_load_id"}
    assert [str(gap.status) for gap in gaps_of_loads(pipeline, loads)] == ["failed"]


def test_of_cells_of_0_1_0_no_generation_is_known(pipeline: dlt.Pipeline) -> None:
    one, two, three = cells_of(REPORT, DAY, DAY + 2 * ONE_DAY)
    (load_id,) = load(
        pipeline, [a_result(one, ROWS), a_result(two), a_result(three, status=Status.FAILED)]
    )
    since = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
    told = [each.generation for each in held_cells(pipeline, now(), since).values()]
    assert told == ["2026-04", "2026-04"]
    query(pipeline, "ALTER TABLE coverage DROP generation")
    kept = {start: found for (_, _, start), found in held_cells(pipeline, now(), since).items()}
    came: Any = {"fetched_at": FETCHED, "checked_at": FETCHED, "load_id": load_id}
    assert kept == {
        since: HeldCell(2, True, **came),
        since + timedelta(days=1): HeldCell(0, True, silent=True, **came),
    }


def test_coverage_of_a_load_that_is_not_done_is_not_believed(pipeline: dlt.Pipeline) -> None:
    one, two = cells_of(REPORT, DAY, DAY + ONE_DAY)
    load(pipeline, [a_result(one, ROWS)])
    (undone,) = load(pipeline, [a_result(two, ROWS)])
    since = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)

    def believed() -> list[int]:
        return [
            len(held_cells(pipeline, now(), since)),
            sum(map(len, final_windows(pipeline, now()).values())),
            len(recorded_cells(pipeline)),
            sum(own.cells for each in held(pipeline, now()).values() for own in each.known),
            sum(each.cells for each in loaded_reports(pipeline, [undone])),
        ]

    assert believed() == [2, 2, 2, 2, 1]
    assert parts_of_tables(pipeline)
    query(pipeline, f"DELETE FROM _dlt_loads WHERE load_id = '{undone}'")
    assert believed() == [1, 1, 1, 1, 0]
    query(pipeline, "UPDATE _dlt_loads SET status = 1")  # dlt's words for it: 0 is done
    assert believed() == [0, 0, 0, 0, 0]
    assert parts_of_tables(pipeline) == []


@pytest.mark.parametrize("status", list(Status))
def test_only_a_final_window_that_brought_rows_is_left_alone(
    status: Status, pipeline: dlt.Pipeline
) -> None:
    (cell,) = cells_of(REPORT)
    result = a_result(cell, ROWS if status.brings_rows else (), status, "why")
    load(pipeline, [replace(result, kept=HeldCell(2, final=True))])
    assert query(pipeline, "SELECT final FROM coverage") == [(True,)]
    assert bool(final_windows(pipeline, now())) is status.brings_rows


def test_before_the_first_load_there_is_nothing(pipeline: dlt.Pipeline) -> None:
    assert held_cells(pipeline, now(), datetime(2026, 1, 1, tzinfo=UTC)) == {}
    assert gaps_of_loads(pipeline, ["1"]) == []
    assert gaps_of_loads(pipeline, []) == []
    assert loaded_reports(pipeline, ["1"]) == []
    raise_if_incomplete(pipeline, [])
