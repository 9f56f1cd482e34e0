"""A server that answers at once with prepared bytes, in a process of its own.

It speaks as much of the 2026 API as a sync needs. The only work for a request is to read which
ids and query types were asked and to put prepared rows under each id, so that what a benchmark
measures is not the server.
"""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
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


class _Api(asyncio.Protocol):
    def __init__(self, cells: list[bytes], websites: bytes, types: bytes) -> None:
        self._cells = cells
        self._websites = websites
        self._types = types
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
            self._answer(self._rows(body))
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

    def _answer(self, parts: list[bytes]) -> None:
        length = sum(map(len, parts))
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}"
        self._transport.writelines([head.encode() + b"\r\n\r\n", *parts])


def website_ids(count: int) -> list[str]:
    """The websites that the server lists."""
    return [f"site-{number:04}" for number in range(count)]


async def _serve(rows: int, websites: int) -> None:
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
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Api(cells, *answers), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving(rows: int, websites: int) -> Iterator[str]:
    """A running server.

    Args:
        rows: of each cell.
        websites: that it lists.

    Returns:
        Its address, with `/v1`.
    """
    command = [sys.executable, __file__, str(rows), str(websites)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        port = int(process.stdout.readline())
        try:
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
