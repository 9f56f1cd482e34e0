"""What one dataset has and another one, whose windows were cut otherwise, lacks."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from databuddy_source.coverage.reading import BROUGHT, Tables, coverage_rows, tables_of
from databuddy_source.errors import BadConfiguration
from databuddy_source.model.windows import span

if TYPE_CHECKING:
    import dlt

SHOWN: Final = 3
"""As many gaps as an error names."""

HOUR: Final = timedelta(hours=1)

LONGEST_DAY: Final = timedelta(hours=27)
"""Windows that are longer say of no single day that somebody came."""


class Filled(NamedTuple):
    """A window that was answered.

    Attributes:
        start, end: its instants, UTC.
        date: its first day.
        has_data: whether anybody came.
    """

    start: datetime
    end: datetime
    date: date
    has_data: bool


Windows = Mapping[tuple[str, str], Sequence[Filled]]
"""By website and report, oldest first."""


@dataclass(frozen=True, slots=True)
class Lacking:
    """What one website and report lacks.

    Attributes:
        first, last: first days of the oldest and the newest window.
        windows: how many.
    """

    website_id: str
    report: str
    first: date
    last: date
    windows: int

    def __str__(self) -> str:
        days = span(self.first, self.last)
        return f"{self.report} of {self.website_id}, {days} ({self.windows:,} windows)"


def answered(warehouse: dlt.Pipeline | Tables) -> Windows:
    """The windows that a dataset has an answer for."""
    with tables_of(warehouse) as tables:
        found = coverage_rows(
            tables,
            "SELECT website_id, report, window_start, window_end, date, "
            f"{{rows}} > 0 AND NOT silent FROM {{table}} WHERE status IN ({BROUGHT}) "
            "OR ({rows} > 0 AND NOT silent) ORDER BY website_id, report, window_start",
        )
    return {
        place: [
            Filled(start.astimezone(UTC), end.astimezone(UTC), day, bool(has_data))
            for _, _, start, end, day, has_data in rows
        ]
        for place, rows in groupby(found, key=lambda row: (str(row[0]), str(row[1])))
    }


def lacking(old: Windows, new: Windows) -> Iterator[Lacking]:
    """What the old dataset has data for and the new one has none.

    An old day lies in two new ones, so one of these has what it had. A report that shows what
    happened often may lose it to the cut: then another one of the website has data there.

    Args:
        old, new: of two datasets with the same websites and reports.
    """
    busy: dict[str, set[Filled]] = defaultdict(set)
    for (website_id, _), windows in new.items():
        days = (each for each in windows if each.has_data and each.end - each.start <= LONGEST_DAY)
        busy[website_id].update(days)  # those of most reports are the same
    hours = {
        website_id: {hour for each in days for hour in _hours(each)}
        for website_id, days in busy.items()
    }
    for (website_id, report), windows in sorted(old.items()):
        own = new.get((website_id, report), ())
        with_data = [each for each in own if each.has_data]
        gone = [
            each
            for each in windows
            if each.has_data
            and not _meets(each, with_data)
            and not (
                _meets(each, own) and not hours.get(website_id, set()).isdisjoint(_hours(each))
            )
        ]
        if gone:
            yield Lacking(website_id, report, gone[0].date, gone[-1].date, len(gone))


def refuse_left_out(dataset: str, found: Sequence[Lacking]) -> None:
    """Refuse a configuration that does not choose all that a dataset has.

    Args:
        dataset: its name.
        found: what is not chosen.

    Raises:
        BadConfiguration: there is something.
    """
    if found:
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        raise BadConfiguration(
            f"The configuration leaves out what {dataset} has: "
            f"{'; '.join(map(str, found[:SHOWN]))}{more}",
            "Choose it, take it out with `remove`, or let it go with --allow-gaps.",
        )


def _meets(one: Filled, others: Sequence[Filled]) -> bool:
    """Whether it has an instant in common with one of these, which are in order."""
    at = bisect_right(others, one.start, key=lambda each: each.end)
    return at < len(others) and others[at].start < one.end


def _hours(window: Filled) -> Iterable[datetime]:
    start = window.start.replace(minute=0, second=0, microsecond=0)
    return (start + HOUR * each for each in range(-((start - window.end) // HOUR)))
