"""Bodies of requests as tests need them."""

from __future__ import annotations

from typing import Any

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
