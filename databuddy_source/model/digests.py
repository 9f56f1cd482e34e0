"""A digest of the rows of a cell, by which an answer is known to say what the last one said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from hashlib import blake2b
from typing import Final

import msgspec

from databuddy_source.model.query_types import QueryType

SCHEME: Final = "2"
"""How digests are made, and how rows become columns. Raised when either changes: then no answer
says what the last one said, and what syncs ask for is written anew."""

STEADY_DIGITS: Final = 6
"""Of an unstable number, how many are the same in each answer. Sums of floats differ about the
twelfth."""

_BYTES: Final = 12

_COUNT: Final = "/"
"""Before a count that differs by one."""

_JSON: Final = msgspec.json.Encoder(order="deterministic")


def digest_of(rows: Sequence[Mapping[str, object]], query_type: QueryType) -> str:
    """A digest of rows: the same for those that say the same, in any order, whatever the last
    digits are of numbers that the catalogue calls unstable.

    Args:
        rows: as they came.
        query_type: whose they are, as the server has it.

    Returns:
        The scheme and 24 characters; where rows have columns that differ from call to call, or
        that the catalogue does not know, 24 more without these; of a type with a count that differs
        by one, that count and 24 more without it and its averages.
    """
    if nearly := query_type.nearly:
        rows = [_steady(row, nearly) for row in rows]
    parts = [SCHEME, _of(rows)]
    if query_type.columns:
        odd = {*query_type.estimated, *query_type.left_out}
        steady = query_type.columns.keys() - odd
        if not all(row.keys() <= steady for row in rows):
            parts.append(_of(_only(steady, rows)))
        if query_type.by_one and len(rows) == 1:
            count = rows[0].get(query_type.by_one[0])
            if isinstance(count, int):
                apart = _of(_only(steady - {*query_type.by_one}, rows))
                parts.append(f"{apart}{_COUNT}{count}")
    return ":".join(parts)


def _only(names: Set[str], rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    return [{name: row[name] for name in names & row.keys()} for row in rows]


def says_the_same(digest: str | None, other: str | None) -> bool:
    """Whether two answers say the same, but for what servers estimate anew in each, for a count
    that differs by one with the days that are asked for together, and for columns that came later.

    Args:
        digest, other: of either; None for one that is not known.
    """
    if not digest or not other:
        return False
    (scheme, steady, apart), (of_other, steady_other, apart_other) = map(_parts, (digest, other))
    if scheme != of_other:
        return False
    if steady == steady_other:
        return True
    (rest, _, count), (rest_other, _, count_other) = (
        each.partition(_COUNT) for each in (apart, apart_other)
    )
    if not (rest == rest_other != "" and count.isdecimal() and count_other.isdecimal()):
        return False
    return abs(int(count) - int(count_other)) == 1


def _parts(digest: str) -> tuple[str, str, str]:
    """The scheme, what is the same in each answer, and what is so whatever is asked together."""
    scheme, *parts = digest.split(":")
    apart = parts.pop() if _COUNT in parts[-1] else ""
    return scheme, parts[-1], apart


def is_current(digest: str | None) -> bool:
    """Whether a digest was made as this version makes them.

    Args:
        digest: as coverage has it.
    """
    return digest is not None and digest.startswith(f"{SCHEME}:")


def _of(rows: Sequence[Mapping[str, object]]) -> str:
    lines = _lines(rows).split(b"\n")  # JSON has none within a row
    return blake2b(b"\n".join(sorted(lines)), digest_size=_BYTES).hexdigest()


def _steady(row: Mapping[str, object], nearly: Sequence[str]) -> Mapping[str, object]:
    steady = dict(row)
    for name in nearly:
        if isinstance(value := steady.get(name), float):
            steady[name] = f"{value:.{STEADY_DIGITS}g}"
    return steady


def _lines(rows: Sequence[Mapping[str, object]]) -> bytes:
    try:
        return _JSON.encode_lines(rows)
    except UnicodeEncodeError:  # half a surrogate pair
        return "\n".join(json.dumps(row, sort_keys=True) for row in rows).encode()
