"""Bodies of requests as tests need them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx

from databuddy_source.api.models import Parameter, QueryBody


def a_body(start: str, end: str | None = None, **more: Any) -> QueryBody:
    """One question: the pages of one day, or up to another one."""
    end = end or start
    granularity = more.pop("granularity", None)
    question = Parameter(
        name="top_pages", id="c0", start_date=start, end_date=end, granularity=granularity
    )
    whole = {"id": "b0", "startDate": start, "endDate": end, "limit": 100, **more}
    return QueryBody(parameters=[question], **whole)


class OnTheLine(httpx.AsyncByteStream):
    """A body as a server sends it, piece by piece; httpx unpacks what a response is made of."""

    def __init__(self, *pieces: bytes, more: Iterable[bytes] = ()) -> None:
        self.pieces = pieces
        self.more = more

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece
        for piece in self.more:
            yield piece
