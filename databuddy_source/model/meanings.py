"""What columns mean: `columns.toml`, with what a query type says otherwise in its `means`."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from databuddy_source.model.query_types import Kind, QueryType, Shape
from databuddy_source.model.windows import Grain


class Unit(StrEnum):
    """What a number counts in. Where nothing is said, counts are counts and amounts money."""

    COUNT = "count"
    """how many"""
    PERCENT = "percent"
    """0 to 100"""
    SHARE = "share"
    """0 to 1"""
    RATIO = "ratio"
    """one count over another one"""
    SECONDS = "seconds"
    """a length of time"""
    MILLISECONDS = "milliseconds"
    """a length of time"""
    CURRENCY = "currency"
    """the main unit of the currency of the payment, with its cents behind the point"""
    CHARACTERS = "characters"
    """the length of a text"""
    FRAMES = "frames"
    """pictures that a page showed in a second"""
    VITAL = "vital"
    """milliseconds, of CLS none, of FPS frames a second"""
    FLAG = "flag"
    """1 or 0"""
    NONE = "none"
    """a number that counts in nothing: a score, a place, a line of code"""
    UNKNOWN = "unknown"
    """no server that was called sent a value that tells"""


UNITS: Final[Mapping[Unit, str]] = {
    Unit.COUNT: "",
    Unit.PERCENT: "per cent, 0 to 100",
    Unit.SHARE: "a share, 0 to 1",
    Unit.RATIO: "",
    Unit.SECONDS: "seconds",
    Unit.MILLISECONDS: "milliseconds",
    Unit.CURRENCY: "the currency of the payments",
    Unit.CHARACTERS: "characters",
    Unit.FRAMES: "frames a second",
    Unit.VITAL: "milliseconds, of CLS none, of FPS frames a second",
    Unit.FLAG: "",
    Unit.NONE: "none",
    Unit.UNKNOWN: "not known",
}
"""How a unit is called where people read it; empty where the sentence says it."""

_UNITS: Final = "units"
"""Of the other numbers of a row, by the value of a column."""

_OF_KIND: Final = {
    **dict.fromkeys((Kind.COUNT, Kind.COUNT_OVER_ROWS, Kind.COUNT_OVER_WINDOWS), Unit.COUNT),
    Kind.UNIQUE: Unit.COUNT,
    Kind.WHOLE: Unit.COUNT,
    Kind.AMOUNT: Unit.CURRENCY,
}

_LONGER: Final = {
    Grain.HOUR: (Grain.DAY, Grain.WEEK, Grain.MONTH),
    Grain.DAY: (Grain.WEEK, Grain.MONTH),
    Grain.WEEK: (Grain.MONTH,),
    Grain.MONTH: (),
}

_ASKED_ANEW: Final = frozenset({Kind.UNIQUE, Kind.NUMBER, Kind.COUNT_OVER_ROWS})
"""What the API has for a longer window, and a sum over shorter ones is not."""


class Meaning(BaseModel):
    """What a column means.

    Attributes:
        label: for the head of a table or a chart.
        says: what it counts or holds: a sentence without its full stop.
        unit: of a number; None for texts and times.
        sign: what surprises about its sign; empty where nothing does.
        of: what a share is a share of.
        weight: the column with which an average of several windows is made of theirs; empty where
            none gives the server's own number.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    says: str
    unit: Unit | None = None
    sign: str = ""
    of: str = ""
    weight: str = ""


@cache
def _shared() -> Mapping[str, Mapping[str, Any]]:
    text = files(__package__).joinpath("columns.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def meaning_of(query_type: QueryType, column: str) -> Meaning | None:
    """What a column of a query type means.

    Args:
        query_type: as the server's generation behaves.
        column: the API's name of it.

    Returns:
        None for a column that the catalogue does not know.
    """
    kind = query_type.columns.get(column)
    if kind is None:
        return None
    said = query_type.means.get(column, {})
    own = {"like": said} if isinstance(said, str) else dict(said)
    shared = {**_shared()[own.pop("like", column)]}
    shared.pop(_UNITS, None)
    return Meaning.model_validate({"unit": _OF_KIND.get(kind), **shared, **own})


def vital_units() -> Mapping[str, Unit]:
    """What each web vital is measured in, by its name as the column `metric_name` has it. Others
    are not known."""
    return {metric: Unit(unit) for metric, unit in _shared()["metric_name"][_UNITS].items()}


def asked_instead(
    query_type: QueryType, column: str, grain: Grain, spelled: Callable[[str], str] = str
) -> tuple[str, ...]:
    """The reports, and in which column, that have the number of a longer window where a sum or an
    average of this one's would be wrong, such as `summary_metrics_weekly.unique_visitors`. Empty
    where the API has none, or a sum is right.

    Args:
        query_type: as the server's generation behaves.
        column: the API's name of it.
        grain: length of the windows at hand.
        spelled: how a warehouse calls a column; the API's names without.
    """
    if query_type.columns.get(column) not in _ASKED_ANEW or query_type.shape is Shape.LOG:
        return ()
    name, _, there = query_type.longer.get(column, f"{query_type.name}.{column}").partition(".")
    grains = [
        each
        for each in _LONGER[grain]
        if name != query_type.name or not query_type.why_not_by(each)
    ]
    return tuple(f"{name}{each.suffix}.{spelled(there)}" for each in grains)


def shared_names() -> frozenset[str]:
    """The entries of `columns.toml`."""
    return frozenset(_shared())
