"""Whether two lists of rows say the same. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from databuddy_source.model.query_types import Kind, QueryType

Row = Mapping[str, Any]

RELATIVE = 1e-6
"""How far apart the last digits of an unstable average may be."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How rows of a query type are compared.

    Attributes:
        key: columns that tell a row from the others, if any do.
        nearly: columns whose last digits differ from call to call.
        left_out: columns of which a server picks any value, or estimates one.
        by_one: a count that differs by one with the days that are asked for together, and after it
            what is averaged over what it counts.
    """

    key: tuple[str, ...] = ()
    nearly: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    by_one: tuple[str, ...] = ()

    @classmethod
    def of(cls, query_type: QueryType) -> Self:
        """What the catalogue says of the type's unstable columns."""
        key = tuple(name for name in query_type.key if query_type.columns.get(name) != Kind.DATE)
        return cls(
            key,
            frozenset(query_type.nearly),
            frozenset({*query_type.left_out, *query_type.estimated}),
            query_type.by_one,
        )

    def apart(self, mine: Row, theirs: Row) -> frozenset[str]:
        """The columns that are not compared of two rows."""
        if self.by_one:
            count, *_ = self.by_one
            here, there = mine.get(count), theirs.get(count)
            if isinstance(here, int) and isinstance(there, int) and abs(here - there) == 1:
                return self.left_out.union(self.by_one)
        return self.left_out


def differences(held: Sequence[Row], api: Sequence[Row], tolerance: Tolerance) -> list[str]:
    """What differs between the rows of the warehouse and those of the API, one sentence each;
    empty when they are equal. The order of rows means nothing."""
    named = _by_key(held, tolerance.key), _by_key(api, tolerance.key)
    if all(len(rows) == 1 for side in named for rows in side.values()):
        return list(_by_row(*named, tolerance))
    left, right = (_exact(rows, tolerance) for rows in (held, api))
    found = []
    for name in sorted({*left, *right}, key=repr):
        mine, theirs = left.get(name, []), right.get(name, [])
        if len(mine) != len(theirs):
            found.append(f"{dict(name)}: {len(mine)} rows here, {len(theirs)} at the server")
        elif not all(map(_alike, sorted(mine), sorted(theirs))):
            found.append(f"{dict(name)}: {mine} here, {theirs} at the server")
    return found


def _by_row(
    held: Mapping[tuple[Any, ...], list[Row]],
    api: Mapping[tuple[Any, ...], list[Row]],
    tolerance: Tolerance,
) -> Iterable[str]:
    for key in sorted({*held, *api}, key=repr):
        pairs = zip(tolerance.key, key, strict=True)
        what = ", ".join(f"{name} {value!r}" for name, value in pairs) or "the row"
        if key not in api:
            yield f"{what} is here, but not at the server"
        elif key not in held:
            yield f"{what} is at the server, but not here"
        else:
            (mine,), (theirs,) = held[key], api[key]
            for name in sorted({*mine, *theirs} - tolerance.apart(mine, theirs)):
                here, there = _plain(mine.get(name)), _plain(theirs.get(name))
                if here != there and not (name in tolerance.nearly and _near(here, there)):
                    yield f"{what}: {name} is {here} here and {there} at the server"


def _by_key(rows: Sequence[Row], key: Sequence[str]) -> dict[tuple[Any, ...], list[Row]]:
    found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(_plain(row.get(name)) for name in key)].append(row)
    return found


def _exact(
    rows: Sequence[Row], tolerance: Tolerance
) -> dict[tuple[tuple[str, Any], ...], list[tuple[float, ...]]]:
    """The unstable numbers of rows, by everything else in them."""
    found: dict[tuple[tuple[str, Any], ...], list[tuple[float, ...]]] = defaultdict(list)
    apart = tolerance.nearly | tolerance.left_out
    for row in rows:
        exact = tuple(
            (name, _plain(row[name]))
            for name in sorted(row)
            if name not in apart and row[name] is not None
        )
        numbers = (row.get(name) for name in sorted(tolerance.nearly))
        found[exact].append(tuple(-math.inf if each is None else each for each in numbers))
    return found


def _alike(left: tuple[float, ...], right: tuple[float, ...]) -> bool:
    return all(map(_near, left, right))


def _near(left: Any, right: Any) -> bool:
    if not (isinstance(left, int | float) and isinstance(right, int | float)):
        return False
    return math.isclose(left, right, rel_tol=RELATIVE, abs_tol=RELATIVE)


def _plain(value: Any) -> Any:
    """A value that equals itself wherever it comes from."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC).isoformat()
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return value
