"""What the rows of a table are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from databuddy_source.coverage.parts import SUNDAY, Definition
from databuddy_source.model.reports import Cell
from databuddy_source.model.windows import Grain, Weeks, tile
from tests.cells import DAY, a_report


@pytest.mark.parametrize(
    ("grain", "weeks", "week_start"),
    [
        (Grain.DAY, Weeks.ISO, None),
        (Grain.MONTH, Weeks.ISO, None),
        (Grain.WEEK, Weeks.ISO, 0),
        (Grain.WEEK, Weeks.SUNDAY, SUNDAY),
    ],
)
def test_a_cell_tells_the_definition_of_its_table(
    grain: Grain, weeks: Weeks, week_start: int | None
) -> None:
    report = replace(a_report("country"), name="places", grain=grain)
    window = tile(DAY, DAY, "Europe/Berlin", grain, weeks)[0]
    found = Definition.of(Cell("shop", report, window))
    assert found == Definition("Europe/Berlin", grain.value, "country", None, week_start)
