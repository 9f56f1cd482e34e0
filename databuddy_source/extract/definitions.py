"""A table holds one kind of rows: a run that would mix two is refused, and one whose server defines
something anew is told so. Pure: no warehouse here."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from databuddy_source.clock import same_days
from databuddy_source.coverage.parts import Definition, Part
from databuddy_source.coverage.redefinitions import redefinition
from databuddy_source.errors import OtherDays, OtherReport
from databuddy_source.model.generations import Generation
from databuddy_source.model.query_types import load_catalog
from databuddy_source.model.reports import Cell, day_zone

logger = logging.getLogger("databuddy_source")


def refuse_a_mixture(cells: Iterable[Cell], parts: Iterable[Part]) -> None:
    """Refuse cells whose rows do not go with those that a table has.

    Args:
        cells: what is about to be fetched.
        parts: what the tables of the warehouse hold.

    Raises:
        OtherDays: a table holds days of another time zone.
        OtherReport: a table holds another report.
    """
    wanted = {cell.report: cell for cell in cells}
    held: dict[str, dict[Definition, set[Generation | None]]] = defaultdict(dict)
    for part in parts:
        held[part.report].setdefault(part.definition, set()).add(part.generation)
    for report in sorted(wanted, key=lambda each: each.name):
        now = Definition.of(wanted[report])
        for before in sorted(held[report.name].keys() - {now}, key=str):
            if replace(before, time_zone=now.time_zone) == now:
                if same_days(before.time_zone, now.time_zone):
                    continue
                generations = held[report.name][before]
                if all(each and each.zone(now.time_zone) != now.time_zone for each in generations):
                    old = " and ".join(sorted(each.called for each in generations if each))
                    raise OtherDays(
                        f"The table {report.name} holds days of {before.time_zone}, since a server "
                        f"of {old} knows no others. This one is newer, and would cut them in "
                        f"{now.time_zone}",
                        f'Go on with sources.databuddy.timezone = "{before.time_zone}", load all '
                        f"days anew with `rebuild --timezone {now.time_zone}`, or sync into "
                        "another dataset (--dataset).",
                    )
                raise OtherDays(
                    f"The table {report.name} holds days of {before.time_zone}, and this run "
                    f"would cut them in {now.time_zone}",
                    OtherDays.default_todo.replace("ZONE", now.time_zone),
                )
            raise OtherReport(f"The table {report.name} holds {before}, and not {now}")


def other_zones(parts: Iterable[Part], zone: str) -> list[str]:
    """The zones of days that another zone would cut otherwise, in alphabetical order.

    Args:
        parts: what the tables of a dataset hold.
        zone: IANA name of the other one.
    """
    found = set()
    for part in parts:
        query_type = load_catalog().get(part.definition.query_type)
        if part.generation:
            query_type = query_type.on(part.generation)
        if not same_days(part.definition.time_zone, day_zone(query_type, zone)):
            found.add(part.definition.time_zone)
    return sorted(found)


def refuse_other_zones(dataset: str, parts: Iterable[Part], zone: str) -> None:
    """Refuse to go on with a dataset that is not there yet, in yet another zone.

    Args:
        dataset: its name.
        parts: what its tables hold.
        zone: IANA name.

    Raises:
        OtherDays: its days are of another one.
    """
    if others := other_zones(parts, zone):
        raise OtherDays(
            f"The dataset {dataset} was begun with days of {' and '.join(others)}",
            "Go on in that zone, or drop it, or name another one with --beside.",
        )


def refuse_utc_only(generation: Generation, zone: str) -> None:
    """Refuse a server that cannot cut days in a zone.

    Args:
        generation: of the server.
        zone: IANA name.

    Raises:
        OtherDays: it knows UTC days only.
    """
    if generation.zone(zone) != zone:
        raise OtherDays(
            f"This server knows UTC days only, and no days of {zone}", "Update the server first."
        )


def tell_redefinitions(
    cells: Iterable[Cell], parts: Iterable[Part], generation: Generation
) -> None:
    """Say in the log which tables mean something else from this run on. Each is named once: from
    then on the table has days of this generation.

    Args:
        cells: what is about to be fetched.
        parts: what the tables of the warehouse hold.
        generation: of the server.
    """
    wanted = {cell.report.name for cell in cells}
    held: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        held[part.report].append(part)
    found = [
        redefined
        for report, own in sorted(held.items())
        if report in wanted
        and generation not in {each.generation for each in own}
        and (redefined := redefinition(own, generation))
    ]
    if found:
        before = sorted({each for redefined in found for each in redefined.changes})
        logger.warning(
            "This server is of %s, and the warehouse has days of %s. These reports mean something "
            "else from now on: %s. Old days stay as they are; `status` says what changed, and how "
            "to load them anew.",
            generation.called,
            " and ".join(each.called for each in before),
            ", ".join(each.report + (each.columns and f" ({each.columns})") for each in found),
        )
