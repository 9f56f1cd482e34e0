"""What is known of each query type: `query_types.toml` and its reader.

The API says which types exist; this catalogue adds what it does not say. A type that is not in
here loads all the same, with the safe general behaviour of `QueryType`'s defaults.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Set
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from databuddy_source.model.generations import Generation
from databuddy_source.model.windows import Grain


class Shape(StrEnum):
    """What the rows of a result are."""

    SUMMARY = "summary"
    """one row for the window"""
    BREAKDOWN = "breakdown"
    """one row for each value of a dimension"""
    TIME_SERIES = "time_series"
    """rows that bring their own date"""
    LOG = "log"
    """one row for each thing that happened, newest first"""
    SNAPSHOT = "snapshot"
    """about now; ignores the window"""


class Kind(StrEnum):
    """What a column holds, and so its type and whether it may be summed."""

    TEXT = "text"
    DATE = "date"
    """the series' own date, YYYY-MM-DD"""
    TIME = "time"
    """an instant, sent as UTC without an offset"""
    COUNT = "count"
    """whole number, may be summed over rows and windows"""
    COUNT_OVER_ROWS = "count_over_rows"
    """whole number of what stands in one row of a window, and perhaps in the next window again:
    may be summed over the rows of one window"""
    COUNT_OVER_WINDOWS = "count_over_windows"
    """whole number of what other rows of the window count, too: may be summed over windows, with
    one row from each"""
    UNIQUE = "unique"
    """whole number of different visitors, sessions, ...: must not be summed"""
    WHOLE = "whole"
    """whole number that is no count, or a wrong one: must not be summed"""
    AMOUNT = "amount"
    """money, may be summed over rows and windows"""
    NUMBER = "number"
    """average, percentage, median, rate: must not be summed"""
    JSON = "json"
    """nested, kept as JSON text"""

    @property
    def adds_up(self) -> bool | None:
        """Whether values may be summed over rows and windows; None where that is no question."""
        if self in {Kind.COUNT, Kind.AMOUNT}:
            return True
        return False if self in {Kind.UNIQUE, Kind.WHOLE, Kind.NUMBER} else None

    @property
    def is_number(self) -> bool:
        """Whether values are numbers of whatever kind."""
        return self in _COUNTS or self in {Kind.WHOLE, Kind.NUMBER}

    @property
    def counts(self) -> bool:
        """Whether zero means that there was nothing. An average or a rate may be anything then."""
        return self in _COUNTS


_COUNTS = {
    *(Kind.COUNT, Kind.COUNT_OVER_ROWS, Kind.COUNT_OVER_WINDOWS),
    *(Kind.UNIQUE, Kind.AMOUNT),
}


class Subject(StrEnum):
    """What a type is about."""

    WEBSITE = "website"
    LINK = "link"
    MONITOR = "monitor"
    ORGANISATION = "organisation"
    VISITOR = "visitor"


_NOT_LOADABLE = {
    Subject.LINK: "it needs the id of a short link, which a website does not have",
    Subject.MONITOR: "it needs the id of an uptime monitor, which a website does not have",
    Subject.ORGANISATION: "it answers for the whole organisation, the same for each website",
    Subject.VISITOR: "it needs a filter on one visitor",
}


GATES: Mapping[str, str] = {"Errors": "errors"}
"""The gate of all types of a category."""


class QueryType(BaseModel):
    """One query type. The defaults are what is safe for a type nobody has described.

    Attributes:
        name: canonical name; also the table's.
        since, until: the first and the last generation of servers that have it; the last one is
            None where the newest ones have it, too.
        default: part of the selection `"default"`.
        default_by: longer windows that are part of it, too, where days do not add up to them.
        personal: about single visitors; loads only when it is named.
        aliases: the names that the documentation uses.
        key: columns that together are different in each row; empty when none are.
        buckets: how a series cuts its days: "timezone" follows the setting, "utc" never does.
        hours: whether a series takes `granularity: hourly`.
        pages: whether `page` is honoured; where not, each page is page 1 again.
        limit: whether `limit` is honoured.
        limit_counts: columns whose different values `limit` counts, instead of rows.
        limit_per: columns for each value of which `limit` counts anew.
        merged: rows are merged after the limit, so a full result is wrong, not just short.
        rest_by: field of the filter that leaves out rows by their only key, so that what is beyond
            one page comes without pages; empty where that was not tried.
        shares: columns that say in per cent, with two digits, what part a row has of the sum of
            another column over all rows.
        trailing_days: the window has to reach back this many days to say anything.
        margin_days: the row of a day depends on the days around it, so a series is asked for so
            many days more on either side, by plain dates. Also where buckets follow a time zone:
            some servers read plain dates as days of UTC, others as days of the zone.
        unstable: columns that differ from call to call: of numbers the last digits, of others all.
        estimated: columns that a server estimates once there is much to count, so that they differ
            from call to call, and `verify` cannot count them.
        by_one: a count that differs by one with the days that are asked for together, and after it
            what is averaged over what it counts.
        end_is_midnight: the server reads the end date as 00:00:00.
        follows: "pageviews" where it has rows whenever there are page views that have a value to
            break them down by, so that it cannot have lost its rows beside another such type that
            counts some.
        always: it has rows whenever there are page views at all, and counts them in `pageviews`.
        fails: failed on every call when measured.
        gate: the part of a server that the type belongs to, where a plan may lack that part, or an
            installation may not have it set up: one of its types then fails a whole request.
        slows_packs: it sends a column that it does not declare, so that a server asks its store
            once for each question of a request that holds it, instead of once for many.
        columns: in the API's order.
        means: what columns mean here, where that is not what `columns.toml` says of their name: the
            name of another entry there, or fields of `Meaning`, with `like` for that name.
        longer: for columns of a series of days that do not add up: the query type and column that
            have the number of a week or month.
        known: False for a type that only the server knows.
        differs: what servers of 2025 do differently than those of April 2026, and what a later
            generation changed for all that came after: attributes by their names.
        changes: what numbers of the same name mean since a generation, in words.
        redefined: the counts and rates of windows among them whose numbers since then are not to be
            compared with those before, nor added to them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    shape: Shape = Shape.BREAKDOWN
    since: Generation = min(Generation)
    until: Generation | None = None
    scope: Subject = Subject.WEBSITE
    default: bool = False
    default_by: tuple[Grain, ...] = ()
    personal: bool = False
    aliases: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    buckets: str = ""
    hours: bool = False
    pages: bool = True
    limit: bool = True
    limit_counts: tuple[str, ...] = ()
    limit_per: tuple[str, ...] = ()
    merged: bool = False
    rest_by: str = ""
    shares: Mapping[str, str] = {}
    trailing_days: int = 0
    margin_days: int = 0
    unstable: tuple[str, ...] = ()
    estimated: tuple[str, ...] = ()
    by_one: tuple[str, ...] = ()
    end_is_midnight: bool = False
    follows: Literal["", "pageviews"] = ""
    always: bool = False
    fails: bool = False
    gate: str = ""
    slows_packs: bool = False
    columns: Mapping[str, Kind] = {}
    means: Mapping[str, str | Mapping[str, str]] = {}
    longer: Mapping[str, str] = {}
    known: bool = True
    differs: Mapping[Generation, Mapping[str, Any]] = {}
    changes: Mapping[Generation, str] = {}
    redefined: Mapping[Generation, tuple[str, ...]] = {}

    def on(self, generation: Generation) -> QueryType:
        """This type as a server of that generation behaves."""
        different: dict[str, Any] = {}
        for each in self.differs:
            if each == generation or Generation.G2026_04 < each < generation:
                different |= self.differs[each]
        if not different:
            return self
        return QueryType.model_validate({**self.model_dump(exclude={"differs"}), **different})

    def of_category(self, category: str | None) -> QueryType:
        """This type with the gate of a category, as the server calls it, where nobody has described
        the type. Servers since October 2026 have error types that older ones have not."""
        gate = GATES.get(category or "", "")
        return self.model_copy(update={"gate": gate}) if gate and not self.known else self

    @property
    def generations(self) -> tuple[Generation, ...]:
        """Of the servers that have it, newest first."""
        return tuple(
            each for each in reversed(Generation) if self.since <= each <= (self.until or each)
        )

    @property
    def in_utc(self) -> bool:
        """Whether its days are UTC days on each server, whatever zone is asked for."""
        return self.buckets == "utc"

    @property
    def why_not_loadable(self) -> str:
        """Why this type cannot fill a table of a website, or an empty string."""
        if self.scope in _NOT_LOADABLE:
            return _NOT_LOADABLE[self.scope]
        if self.shape is Shape.SNAPSHOT:
            return "it is about now and ignores the window, so a day can never be loaded"
        return ""

    def why_not_by(self, grain: Grain, generation: Generation | None = None) -> str:
        """Why the API has no windows of this length for the type, or an empty string.

        Args:
            grain: length of the windows.
            generation: of the server; None for what is so on each.
        """
        if grain is Grain.DAY:
            return ""
        if self.shape is Shape.TIME_SERIES:
            if grain is not Grain.HOUR:
                return "it has a row for each day, and days do not add up to a longer window"
            return "" if self.hours else "it knows days only"
        if grain is Grain.HOUR and self.trailing_days:
            return f"it looks back over {self.trailing_days} days"
        if grain is Grain.HOUR and generation and not generation.takes_offsets:
            return "this server knows whole days only"
        return ""

    @property
    def counting(self) -> tuple[str, ...]:
        """The columns that count things: zeros in all of them mean that there was nothing."""
        return tuple(name for name, kind in self.columns.items() if kind.counts)

    @property
    def nearly(self) -> tuple[str, ...]:
        """The columns whose last digits differ from call to call."""
        return tuple(name for name in self.unstable if self.columns.get(name) is Kind.NUMBER)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The columns in which any of several values comes."""
        return tuple(name for name in self.unstable if name not in self.nearly)

    @property
    def keeps_to_its_window(self) -> bool:
        """Whether all that it counts happened inside the window: not so where it looks back, or
        where a server takes the first instant of the next day for its end."""
        return not (self.trailing_days or self.end_is_midnight)

    @property
    def of_instants(self) -> bool:
        """Whether each row is one thing that happened at one instant, so that a window may be cut
        in two. The rows of sessions and visitors have a first and a last instant."""
        if self.shape is not Shape.LOG:
            return False
        return sum(kind is Kind.TIME for kind in self.columns.values()) == 1

    @property
    def ranged(self) -> bool:
        """Whether one question may cover many days, because the rows bring their dates and a
        day's row does not depend on days further away than the margin."""
        return self.shape is Shape.TIME_SERIES and not self.trailing_days


class Catalog:
    """All known query types, in the order of the file."""

    def __init__(self, types: Iterable[QueryType]) -> None:
        self._types = {query_type.name: query_type for query_type in types}
        self._names = {
            name: query_type.name
            for query_type in self._types.values()
            for name in (query_type.name, *query_type.aliases)
        }

    def __iter__(self) -> Iterator[QueryType]:
        return iter(self._types.values())

    def get(self, name: str) -> QueryType:
        """The type with this canonical name or alias; the general one when nobody knows it."""
        canonical = self.canonical(name)
        return self._types.get(canonical) or QueryType(name=canonical, known=False)

    def generation_of(self, names: Set[str]) -> Generation:
        """The generation of a server; the newest known one for those that came later.

        Args:
            names: what its answer to `GET /query/types` has: fields, those of what it says of
                single types, and query types.
        """
        types = (each for each in self if each.name in names)
        came = (each.since for each in types if each.since.told_by_types)
        return max((Generation.marked(names), *came))

    def canonical(self, name: str) -> str:
        """The catalogue's name for a name that the documentation or a server uses."""
        return self._names.get(name, name)

    def selection(self, which: str) -> list[str]:
        """The names of the reports behind `"default"` or `"all"`."""
        return [
            query_type.name + grain.suffix
            for query_type in self._types.values()
            for grain in (Grain.DAY, *query_type.default_by)
            if (query_type.default or which == "all")
            and not query_type.why_not_loadable
            and not query_type.personal
        ]

    def spelled_for(self, name: str, listed: Iterable[str]) -> str | None:
        """How a server that lists these types spells a canonical name, or None if it lacks it."""
        known = set(listed)
        spellings = (name, *self.get(name).aliases)
        return next((spelling for spelling in spellings if spelling in known), None)

    def suggestions(self, name: str, listed: Iterable[str]) -> list[str]:
        """Names of types that the server has and that look like a wrong one, best first."""
        known = set(listed)
        spelled = {
            alias
            for alias, canonical in self._names.items()
            if self.spelled_for(canonical, known) is not None
        }
        return difflib.get_close_matches(name.lower(), known | spelled, n=3, cutoff=0.5)


@cache
def load_catalog() -> Catalog:
    """Read `query_types.toml`, once in a process."""
    text = files(__package__).joinpath("query_types.toml").read_text(encoding="utf-8")
    return Catalog(
        QueryType.model_validate({"name": name, **entry})
        for name, entry in tomllib.loads(text).items()
    )
