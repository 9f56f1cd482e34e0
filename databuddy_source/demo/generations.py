"""What the generations of the server do differently: one row of properties for each.

Which query types and columns a generation has stands in `query_types/`, everything else here. The
rows of 2025, April and June 2026 say what running servers of those months did. The row of October
2026 is read from the open source of that time, mostly from its tests; what nobody has seen it do
is marked as likely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

Generation = Literal["2025", "2026-04", "2026-06", "2026-10"]
GENERATIONS: tuple[Generation, ...] = get_args(Generation)

# Spellings of before April had successors; nothing else here knows them.
_ALSO: Mapping[str, Generation] = {"2026": "2026-04"}

# operator -> condition; {column} is a name from a query type's allowed filters, {value} is bound
_OPERATORS_2025: Mapping[str, str] = {
    "eq": "{column} = {value}",
    "ne": "{column} <> {value}",
    "like": "contains(lower({column}), lower({value}))",
    "gt": "{column} > {value}",
    "lt": "{column} < {value}",
    "in": "list_contains({value}, {column})",
    "notIn": "NOT list_contains({value}, {column})",
}
_OPERATORS_2026: Mapping[str, str] = {
    "eq": "{column} = {value}",
    "ne": "{column} <> {value}",
    "contains": "contains({column}, {value})",
    "not_contains": "NOT contains({column}, {value})",
    "starts_with": "starts_with({column}, {value})",
    "in": "list_contains({value}, {column})",
    "not_in": "NOT list_contains({value}, {column})",
}
_ERROR_TYPES = frozenset(
    {
        "recent_errors", "error_types", "errors_by_page", "errors_by_type", "error_summary",
        "error_chart_data", "error_trends", "error_frequency",
    }
)  # fmt: skip
_OVERVIEW_TYPES = frozenset(
    {
        "summary_metrics", "today_metrics", "events_by_date", "top_pages", "entry_pages",
        "exit_pages", "page_time_analysis", "traffic_sources", "top_referrers", "utm_sources",
        "utm_mediums", "utm_campaigns", "device_types", "browser_name", "os_name", "country",
        "region", "city", "outbound_links", "outbound_domains",
    }
)  # fmt: skip
_PRESETS = (
    "today", "yesterday", "last_7d", "last_14d", "last_30d", "last_90d", "this_month", "last_month",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One generation of the server. `ancestors` are those whose changes to a type still hold.

    Requests:
        dates_in_body: dates are read from the body and required there, else from the query string.
        takes_times: dates may have a time of day and an offset; else plain dates only.
        windows_in_zone: both ends of a window are wall time of the request's zone, else UTC. A
            datetime with an offset has become UTC wall time by then, so it moves twice.
        buckets_in_zone: labels follow the request's time zone where a type has a choice.
        own_date_refuses: a parameter's unreadable date refuses the request, else it fails alone.
        max_limit: largest `limit`.
        refuses_in_advance: an unknown type or too large a limit is a 400 for the whole request,
            else only its parameter fails.
        invalid_status: of a body with invalid values; wrong_type: status and code of one whose
            values have the wrong JSON types.
        too_small: what is said of a limit or page below 1.
        max_hourly_days: more days of hours than this make the query throw; None: any.
        throws_alone: a body that throws takes one place in an array, else the whole request fails.
        compile_max_limit: larger ones are a 500 from `compile`; None: as `max_limit`.

    Filters:
        operators: operator -> SQL condition.
        drops_filters: on fields that a type does not allow; else they fail the parameter.
        common_filters: allowed for all types that do not refuse them, beside their own.

    Answers:
        page_share: what percentages of breakdowns are shares of, as SQL.
        query_error: what a failing query says instead of the database's text; "" passes that on.
        request_ids: answers carry `requestId`.
        presets: the list in `GET types`; () leaves it out.
        tells_public: `GET types` says of each type whether it has `publicAccess`.
        undeclared: columns that rows have and the types' meta data does not name.
        health: whether `/health` lists the parts of the server.
        exports: people in the dashboard may export a file.

    Access:
        open_types: `GET types` needs no key.
        foreign_is_empty: another organisation's website has no events; else it is a 403.
        without_website: a request that names no website is refused (400), empty, or about all
            websites of the organisation.
        website_scopes: a key whose only scopes are those of its websites reads them; else it is
            refused up front (401).
        public_types: what a public website answers to anybody, unfiltered; None: everything.
        gated: types that the free plan does not have. A request with one of them is refused;
            gates_organisation: one about the whole organisation too.

    Limits:
        retry_after: a 429 says when to come back, in its headers and its body.
        in_flight: requests of one key at a time; None: any number.
        compile_requests: in a minute; None: any number.
    """

    name: Generation
    operators: Mapping[str, str]
    ancestors: tuple[Generation, ...] = ()

    dates_in_body: bool = True
    takes_times: bool = True
    windows_in_zone: bool = False
    buckets_in_zone: bool = True
    own_date_refuses: bool = True
    max_limit: int = 10_000
    refuses_in_advance: bool = True
    invalid_status: int = 400
    wrong_type: tuple[int, str] = (500, "VALIDATION")
    too_small: str = "{label} must be at least 1"
    max_hourly_days: int | None = 30
    throws_alone: bool = False
    compile_max_limit: int | None = 1_000

    drops_filters: bool = False
    common_filters: tuple[str, ...] = ()

    page_share: str = "count(DISTINCT anonymous_id)"
    query_error: str = ""
    request_ids: bool = True
    presets: tuple[str, ...] = _PRESETS
    tells_public: bool = False
    undeclared: frozenset[str] = frozenset()
    health: bool = False
    exports: bool = False

    open_types: bool = True
    foreign_is_empty: bool = False
    without_website: Literal["refused", "empty", "organisation"] = "empty"
    website_scopes: bool = False
    public_types: frozenset[str] | None = None
    gated: frozenset[str] = frozenset()
    gates_organisation: bool = False

    retry_after: bool = False
    in_flight: int | None = None
    compile_requests: int | None = None


_APRIL = Behaviour("2026-04", _OPERATORS_2026)
_OLDEST = replace(
    _APRIL,
    name="2025",
    dates_in_body=False,
    takes_times=False,
    buckets_in_zone=False,
    max_limit=1_000,
    refuses_in_advance=False,
    invalid_status=422,
    wrong_type=(422, "VALIDATION_ERROR"),
    too_small="Expected number to be greater or equal to 1: {field}",
    max_hourly_days=None,
    compile_max_limit=None,
    operators=_OPERATORS_2025,
    page_share="count(*)",
    request_ids=False,
    presets=(),
    health=True,
    exports=True,
    open_types=False,
    foreign_is_empty=True,
    without_website="refused",
)
_JUNE = replace(
    _APRIL,
    name="2026-06",
    ancestors=("2026-04",),
    wrong_type=(422, "VALIDATION"),
    throws_alone=True,
    drops_filters=True,
    common_filters=(
        "path", "country", "region", "city", "device_type", "browser_name", "os_name",
        "referrer", "utm_source", "utm_medium", "utm_campaign",
    ),
    query_error="Query execution failed",
    tells_public=True,
    without_website="organisation",
    gated=_ERROR_TYPES,
)  # fmt: skip
_OCTOBER = replace(
    _JUNE,
    name="2026-10",
    ancestors=("2026-04", "2026-06"),
    # likely: one test demands it, and no running server was asked
    windows_in_zone=True,
    own_date_refuses=False,
    presets=(*_PRESETS[:6], "this_week", "last_week", *_PRESETS[6:], "this_year"),
    undeclared=frozenset(
        {"country_code", "country_name", "referrer", "source", "domain", "referrer_type"}
    ),
    website_scopes=True,
    public_types=_OVERVIEW_TYPES,
    gated=_ERROR_TYPES
    | {"error_fingerprints", "error_customer_impact", "error_route_continuation_comparison"},
    gates_organisation=True,
    retry_after=True,
    in_flight=20,
    compile_requests=300,
)
_ROWS: Mapping[Generation, Behaviour] = {
    row.name: row for row in (_OLDEST, _APRIL, _JUNE, _OCTOBER)
}


def behaviour(generation: str) -> Behaviour:
    """The row of a generation. Raises ValueError for one that never was."""
    name = _ALSO.get(generation, cast(Generation, generation))
    if name not in _ROWS:
        raise ValueError(f"generation is one of {', '.join(GENERATIONS)}, not {generation!r}")
    return _ROWS[name]
