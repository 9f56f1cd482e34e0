"""Which old days of a series are compared next, and what is kept of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from databuddy_source.coverage.proofs import (
    MOST_DAYS,
    FinalDay,
    Proof,
    due,
    proofs_of,
    proved_since,
    with_proof,
)
from databuddy_source.coverage.turns import next_cells
from databuddy_source.model.digests import SCHEME
from databuddy_source.model.generations import Generation
from tests.cells import DAY, FETCHED, a_report, a_result, cells_of
from tests.coverage.test_reading import InMemory, Load

FIRST = date(2016, 1, 1)
NOW = datetime(2026, 3, 20, tzinfo=UTC)
ONE_DAY = timedelta(days=1)


def days(count: int, rows: int = 1) -> Mapping[date, FinalDay]:
    return {
        FIRST + number * ONE_DAY: FinalDay("2:x", None, rows, "1", None) for number in range(count)
    }


def test_a_round_of_ten_years_takes_four_syncs_though_each_brings_a_day() -> None:
    proofs: list[Proof] = []
    seen: list[set[date]] = []
    for number in range(8):
        at = NOW + number * ONE_DAY
        part = due(days(3_650 + number), proofs, 10_000, at)
        assert len(part) <= MOST_DAYS
        seen.append(set(part))
        proofs = with_proof(proofs, Proof(part[0], part[-1], at))
    for begin in (0, 4):
        assert set(days(3_650)) <= set().union(*seen[begin : begin + 4])
    assert len(proofs) == 4
    assert proved_since(proofs, FIRST) == NOW + 4 * ONE_DAY


def test_a_part_has_no_more_rows_than_an_answer() -> None:
    assert len(due(days(100, rows=30), [], 900, NOW)) == 30
    assert len(due(days(3, rows=1_000), [], 900, NOW)) == 1


def test_what_had_no_answer_is_left_alone_for_a_week() -> None:
    last = FIRST + 9 * ONE_DAY
    proofs = with_proof([Proof(FIRST, last, NOW - ONE_DAY)], Proof(FIRST, last, NOW, True))
    assert proved_since(proofs, FIRST) == NOW - ONE_DAY
    assert due(days(10), proofs, 900, NOW + 6 * ONE_DAY) == ()
    assert len(due(days(10), proofs, 900, NOW + 8 * ONE_DAY)) == 10
    proofs = with_proof(proofs, Proof(FIRST, last, NOW + 8 * ONE_DAY))
    assert proofs == [Proof(FIRST, last, NOW + 8 * ONE_DAY)]


def test_days_that_were_never_compared_are_not_proved() -> None:
    old = Proof(FIRST + 5 * ONE_DAY, FIRST + 9 * ONE_DAY, NOW)
    assert proved_since([old], FIRST) is None
    assert proved_since([old], old.first) == NOW
    gap = Proof(FIRST + 12 * ONE_DAY, FIRST + 20 * ONE_DAY, NOW)
    assert proved_since([old, gap], old.first) is None


def test_what_nobody_asks_for_any_longer_takes_no_turn() -> None:
    first = FETCHED - timedelta(days=9)
    results = []
    for website, report, begun in (
        ("blog", "country", 1),
        ("blog", "top_pages", 2),
        ("shop", "country", 0),  # for blog alone by now, so that its answers stay the oldest
        ("shop", "top_pages", 3),
    ):
        cells = cells_of(a_report(report), DAY, DAY + 5 * ONE_DAY, website=website)
        in_turn = cells if report == "country" else cells[::-1]
        results += [
            replace(
                a_result(cell, [{"name": "/"}]),
                digest=f"{SCHEME}:1",
                fetched_at=first + timedelta(days=begun, hours=hours),
            )
            for hours, cell in enumerate(in_turn)
        ]
    asked = {("blog", "country"), ("blog", "top_pages"), ("shop", "top_pages")}
    now = FETCHED + timedelta(days=99)
    tables = InMemory(Load(results, final=6))
    found = next_cells(tables, asked, Generation.G2026_04, 4, 1000, now)
    assert {(each.website_id, each.report) for each in found} == asked
    of_shop = [each.window.date for each in found if each.website_id == "shop"]
    assert of_shop == [DAY + number * ONE_DAY for number in (5, 4, 3, 2)]


@pytest.mark.parametrize(
    "text", ["garbage", "5", "[[1, 2]]", '[["2026-03-01", "2026-03-02", 7, false]]', "[null]"]
)
def test_proofs_that_make_no_sense_are_none_and_said(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (cell,) = cells_of(a_report("events_by_date"), DAY, DAY, website="shop")
    tables = InMemory(Load([a_result(cell, [{"name": "/"}])], final=1))
    tables.write("UPDATE coverage SET proofs = ?", text)
    with caplog.at_level(logging.WARNING, "databuddy_source"):
        assert proofs_of(tables) == {}
    (said,) = caplog.messages
    assert "The table coverage has proofs of events_by_date of shop" in said
    assert "its days are compared anew" in said
