"""What each generation of the server can do: a row of data for each.

What a generation changes about single query types stands with them in `query_types.toml`. Nobody
else asks which generation a server is of: they ask what it can do.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Generation(StrEnum):
    """A generation of the server, called by the time since which there is one, so that names sort
    by age. Oldest first."""

    G2025 = "2025"
    G2026_04 = "2026-04"
    G2026_06 = "2026-06"
    G2026_10 = "2026-10"

    @classmethod
    def marked(cls, names: Set[str]) -> Generation:
        """The newest generation that has one of these names for a mark, else the oldest.

        Args:
            names: what its answer to `GET /query/types` has: fields, those of what it says of
                single types, and query types.
        """
        oldest, *others = cls
        told = (each for each in reversed(others) if ABILITIES[each].marks & names)
        return next(told, oldest)

    @property
    def called(self) -> str:
        """What a person calls it."""
        return ABILITIES[self].called

    @property
    def takes_offsets(self) -> bool:
        """Whether a window may start at any instant; else the server knows plain UTC dates only."""
        return ABILITIES[self].takes_offsets

    @property
    def told_by_types(self) -> bool:
        """Whether a server that has one of the types that came with it is of it, or newer."""
        return ABILITIES[self].told_by_types

    @property
    def answers_each_body(self) -> bool:
        """Whether an array of bodies has an answer for each, also where one of them throws."""
        return ABILITIES[self].answers_each_body

    @property
    def takes_website_keys(self) -> bool:
        """Whether a key is let in that has scopes for single websites only."""
        return ABILITIES[self].takes_website_keys

    @property
    def max_limit(self) -> int:
        """The largest `limit` that is accepted."""
        return ABILITIES[self].max_limit

    @property
    def operators(self) -> Mapping[str, str]:
        """Its operators of filters: our name, and its spelling."""
        return ABILITIES[self].operators

    def zone(self, reporting: str) -> str:
        """The time zone in which its days are cut when a user wants those of `reporting`; both are
        IANA names."""
        return reporting if self.takes_offsets else "UTC"


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a generation can do.

    Attributes:
        called: what a person calls it.
        marks: names in `GET /query/types` that no older generation sends, without those of types
            that the catalogue describes.
        told_by_types: whether one of the types that it added tells it, too. Not in April 2026: a
            server before it may have had some, and knew plain dates only.
        takes_offsets: whether a window may start at any instant.
        max_limit: the largest `limit` that is accepted.
        operators: of filters: our name, and how it is spelled there. Those that are left out it
            does not have.
        answers_each_body: whether a body that throws takes no other of its array with it.
        takes_website_keys: whether a key is let in that has scopes for single websites only.
    """

    called: str
    marks: frozenset[str]
    takes_offsets: bool
    max_limit: int
    operators: Mapping[str, str]
    told_by_types: bool = False
    answers_each_body: bool = False
    takes_website_keys: bool = False


_APRIL: Final = Abilities(
    called="April 2026",
    marks=frozenset({"presets", "requestId"}),
    takes_offsets=True,
    max_limit=10_000,
    operators={
        "eq": "eq",
        "ne": "ne",
        "in": "in",
        "not_in": "not_in",
        "contains": "contains",
        "not_contains": "not_contains",
        "starts_with": "starts_with",
    },
)

ABILITIES: Final[Mapping[Generation, Abilities]] = {
    Generation.G2025: Abilities(
        called="2025",
        marks=frozenset(),
        takes_offsets=False,
        max_limit=1_000,
        operators={
            "eq": "eq",
            "ne": "ne",
            "in": "in",
            "not_in": "notIn",
            "contains": "like",
            "gt": "gt",
            "lt": "lt",
        },
    ),
    Generation.G2026_04: _APRIL,
    Generation.G2026_06: replace(
        _APRIL,
        called="June 2026",
        marks=frozenset({"publicAccess"}),
        told_by_types=True,
        answers_each_body=True,
    ),
    # how it binds windows is not known for sure, and does not matter to how it is asked
    Generation.G2026_10: replace(
        _APRIL,
        called="October 2026",
        # types that it added and nobody has described
        marks=frozenset(
            {
                *("identified_profile_retention", "error_customer_impact"),
                *("error_route_continuation_comparison", "mcp_tools", "mcp_clients", "mcp_errors"),
            }
        ),
        told_by_types=True,
        answers_each_body=True,
        takes_website_keys=True,
    ),
}
"""The documentation spells operators like 2025; ours are the names of 2026."""

MARKED: Final = frozenset[str]().union(*(each.marks for each in ABILITIES.values()))
"""The marks of all generations."""

OPERATORS: Final = tuple(
    dict.fromkeys(name for each in reversed(Generation) for name in each.operators)
)
"""Our names of all operators that any generation has."""
