"""The queries of docs/queries.md."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

from databuddy_source.coverage.views import NEEDS as VIEWS
from docs.generate import PROJECT

PAGE = (PROJECT / "docs" / "queries.md").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Query:
    """A query of the manual.

    Attributes:
        title: its heading.
        prose: what stands between heading and query.
        sql: the query.
    """

    title: str
    prose: str
    sql: str

    @property
    def tables(self) -> set[str]:
        """The tables that it reads."""
        own = set(re.findall(r"(\w+) AS \(\s*SELECT", self.sql))
        sql = re.sub(r"EXTRACT\(.*?\)", "", self.sql)
        return set(re.findall(r"(?:FROM|JOIN) ([a-z_]+)\b(?!\.)", sql)) - own


QUERIES = {
    title: Query(title, prose, sql)
    for title, prose, sql in re.findall(
        r"\n### (.+?)\n(.*?)```sql\n(.*?)```", PAGE, flags=re.DOTALL
    )
}

NAMED = tomllib.loads(re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)[0])["sources"][
    "databuddy"
]["query_types"]
"""What the page says has to be configured."""


NO_REPORTS = {"websites", "coverage", *VIEWS}

BEHIND_VIEWS = {
    "summary_metrics",
    "summary_metrics_weekly",
    "custom_events",
    "error_summary",
    "revenue_overview",
}
"""The reports that views show."""


def reports() -> set[str]:
    """The reports that the queries read, by themselves and through views."""
    every = set().union(*(query.tables for query in QUERIES.values()))
    return every - NO_REPORTS | BEHIND_VIEWS
