"""`python -m tests.api.taking ROW NUMBERED LAST`: takes the largest answer of such rows that is
taken, and prints the peak of the process, with all that a sync has loaded, in bytes."""

from __future__ import annotations

import asyncio
import resource
import sys
import zlib
from collections.abc import Iterator

import duckdb
import httpx
import pyarrow as pa

from databuddy_source.api.answers import LARGEST_DECODED, decoded_size
from databuddy_source.api.budget import Budget
from databuddy_source.api.client import Client
from databuddy_source.api.traffic import LARGEST_ANSWER
from databuddy_source.cli.load import load
from tests.api.bodies import OnTheLine, a_body

AT_ONCE = 10_000
BESIDE = 10_000
"""Bytes for what is around the rows."""

LOADED = (duckdb, pa, load)
"""What a sync has in memory besides."""


def body(row: bytes, last: bytes, *, numbered: bool) -> Iterator[bytes]:
    """As many rows as are taken, compressed; with `numbered`, members of one object instead."""
    one = (row % 0 if numbered else row) + b","
    number = (LARGEST_DECODED - BESIDE) // decoded_size(one)
    number = min(number, (LARGEST_ANSWER - BESIDE) // len(one))
    packing = zlib.compressobj(1, wbits=zlib.MAX_WBITS | 16)
    yield packing.compress(b'{"data":[{"parameter":"c0","success":true,"data":[')
    yield packing.compress(b"{" if numbered else b"")
    for start in range(0, number, AT_ONCE):
        some = range(start, min(start + AT_ONCE, number))
        rows = b"".join(row % n + b"," for n in some) if numbered else one * len(some)
        yield packing.compress(rows)
    yield packing.compress(last + b"]}]}") + packing.flush()


async def take(row: bytes, last: bytes, *, numbered: bool) -> int:
    """How many rows came."""
    stream = OnTheLine(more=body(row, last, numbered=numbered))
    answer = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=stream)
    client = Client("http://127.0.0.1/v1", None, Budget(10))
    client._http = httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer))
    async with client:
        found = await client.query("web_1", [a_body("2026-11-11")], "UTC")
    return len(found["c0"].data)


if __name__ == "__main__":
    row, numbered, last = sys.argv[1:]
    assert asyncio.run(take(row.encode(), last.encode(), numbered=bool(numbered)))
    unit = 1 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
