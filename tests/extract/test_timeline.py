"""Cells of a website are found by when their windows are."""

from __future__ import annotations

from databuddy_source.extract.timeline import Timeline
from databuddy_source.model.windows import ONE_DAY, Grain, tile
from tests.cells import DAY

ZONE = "America/New_York"


def test_a_timeline_finds_what_lies_inside_and_what_touches() -> None:
    timeline: Timeline[str] = Timeline()
    for name, grain in {"hour": Grain.HOUR, "day": Grain.DAY, "month": Grain.MONTH}.items():
        for number, window in enumerate(tile(DAY, DAY + ONE_DAY, ZONE, grain)):
            timeline.add((window.start, window.end), f"{name} {number}")
    day = tile(DAY, DAY, ZONE)[0]
    span = day.start, day.end
    assert sorted(timeline.inside(span)) == sorted(["day 0", *(f"hour {n}" for n in range(24))])
    assert timeline.at(span) == ["day 0"]
    found = [name for each in timeline.touching(span) for name in timeline.at(each)]
    assert sorted(found) == sorted(["day 0", "month 0", *(f"hour {n}" for n in range(24))])


def test_where_there_is_nothing_nothing_is_found() -> None:
    timeline: Timeline[str] = Timeline()
    day, later = tile(DAY, DAY + ONE_DAY, "UTC")
    timeline.add((day.start, day.end), "day")
    span = later.start, later.end + ONE_DAY
    assert timeline.at(span) == ()
    assert timeline.inside(span) == []
    assert [*timeline.touching(span)] == []


def test_what_lies_in_a_span_of_several_days_is_found_once() -> None:
    timeline: Timeline[str] = Timeline()
    (week,) = tile(DAY, DAY, ZONE, Grain.WEEK)
    span = week.start, week.end
    for name in ("one", "two"):
        timeline.add(span, name)
    assert timeline.inside(span) == timeline.at(span) == ["one", "two"]
    assert [*timeline.touching(span)] == [span]
    assert [*timeline] == [(span, ["one", "two"])]
