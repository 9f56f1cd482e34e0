"""The query types of the demo server: SQL as data.

`queries.toml` holds one entry per type; this module reads it for one generation of the server. To
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

Generation = Literal["2026", "2025"]
GENERATIONS: tuple[Generation, ...] = ("2026", "2025")

# The older server shares out page views, the newer one visitors.
_SHARED_OUT: Mapping[Generation, str] = {"2026": "count(DISTINCT anonymous_id)", "2025": "count(*)"}
_BREAKDOWN = """
SELECT {column} AS name, count(*) AS pageviews, count(DISTINCT anonymous_id) AS visitors,
  round(100.0 * {shared} / sum({shared}) OVER (), 2) AS percentage
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
    """One query type in one generation. The fields are explained at the top of `queries.toml`."""

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


@cache
def queries(generation: Generation = "2026") -> Mapping[str, Query]:
    """All query types that this generation of the server knows, by name."""
    document = tomllib.loads(
        files(__package__).joinpath("queries.toml").read_text(encoding="utf-8")
    )
    entries: dict[str, dict[str, Any]] = document["types"]
    read = {
        name: _query(name, _of_generation(entry, generation), document["filter_sets"], generation)
        for name, entry in entries.items()
        if not entry.get(generation, {}).get("absent")
    }
    return MappingProxyType(read)


def _of_generation(entry: Mapping[str, Any], generation: Generation) -> dict[str, Any]:
    own: dict[str, Any] = entry.get(generation, {})
    merged = {field: value for field, value in entry.items() if field not in GENERATIONS} | own
    # An override of one kind of SQL replaces the other kind.
    if "breakdown" in own:
        merged.pop("sql", None)
    return merged


def _query(
    name: str,
    entry: dict[str, Any],
    filter_sets: Mapping[str, list[str]],
    generation: Generation,
) -> Query:
    sql = entry.get("sql", "").strip()
    if column := entry.get("breakdown"):
        sql = _BREAKDOWN.format(column=column, shared=_SHARED_OUT[generation]).strip()
    meta = entry.get("meta")
    return Query(
        name=name,
        sql=sql,
        after_limit=entry.get("after_limit", "").strip(),
        order=entry.get("order", ""),
        key=tuple(entry.get("key", ())),
        limit_honoured=entry.get("limit", True),
        page_honoured=entry.get("page", True),
        allowed_filters=tuple(filter_sets[entry["filters"]]),
        default_limit=entry.get("default_limit"),
        granularity=tuple(entry.get("granularity", ())),
        window=entry.get("window", "asked"),
        midnight_end=entry.get("midnight_end", False),
        local_window=entry.get("local_window", False),
        fails=entry.get("fails", ""),
        needs_filter=entry.get("needs_filter", ""),
        meta=Meta(meta["title"], meta["description"], meta["category"], tuple(meta["tags"]))
        if meta
        else None,
    )
