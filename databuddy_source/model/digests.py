"""A digest of the rows of a cell, by which an answer is known to say what the last one said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from databuddy_source.model.query_types import QueryType

SCHEME: Final = "1"
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
        26 characters.
    """
    if nearly := query_type.nearly:
        rows = [_steady(row, nearly) for row in rows]
    lines = _lines(rows).split(b"\n")  # JSON has none within a row
    whole = blake2b(b"\n".join(sorted(lines)), digest_size=_BYTES)
    return f"{SCHEME}:{whole.hexdigest()}"


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
