"""Rows as servers write them: to which cell each belongs, and numbers that come as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

from databuddy_source.fetch.packing import Question
from databuddy_source.model.query_types import QueryType, Shape
from databuddy_source.model.reports import Cell
from databuddy_source.model.results import Row
from databuddy_source.model.windows import ONE_DAY, Grain

WIDTHS: Final = {Grain.DAY: len("2026-11-20"), Grain.HOUR: len("2026-11-20 16:00:00")}
"""Of the names of days and hours as servers of today write them."""

TO_THE_HOUR: Final = len("2026-11-20 16")

NUMERAL: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<rest>\.[0-9]+)?(?P<power>[eE][+-]?[0-9]+)?")
"""A number as JSON writes it."""

LONGEST: Final = 40
"""Characters of a numeral, and of what a server sent that a reason shows."""


class OddRows(ValueError):
    """Rows of which nobody knows whose they are."""


def rows_by_cell(question: Question, rows: list[Row]) -> dict[Cell, list[Row]]:
    """Rows by the cell whose day or hour they name, as servers of today write it. Those of a margin
    are left out.

    Args:
        question: that was asked.
        rows: all of its answer.

    Raises:
        OddRows: some name what was not asked for, or nothing.
    """
    query_type = question.report.query_type
    is_dated = query_type.shape is Shape.TIME_SERIES and any("date" in row for row in rows)
    is_range = question.cells[0].window.is_range
    if is_range or not is_dated:
        has_margin = question.bucketed and not is_range and query_type.margin_days > 0
        if rows and (len(question.cells) > 1 or has_margin):
            raise OddRows("the rows of the answer bring no date")
        return dict.fromkeys(question.cells, rows)
    names = question.labels
    by_name: dict[str, list[Row]] = {name: [] for name in names}
    # a range is asked for up to the second after it, or with its margin; where servers know dates
    # only, or cut them in another zone, there may be a day more
    margin = query_type.margin_days if question.bucketed else 0
    first, last = (date.fromisoformat(name[:10]) for name in (names[0], names[-1]))
    earliest = first - (margin + 1) * ONE_DAY if margin else first
    latest = last + (margin + 1) * ONE_DAY
    for row in rows:
        name = bucket_of(row.get("date"), question.timezone, question.labelled)
        if name in by_name:
            by_name[name].append(row if row["date"] == name else {**row, "date": name})
        elif query_type.trailing_days:
            continue
        elif not earliest.isoformat() <= name[:10] <= latest.isoformat():
            raise OddRows("the answer has days outside of the window")
        elif names[0][:TO_THE_HOUR] <= name[:TO_THE_HOUR] <= names[-1][:TO_THE_HOUR]:
            raise OddRows(f"the answer has a part of the window that nobody asked for: {name}")
    return {cell: by_name[name] for cell, name in zip(question.cells, names, strict=True)}


def bucket_of(value: object, zone: str, grain: Grain) -> str:
    """The name of a day or hour as `windows.label` gives it.

    Servers write `2026-11-20` and `2026-11-20 16:00:00`, in the zone that was asked for. An instant
    is taken, too, where it can mean one thing only: midnight by the words is that day, in whatever
    zone.

    Args:
        value: what a row has in `date`.
        zone: IANA name of what cuts the days.
        grain: DAY or HOUR.

    Raises:
        OddRows: it is no day or hour, or may be one of two.
    """
    text = str(value)
    if len(text) == WIDTHS[grain] and text[10:11] in {"", " "}:
        return text
    shown = repr(text[:LONGEST])
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        raise OddRows(f"the answer has a date that is none: {shown}") from None
    plain = written.replace(tzinfo=None)
    if written.tzinfo is None or (grain is Grain.DAY and plain.time() == time()):
        local = plain
    else:
        local = written.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        if grain is Grain.HOUR and local != plain:
            raise OddRows(f"the answer has an hour that may be of {zone} or not: {shown}")
    return local.isoformat(" ", "seconds")[: WIDTHS[grain]]


def with_numbers(rows: Sequence[Row], query_type: QueryType) -> None:
    """Make numbers of what a server writes as text where the catalogue has a number, as stores do
    with whole numbers of 64 bits. What is no number stays.

    Args:
        rows: of an answer; changed in place.
        query_type: of all of them.
    """
    for column, kind in query_type.columns.items():
        if kind.is_number and any(type(row.get(column)) is str for row in rows):
            for row in rows:
                if isinstance(text := row.get(column), str):
                    row[column] = _number(text)


def _number(text: str) -> object:
    found = NUMERAL.fullmatch(text) if len(text) <= LONGEST else None
    if not found:
        return text
    return float(text) if found["rest"] or found["power"] else int(text)
