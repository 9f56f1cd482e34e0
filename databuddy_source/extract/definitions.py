"""A table holds one kind of rows: a run that would mix two is refused. Pure: no warehouse here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

from databuddy_source.coverage.queries import Definition
from databuddy_source.errors import OtherDays, OtherReport
from databuddy_source.model.reports import Cell


def refuse_a_mixture(cells: Iterable[Cell], held: Mapping[str, Set[Definition]]) -> None:
    """Refuse cells whose rows do not go with those that a table has.

    Args:
        cells: what is about to be fetched.
        held: what the tables of the warehouse hold, by report.

    Raises:
        OtherDays: a table holds days of another time zone.
        OtherReport: a table holds another report.
    """
    wanted = {cell.report: cell for cell in cells}
    for report in sorted(wanted, key=lambda each: each.name):
        now = Definition.of(wanted[report])
        for before in sorted(held.get(report.name, set()) - {now}, key=str):
            if replace(before, time_zone=now.time_zone) == now:
                raise OtherDays(
                    f"The table {report.name} holds days of {before.time_zone}, and this run "
                    f"would cut them in {now.time_zone}"
                )
            raise OtherReport(f"The table {report.name} holds {before}, and not {now}")
