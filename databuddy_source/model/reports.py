"""Reports and cells: what is to be fetched, and into which table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, field_validator

from databuddy_source.model.generations import OPERATORS, Generation
from databuddy_source.model.query_types import QueryType
from databuddy_source.model.windows import Grain, Window


class Condition(BaseModel):
    """One filter of a report."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    field: str
    """One of those that the server allows for the query type; the message on a wrong one lists
    them."""

    op: str
    """In the spelling of 2026; the documented one (`like`, `notIn`) is understood."""

    value: str | int | float | bool | tuple[str | int | float, ...]
    """A list for `in` and `not_in`."""

    @field_validator("op")
    @classmethod
    def _one_spelling(cls, op: str) -> str:
        for name in OPERATORS:
            if op == name or op in {each.operators.get(name) for each in Generation}:
                return name
        raise ValueError(f"must be one of {', '.join(OPERATORS)}")

    @field_validator("value", mode="before")
    @classmethod
    def _plain(cls, value: object) -> object:
        several = value if isinstance(value, list | tuple) else [value]
        if not all(isinstance(each, str | int | float) for each in several):
            raise ValueError("must be text, a number, or a list of them")
        return value

    @property
    def generations(self) -> frozenset[Generation]:
        """The servers that have the operator."""
        return frozenset(each for each in Generation if self.op in each.operators)


@dataclass(frozen=True)
class Report:
    """A query type with a grain, and perhaps filters; it fills one table.

    Attributes:
        name: of the table.
        query_type: as the server's generation behaves.
        grain: length of its windows.
        filters: all have to hold.
        named: the user asked for it by name, so that its failure is not passed over.
    """

    name: str
    query_type: QueryType
    grain: Grain = Grain.DAY
    filters: tuple[Condition, ...] = ()
    named: bool = False

    def __hash__(self) -> int:
        return hash((self.name, self.grain))

    @property
    def follows_page_views(self) -> bool:
        """Whether what it had stays as long as there are page views."""
        return bool(self.query_type.follows) and not self.filters

    @property
    def always_has_rows(self) -> bool:
        """Whether it has rows of each window in which there are page views, and counts them."""
        return self.query_type.always and not self.query_type.in_utc and not self.filters

    @property
    def is_series_of_days(self) -> bool:
        """Whether one answer has a row of its own for each of many days."""
        return self.query_type.ranged and self.grain is Grain.DAY

    @property
    def filters_text(self) -> str | None:
        """The filters as JSON; None without any."""
        dumped: list[dict[str, Any]] = [each.model_dump() for each in self.filters]
        return orjson.dumps(dumped).decode() if dumped else None


@dataclass(frozen=True, slots=True)
class Cell:
    """What is fetched, replaced, recorded and retried as a whole."""

    website_id: str
    report: Report
    window: Window

    def __hash__(self) -> int:
        # cells are keys of many dicts, and all fields of a window take ten times as long
        return hash((self.website_id, self.report.name, self.window.start))

    @property
    def series(self) -> tuple[str, Report]:
        """Website and report: the cells that succeed and fail alike."""
        return self.website_id, self.report

    def __str__(self) -> str:
        return f"{self.report.name} of {self.website_id} on {self.window}"


def day_zone(query_type: QueryType, reporting: str, generation: Generation | None = None) -> str:
    """The time zone that cuts the days of a query type's reports.

    Args:
        query_type: as the server's generation behaves, where that is known.
        reporting: IANA name of the zone that the user set.
        generation: of the server; None where no server was asked.
    """
    if query_type.in_utc:
        return "UTC"
    return generation.zone(reporting) if generation else reporting
