"""A digest of the rows of a cell, by which an answer is known to say what the last one said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
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

_JSON: Final = msgspec.json.Encoder(order="deterministic")


def digest_of(rows: Sequence[Mapping[str, object]], query_type: QueryType) -> str:
    """A digest of rows: the same for those that say the same, in any order, whatever the last
    digits are of numbers that the catalogue calls unstable.

    Args:
        rows: as they came.
        query_type: whose they are, as the server has it.

    Returns:
        The scheme and 24 characters; where rows have columns that differ from call to call, or
        that the catalogue does not know, 24 more without these.
    """
    if nearly := query_type.nearly:
        rows = [_steady(row, nearly) for row in rows]
    parts = [SCHEME, _of(rows)]
    if query_type.columns:
        odd = {*query_type.estimated, *query_type.left_out}
        steady = query_type.columns.keys() - odd
        if not all(row.keys() <= steady for row in rows):
            parts.append(_of([{k: row[k] for k in steady & row.keys()} for row in rows]))
    return ":".join(parts)


def says_the_same(digest: str | None, other: str | None) -> bool:
    """Whether two answers say the same, but for what servers estimate anew in each, and for columns
    that came later.

    Args:
        digest, other: of either; None for one that is not known.
    """
    return bool(digest and other) and _steady_part(str(digest)) == _steady_part(str(other))


def _steady_part(digest: str) -> tuple[str, str]:
    scheme, *parts = digest.split(":")
    return scheme, parts[-1]


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
