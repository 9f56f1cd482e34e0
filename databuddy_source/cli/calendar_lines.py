"""A calendar in lines of text, no wider than the terminal. Pure.

One character stands for a day, or for a week or a month where a report has such windows. What is
well is a small sign and what is lacking a capital letter, so it can be read without colour.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from databuddy_source import ReportStatus
from databuddy_source.model.statuses import Mark
from databuddy_source.model.windows import ONE_DAY, Grain, span

_GAP_SIGNS = {mark.sign for mark in Mark if mark.is_gap}
_BEFORE = " "
_UNITS = {Grain.HOUR: Grain.DAY}
_LEAST = 7


def calendar_lines(reports: Sequence[ReportStatus], width: int) -> Iterator[str]:
    """The calendar of one website's reports. Reports that look alike share a line, and a time in
    which nothing is lacking takes one line, unless it is the newest.

    Args:
        reports: of one website.
        width: columns of the terminal.
    """
    units: dict[Grain, list[ReportStatus]] = defaultdict(list)
    for each in reports:
        if each.calendar:
            units[_UNITS.get(each.grain, each.grain)].append(each)
    for unit in (Grain.DAY, Grain.WEEK, Grain.MONTH):
        if unit in units:
            yield ""
            yield from _of_unit(unit, units[unit], width)


def _of_unit(unit: Grain, reports: Sequence[ReportStatus], width: int) -> Iterator[str]:
    signs = {each.report: {day: mark.sign for day, mark in each.marks.items()} for each in reports}
    dates = _axis(unit, {day for own in signs.values() for day in own})
    labels = max(len(f"{len(reports)} reports"), *map(len, signs))
    across = max(_LEAST, (width - labels - 2) // _LEAST * _LEAST)
    # the newest part is full, the oldest one may be shorter
    starts = [*range(len(dates) - across, 0, -across), 0]
    quiet: list[date] = []
    for start in reversed(starts):
        part = dates[start : start + across] if start else dates[: len(dates) % across or across]
        lines = _alike(signs, part)
        newest = part[-1] == dates[-1]
        if not newest and not any(_GAP_SIGNS & set(line) for line in lines):
            quiet += part
            continue
        if quiet:
            yield f"{_span(quiet)}: nothing is lacking"
            quiet = []
        yield _head(unit, part)
        for line, names in lines.items():
            yield f"{line}  {names[0] if len(names) == 1 else f'{len(names)} reports'}"


def _axis(unit: Grain, days: set[date]) -> list[date]:
    """The dates of the columns."""
    if unit is not Grain.DAY:
        return sorted(days)
    first, last = min(days), max(days)
    return [first + number * ONE_DAY for number in range((last - first).days + 1)]


def _alike(
    signs: Mapping[str, Mapping[date, str]], part: Sequence[date]
) -> Mapping[str, Sequence[str]]:
    """Names of reports by their line, those that lack something first."""
    lines: dict[str, list[str]] = defaultdict(list)
    for name, own in signs.items():
        line = "".join(own.get(day, _BEFORE) for day in part)
        if line.strip():
            lines[line].append(name)
    return dict(sorted(lines.items(), key=lambda item: (not _GAP_SIGNS & set(item[0]), item[1])))


def _head(unit: Grain, part: Sequence[date]) -> str:
    first, last = str(part[0]), str(part[-1])
    between = len(part) - len(first) - len(last)
    named = first + " " * between + last if between > 0 else _span(part)
    return named if unit is Grain.DAY else f"{named}  ({unit}s)"


def _span(part: Sequence[date]) -> str:
    return span(part[0], part[-1])


def legend(marks: Iterable[Mark]) -> str:
    """What the signs of these marks mean."""
    present = set(marks)
    return ", ".join(f"{mark.sign} {mark.words}" for mark in Mark if mark in present)
