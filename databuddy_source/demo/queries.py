"""The query types of the demo server: SQL as data.

`query_types/` holds one entry per type; this module reads it for one generation of the server. To
compare a warehouse with the events themselves, run the same SQL over a `scope` of your own:

    cursor = server.events.scope(website_id, date(2026, 11, 1), date(2026, 11, 7))
    rows = cursor.execute(queries()["top_pages"].full_sql).fetchall()
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from databuddy_source.demo.generations import GENERATIONS, Behaviour, behaviour

_SUBJECTS = (
    "overview", "pages", "traffic_sources", "breakdowns", "geography", "errors", "performance",
    "events", "revenue", "visitors", "assistants",
)  # fmt: skip
_BREAKDOWN = """
SELECT {column} AS name, count(*) AS pageviews, count(DISTINCT anonymous_id) AS visitors,
  rounded(100.0 * {shared} / sum({shared}) OVER (), 2) AS percentage
FROM scope WHERE kind = 'screen_view' AND {column} <> '' GROUP BY {column}
"""


@dataclass(frozen=True, slots=True)
class Meta:
    """What `GET types?include_meta=true` says of a type."""

    title: str
    description: str
    category: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """One query type in one generation. The fields are explained in `filter_sets.toml`."""

    name: str
    sql: str = ""
    after_limit: str = ""
    order: str = ""
    key: tuple[str, ...] = ()
    limit_honoured: bool = True
    page_honoured: bool = True
    allowed_filters: tuple[str, ...] = ()
    default_limit: int | None = None
    granularity: tuple[str, ...] = ()
    window: Literal["asked", "now"] = "asked"
    midnight_end: bool = False
    local_window: bool = False
    fails: str = ""
    needs_filter: str = ""
    zone_in_params: bool = False
    meta: Meta | None = None

    @property
    def full_sql(self) -> str:
        """The whole answer over `scope`: every row, in order, ties broken by the key.

        It reads `countries` beside `scope`, and for `profile_list` and the zero-filled
        `events_by_date` of 2025 also `history` and `buckets`.
        """
        return self._paged(", ".join(self.key), cut="")

    def page_sql(self, limit: int, page: int) -> str:
        """One page over `scope`, as far as the type honours limit and page.

        Ties fall in an order that depends on both, so pages overlap and lose rows. The numbers are
        written out: bound parameters would make DuckDB plan each of these small queries twice.
        """
        page = page if self.page_honoured else 1
        offset = (page - 1) * limit
        cut = f"LIMIT {limit:d} OFFSET {offset:d}" if self.limit_honoured else f"OFFSET {offset:d}"
        ties = (
            f"md5(concat_ws('|', {', '.join(self.key)}, '{limit:d}/{page:d}'))" if self.key else ""
        )
        return self._paged(ties, cut)

    def _paged(self, ties: str, cut: str) -> str:
        order = ", ".join(part for part in (self.order, ties) if part) if self.order else ""
        ordered = f"ORDER BY {order}" if order else ""
        if not self.after_limit:
            return f"SELECT * FROM ({self.sql}) {ordered} {cut}"
        ranked = f"SELECT row_number() OVER ({ordered}) AS rank, * FROM ({self.sql})"
        page = f"SELECT * FROM ({ranked}) ORDER BY rank {cut}"
        return f"WITH page AS ({page}) SELECT * FROM ({self.after_limit})"


def queries(generation: str = "2026-04") -> Mapping[str, Query]:
    """All query types that this generation of the server knows, by name."""
    return _queries(behaviour(generation).name)


@cache
def _queries(generation: str) -> Mapping[str, Query]:
    of = behaviour(generation)
    filter_sets: dict[str, list[str]] = _document("filter_sets")["filter_sets"]
    entries: dict[str, dict[str, Any]] = {}
    for subject in _SUBJECTS:
        entries |= _document(subject)["types"]
    merged = {name: _of_generation(entry, of) for name, entry in entries.items()}
    read = {
        name: _query(name, entry, filter_sets, of)
        for name, entry in merged.items()
        if not entry.get("absent")
    }
    return MappingProxyType(read)


def _document(name: str) -> dict[str, Any]:
    text = files(__package__).joinpath("query_types", f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _of_generation(entry: Mapping[str, Any], of: Behaviour) -> dict[str, Any]:
    merged = {field: value for field, value in entry.items() if field not in GENERATIONS}
    if (since := merged.get("since")) and GENERATIONS.index(of.name) < GENERATIONS.index(since):
        return {"absent": True}
    for generation in (*of.ancestors, of.name):
        own: dict[str, Any] = entry.get(generation, {})
        # An override of one kind of SQL replaces the other kind.
        if "breakdown" in own:
            merged.pop("sql", None)
        elif "sql" in own:
            merged.pop("breakdown", None)
        merged |= own
    return merged


def _query(
    name: str, entry: dict[str, Any], filter_sets: Mapping[str, list[str]], of: Behaviour
) -> Query:
    sql = entry.get("sql", "").strip()
    if column := entry.get("breakdown"):
        sql = _BREAKDOWN.format(column=column, shared=of.page_share).strip()
    allowed = filter_sets[entry["filters"]]
    if entry.get("common_filters", True):
        allowed = [*allowed, *(field for field in of.common_filters if field not in allowed)]
    meta = entry.get("meta")
    return Query(
        name=name,
        sql=sql,
        after_limit=entry.get("after_limit", "").strip(),
        order=entry.get("order", ""),
        key=tuple(entry.get("key", ())),
        limit_honoured=entry.get("limit", True),
        page_honoured=entry.get("page", True),
        allowed_filters=tuple(allowed),
        default_limit=entry.get("default_limit"),
        granularity=tuple(entry.get("granularity", ())),
        window=entry.get("window", "asked"),
        midnight_end=entry.get("midnight_end", False),
        local_window=entry.get("local_window", False),
        fails=entry.get("fails", ""),
        needs_filter=entry.get("needs_filter", ""),
        zone_in_params=entry.get("zone_in_params", False),
        meta=Meta(meta["title"], meta["description"], meta["category"], tuple(meta["tags"]))
        if meta
        else None,
    )
