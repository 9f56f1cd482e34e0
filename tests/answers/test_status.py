"""What the calendars of a warehouse add up to."""

from __future__ import annotations

from databuddy_source.answers.status import ReportStatus, WarehouseStatus
from databuddy_source.coverage.marks import Known, Marked
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from tests.cells import DAY


def a_report(*marks: Mark) -> ReportStatus:
    """A day for each mark; what was asked for has ten rows."""
    windows = tile(DAY, DAY + (len(marks) - 1) * ONE_DAY, "UTC")
    calendar = [
        Marked(window, Known(mark, rows=10 if mark.is_asked else 0))
        for window, mark in zip(windows, marks, strict=True)
    ]
    return ReportStatus("shop", None, "top_pages", Grain.DAY, "UTC", None, None, calendar)


def test_it_covers_the_days_that_were_asked_for() -> None:
    one = a_report(Mark.MISSING, Mark.FAILED, Mark.MISSING, Mark.RESTATED, Mark.DUE, Mark.DUE)
    assert (one.first, one.last) == (DAY + ONE_DAY, DAY + 3 * ONE_DAY)
    assert one.rows == 20
    never = a_report(Mark.MISSING, Mark.DUE)
    assert (never.first, never.last) == (None, None)


def test_what_heal_would_ask_for_is_lacking_and_nothing_else() -> None:
    every = WarehouseStatus([a_report(*Mark), a_report(Mark.FAILED, Mark.COMPLETE)], [])
    assert every.cells == {**dict.fromkeys(Mark, 1), Mark.FAILED: 2, Mark.COMPLETE: 2}
    assert every.lacking == sum(gap.cells for each in every.reports for gap in each.gaps) == 5
    assert not every.is_complete
    well = {mark for mark in Mark if not mark.is_gap}
    assert WarehouseStatus([a_report(*well)], []).is_complete
