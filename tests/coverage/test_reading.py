"""What the table coverage says of a warehouse, read by the SQL that each of them is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import duckdb
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from databuddy_source.clock import today
from databuddy_source.config.settings import Settings
from databuddy_source.coverage.calendar import Held, calendar_of, held
from databuddy_source.coverage.finality import is_settled, last_settled
from databuddy_source.coverage.marks import Stretch, by_date
from databuddy_source.coverage.parts import SUNDAY, Definition, Part, parts_of_tables
from databuddy_source.coverage.reading import LATER, Tables, later
from databuddy_source.coverage.redefinitions import redefinitions
from databuddy_source.coverage.single import single_cells
from databuddy_source.coverage.table import coverage_table
from databuddy_source.errors import DestinationFails
from databuddy_source.model.generations import Generation
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import HeldCell, Result
from databuddy_source.model.statuses import Mark, Status
from databuddy_source.model.windows import ONE_DAY, Grain, Weeks, last_date, tile
from tests.cells import DAY, FETCHED, a_report, a_result, cells_of

_, APRIL, JUNE, OCTOBER = Generation
LATER_ON = FETCHED + timedelta(days=99)
ROWS = [{"name": "/", "pageviews": 3}, {"name": "/shop", "pageviews": 1}]


@dataclass(frozen=True)
class Load:
    """What one load recorded.

    Attributes:
        final: how many days of it are final, from `DAY` on.
        generation: of the server; None for what 0.1.0 recorded.
        done: whether it came to its end.
    """

    results: Sequence[Result]
    final: int = 0
    generation: Generation | None = APRIL
    done: bool = True


class InMemory(Tables):
    """The coverage of loads, and which tables of reports are not there."""

    def __init__(self, *loads: Load, lost: Collection[str] = ()) -> None:
        self._lost = frozenset(lost)
        self._database = duckdb.connect()
        self._database.execute("SET TimeZone = 'America/New_York'")  # of the machine, say
        self._database.execute("CREATE TABLE loads (load_id TEXT, status BIGINT)")
        for number, load in enumerate(loads, 1):
            last = DAY + (load.final - 1) * ONE_DAY
            recorded = coverage_table(load.results, last, load.generation or APRIL)
            self._database.register("recorded", recorded)
            told = "* REPLACE (NULL AS generation)" if load.generation is None else "*"
            rows = f"SELECT {told}, '{number}' AS _dlt_load_id FROM recorded"
            made = "INSERT INTO coverage" if number > 1 else "CREATE TABLE coverage AS"
            self._database.execute(f"{made} {rows}")
            if load.done:
                self._database.execute("INSERT INTO loads VALUES (?, 0)", [str(number)])

    def rows(self, table: str, sql: str, *values: Any) -> Sequence[Sequence[Any]]:
        assert table == "coverage"
        names = {"table": table, "loads": "loads", "rows": '"rows"', **later(sql, lambda: LATER)}
        return self._database.execute(sql.format(**names).replace("%s", "?"), values).fetchall()

    def write(self, sql: str, *values: Any) -> None:
        self._database.execute(sql, values)

    def place(self, table: str) -> str:
        return table

    def missing(self, names: Collection[str]) -> Set[str]:
        return self._lost & {*names}


def cells(days: int, name: str = "top_pages", website: str = "shop") -> list[Cell]:
    return cells_of(a_report(name), DAY, DAY + (days - 1) * ONE_DAY, website=website)


def complete(found: Sequence[Cell]) -> list[Result]:
    return [a_result(cell, ROWS) for cell in found]


# -- what is held


def test_each_window_has_the_mark_of_what_came_of_it() -> None:
    whole, empty, cut_off, failed, kept, running = cells(6)
    results = [
        *complete([whole]),
        a_result(empty),
        a_result(cut_off, ROWS, Status.TRUNCATED, "more exist"),
        a_result(failed, status=Status.FAILED, reason="no answer"),
        replace(
            a_result(kept, status=Status.SUSPECT, reason="empty"),
            kept=HeldCell(7, final=True, generation="2026-04"),
        ),
        *complete([running]),
    ]
    found = held(InMemory(Load(results, final=5)), LATER_ON)
    told = [
        (Mark.COMPLETE, "", 2),
        (Mark.EMPTY, "", 0),
        (Mark.TRUNCATED, "more exist", 2),
        (Mark.FAILED, "no answer", 0),
        (Mark.SUSPECT, "empty", 7),
        (Mark.RESTATED, "", 2),
    ]
    assert found == {
        ("shop", "top_pages"): Held(
            Grain.DAY,
            "UTC",
            DAY,
            DAY + 5 * ONE_DAY,
            FETCHED,
            "1",
            [Stretch.of([cell.window], *what) for cell, what in zip(cells(6), told, strict=True)],
        )
    }
    assert found["shop", "top_pages"].synced_at.tzinfo is UTC


def test_websites_and_reports_are_told_apart_and_the_newest_load_is_named() -> None:
    later = FETCHED + timedelta(hours=3)
    tables = InMemory(
        Load([*complete(cells(2, "country")), *complete(cells(2, website="blog"))], final=2),
        Load([replace(each, fetched_at=later) for each in complete(cells(3)[2:])]),
        Load(complete(cells(2))),
    )
    found = held(tables, LATER_ON)
    assert {place: (each.last - each.first).days for place, each in found.items()} == {
        ("blog", "top_pages"): 1,
        ("shop", "country"): 1,
        ("shop", "top_pages"): 2,
    }
    assert {place: each.load_id for place, each in found.items()} == {
        ("blog", "top_pages"): "1",
        ("shop", "country"): "1",
        ("shop", "top_pages"): "3",
    }
    assert found["shop", "top_pages"].synced_at == later
    assert found["blog", "top_pages"].synced_at == FETCHED
    assert {sum(own.cells for own in each.known) for each in found.values()} == {2, 3}


def test_hours_are_known_by_their_first_instant() -> None:
    report = replace(a_report(), name="top_pages_hourly", grain=Grain.HOUR)
    hours = tile(DAY, DAY, "America/New_York", Grain.HOUR)
    own = [Cell("shop", report, window) for window in hours]
    found = held(InMemory(Load(complete(own), final=1)), LATER_ON)["shop", "top_pages_hourly"]
    assert (found.grain, found.zone, found.first, found.last) == (
        Grain.HOUR,
        "America/New_York",
        DAY,
        DAY,
    )
    assert found.known == [Stretch.of(hours, Mark.COMPLETE, rows=2 * len(hours))]
    (own_hours,) = found.known
    assert all(
        isinstance(at, datetime) and at.tzinfo is UTC for at in (own_hours.begins, own_hours.ends)
    )


def test_days_of_a_table_that_is_lost_are_asked_for_and_not_known() -> None:
    both = Load([*complete(cells(2)), *complete(cells(2, "country"))], final=2)
    found = held(InMemory(both, lost=["top_pages", "another"]), LATER_ON)
    lost, there = found["shop", "top_pages"], found["shop", "country"]
    assert (lost.first, lost.last, lost.known) == (DAY, DAY + ONE_DAY, [])
    assert [(each.mark, each.cells) for each in there.known] == [(Mark.COMPLETE, 2)]


READERS: list[Callable[[InMemory], object]] = [
    lambda tables: held(tables, LATER_ON),
    lambda tables: single_cells(tables, DAY, DAY),
    parts_of_tables,
]


@pytest.mark.parametrize(
    ("column", "readers"),
    [("status", READERS[:2]), ("grain", [READERS[0], READERS[2]]), ("time_zone", READERS)],
)
def test_what_a_newer_version_or_a_hand_wrote_is_said_with_what_to_do(
    column: str, readers: Sequence[Callable[[InMemory], object]]
) -> None:
    tables = InMemory(Load(complete(cells(2)), final=2))
    odd = f"coverage WHERE {column} = 'it''s postponed'"
    tables.write(f"UPDATE coverage SET {column} = 'it''s postponed' WHERE date = ?", DAY)
    for read in readers:
        with pytest.raises(DestinationFails) as said:
            read(tables)
        assert f"coverage has a {column} that this version does not know: it's" in str(said.value)
        assert f"(DELETE FROM {odd})" in str(said.value)
    tables.write(f"DELETE FROM {odd}")
    for read in readers:
        read(tables)


def test_of_a_load_that_did_not_end_nothing_is_held() -> None:
    tables = InMemory(Load(complete(cells(1))), Load(complete(cells(3)[2:]), done=False))
    assert held(tables, LATER_ON)["shop", "top_pages"].last == DAY
    assert [each.last for each in parts_of_tables(tables)] == [DAY]


# -- what a table's rows are


def test_days_of_another_definition_or_generation_are_parts_of_their_own() -> None:
    report = replace(a_report(), name="weekly", grain=Grain.WEEK)
    sunday = tile(DAY, DAY + 7 * ONE_DAY, "UTC", Grain.WEEK, Weeks.SUNDAY)
    weeks = [Cell("shop", report, window) for window in sunday]
    days = cells(4)
    tables = InMemory(
        Load(complete(days[2:]), generation=JUNE),
        Load([*complete(days[:2]), *complete(weeks), *complete(cells(1, website="blog"))]),
        Load(complete(cells_of(a_report(), DAY, zone="Asia/Tokyo")), generation=None),
    )
    own, there = (Definition.of(each) for each in (days[0], weeks[0]))
    tokyo = replace(own, time_zone="Asia/Tokyo")
    assert parts_of_tables(tables) == [
        Part("top_pages", own, APRIL, DAY, DAY + ONE_DAY, "2", True),
        Part("top_pages", tokyo, None, DAY, DAY, "3", True),
        Part("top_pages", own, JUNE, DAY + 2 * ONE_DAY, DAY + 3 * ONE_DAY, "1", True),
        Part("weekly", there, APRIL, sunday[0].date, sunday[-1].date, "2", True),
    ]
    assert there.week_start == SUNDAY


def test_only_a_load_that_brought_an_answer_counts_as_the_newest() -> None:
    (cell,) = cells(1)
    failed = a_result(cell, status=Status.FAILED, reason="no answer")
    keeps = replace(failed, kept=HeldCell(7, final=True, generation="2026-04"))
    for result, last_load, holds_rows in (
        (failed, None, False),
        (keeps, None, True),
        (a_result(cell), "1", False),
    ):
        (part,) = parts_of_tables(InMemory(Load([result])))
        assert (part.last_load, part.holds_rows) == (last_load, holds_rows)


def test_a_table_is_redefined_once_days_of_two_generations_stand_in_it() -> None:
    old, new = cells(4, "outbound_links")[:2], cells(4, "outbound_links")[2:]
    same = complete(cells(2, "country"))
    tables = InMemory(Load([*complete(old), *same]), Load([*complete(new)], generation=JUNE))
    (found,) = redefinitions(tables)
    assert (found.report, found.now) == ("outbound_links", JUNE)
    assert found.old == (DAY, DAY + ONE_DAY)
    assert redefinitions(InMemory(Load([*complete(old), *same]))) == []


def test_the_newest_load_tells_what_numbers_mean_now() -> None:
    """Also where it brought old days anew, from a server that was set back."""
    old, new = cells(4, "outbound_links")[:2], cells(4, "outbound_links")[2:]
    tables = InMemory(Load(complete(new), generation=JUNE), Load(complete(old)))
    (found,) = redefinitions(tables)
    assert (found.now, found.old) == (APRIL, (DAY + 2 * ONE_DAY, DAY + 3 * ONE_DAY))


def test_what_is_kept_of_days_that_failed_tells_nothing_of_now() -> None:
    old, new = cells(4, "outbound_links")[:2], cells(4, "outbound_links")[2:]
    kept = HeldCell(7, final=True, generation="2026-04")
    failed = [replace(a_result(cell, status=Status.FAILED), kept=kept) for cell in old]
    (found,) = redefinitions(InMemory(Load(complete(new), generation=JUNE), Load(failed)))
    assert (found.now, found.old) == (JUNE, (DAY, DAY + ONE_DAY))


def test_days_that_hold_nothing_redefine_no_table() -> None:
    old, new = cells(4, "outbound_links")[:2], cells(4, "outbound_links")[2:]
    failed = [a_result(cell, status=Status.FAILED, reason="no answer") for cell in new]
    assert redefinitions(InMemory(Load(complete(old)), Load(failed, generation=JUNE))) == []
    silent = [a_result(cell) for cell in new]
    assert len(redefinitions(InMemory(Load(complete(old)), Load(silent, generation=JUNE)))) == 1


def test_what_nobody_knows_of_days_of_0_1_0_redefines_nothing() -> None:
    old, new = cells(4, "outbound_links")[:2], cells(4, "outbound_links")[2:]
    tables = InMemory(Load(complete(new)), Load(complete(old), generation=None))
    assert redefinitions(tables) == []


# -- the calendar of what is held

statuses = st.sampled_from(
    [(Status.COMPLETE, ""), (Status.TRUNCATED, "more"), *((Status.FAILED, why) for why in "ab")]
)
zones = st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"])
firsts = st.sampled_from([date(2011, 12, 27), date(2025, 10, 2), date(2025, 11, 1), DAY])


@given(st.data(), st.sampled_from(list(Grain)), zones, firsts, st.integers(0, 75))
def test_a_calendar_has_each_window_once_and_says_of_it_what_coverage_says(
    data: st.DataObject, grain: Grain, zone: str, first: date, length: int
) -> None:
    length //= 15 if grain is Grain.HOUR else 1
    tiles = tile(first, first + timedelta(days=length), zone, grain)
    assume(bool(tiles))
    report = replace(a_report(), name="some_report", grain=grain)
    asked = [each for each in tiles if data.draw(st.integers(0, 9))]
    results = [
        a_result(Cell("shop", report, window), rows, *data.draw(statuses))
        for window in asked
        if (rows := data.draw(st.sampled_from([ROWS, []]))) is not None
    ]
    assume(bool(results))
    final = data.draw(st.sampled_from([-9999, 0, 9999]))
    tables = InMemory(Load(results, final=final))
    now = data.draw(st.sampled_from(tiles)).start + timedelta(days=data.draw(st.integers(0, 9)))
    chosen = Settings.of(lookback_days=data.draw(st.integers(0, 5)))
    bounds = st.none() | st.integers(-3, length + 3).map(lambda days: first + timedelta(days=days))
    since, until = data.draw(bounds), data.draw(bounds)
    own = held(tables, now, since, until)["shop", "some_report"]
    found = calendar_of(own, chosen, zone=zone, grain=grain, now=now, since=since, until=until)
    told = {
        start.astimezone(UTC): (
            Mark.of(Status(status), final=final, silent=silent),
            reason or "",
            rows,
        )
        for start, status, final, silent, reason, rows in tables.rows(
            "coverage", "SELECT window_start, status, final, silent, reason, rows FROM {table}"
        )
    }
    settled = last_settled(today(zone, now), chosen.lookback_days)
    newest = max(settled, asked[-1].date)
    expected = [
        (
            each,
            *told.get(each.start, (Mark.MISSING if is_settled(each, settled) else Mark.DUE, "", 0)),
        )
        for each in tile(asked[0].date, newest, zone, grain)
        if each.start <= now
        and (since is None or last_date(each.date, grain) >= since)
        and (until is None or each.date <= until)
    ]
    shown = [
        (window, each.mark, each.reason)
        for each in found
        for window in each.windows(zone, Weeks.ISO)
    ]
    assert shown == [each[:3] for each in expected]
    assert [each.cells for each in found] == [len(each.windows(zone, Weeks.ISO)) for each in found]
    assert sum(each.rows for each in found) == sum(rows for *_, rows in expected)
    assert all(one[:2] != other[:2] for one, other in pairwise((e.mark, e.reason) for e in found))
    marks: dict[date, Mark] = {}
    for window, mark, *_ in expected:
        marks[window.date] = max(marks.get(window.date, mark), mark, key=lambda each: each.badness)
    assert {day: mark for day, mark in by_date(found).items() if day in marks} == marks
