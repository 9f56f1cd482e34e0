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
