"""What a warehouse has and nobody chooses any more, as what `remove` has to be told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TypeAlias

Place: TypeAlias = tuple[str, str]
"""Id of a website, and name of a report."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """What one call of `remove` takes out: these reports of these websites.

    Attributes:
        websites: ids; none stands for all.
        reports: names of tables; none stands for all.
    """

    websites: tuple[str, ...]
    reports: tuple[str, ...]


def leftovers(there: Collection[Place], chosen: Collection[Place]) -> list[Leftover]:
    """What takes out exactly those that are there and not chosen, in as few calls as are easily
    understood: whole websites, whole reports, then single ones by website.

    Args:
        there: of which the warehouse has anything.
        chosen: by the configuration, also those of which nothing is there.
    """
    return list(_leftovers({*there} - {*chosen}, chosen))


def _leftovers(others: Collection[Place], chosen: Collection[Place]) -> Iterator[Leftover]:
    websites_chosen = {website_id for website_id, _ in chosen}
    reports_chosen = {report for _, report in chosen}
    if websites := {website_id for website_id, _ in others} - websites_chosen:
        yield Leftover(tuple(sorted(websites)), ())
    of_chosen = [place for place in others if place[0] in websites_chosen]
    if reports := {report for _, report in of_chosen} - reports_chosen:
        yield Leftover((), tuple(sorted(reports)))
    single = defaultdict(set)
    for website_id, report in of_chosen:
        if report in reports_chosen:
            single[website_id].add(report)
    for website_id, names in sorted(single.items()):
        yield Leftover((website_id,), tuple(sorted(names)))
