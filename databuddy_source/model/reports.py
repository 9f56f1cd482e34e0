"""Reports and cells: what is to be fetched, and into which table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, field_validator

from databuddy_source.api.models import Filter, Generation
from databuddy_source.model.query_types import QueryType
from databuddy_source.model.windows import Grain, Window

_BOTH = (Generation.G2025, Generation.G2026)
OPERATORS: Mapping[str, Mapping[Generation, str]] = {
    "eq": dict.fromkeys(_BOTH, "eq"),
    "ne": dict.fromkeys(_BOTH, "ne"),
    "in": dict.fromkeys(_BOTH, "in"),
    "not_in": {Generation.G2025: "notIn", Generation.G2026: "not_in"},
    "contains": {Generation.G2025: "like", Generation.G2026: "contains"},
    "not_contains": {Generation.G2026: "not_contains"},
    "starts_with": {Generation.G2026: "starts_with"},
    "gt": {Generation.G2025: "gt"},
    "lt": {Generation.G2025: "lt"},
}
"""How each generation spells an operator, if it has it. The documentation spells like 2025."""


class Condition(BaseModel):
    """One filter of a report."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

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
        for name, spellings in OPERATORS.items():
            if op == name or op in spellings.values():
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
        return frozenset(OPERATORS[self.op])

    def on(self, generation: Generation) -> Filter:
        """The filter as servers of a generation spell it, which has to be one of `generations`."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return Filter(field=self.field, op=OPERATORS[self.op][generation], value=value)


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

    def zone(self, reporting: str, takes_offsets: bool) -> str:
        """The time zone that cuts this report's days: UTC where the server knows no other."""
        if not takes_offsets or self.query_type.buckets == "utc":
            return "UTC"
        return reporting

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
