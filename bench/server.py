"""A server that answers at once with prepared bytes, in a process of its own.

It speaks as much of the 2026 API as a sync needs. The only work for a request is to read which
ids and query types were asked and to put prepared rows under each id, so that what a benchmark
measures is not the server. It may enforce a rate limit: so many queries in a sliding window,
rejected ones counted, too, as servers of 2026 do.
"""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import orjson

TYPES = ("top_pages", "entry_pages", "exit_pages", "browser_name", "country")
VARIANTS = 16
"""Days that differ. More would only cost the server's caches."""

_PARAMETER = re.compile(rb'"name":"([^"]+)","id":"([^"]+)","start_date":"([^"]+)"')
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def rows_of(count: int, variant: int) -> bytes:
    """The rows of one cell as a server sends them: whole shares without a fraction, too."""
    chance = random.Random(variant)
    rows = []
    views = 40 * count
    for number in range(count):
        views -= chance.randrange(40)
        share = round(chance.random() * 100, 2) if number % 10 else chance.randrange(100)
        path = f"/{chance.choice(('blog', 'docs', 'shop'))}/{chance.randrange(1000)}/{number}"
        rows.append(
            {"name": path, "pageviews": views, "visitors": views * 2 // 3, "percentage": share}
        )
    return orjson.dumps(rows)


class Count:
    """What arrived: when each query came, how many were rejected, and the latest of them."""

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._latest: deque[float] = deque()
        self.arrivals: list[float] = []
        self.rejected = 0

    def takes(self) -> bool:
        """Count a query; whether it may be answered."""
        now = time.monotonic()
        while self._latest and self._latest[0] <= now - self._window:
            self._latest.popleft()
        self._latest.append(now)
        self.arrivals.append(now)
        taken = not self._limit or len(self._latest) <= self._limit
        self.rejected += not taken
        return taken

    @property
    def reset(self) -> int:
        """In epoch milliseconds."""
        return int((time.time() + self._window) * 1000)


class _Api(asyncio.Protocol):
    def __init__(self, cells: list[bytes], websites: bytes, types: bytes, count: Count) -> None:
        self._cells = cells
        self._websites = websites
        self._types = types
        self._count = count
        self._read = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = bytes(self._read).partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        if length and len(body) < int(length[1]):
            return
        self._read.clear()
        if head.startswith(b"POST"):
            if self._count.takes():
                self._answer(self._rows(body))
            else:
                reset = f"429 Too Many Requests\r\nx-ratelimit-reset: {self._count.reset}"
                self._answer([b'{"success":false,"code":"RATE_LIMITED","error":"slow"}'], reset)
        elif b"/counted" in head:
            arrivals, rejected = self._count.arrivals, self._count.rejected
            counted = {"queries": len(arrivals), "rejected": rejected}
            span = {"first": arrivals[0], "last": arrivals[-1]} if arrivals else {}
            self._answer([orjson.dumps(counted | span)])
            if b"/counted/anew" in head:
                self._count.arrivals, self._count.rejected = [], 0
        else:
            self._answer([self._websites if b"/query/websites" in head else self._types])

    def _rows(self, body: bytes) -> list[bytes]:
        parts = [b'{"success":true,"queryId":"b0","requestId":"r","data":[']
        separator = b""
        for _, name, start in _PARAMETER.findall(body):
            parts.append(separator + b'{"parameter":"' + name + b'","success":true,"data":')
            parts.append(self._cells[int(start[8:10]) % VARIANTS])
            parts.append(b"}")
            separator = b","
        parts.append(b'],"meta":{"timezone":"UTC"}}')
        return parts

    def _answer(self, parts: list[bytes], status: str = "200 OK") -> None:
        length = sum(map(len, parts))
        head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}"
        self._transport.writelines([head.encode() + b"\r\n\r\n", *parts])


def website_ids(count: int) -> list[str]:
    """The websites that the server lists."""
    return [f"site-{number:04}" for number in range(count)]


async def _serve(rows: int, websites: int, limit: int, window: float) -> None:
    cells = [rows_of(rows, variant) for variant in range(VARIANTS)]
    listed = [{"id": id_, "name": id_, "domain": None} for id_ in website_ids(websites)]
    types = {
        "success": True,
        "types": TYPES,
        "configs": {},
        "presets": ["today"],
        "requestId": "r",
    }
    answers = orjson.dumps({"success": True, "websites": listed}), orjson.dumps(types)
    count = Count(limit, window)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Api(cells, *answers, count), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving(rows: int, websites: int, limit: int = 0, window: float = 60.0) -> Iterator[str]:
    """A running server.

    Args:
        rows: of each cell.
        websites: that it lists.
        limit: queries in the window; 0 for no limit.
        window: its seconds.

    Returns:
        Its address, with `/v1`.
    """
    command = [sys.executable, __file__, *map(str, (rows, websites, limit, window))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(_serve(*map(int, sys.argv[1:4]), float(sys.argv[4])))
