"""Reports and cells: what is to be fetched, and into which table."""

from __future__ import annotations

from dataclasses import dataclass

from databuddy_source.catalog import QueryType
from databuddy_source.windows import Grain, Window


@dataclass(frozen=True)
class Report:
    """A query type with a grain; it fills one table.

    Attributes:
        name: of the table.
        query_type: as the server's generation behaves.
        grain: length of its windows.
        named: the user asked for it by name, so that its failure is not passed over.
    """

    name: str
    query_type: QueryType
    grain: Grain = Grain.DAY
    named: bool = False

    def __hash__(self) -> int:
        return hash((self.name, self.grain))

    def zone(self, reporting: str, takes_offsets: bool) -> str:
        """The time zone that cuts this report's days: UTC where the server knows no other."""
        if not takes_offsets or self.query_type.buckets == "utc":
            return "UTC"
        return reporting


@dataclass(frozen=True, slots=True)
class Cell:
    """What is fetched, replaced, recorded and retried as a whole."""

    website_id: str
    report: Report
    window: Window

    @property
    def series(self) -> tuple[str, Report]:
        """Website and report: the cells that succeed and fail alike."""
        return self.website_id, self.report

    def __str__(self) -> str:
        return f"{self.report.name} of {self.website_id} on {self.window}"
