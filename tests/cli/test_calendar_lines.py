"""A calendar fits its terminal and hides nothing that is lacking."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from databuddy_source.answers.status import ReportStatus
from databuddy_source.cli.calendar_lines import calendar_lines, legend
from databuddy_source.coverage.marks import Stretch
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import Grain, tile

FIRST = date(2026, 1, 1)


def a_report(name: str, marks: list[Mark], grain: Grain = Grain.DAY) -> ReportStatus:
    longest = {Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 31}[grain]
    windows = tile(FIRST, FIRST + timedelta(days=longest * len(marks)), "UTC", grain)
    calendar = [Stretch.of([w], m) for w, m in zip(windows, marks, strict=False)]
    return ReportStatus("shop", None, name, grain, "UTC", None, None, calendar)


runs = st.lists(st.tuples(st.sampled_from(list(Mark)), st.integers(1, 80)), min_size=1, max_size=6)
marks = runs.map(lambda own: [mark for mark, times in own for _ in range(times)])
grains = st.sampled_from([Grain.DAY, Grain.WEEK, Grain.MONTH])


@given(marks, grains, st.integers(44, 150))
def test_lines_fit_the_width_and_show_each_lack_once(
    row: list[Mark], grain: Grain, width: int
) -> None:
    lines = list(calendar_lines([a_report("top_pages", row, grain)], width))
    assert max(map(len, lines)) <= width
    shown = "".join(line.removesuffix("  top_pages") for line in lines if "top_pages" in line)
    for mark in Mark:
        if mark.is_gap:
            assert shown.count(mark.sign) == row.count(mark)


def test_each_mark_has_a_sign_of_its_own_and_a_meaning() -> None:
    assert len({mark.sign for mark in Mark}) == len(Mark)
    assert all(mark.sign.isupper() == mark.is_gap for mark in Mark)
    assert legend([Mark.FAILED, Mark.COMPLETE]) == ". complete, F failed"


def test_reports_that_look_alike_share_a_line_and_a_quiet_time_takes_one() -> None:
    row = [Mark.COMPLETE] * 60
    bad = [*row]
    bad[20] = Mark.FAILED
    reports = [a_report("one", row), a_report("two", row), a_report("three", bad)]
    assert list(calendar_lines(reports, 25)) == [
        "",
        "2026-01-01 to 2026-01-18: nothing is lacking",
        "2026-01-19 to 2026-02-01",
        "..F...........  three",
        "..............  2 reports",
        "2026-02-02 to 2026-02-15: nothing is lacking",
        "2026-02-16 to 2026-03-01",
        "..............  3 reports",
    ]
